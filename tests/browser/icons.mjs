// Draws the PNG icons of the page from its SVG: `node icons.mjs`. Run it again when web/icons/icon.svg changes.

import { readFile } from 'node:fs/promises';
import { launch } from './chromium.mjs';

const icons = new URL('../../web/icons/', import.meta.url);
const svg = await readFile(new URL('icon.svg', icons), 'utf8');
// A maskable icon is cut to any shape: full-bleed ground, the mark within the middle.
const maskable = svg.replace(' rx="14"', '').replace(/(<rect[^>]*\/>)([\s\S]*)(<\/svg>)/, '$1<g transform="translate(9.6 9.6) scale(.7)">$2</g>$3');

const browser = await launch();
for (const [name, size, source] of /** @type {[string, number, string][]} */ ([
  ['icon-192.png', 192, svg], ['icon-512.png', 512, svg], ['icon-maskable-512.png', 512, maskable],
])) {
  const page = await browser.newPage({ viewport: { width: size, height: size } });
  await page.setContent(`<style>body{margin:0}svg{display:block;width:100vw;height:100vh}</style>${source}`);
  await page.screenshot({ path: new URL(name, icons).pathname, omitBackground: true });
  await page.close();
}
await browser.close();
