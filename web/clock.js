// Server time: the browser's clock plus an offset, and one ticking signal for everything that counts down.

import { signal } from './ui.js';

let offsetMs = 0;
let precise = false;

/** Server time in Unix milliseconds. */
export const serverNow = () => Date.now() + offsetMs;

/** Server time, renewed at every full second while the page is visible. */
export const now = signal(Date.now());

/** Learns the offset from a frame's `serverTime`. @param {string} serverTime RFC 3339 */
export function learnFromFrame(serverTime) {
  const at = Date.parse(serverTime);
  if (Number.isNaN(at)) return;
  offsetMs = at - Date.now();
  precise = true;
}

/** Learns the offset from an answer's `Date` header (whole seconds), until a frame knew better. @param {string|null} date */
export function learnFromHeader(date) {
  if (precise || !date) return;
  const difference = Date.parse(date) + 500 - Date.now();
  if (Number.isNaN(difference)) return;
  offsetMs = Math.abs(difference) > 1_500 ? difference : 0;
}

/** @type {ReturnType<typeof setTimeout>|undefined} */
let pending;

function tick() {
  clearTimeout(pending);
  now.value = serverNow();
  if (!document.hidden) pending = setTimeout(tick, 1_000 - (serverNow() % 1_000) + 5);
}

/** Starts the ticking signal. */
export function startClock() {
  document.addEventListener('visibilitychange', tick);
  tick();
}
