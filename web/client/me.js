// A player's own wallet as a pure state machine, over `/ws/me`: balance, limits, notices. `account.js` carries it out.
//
//   waiting ──token──▶ connecting ──wallet──▶ live ──socket lost──▶ connecting ──3 s──▶ polling
//      ▲  token refused     ▲                                           │                  │
//      └────────────────────┴────────────── a socket again ◀────────────┴──────────────────┘
//   any ──4400 and its like──▶ polling for good    any ──1000, stop──▶ done    hidden for a minute ──▶ paused
//
// Invariants: at most one socket, which speaks for one player · within a socket an older wallet never replaces a newer
// one · a notice is told once · without a token nothing is asked. Never: reads a clock, touches the network.
// Tests: tests/browser/unit/me.test.mjs

import { afterClose, backoff, subjectOf, told, WAIT } from './retry.js';

/** How long things may take, in milliseconds. Of two numbers the time is drawn between them. */
export const MS = {
  fallback: [3_000, 4_500],
  poll: [14_000, 16_000],
  open: 8_000,
  quiet: 25_000,
  pong: 8_000,
  hint: 3_000,
  steady: 10_000,
  idle: 60_000,
};

/**
 * @typedef {{accounts: any[], limits: any[], seq: number|null}} Wallet
 * @typedef {'waiting'|'connecting'|'live'|'polling'|'offline'|'paused'|'done'} Mode
 * @typedef {'retry'|'fallback'|'poll'|'open'|'quiet'|'pong'|'steady'|'idle'} Timer
 *
 * @typedef {object} State
 * @property {Mode} mode
 * @property {'none'|'opening'|'open'|'live'} socket
 * @property {number} id        generation of the socket; older ones are ignored
 * @property {number} failures  in a row
 * @property {{code: number|null, reconnectMs: number|null}|null} bye
 * @property {boolean} barred   never another socket
 * @property {boolean} visible
 * @property {string|null} token
 * @property {string|null} player
 * @property {Wallet|null} wallet
 * @property {number} told      seq of the last notice
 *
 * @typedef {{do: 'open', id: number} | {do: 'close', id: number} | {do: 'send', id: number, frame: object}
 *   | {do: 'poll', token: string} | {do: 'timer', name: Timer, ms: number} | {do: 'cancel', name: Timer}
 *   | {do: 'event', frame: any} | {do: 'tokenWanted', why: 'expired'|'refused'}
 *   | {do: 'notice', code: string, detail: string}} Effect
 *
 * @typedef {{on: 'start'} | {on: 'stop'} | {on: 'opened', id: number} | {on: 'frame', id: number, frame: any}
 *   | {on: 'garbled', id: number} | {on: 'closed', id: number, code: number} | {on: 'timer', name: Timer}
 *   | {on: 'polled', token: string, wallet: Wallet}
 *   | {on: 'pollFailed', token: string, reason: 'network'|'server'|'refused'}
 *   | {on: 'online'} | {on: 'visible'} | {on: 'hidden'} | {on: 'token', token: string|null}} Event
 */

/** @param {{token?: string|null, visible?: boolean}} [from] @returns {State} */
export function initial({ token = null, visible = true } = {}) {
  return {
    mode: 'waiting', socket: 'none', id: 0, failures: 0, bye: null, barred: false, visible,
    token, player: subjectOf(token), wallet: null, told: 0,
  };
}

/** @type {Timer[]} */
const TIMERS = ['retry', 'fallback', 'poll', 'open', 'quiet', 'pong', 'steady', 'idle'];

/**
 * One step: the next state and what to do, in order.
 * @param {State} state @param {Event} event @param {number} [random] in [0, 1), for jitter
 * @returns {[State, Effect[]]}
 */
