// Carries out what the machine of a live board decides: sockets, streams, polls, timers, page events. No rules of its own.

import { Misfit } from './board.js';
import { decode } from './binary.js';
import { initial, step } from './live.js';
import { judge, webCrypto } from './proof.js';
import { Refused, getJson, namedTimers, openStream } from './wire.js';

/** How often a board is stored for reading offline, in milliseconds. */
const KEEP_MS = 10_000;

/**
 * @typedef {import('./live.js').State} State
 * @typedef {object} Options
 * @property {string} base        the server's address, without a slash at its end
 * @property {string} tournament
 * @property {string|null} token
 * @property {boolean} binary     which form sockets speak
 * @property {import('./cache.js').BoardCache|null} cache
 * @property {import('./wire.js').Wire} wire
 * @property {SubtleCrypto|null} [subtle]
 * @property {(state: State, before: State) => void} onState
 * @property {(why: 'expired'|'refused') => void} onTokenWanted
 * @property {(code: string, detail: string) => void} onNotice
 * @property {(serverTime: string) => void} onClock
 */

/** @param {Options} options */
export function connectBoard({ base, tournament, token, binary, cache, wire, subtle, onState, onTokenWanted, onNotice, onClock }) {
  const path = `/tournaments/${encodeURIComponent(tournament)}`;
  let state = initial({ token, visible: wire.page.visible(), binary, streams: wire.streams });
  /** @type {WebSocket|null} */
  let socket = null;
  /** @type {(() => void)|null} */
  let endStream = null;
  /** Of the whole board that was polled last, if it is the one that the cursor speaks of.
   * @type {{etag: string, epoch: string, seq: number}|null} */
  let tag = null;
  let keptAt = 0;
  let running = true;
  const timers = namedTimers(wire, (name) => on({ on: 'timer', name }));
  const stopping = new AbortController();

  /** Events that come while one is carried out wait for their turn. @type {import('./live.js').Event[]} */
  const waiting = [];
  let busy = false;

  /** @param {import('./live.js').Event} event */
  function on(event) {
    if (!running) return;
    waiting.push(event);
    if (busy) return;
    busy = true;
    try {
      for (let next = waiting.shift(); next; next = waiting.shift()) take(next);
    } finally {
      busy = false;
    }
  }

  /** @param {import('./live.js').Event} event */
  function take(event) {
    const before = state;
    const [next, effects] = step(state, event, wire.random());
    state = next;
    for (const effect of effects) carryOut(effect);
    if (state.board !== before.board && wire.now() - keptAt > KEEP_MS) keep();
    onState(state, before);
  }

  function keep() {
    if (!state.board || state.staleAt || state.cursorLost) return;
    keptAt = wire.now();
    void cache?.keep(tournament, state.board);
  }

  /** @param {import('./live.js').Effect} effect */
  function carryOut(effect) {
    switch (effect.do) {
      case 'open': openSocket(effect.id, effect.cursor); break;
      case 'close': closeSocket(); break;
      case 'send':
        if (socket?.readyState === 1) socket.send(JSON.stringify(effect.frame));
        break;
      case 'stream': stream(effect.id, effect.cursor); break;
      case 'unstream':
        endStream?.();
        endStream = null;
        break;
      case 'poll': void poll(effect.id, effect.cursor); break;
      case 'own': void own(effect.token); break;
      case 'timer': timers.set(effect.name, effect.ms); break;
      case 'cancel': timers.cancel(effect.name); break;
      case 'clock': onClock(effect.serverTime); break;
      case 'judge': void prove(effect); break;
      case 'tokenWanted': onTokenWanted(effect.why); break;
      case 'notice': onNotice(effect.code, effect.detail); break;
    }
  }

  /** @param {string} way @param {{epoch: string, seq: number}|null} cursor @param {string} [name] of the seq */
  const address = (way, cursor, name = 'seq') => {
    const query = cursor ? `?${new URLSearchParams({ epoch: cursor.epoch, [name]: String(cursor.seq) })}` : '';
    return `${base}${way}${query}`;
  };

  /** @param {number} id @param {{epoch: string, seq: number}|null} cursor */
  function openSocket(id, cursor) {
    if (!wire.WebSocket) return on({ on: 'closed', id, code: 4400 }); // none here: the other ways
    /** @type {WebSocket} */
    let ws;
    try {
      ws = new wire.WebSocket(address(`/ws${path}`, cursor).replace(/^http/, 'ws'), binary ? 'palio.v1.bin' : 'palio.v1.json');
    } catch { // forbidden here, by the page's policy for one
      return on({ on: 'closed', id, code: 4400 });
    }
    ws.binaryType = 'arraybuffer';
    socket = ws;
    ws.onopen = () => on({ on: 'opened', id });
    ws.onmessage = ({ data }) => {
      if (state.socket.id !== id) return;
      /** @type {any} */
      let frame;
      try {
        frame = typeof data === 'string' ? JSON.parse(data) : decode(new Uint8Array(data), state.socket.base);
      } catch (error) {
        on({ on: 'garbled', id, detail: error instanceof Misfit ? `${error.code}: ${error.message}` : String(error) });
        return;
      }
      if (frame) on({ on: 'frame', id, frame });
    };
    ws.onerror = () => {}; // a close follows
    ws.onclose = ({ code }) => on({ on: 'closed', id, code });
    return undefined;
  }

  function closeSocket() {
    if (!socket) return;
    const old = socket;
    socket = null;
    old.onopen = old.onmessage = old.onclose = null;
    old.close(1000);
  }

  /** @param {number} id @param {{epoch: string, seq: number}|null} cursor */
  function stream(id, cursor) {
    endStream = openStream(wire, address(`/api${path}/events`, cursor), {
      opened: () => on({ on: 'opened', link: 'stream', id }),
      beat: () => on({ on: 'beat', id }),
      event(data) {
        try {
          on({ on: 'frame', link: 'stream', id, frame: JSON.parse(data) });
        } catch (error) {
          if (!(error instanceof SyntaxError)) throw error;
          on({ on: 'garbled', link: 'stream', id, detail: String(error) });
        }
      },
      closed: (reason, retryMs) => on({ on: 'streamClosed', id, reason, retryMs }),
    });
  }

  /** @param {number} id @param {{epoch: string, seq: number}|null} cursor */
  async function poll(id, cursor) {
    // Without a cursor it asks for the way from nowhere: the whole board, and not a page of it.
    const from = cursor ?? { epoch: '-', seq: 0 };
    const etag = cursor && tag?.epoch === cursor.epoch && tag.seq === cursor.seq ? tag.etag : null;
    try {
      const answer = await getJson(wire, address(`/api${path}/leaderboard`, from, 'since'), { etag, signal: stopping.signal });
      const { body } = answer;
      // Of a whole board, and of none after other news: on a node out of touch the same position has another tag.
      const isKnown = answer.status === 304;
      const isWhole = body && body.t !== 'delta';
      if (!isKnown) tag = isWhole && answer.etag ? { etag: answer.etag, epoch: body.epoch, seq: body.seq } : null;
      on({ on: 'polled', id, frame: body, known: isKnown });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const { reason, retryMs } = error;
      const stored = reason === 'network' && !state.board ? await cache?.last(tournament) : null;
      on({ on: 'pollFailed', id, reason, retryMs, copy: stored?.board ?? null, copyAt: stored?.at ?? null });
    }
  }

  /** @param {string} asker the token */
  async function own(asker) {
    try {
      const { body } = await getJson(wire, address(`/api${path}/leaderboard/me`, null), { token: asker, signal: stopping.signal });
      on({ on: 'own', token: asker, me: ownRow(body) });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.status === 401) on({ on: 'ownRefused', token: asker });
    }
  }

  /** @param {Extract<import('./live.js').Effect, {do: 'judge'}>} effect */
  async function prove({ link, id, board, frame, before }) {
    const verdict = await judge(tournament, board, frame, before, subtle === undefined ? webCrypto() : subtle);
    on({ on: 'judged', link, id, board, frame, verdict });
  }

  const deaf = [
    wire.page.on('online', () => on({ on: 'online' })),
    wire.page.on('offline', () => on({ on: 'offline' })),
    wire.page.on('visible', () => on({ on: 'visible' })),
    wire.page.on('hidden', () => { keep(); on({ on: 'hidden' }); }),
    wire.page.on('leave', keep),
  ];
  queueMicrotask(() => on({ on: 'start' })); // nothing is told before the caller has what is given back

  return {
    get state() { return state; },
    /** @param {string|null} next */
    setToken: (next) => on({ on: 'token', token: next }),
    close() {
      if (!running) return;
      keep();
      on({ on: 'stop' });
      running = false;
      stopping.abort();
      timers.clear();
      for (const stop of deaf) stop();
    },
  };
}

/** An own row as sockets send it. @param {any} body of `…/leaderboard/me` */
function ownRow(body) {
  const around = (body.around ?? []).map((/** @type {any} */ raw) => ({
    k: raw.key ?? raw.k, r: raw.rank ?? raw.r, n: raw.name ?? raw.n, s: raw.score ?? raw.s,
  }));
  return { ...body, around };
}
