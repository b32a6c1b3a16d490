// A racer's silk: a small two-colour shield drawn from the row key, so that the eye can follow a row as it moves.

import { html } from './ui.js';

/** Two colours that stand apart from each other, on light and on dark. */
const COLOURS = [
  ['#f2b705', '#1f2a44'], ['#c8321e', '#f7f1e3'], ['#1f5fa8', '#f7f1e3'], ['#2f7d4f', '#f4c542'],
  ['#6b2d5c', '#f0b7a4'], ['#e07a1f', '#2b3a67'], ['#2a9d8f', '#f7f1e3'], ['#7a1f2b', '#e9b44c'],
  ['#30476e', '#ef8354'], ['#f7f1e3', '#a4243b'], ['#4c956c', '#fefee3'], ['#3d348b', '#f7b801'],
  ['#d1495b', '#edae49'], ['#00798c', '#f7d6bf'], ['#8c5e2a', '#f6e7cb'], ['#b5179e', '#f7e1f4'],
  ['#1b998b', '#2d3047'],
];

/** Second colour's shapes on a 20 × 22 field. */
const PATTERNS = [
  'M10 0h10v22H10z',
  'M0 11h20v11H0z',
  'M0 0L20 22H0z',
  'M10 0h10v11H10zM0 11h10v11H0z',
  'M0 22L10 9l10 13z',
  'M7.5 0h5v22h-5z',
  'M0 8h20v6H0z',
  'M8 0h4v8.5h8v4h-8V22H8v-9.5H0v-4h8z',
  'M0 0h4v22H0zM8 0h4v22H8zM16 0h4v22h-4z',
  'M10 4.5l5.5 6.5-5.5 6.5L4.5 11z',
];

/** FNV-1a. @param {string} text */
function hash(text) {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return (h ^ (h >>> 15)) >>> 0;
}

/** @param {{of: string}} props */
export function Silk({ of }) {
  const h = hash(of);
  const [field, charge] = COLOURS[h % COLOURS.length] ?? ['#888', '#fff'];
  const pattern = PATTERNS[Math.floor(h / COLOURS.length) % PATTERNS.length];
  return html`<svg class="silk" viewBox="0 0 20 22" width="20" height="22" aria-hidden="true" focusable="false">
    <path fill=${field} d="M0 0h20v22H0z" /><path fill=${charge} d=${pattern} />
  </svg>`;
}
