// Palio's live boards and wallets, for any page: one call, and a board that is always the server's.
// What it does when lines break: README.md. The wire: docs/protocol/live.md.

import { connectAccount } from './account.js';
import { boardCache } from './cache.js';
import { connectBoard } from './connection.js';
import { badge } from './live.js';
import { browserWire } from './wire.js';

export { badge };
export { isOver, moves, row } from './board.js';

/**
 * @typedef {import('./board.js').Board} Board
 * @typedef {import('./board.js').Row} Row
 * @typedef {import('./live.js').Mode} Mode
 *
 * How it stands with a board. `staleAt`: the board is a stored copy of that time (Unix ms). `wasLive`: a board had come
 * before. `proof`: the last verdict, where proofs are computed.
 * @typedef {object} BoardState
 * @property {Mode} mode
 * @property {'socket'|'stream'|'poll'|null} way  how news come now
 * @property {boolean} wasLive
 * @property {number|null} staleAt
 * @property {import('./proof.js').Verdict|null} proof
 *
 * @typedef {object} BoardOptions
 * @property {string} [url]         the server's address; without it the page's own
 * @property {string} tournament    its id
 * @property {string|null} [token]  a player's token: his own row comes, too
 * @property {'bin'|'json'} [protocol]  what sockets speak; `bin` by default
 * @property {(board: Board, before: Board|null) => void} [onBoard]  rows that are the same objects are the same rows
 * @property {(me: any) => void} [onMe]  own row; null when there is none
 * @property {(state: BoardState) => void} [onState]
 * @property {(notice: {code: string, detail: string}) => void} [onNotice]  what went wrong, for a log
 * @property {(proof: {board: Board|null, frame: any, verdict: import('./proof.js').Verdict}) => void} [onProof]
 * @property {(why: 'expired'|'refused') => string|null|void|Promise<string|null|void>} [onToken]  asked for a new token
 * @property {(serverTime: string) => void} [onClock]  the server's time, RFC 3339, whenever it says it
 * @property {import('./cache.js').BoardCache|null} [cache]  null: nothing is stored
 * @property {Partial<import('./wire.js').Wire>} [wire]  sockets, requests, timers and page of another environment
 * @property {SubtleCrypto|null} [subtle]  what proofs are computed with; null: not at all
 */

/** The server's address without a slash at its end. @param {string|undefined} url */
function baseOf(url) {
  const page = globalThis.location?.href;
  const found = new URL(url ?? '/', page?.startsWith('http') ? page : undefined);
  if (!/^https?:$/.test(found.protocol)) throw new TypeError(`no address of a server: ${url}`);
  return (found.origin + found.pathname).replace(/\/+$/, '');
}

/** @param {import('./live.js').State} state @returns {BoardState} */
function view({ mode, wasLive, staleAt, proof }) {
  const way = mode === 'live' ? 'socket' : mode === 'streaming' ? 'stream' : mode === 'polling' ? 'poll' : null;
  return { mode, way, wasLive, staleAt, proof: proof?.verdict ?? null };
}

/** @template {object} T @param {T} a @param {T} b */
const differs = (a, b) => Object.entries(a).some(([key, value]) => value !== b[/** @type {keyof T} */ (key)]);

/**
 * Asks for a new token where somebody may know one.
 * @param {BoardOptions['onToken']} ask @param {(token: string) => void} set
 * @returns {(why: 'expired'|'refused') => void}
 */
const tokenAsker = (ask, set) => (why) => {
  void Promise.resolve(ask?.(why)).then((token) => { if (typeof token === 'string') set(token); });
};

/**
 * Follows the board of a tournament until it is over or closed.
 * @param {BoardOptions} options
 */
export function connect({
  url, tournament, token = null, protocol = 'bin', onBoard, onMe, onState, onNotice, onProof, onToken, onClock, cache, wire, subtle,
}) {
  const base = baseOf(url);
  /** @type {BoardState|null} */
  let last = null;
  const made = connectBoard({
    base, tournament, token, binary: protocol === 'bin', subtle,
    cache: cache === undefined ? boardCache(base) : cache,
    wire: { ...browserWire(), ...wire },
    onState(state, before) {
      if (state.board && state.board !== before.board) onBoard?.(state.board, before.board);
      if (state.me !== before.me) onMe?.(state.me);
      if (state.proof && state.proof !== before.proof) onProof?.(state.proof);
      const next = view(state);
      if (last && !differs(next, last)) return;
      last = next;
      onState?.(next);
    },
    onTokenWanted: tokenAsker(onToken, (next) => made.setToken(next)),
    onNotice: (code, detail) => onNotice?.({ code, detail }),
    onClock: (serverTime) => onClock?.(serverTime),
  });
  return {
    /** @returns {Board|null} */
    get board() { return made.state.board; },
    /** The own row, or null. */
    get me() { return made.state.me; },
    get state() { return view(made.state); },
    /** Another token, or none: the board goes on. */
    setToken: made.setToken,
    /** Ends it; nothing is called any more. */
    close: made.close,
  };
}

/**
 * @typedef {object} MeOptions
 * @property {string} [url]         the server's address; without it the page's own
 * @property {string|null} [token]  a player's; without one it waits for `setToken`
 * @property {(wallet: {accounts: any[], limits: any[], seq: number|null}|null) => void} [onWallet]  after each change
 * @property {(event: {kind: string, seq: number}) => void} [onEvent]  what happened to the player besides his bets
 * @property {(state: {mode: import('./me.js').Mode}) => void} [onState]
 * @property {(notice: {code: string, detail: string}) => void} [onNotice]
 * @property {(why: 'expired'|'refused') => string|null|void|Promise<string|null|void>} [onToken]  asked for a new token
 * @property {Partial<import('./wire.js').Wire>} [wire]
 */

/**
 * Follows a player's own balance, limits and notices.
 * @param {MeOptions} options
 */
export function connectMe({ url, token = null, onWallet, onEvent, onState, onNotice, onToken, wire }) {
  const made = connectAccount({
    base: baseOf(url), token, wire: { ...browserWire(), ...wire },
    onState(state, before) {
      if (state.wallet !== before.wallet) onWallet?.(state.wallet);
      if (state.mode !== before.mode) onState?.({ mode: state.mode });
    },
    onEvent: (frame) => onEvent?.(frame),
    onTokenWanted: tokenAsker(onToken, (next) => made.setToken(next)),
    onNotice: (code, detail) => onNotice?.({ code, detail }),
  });
  return {
    get wallet() { return made.state.wallet; },
    get state() { return { mode: made.state.mode }; },
    setToken: made.setToken,
    close: made.close,
  };
}
