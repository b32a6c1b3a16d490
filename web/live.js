// The live connection as a pure state machine: what to do next, never doing it.
//
//   connecting ──first frame──▶ live ──socket lost──▶ connecting ──2 s, poll works──▶ polling
//        │                       ▲                        │                             │
//        └──3 s, poll works──▶ polling ──socket again─────┘      no poll either ──▶ offline
//   any ──1000──▶ done      any ──4404──▶ missing      hidden for a minute ──▶ paused ──visible──▶ connecting
//
// Invariants: at most one socket, and events of an older one change nothing · a delta is applied only to its
// base · while live nothing polls · while not live the socket is tried in the background, unless it is barred
// (close code 4400) · a step back to an older seq of the same epoch comes only from the socket.
// Never: reads a clock, draws a random number, touches the network. `connection.js` carries the effects out.
// Tests: tests/browser/unit/live.test.mjs

import { applyDelta, fromSnapshot, isNewer } from './board.js';

/** How long things may take, in milliseconds. */
export const MS = {
  patience: 3_000, // before a page that never was live polls
  pollFirst: 2_000, // before a page that was live polls
  poll: 10_000, // between polls
  open: 8_000, // for a socket to bring its first frame
  quiet: 25_000, // silence after which the server is asked for a pong
  pong: 8_000, // for that pong
  hint: 3_000, // for a pong when the browser believes the network is gone
  steady: 10_000, // of being live until earlier failures are forgiven
  idle: 60_000, // hidden, before the socket is given up
  backoffMin: 500,
  backoffMax: 15_000,
  crowded: 30_000, // after 4429 without a time from the server
};

/**
 * @typedef {import('./board.js').Board} Board
 * @typedef {'connecting'|'live'|'polling'|'offline'|'paused'|'done'|'missing'} Mode
 * @typedef {'poll'|'retry'|'open'|'quiet'|'pong'|'steady'|'idle'} Timer
 *
 * @typedef {object} State
 * @property {Mode} mode
 * @property {'none'|'opening'|'open'} socket
 * @property {number} id            generation of the socket; older ones are ignored
 * @property {number} failures      in a row
 * @property {boolean} wasLive
 * @property {boolean} patient      not yet long enough without a socket to call it polling
 * @property {boolean} barred       the server told us not to open another socket
 * @property {boolean} cursorLost   the next socket starts without epoch and seq
 * @property {boolean} visible
 * @property {string|null} token
 * @property {Board|null} board
 * @property {any} me               own row, as the server sent it
 * @property {number|null} staleAt  when the shown board was stored, if it is only a stored copy
 * @property {{code: number|null, reconnectMs: number|null}|null} bye
 *
 * @typedef {{do: 'open', id: number, cursor: {epoch: string, seq: number}|null}
 *   | {do: 'close', id: number}
 *   | {do: 'send', id: number, frame: object}
 *   | {do: 'timer', name: Timer, ms: number}
 *   | {do: 'cancel', name: Timer}
 *   | {do: 'poll'}
 *   | {do: 'clock', serverTime: string}
 *   | {do: 'tokenRefused'}
 *   | {do: 'notice', code: string, detail: string}} Effect
 *
 * @typedef {{on: 'start'} | {on: 'stop'}
 *   | {on: 'opened', id: number} | {on: 'frame', id: number, frame: any} | {on: 'closed', id: number, code: number}
 *   | {on: 'timer', name: Timer}
 *   | {on: 'polled', board: Board|null, me?: any}
 *   | {on: 'pollFailed', reason: 'network'|'server'|'missing', copy?: Board|null, copyAt?: number|null}
 *   | {on: 'online'} | {on: 'offline'} | {on: 'visible'} | {on: 'hidden'}
 *   | {on: 'token', token: string|null}} Event
 */

/** @param {{token?: string|null, visible?: boolean}} [from] @returns {State} */
export function initial({ token = null, visible = true } = {}) {
  return {
    mode: 'connecting', socket: 'none', id: 0, failures: 0,
    wasLive: false, patient: true, barred: false, cursorLost: false, visible,
    token, board: null, me: null, staleAt: null, bye: null,
  };
}

/**
 * Milliseconds before the next try: doubled each time, half of it fixed and half drawn.
 * @param {number} failures @param {number} random in [0, 1)
 */
export function backoff(failures, random) {
  const full = Math.min(MS.backoffMax, MS.backoffMin * 2 ** Math.min(failures, 10));
  return Math.round(full / 2 + (full / 2) * random);
}

/**
 * What a close code asks of the client.
 * @param {number} code
 * @returns {'done'|'barred'|'dropToken'|'missing'|'fresh'|'later'|'again'}
 */