export function step(state, event, random = 0.5) {
  const s = { ...state };
  /** @type {Effect[]} */
  const effects = [];

  /** @param {Timer} name @param {number} ms */
  const timer = (name, ms) => { effects.push({ do: 'timer', name, ms }); };
  /** @param {Timer[]} names */
  const cancel = (...names) => { for (const name of names) effects.push({ do: 'cancel', name }); };
  /** @param {number[]} range */
  const drawn = ([from = 0, to = 0]) => Math.round(from + (to - from) * random);

  const open = () => {
    if (s.barred || s.socket !== 'none' || !s.token || s.mode === 'paused') return;
    s.id += 1;
    s.socket = 'opening';
    s.bye = null;
    cancel('retry');
    effects.push({ do: 'open', id: s.id });
    timer('open', MS.open);
  };
  const drop = () => {
    if (s.socket !== 'none') effects.push({ do: 'close', id: s.id });
    s.socket = 'none';
    s.id += 1;
    cancel('open', 'quiet', 'pong', 'steady');
  };
  /** @param {number} ms @param {number} [grace] */
  const lost = (ms, grace = 0) => {
    s.socket = 'none';
    s.failures += 1;
    cancel('open', 'quiet', 'pong', 'steady');
    if (s.mode === 'live') {
      s.mode = 'connecting';
      if (s.visible) timer('fallback', grace + drawn(MS.fallback));
    }
    if (!s.barred) timer('retry', ms);
  };
  const again = () => {
    const wait = backoff(s.failures, random);
    drop();
    lost(wait);
  };
  const begin = () => {
    s.failures = 0;
    s.mode = 'connecting';
    open();
    timer('fallback', s.barred ? 0 : drawn(MS.fallback));
  };
  const end = () => {
    drop();
    cancel(...TIMERS);
    s.mode = 'done';
  };
  const auth = () => { effects.push({ do: 'send', id: s.id, frame: { t: 'auth', token: s.token } }); };
  const refused = () => {
    drop();
    cancel(...TIMERS);
    s.mode = 'waiting';
    s.token = null;
    s.wallet = null;
    effects.push({ do: 'tokenWanted', why: 'refused' });
  };
  const poll = () => {
    if (!s.token) return;
    effects.push({ do: 'poll', token: s.token });
    timer('poll', drawn(MS.poll));
  };

  /** @param {any} frame */
  const onFrame = (frame) => {
    cancel('pong');
    timer('quiet', MS.quiet);
    switch (frame?.t) {
      case 'wallet': {
        const seq = typeof frame.seq === 'number' ? frame.seq : null;
        const older = s.socket === 'live' && seq !== null && (s.wallet?.seq ?? -1) > seq;
        if (!older) s.wallet = { accounts: frame.accounts ?? [], limits: frame.limits ?? [], seq };
        if (s.socket !== 'live') timer('steady', MS.steady);
        s.socket = 'live';
        s.mode = 'live';
        cancel('open', 'fallback', 'poll', 'retry');
        break;
      }
      case 'notice':
        if (typeof frame.seq === 'number') {
          if (frame.seq <= s.told) break;
          s.told = frame.seq;
        }
        effects.push({ do: 'event', frame });
        break;
      case 'bye':
        s.bye = { code: frame.code ?? null, reconnectMs: frame.reconnectMs ?? null };
        break;
      case 'error':
        if (frame.code === 'TOKEN_EXPIRED') {
          s.token = null; // what is shown stays until there is a new one
          effects.push({ do: 'tokenWanted', why: 'expired' });
        }
        effects.push({ do: 'notice', code: String(frame.code), detail: String(frame.detail ?? '') });
        break;
      default: // a pong, or a newer server's frame
    }
  };

  /** @param {number} code */
  const onClosed = (code) => {
    const said = s.bye?.code;
    const ms = s.bye?.reconnectMs;
    const means = afterClose((code === 1005 || code === 1006) && typeof said === 'number' ? said : code);
    s.socket = 'none';
    switch (means) {
      case 'done':
        if (said === 1000) end();
        else lost(backoff(s.failures, random));
        break;
      case 'token': refused(); break;
      case 'barred': case 'refused': case 'missing':
        s.barred = true;
        effects.push({ do: 'notice', code: 'BARRED', detail: `closed with ${code}` });
        cancel('retry');
        lost(0);
        if (s.mode === 'connecting' && s.visible) timer('fallback', drawn(MS.fallback));
        break;
      case 'later': lost(ms == null ? Math.round(WAIT.crowded * (1 + random / 2)) : told(ms, random)); break;
      case 'fresh': case 'again': lost(ms == null ? backoff(s.failures, random) : told(ms, random), ms ?? 0); break;
    }
  };

  if (s.mode === 'done') return [s, effects];
  const current = 'id' in event ? event.id === s.id && s.socket !== 'none' : true;
  switch (event.on) {
    case 'start':
      if (s.token) begin();
      break;
    case 'stop':
      end();
      break;
    case 'opened':
      if (!current || !s.token) break;
      s.socket = 'open';
      auth();
      timer('quiet', MS.quiet);
      break;
    case 'frame':
      if (current) onFrame(event.frame);
      break;
    case 'garbled':
      if (current) again();
      break;
    case 'closed':
      if (current) onClosed(event.code);
      break;
    case 'timer':
      switch (event.name) {
        case 'retry': open(); break;
        case 'fallback': case 'poll':
          if (s.mode !== 'live' && s.mode !== 'paused' && s.mode !== 'waiting' && s.visible) poll();
          break;
        case 'open': case 'pong': again(); break;
        case 'quiet':
          effects.push({ do: 'send', id: s.id, frame: { t: 'ping' } });
          timer('pong', MS.pong);
          break;
        case 'steady': s.failures = 0; break;
        case 'idle':
          if (s.visible || s.mode === 'waiting') break;
          drop();
          cancel(...TIMERS);
          s.mode = 'paused';
          break;
      }
      break;
    case 'polled':
      if (event.token !== s.token || s.mode === 'live' || s.mode === 'paused') break;
      s.wallet = event.wallet;
      s.mode = 'polling';
      break;
    case 'pollFailed':
      if (event.token !== s.token || s.mode === 'live' || s.mode === 'paused') break;
      if (event.reason === 'refused') refused();
      else s.mode = event.reason === 'network' ? 'offline' : 'connecting';
      break;
    case 'online':
      if (s.mode !== 'live' && s.mode !== 'paused' && s.mode !== 'waiting') begin();
      break;
    case 'hidden':
      s.visible = false;
      cancel('poll', 'fallback');
      timer('idle', MS.idle);
      break;
    case 'visible':
      s.visible = true;
      cancel('idle');
      if (s.mode === 'live') { // a suspended page may hold a dead socket
        effects.push({ do: 'send', id: s.id, frame: { t: 'ping' } });
        timer('pong', MS.hint);
      } else if (s.token) begin();
      break;
    case 'token': {
      if (event.token === s.token) break;
      const player = subjectOf(event.token);
      const same = player !== null && player === s.player;
      s.token = event.token;
      if (!event.token) {
        drop();
        cancel(...TIMERS);
        Object.assign(s, { mode: 'waiting', wallet: null, player: null, told: 0 });
        break;
      }
      s.player = player;
      if (same && (s.socket === 'open' || s.socket === 'live')) {
        auth();
        break;
      }
      drop();
      if (!same) Object.assign(s, { wallet: null, told: 0 });
      if (s.mode !== 'paused') begin();
      break;
    }
  }
  return [s, effects];
}
