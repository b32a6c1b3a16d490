// The last board of each tournament, for reading without a network. Stored where the browser keeps answers (Cache
// Storage, which secure contexts have); elsewhere nothing is stored, and nothing breaks.
//
// Only boards are stored, which everybody may see: nothing of a player, no token.

import { fromSnapshot, toAnswer } from './board.js';

/** The store's name. */
export const STORE = 'palio-boards';
const BOARDS_MAX = 40;
const STORED_AT = 'x-palio-stored-at';

/**
 * @typedef {import('./board.js').Board} Board
 * @typedef {object} BoardCache
 * @property {(tournament: string, board: Board) => Promise<void>} keep
 * @property {(tournament: string) => Promise<{board: Board, at: number}|null>} last  with its time, in Unix ms
 */

/** @param {string} base the server's address @param {string} tournament */
const addressOf = (base, tournament) => `${base}/api/tournaments/${encodeURIComponent(tournament)}/leaderboard`;

/**
 * @param {string} base the server's address
 * @param {{store?: CacheStorage|null, now?: () => number}} [with_] what it stands on, for tests
 * @returns {BoardCache}
 */
export function boardCache(base, { store = globalThis.caches ?? null, now = Date.now } = {}) {
  return {
    async keep(tournament, board) {
      try {
        const cache = await store?.open(STORE);
        if (!cache) return;
        const headers = { 'content-type': 'application/json', [STORED_AT]: String(now()) };
        const body = JSON.stringify(toAnswer(tournament, board));
        await cache.put(addressOf(base, tournament), new Response(body, { headers }));
        const keys = await cache.keys();
        await Promise.all(keys.slice(0, Math.max(0, keys.length - BOARDS_MAX)).map((key) => cache.delete(key)));
      } catch { /* no room, or storage is off: the older copy stays */ }
    },

    async last(tournament) {
      try {
        const found = await (await store?.open(STORE))?.match(addressOf(base, tournament));
        if (!found) return null;
        return { board: fromSnapshot(await found.json()), at: Number(found.headers.get(STORED_AT)) };
      } catch {
        return null;
      }
    },
  };
}
