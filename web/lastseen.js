// What can be read without a network: the last board (in the service worker's store, under its own address)
// and the player's last own row (in localStorage, never with a token).

import { toPoll } from './board.js';
import { boardPath } from './api.js';

/** The service worker's store of answers; the same name stands in sw.js. */
const STORE = 'palio-data';
const PROGRESS = 'palio.progress';
const PROGRESS_MAX = 20;

/**
 * Stores the board as the leaderboard route would have answered it.
 * @param {string} id @param {number} limit @param {import('./board.js').Board} board
 */
export async function keepBoard(id, limit, board) {
  if (!('caches' in window) || !navigator.serviceWorker?.controller) return;
  try {
    const store = await caches.open(STORE);
    await store.put(boardPath(id, limit), new Response(JSON.stringify(toPoll(id, board)), {
      headers: { 'content-type': 'application/json', 'x-palio-stored-at': String(Date.now()) },
    }));
  } catch { /* no room: the older copy stays */ }
}

/** @returns {Record<string, {me: any, at: number}>} */
function progress() {
  try {
    return JSON.parse(localStorage.getItem(PROGRESS) ?? '{}') ?? {};
  } catch {
    return {};
  }
}

/** @param {string} id @param {any} me own row */
export function keepProgress(id, me) {
  const kept = Object.entries(progress()).filter(([key]) => key !== id)
    .sort(([, a], [, b]) => b.at - a.at).slice(0, PROGRESS_MAX - 1);
  try {
    localStorage.setItem(PROGRESS, JSON.stringify(Object.fromEntries([[id, { me, at: Date.now() }], ...kept])));
  } catch { /* storage is off or full */ }
}

/** The own row as last seen, for when no server answers. @param {string} id */
export const lastProgress = (id) => progress()[id] ?? null;

export function forgetProgress() {
  try {
    localStorage.removeItem(PROGRESS);
  } catch { /* storage is off */ }
}
