// The brand: its name, its logo and its colours, of the session's tenant. Colours become styles only as six digits each.

import { getTheme } from './api.js';
import { session } from './session.js';
import { effect, signal } from './ui.js';

/** @typedef {{name: string, scheme: string, logo?: string, light?: Record<string, string>, dark?: Record<string, string>}} Theme */

const KEY = 'palio.theme';
const COLOUR = /^#[0-9a-f]{6}$/;
const LOGO = /^\/[\w./-]+\.(svg|png|webp)$/;
/** The page's variables by the theme's names. @type {[string, string[]][]} */
const NAMES = [['signal', ['--signal']], ['signalWash', ['--signal-wash']], ['button', ['--button', '--run-own']],
  ['onButton', ['--on-button']], ['hero', ['--hero']], ['hero2', ['--hero-2']]];

/** @type {Theme} */
const OWN = { name: 'Palio', scheme: 'auto' };

/** @type {import('/vendor/signals.js').Signal<Theme>} */
export const theme = signal(stored() ?? OWN);

/** The logo, if it is a path of this server. @param {Theme} of */
export const logoOf = (of) => (of.logo && LOGO.test(of.logo) && !of.logo.startsWith('//') ? of.logo : '/icons/mark.svg');

/** @returns {Theme|null} */
function stored() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? 'null');
  } catch {
    return null;
  }
}

/** Variables of one scheme. @param {Record<string, string>|undefined} colours */
export function variables(colours) {
  const good = NAMES.filter(([name]) => COLOUR.test(colours?.[name] ?? ''));
  return good.flatMap(([name, all]) => all.map((variable) => `${variable}:${colours?.[name]};`)).join('');
}

/** The style of a theme. @param {Theme} of */
export function styleOf(of) {
  const [light, dark] = [variables(of.light), variables(of.dark)];
  if (of.scheme === 'light') return `:root{color-scheme:light;${light}}`;
  if (of.scheme === 'dark') return `:root{color-scheme:dark;${dark}}`;
  return `:root{${light}}@media (prefers-color-scheme:dark){:root{${dark}}}`;
}

const sheet = new CSSStyleSheet();

/** The page's own colours for the dark: always, never, or as the reader has it. @param {string} scheme */
function setScheme(scheme) {
  const media = scheme === 'dark' ? 'all' : scheme === 'light' ? 'not all' : '(prefers-color-scheme: dark)';
  for (const own of document.styleSheets) {
    for (const rule of own.cssRules) if (rule instanceof CSSMediaRule && darkRules(rule)) rule.media.mediaText = media;
  }
}

/** @type {WeakSet<CSSMediaRule>} */
const dark = new WeakSet();
/** @param {CSSMediaRule} rule */
function darkRules(rule) {
  if (rule.media.mediaText.includes('prefers-color-scheme: dark')) dark.add(rule);
  return dark.has(rule);
}

/** Asks for the theme of whoever is here, now and whenever that changes. */
export function startTheme() {
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  effect(() => {
    sheet.replaceSync(styleOf(theme.value));
    setScheme(theme.value.scheme);
  });
  effect(() => {
    const token = session.value?.token ?? null;
    getTheme(token).then((found) => {
      if ((session.value?.token ?? null) !== token) return;
      theme.value = found;
      try {
        sessionStorage.setItem(KEY, JSON.stringify(found));
      } catch { /* storage is off: asked again the next time */ }
    }).catch(() => { /* offline, or an older server: as it was */ });
  });
}