export function afterClose(code) {
  switch (code) {
    case 1000: return 'done';
    case 4400: return 'barred';
    case 4401: return 'dropToken';
    case 4404: return 'missing';
    case 4408: return 'fresh';
    case 4429: return 'later';
    default: return 'again'; // 1001 with the server's time, 1006 and the rest with our own
  }
}

/** @param {Board} board */
const ended = (board) => board.status === 'completed' || board.status === 'cancelled';

/** @type {Timer[]} */
const TIMERS = ['poll', 'retry', 'open', 'quiet', 'pong', 'steady', 'idle'];

/**
 * One step: the next state and what to do, in order.
 * @param {State} state
 * @param {Event} event
 * @param {number} [random] in [0, 1), for jitter
 * @returns {[State, Effect[]]}
 */
export function step(state, event, random = 0.5) {
  /** @type {State} */
  const s = { ...state };
  /** @type {Effect[]} */
  const effects = [];
  const over = s.mode === 'done' || s.mode === 'missing';

  /** @param {Timer} name @param {number} ms */
  const timer = (name, ms) => { effects.push({ do: 'timer', name, ms }); };
  /** @param {Timer[]} names */
  const cancel = (...names) => { for (const name of names) effects.push({ do: 'cancel', name }); };

  const open = () => {
    if (s.barred || s.socket !== 'none') return;
    const { board } = s;
    s.id += 1;
    s.socket = 'opening';
    s.bye = null;
    const cursor = board && !s.cursorLost ? { epoch: board.epoch, seq: board.seq } : null;
    cancel('retry');
    effects.push({ do: 'open', id: s.id, cursor });
    timer('open', MS.open);
  };
  const drop = () => {
    if (s.socket !== 'none') effects.push({ do: 'close', id: s.id });
    s.socket = 'none';
    s.id += 1;
    cancel('open', 'quiet', 'pong', 'steady');
  };
  /** The socket is gone: poll soon, try again after `ms`. @param {number} ms */
  const lost = (ms) => {
    s.socket = 'none';
    cancel('open', 'quiet', 'pong', 'steady');
    s.failures += 1;
    if (s.mode === 'live') {
      s.mode = 'connecting';
      s.patient = true;
      if (s.visible) timer('poll', MS.pollFirst);
    }
    if (!s.barred) timer('retry', ms);
  };
  /** The board can't be trusted as a base any more: the same again, without a cursor. */
  const fresh = () => {
    s.cursorLost = true;
    const wait = s.failures === 0 ? 0 : backoff(s.failures, random);
    drop();
    lost(wait);
  };
  /** @param {Mode} mode */
  const end = (mode) => {
    drop();
    s.mode = mode;
    cancel(...TIMERS);
  };
  const live = () => {
    s.mode = 'live';
    s.wasLive = true;
    s.cursorLost = false;
    s.staleAt = null;
    cancel('open', 'poll', 'retry');
    timer('steady', MS.steady);
  };
  const resume = () => {
    s.failures = 0;
    open();
    timer('poll', s.wasLive ? MS.pollFirst : MS.patience);
  };

  /** @param {any} frame */
  const onFrame = (frame) => {
    cancel('pong');
    timer('quiet', MS.quiet);
    switch (frame.t) {
      case 'snapshot':
        s.board = fromSnapshot(frame);
        if (frame.serverTime) effects.push({ do: 'clock', serverTime: frame.serverTime });
        live();
        break;
      case 'resumed':
        if (s.board && s.board.epoch === frame.epoch && s.board.seq === frame.seq) live();
        else fresh();
        break;
      case 'delta': {
        const next = applyDelta(s.board, frame);
        if (next) s.board = next;
        else fresh();
        break;
      }
      case 'me':
        if (s.token) s.me = frame;
        break;
      case 'pong':
        if (frame.serverTime) effects.push({ do: 'clock', serverTime: frame.serverTime });
        break;
      case 'bye':
        s.bye = { code: frame.code ?? null, reconnectMs: frame.reconnectMs ?? null };
        break;
      case 'error':
        effects.push({ do: 'notice', code: String(frame.code), detail: String(frame.detail ?? '') });
        break;
      default: // a newer server's frame: not ours to judge
    }
  };

  /** @param {number} code */
  const onClosed = (code) => {
    const bye = s.bye;
    // A close that never arrived whole (1005, 1006) means what the bye before it said.
    let means = afterClose((code === 1005 || code === 1006) && typeof bye?.code === 'number' ? bye.code : code);
    if (means === 'done' && s.board && !ended(s.board)) means = 'again'; // closed in good order, but not by the server's rules
    const wait = bye?.reconnectMs == null
      ? backoff(s.failures, random)
      : Math.round(bye.reconnectMs * (1 + random / 5));
    switch (means) {
      case 'done': s.socket = 'none'; end('done'); break;
      case 'missing': s.socket = 'none'; end('missing'); break;
      case 'barred': s.barred = true; lost(0); break;
      case 'dropToken':
        s.token = null;
        s.me = null;
        effects.push({ do: 'tokenRefused' });
        lost(wait);
        break;
      case 'fresh': s.cursorLost = true; lost(wait); break;
      case 'later': lost(bye?.reconnectMs == null ? Math.round(MS.crowded * (1 + random)) : wait); break;
      case 'again': lost(wait); break;
    }
  };

  /** @param {Timer} name */
  const onTimer = (name) => {
    switch (name) {
      case 'retry':
        open();
        break;
      case 'poll':
        s.patient = false;
        if (s.mode !== 'live' && s.visible) {
          effects.push({ do: 'poll' });
          timer('poll', MS.poll);
        }
        break;
      case 'open':
      case 'pong': {
        const wait = backoff(s.failures, random);
        drop();
        lost(wait);
        break;
      }
      case 'quiet':
        effects.push({ do: 'send', id: s.id, frame: { t: 'ping' } });
        timer('pong', MS.pong);
        break;
      case 'steady':
        s.failures = 0;
        break;
      case 'idle':
        if (!s.visible) {
          drop();
          cancel(...TIMERS);
          s.mode = 'paused';
        }
        break;
    }
  };

  switch (event.on) {
    case 'start':
      open();
      effects.push({ do: 'poll' }); // the first rows should not wait for the socket
      timer('poll', MS.patience);
      break;

    case 'stop':
      end('done');
      break;

    case 'opened':
      if (event.id !== s.id || over) break;
      s.socket = 'open';
      if (s.token) effects.push({ do: 'send', id: s.id, frame: { t: 'auth', token: s.token } });
      timer('quiet', MS.quiet);
      break;

    case 'frame':
      if (event.id === s.id && !over) onFrame(event.frame);
      break;

    case 'closed':
      if (event.id === s.id && !over) onClosed(event.code);
      break;

    case 'timer':
      if (!over) onTimer(event.name);
      break;

    case 'polled':
      if (over || s.mode === 'live' || s.mode === 'paused') break;
      if (event.board && isNewer(s.board, event.board)) {
        s.board = event.board;
        s.cursorLost = false;
      }
      if (event.me !== undefined && s.token) s.me = event.me;
      s.staleAt = null;
      if (s.board && ended(s.board)) end('done');
      else s.mode = s.patient ? 'connecting' : 'polling';
      break;

    case 'pollFailed':
      if (over || s.mode === 'live' || s.mode === 'paused') break;
      if (event.reason === 'missing') { end('missing'); break; }
      if (!s.board && event.copy) {
        s.board = event.copy;
        s.staleAt = event.copyAt ?? null;
        s.cursorLost = true; // a stored copy is for reading, not a place to resume from
      }
      s.mode = event.reason === 'network' ? 'offline' : 'connecting';
      break;

    case 'online':
      if (over || s.mode === 'live' || s.mode === 'paused') break;
      resume();
      effects.push({ do: 'poll' });
      break;

    case 'offline': // only a hint: a server on this machine or network may still be there
      if (over || s.mode === 'paused') break;
      if (s.socket === 'open') {
        effects.push({ do: 'send', id: s.id, frame: { t: 'ping' } });
        timer('pong', MS.hint);
      } else s.mode = 'offline';
      break;

    case 'hidden':
      s.visible = false;
      if (over) break;
      cancel('poll');
      timer('idle', MS.idle);
      break;

    case 'visible':
      s.visible = true;
      if (over) break;
      cancel('idle');
      if (s.mode === 'paused') {
        s.mode = 'connecting';
        s.patient = true;
        resume();
      } else if (s.mode === 'live') { // a suspended page may hold a dead socket
        effects.push({ do: 'send', id: s.id, frame: { t: 'ping' } });
        timer('pong', MS.hint);
      } else resume();
      break;

    case 'token': {
      const had = s.token;
      s.token = event.token;
      if (!event.token) s.me = null;
      if (over || had === event.token || s.socket !== 'open') break;
      if (event.token && !had) {
        effects.push({ do: 'send', id: s.id, frame: { t: 'auth', token: event.token } });
      } else { // one socket speaks for one player
        s.me = null;
        drop();
        lost(0);
      }
      break;
    }
  }
  return [s, effects];
}

/** What the badge says. @param {State} state */
export function badge(state) {
  switch (state.mode) {
    case 'live': return { kind: 'live', text: 'Live' };
    case 'polling': return { kind: 'polling', text: 'Polling' };
    case 'offline': return { kind: 'offline', text: 'Offline' };
    case 'done': return { kind: 'done', text: 'Final' };
    case 'paused': return { kind: 'connecting', text: 'Paused' };
    case 'missing': return { kind: 'offline', text: 'Not found' };
    case 'connecting': return { kind: 'connecting', text: state.wasLive ? 'Reconnecting' : 'Connecting' };
  }
}
