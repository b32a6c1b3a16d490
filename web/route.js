// Hash routing: `#/` is the list, `#/t/<id>` a tournament. Nothing secret ever stands in an address.

import { signal } from './ui.js';

/** @typedef {{screen: 'list'} | {screen: 'tournament', id: string} | {screen: 'unknown'}} Route */

/** @param {string} hash @returns {Route} */
export function parse(hash) {
  const path = hash.replace(/^#/, '');
  if (path === '' || path === '/') return { screen: 'list' };
  const match = /^\/t\/([a-z0-9-]{1,64})$/.exec(path);
  return match?.[1] ? { screen: 'tournament', id: match[1] } : { screen: 'unknown' };
}

/** @param {string} id */
export const toTournament = (id) => `#/t/${id}`;

export const route = signal(parse(location.hash));

export function startRouting() {
  window.addEventListener('hashchange', () => {
    route.value = parse(location.hash);
    window.scrollTo(0, 0);
    // Who reads with the keyboard or by ear starts at the new screen.
    requestAnimationFrame(() => document.getElementById('main')?.focus({ preventScroll: true }));
  });
}
