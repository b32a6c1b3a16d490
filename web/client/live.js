// The live board as a pure state machine: what to do next, never doing it. `connection.js` carries the effects out.
//
//   connecting ──first frame──▶ live ──socket lost──▶ connecting ──2 to 3.5 s──▶ the stream is tried
//        ▲                       ▲                                               │            │
//        │                       │ a socket again, tried in the background      works        fails
//        │                       ├──────────────── streaming ◀───────────────────┘            │
//        │                       └──────────────── polling ◀──────────────────────────────────┤
//        └──────────online, or any of the three works────────────── offline ◀──no poll either─┘
//   any ──1000──▶ done    any ──4404──▶ missing    any ──unknown 44xx──▶ refused
//   hidden for a minute ──▶ paused ──visible──▶ connecting
//
// A *link* is a socket or a stream. It has a base of its own: what its next delta is applied to. The shown board is
// the newest that any way brought.
//
// Invariants: at most one socket and one stream, and what older ones bring changes nothing · a delta is applied only
// to the base of its own link · while the socket is live nothing streams and nothing polls · while it is not, it is
// tried in the background, unless barred · within an epoch the shown board never goes back, unless it was found wrong.
// Never: reads a clock, draws a random number, touches the network.
// Tests: tests/browser/unit/live.test.mjs, tests/browser/unit/simulation.test.mjs

import { Misfit, applyDelta, fromSnapshot, isNewer, isOver } from './board.js';
import { afterClose, backoff, subjectOf, told, WAIT } from './retry.js';

/** How long things may take, in milliseconds. Of two numbers the time is drawn between them. */
export const MS = {
  first: 600, // before the first rows are polled beside a socket that is slow to open
  fallback: [2_000, 3_500], // without a socket, before other ways are tried
  poll: [9_000, 11_000], // between polls
  own: [9_000, 11_000], // between questions for the own row, where it is not sent
  open: 8_000, // for a link to bring its first frame
  slowStream: 2_500, // for a stream to bring it, before polling goes on beside
  streamQuiet: 40_000, // silence of a stream (the server says something every 15 s)
  quiet: 25_000, // silence of a socket after which the server is asked for a pong
  pong: 8_000, // for that pong
  hint: 3_000, // for a pong when there is reason to doubt
  steady: 10_000, // of being live until earlier failures are forgiven
  idle: 60_000, // hidden, before everything is given up
};

/**
 * @typedef {import('./board.js').Board} Board
 * @typedef {import('./proof.js').Verdict} Verdict
 * @typedef {'connecting'|'live'|'streaming'|'polling'|'offline'|'paused'|'done'|'missing'|'refused'} Mode
 * @typedef {'first'|'fallback'|'poll'|'own'|'retry'|'open'|'quiet'|'pong'|'steady'|'restream'|'streamOpen'
 *   |'streamQuiet'|'idle'} Timer
 * @typedef {{epoch: string, seq: number}} Cursor
 * @typedef {'socket'|'stream'} LinkName
 *
 * @typedef {object} Link
 * @property {'none'|'opening'|'open'|'live'} phase  live: it has brought a board
 * @property {number} id          generation; what older ones bring is ignored
 * @property {Board|null} asked   the board whose cursor it was opened with
 * @property {Board|null} base    what its next delta is applied to
 * @property {boolean} derived    whether the base came by a delta, or is one that was there before
 * @property {number} failures    in a row
 * @property {{code: number|null, reconnectMs: number|null}|null} bye
 *
 * @typedef {object} State
 * @property {Mode} mode
 * @property {Link} socket
 * @property {Link} stream
 * @property {{id: number, asked: Board|null}|null} poll  the one under way; none while a link is live
 * @property {number} polls         so far
 * @property {boolean} binary       whether sockets speak the binary form
 * @property {boolean} streams      whether there is a way to stream here
 * @property {boolean} barred       the server told us not to open another socket
 * @property {boolean} wasLive
 * @property {boolean} patient      not yet long enough without a socket to call it something else
 * @property {boolean} cursorLost   the board is no place to go on from
 * @property {boolean} doubted      the shown board may be wrong: the next whole one replaces it, also an earlier one
 * @property {boolean} visible
 * @property {string|null} token
 * @property {string|null} player   whom the last token spoke for, where it can be read
 * @property {boolean} authed       whether the socket was told a token
 * @property {Board|null} board     shown
 * @property {number|null} decimals of the tournament's scores, once known
 * @property {any} me               own row, as the server sent it
 * @property {number|null} staleAt  when the shown board was stored, if it is only a stored copy
 * @property {number|null} behindSince since when the node has been out of touch with the boards' maker (Unix ms)
 * @property {{epoch: string, n: number|null, chain: string}|null} link  where the chain of proofs stands
 * @property {{board: Board|null, frame: any, verdict: Verdict}|null} proof  the last one judged
 * @property {number} mismatches    in a row
 *
 * @typedef {{do: 'open', id: number, cursor: Cursor|null}
 *   | {do: 'close', id: number}
 *   | {do: 'send', id: number, frame: object}
 *   | {do: 'stream', id: number, cursor: Cursor|null}
 *   | {do: 'unstream', id: number}
 *   | {do: 'poll', id: number, cursor: Cursor|null}
 *   | {do: 'own', token: string}
 *   | {do: 'timer', name: Timer, ms: number}
 *   | {do: 'cancel', name: Timer}
 *   | {do: 'clock', serverTime: string}
 *   | {do: 'judge', link: LinkName, id: number, board: Board|null, frame: any, before: string|null}
 *   | {do: 'tokenWanted', why: 'expired'|'refused'}
 *   | {do: 'notice', code: string, detail: string}} Effect
 *
 * @typedef {{on: 'start'} | {on: 'stop'}
 *   | {on: 'opened', id: number, link?: LinkName}
 *   | {on: 'frame', id: number, frame: any, link?: LinkName}
 *   | {on: 'garbled', id: number, detail: string, link?: LinkName}
 *   | {on: 'closed', id: number, code: number}
 *   | {on: 'beat', id: number}
 *   | {on: 'streamClosed', id: number, reason: 'lost'|'missing', retryMs?: number|null}
 *   | {on: 'timer', name: Timer}
 *   | {on: 'polled', id: number, frame: any, known?: boolean}
 *   | {on: 'pollFailed', id: number, reason: 'network'|'server'|'missing', retryMs?: number|null,
 *      copy?: Board|null, copyAt?: number|null}
 *   | {on: 'own', token: string, me: any}
 *   | {on: 'ownRefused', token: string}
 *   | {on: 'judged', link: LinkName, id: number, verdict: Verdict, board: Board|null, frame: any}
 *   | {on: 'online'} | {on: 'offline'} | {on: 'visible'} | {on: 'hidden'}
 *   | {on: 'token', token: string|null}} Event
 */

/** @returns {Link} */
const noLink = () => ({ phase: 'none', id: 0, asked: null, base: null, derived: false, failures: 0, bye: null });

/** @param {{token?: string|null, visible?: boolean, binary?: boolean, streams?: boolean}} [from] @returns {State} */
export function initial({ token = null, visible = true, binary = false, streams = true } = {}) {
  return {
    mode: 'connecting', socket: noLink(), stream: noLink(), poll: null, polls: 0,
    binary, streams, barred: false, wasLive: false, patient: true, cursorLost: false, doubted: false, visible,
    token, player: subjectOf(token), authed: false, board: null, decimals: null, me: null, staleAt: null,
    behindSince: null, link: null, proof: null, mismatches: 0,
  };
}

/** @type {Timer[]} */
const TIMERS = ['first', 'fallback', 'poll', 'own', 'retry', 'open', 'quiet', 'pong', 'steady', 'restream',
  'streamOpen', 'streamQuiet', 'idle'];

/** @param {State} state */
export const isEnded = ({ mode }) => mode === 'done' || mode === 'missing' || mode === 'refused';

/**
 * One step: the next state and what to do, in order.
 * @param {State} state
 * @param {Event} event
 * @param {number} [random] in [0, 1), for jitter
 * @returns {[State, Effect[]]}
 */
export function step(state, event, random = 0.5) {
  /** @type {State} */
  const s = { ...state, socket: { ...state.socket }, stream: { ...state.stream } };
  /** @type {Effect[]} */
  const effects = [];
  const over = isEnded(s);

  /** @param {Timer} name @param {number} ms */
  const timer = (name, ms) => { effects.push({ do: 'timer', name, ms }); };
  /** @param {Timer[]} names */
  const cancel = (...names) => { for (const name of names) effects.push({ do: 'cancel', name }); };
  /** @param {number[]} range */
  const drawn = ([from = 0, to = 0]) => Math.round(from + (to - from) * random);
  /** @param {string} code @param {string} detail */
  const notice = (code, detail) => { effects.push({ do: 'notice', code, detail }); };

  /** Where to go on from. @param {boolean} [binary] differences of scores need their decimals @returns {Cursor|null} */
  const cursor = (binary = false) => {
    const { board } = s;
    if (!board || s.cursorLost || (binary && board.decimals === null)) return null;
    return { epoch: board.epoch, seq: board.seq };
  };

  // --- the three ways ---------------------------------------------------------------------------

  const openSocket = () => {
    if (s.barred || s.socket.phase !== 'none') return;
    const at = cursor(s.binary);
    s.socket = { ...s.socket, phase: 'opening', id: s.socket.id + 1, asked: at && s.board, base: null, bye: null };
    s.authed = false;
    cancel('retry');
    effects.push({ do: 'open', id: s.socket.id, cursor: at });
    timer('open', MS.open);
  };
  const dropSocket = () => {
    if (s.socket.phase !== 'none') effects.push({ do: 'close', id: s.socket.id });
    s.socket = { ...s.socket, phase: 'none', id: s.socket.id + 1, asked: null, base: null };
    cancel('open', 'quiet', 'pong', 'steady');
  };
  const openStream = () => {
    if (!s.streams || s.stream.phase !== 'none') return;
    const at = cursor();
    s.stream = { ...s.stream, phase: 'opening', id: s.stream.id + 1, asked: at && s.board, base: null, bye: null };
    cancel('restream');
    effects.push({ do: 'stream', id: s.stream.id, cursor: at });
    timer('streamOpen', MS.open);
  };
  const dropStream = () => {
    if (s.stream.phase !== 'none') effects.push({ do: 'unstream', id: s.stream.id });
    s.stream = { ...s.stream, phase: 'none', id: s.stream.id + 1, asked: null, base: null };
    cancel('restream', 'streamOpen', 'streamQuiet');
  };
  const auth = () => {
    s.authed = true;
    effects.push({ do: 'send', id: s.socket.id, frame: { t: 'auth', token: s.token } });
  };
  const ask = () => {
    if (s.token) effects.push({ do: 'own', token: s.token });
    timer('own', drawn(MS.own));
  };
  const pollNow = () => {
    timer('poll', drawn(MS.poll));
    if (s.poll) return;
    const at = cursor();
    s.polls += 1;
    s.poll = { id: s.polls, asked: at && s.board };
    effects.push({ do: 'poll', id: s.polls, cursor: at });
  };

  /**
   * The socket is gone: it is tried again after `ms`, and other ways if that takes long.
   * @param {number} ms @param {number} [grace] before which nobody expects it back
   */
  const socketLost = (ms, grace = 0) => {
    s.socket = { ...s.socket, phase: 'none', asked: null, base: null, failures: s.socket.failures + 1 };
    cancel('open', 'quiet', 'pong', 'steady');
    if (s.mode === 'live') {
      s.mode = 'connecting';
      s.patient = true;
      if (s.visible) timer('fallback', grace + drawn(MS.fallback));
    }
    if (!s.barred) timer('retry', ms);
  };
  /** @param {number} ms @param {boolean} worked whether it had brought a board */
  const streamLost = (ms, worked) => {
    s.stream = { ...s.stream, phase: 'none', asked: null, base: null, failures: s.stream.failures + 1 };
    cancel('streamOpen', 'streamQuiet');
    if (s.mode === 'live' || s.mode === 'paused') return;
    timer('restream', ms);
    if (s.mode === 'streaming') {
      s.mode = 'connecting';
      s.patient = true;
      if (s.visible) timer('poll', drawn(MS.fallback));
    } else if (!worked && s.visible) {
      s.patient = false;
      pollNow();
    }
  };
  /** The board can't be gone on from: the same again, without a cursor. @param {LinkName} name @param {string} why */
  const fresh = (name, why) => {
    s.cursorLost = true;
    s.doubted = true;
    notice('MISFIT', why);
    if (name === 'socket') {
      const wait = backoff(Math.max(s.socket.failures, s.mismatches), random);
      dropSocket();
      socketLost(wait);
    } else {
      const wait = backoff(Math.max(s.stream.failures, s.mismatches), random);
      const worked = s.stream.phase === 'live';
      dropStream();
      streamLost(wait, worked);
    }
  };
  /** @param {'done'|'missing'|'refused'} mode */
  const end = (mode) => {
    dropSocket();
    dropStream();
    s.poll = null;
    s.mode = mode;
    cancel(...TIMERS);
  };
  const resume = () => {
    s.socket.failures = 0;
    s.stream.failures = 0;
    openSocket();
    if (s.mode !== 'streaming') timer('fallback', drawn(MS.fallback));
  };

  // --- frames -----------------------------------------------------------------------------------

  /** A frame's board, with what is known of the tournament from elsewhere. @param {any} frame */
  const boardOf = (frame) => {
    const board = fromSnapshot(frame);
    s.decimals = board.decimals ?? s.decimals;
    return board.decimals === null ? { ...board, decimals: s.decimals } : board;
  };
  /** @param {Board} board @param {boolean} [trusted] whatever was shown before */
  const show = (board, trusted = false) => {
    s.staleAt = null;
    if (trusted || isNewer(s.board, board)) s.board = board;
  };
  /** A board that does not build on another one. @param {Board} board */
  const showWhole = (board) => {
    show(board, s.doubted);
    s.cursorLost = false;
    s.doubted = false;
  };
  /** The link stands on this board. @param {LinkName} name @param {Board} base @param {boolean} derived */
  const stand = (name, base, derived) => {
    const link = s[name];
    const first = link.phase !== 'live';
    Object.assign(link, { phase: 'live', base, derived });
    if (derived) show(base);
    else showWhole(base);
    if (!first) return;
    s.behindSince = null; // a node that is behind says so next
    cancel('first', 'fallback', 'poll');
    s.poll = null;
    s.wasLive = true;
    if (name === 'socket') {
      if (s.stream.phase !== 'none') dropStream();
      s.stream.failures = 0;
      s.mode = 'live';
      cancel('open', 'retry', 'restream', 'own');
      timer('steady', MS.steady);
    } else {
      s.mode = 'streaming';
      cancel('streamOpen', 'restream');
      link.failures = 0;
      ask();
    }
  };

  /** @param {LinkName} name @param {any} frame */
  const onFrame = (name, frame) => {
    const link = s[name];
    if (name === 'socket') {
      cancel('pong');
      timer('quiet', MS.quiet);
    } else timer('streamQuiet', MS.streamQuiet);
    if (frame?.serverTime) effects.push({ do: 'clock', serverTime: String(frame.serverTime) });
    switch (frame?.t) {
      case 'snapshot':
        stand(name, boardOf(frame), false);
        s.link = { epoch: frame.epoch, n: frame.n ?? null, chain: frame.chain };
        break;
      case 'resumed': {
        const { asked } = link;
        if (link.phase === 'live' || !asked || asked.epoch !== frame.epoch || asked.seq !== frame.seq) {
          throw new Misfit('OTHER_BASE', `resumed at ${frame.epoch}:${frame.seq}, which was not asked for`);
        }
        stand(name, asked, true);
        break;
      }
      case 'delta':
        stand(name, applyDelta(link.base, frame), true);
        break;
      case 'proof': {
        const epoch = link.base?.epoch;
        if (!epoch) break;
        const before = s.link?.epoch === epoch && s.link.n === frame.n - 1 ? s.link.chain : null;
        s.link = { epoch, n: frame.n, chain: frame.chain };
        const board = link.base?.seq === frame.seq ? link.base : null;
        effects.push({ do: 'judge', link: name, id: link.id, board, frame, before });
        break;
      }
      case 'stale': s.behindSince = Date.parse(frame.since) || 0; break;
      case 'fresh': s.behindSince = null; break;
      case 'me':
        if (s.token) s.me = frame;
        break;
      case 'bye':
        link.bye = { code: frame.code ?? null, reconnectMs: frame.reconnectMs ?? null };
        break;
      case 'error':
        if (frame.code === 'TOKEN_EXPIRED') {
          s.token = null; // the own row stays as it was until there is a new one
          effects.push({ do: 'tokenWanted', why: 'expired' });
        }
        notice(String(frame.code), String(frame.detail ?? ''));
        break;
      default: // a pong, or a newer server's frame: not ours to judge
    }
  };
  /** What does not fit is an error of the connection. @param {LinkName} name @param {() => void} work */
  const fitting = (name, work) => {
    try {
      work();
    } catch (error) {
      if (!(error instanceof Misfit)) throw error;
      fresh(name, `${error.code}: ${error.message}`);
    }
  };
  const dropToken = () => {
    s.token = null;
    s.me = null;
    effects.push({ do: 'tokenWanted', why: 'refused' });
  };

  /** What the end of a link means, by its code and the bye before it. @param {Link} link @param {number} code */
  const meaning = (link, code) => {
    const said = link.bye?.code;
    // A close that never arrived whole (1005, 1006) means what the bye before it said.
    const means = afterClose((code === 1005 || code === 1006) && typeof said === 'number' ? said : code);
    // 1000 that the server did not announce, in the midst of a race, came from something in between.
    return means === 'done' && said !== 1000 && !(s.board && isOver(s.board)) ? 'again' : means;
  };

  /** @param {number} code */
  const onClosed = (code) => {
    const { bye, failures } = s.socket;
    const ms = bye?.reconnectMs;
    const wait = ms == null ? backoff(failures, random) : told(ms, random);
    const means = meaning(s.socket, code);
    switch (means) {
      case 'done': case 'missing': case 'refused':
        s.socket.phase = 'none';
        if (means === 'refused') notice('REFUSED', `closed with ${code}`);
        end(means);
        break;
      case 'barred':
        s.barred = true;
        notice('BARRED', `closed with ${code}`);
        cancel('retry');
        socketLost(0);
        if (s.mode === 'connecting' && s.visible) timer('fallback', drawn(MS.fallback));
        break;
      case 'token': dropToken(); socketLost(wait); break;
      case 'fresh': s.cursorLost = true; socketLost(wait); break;
      case 'later': socketLost(ms == null ? Math.round(WAIT.crowded * (1 + random / 2)) : wait); break;
      case 'again': socketLost(wait, ms ?? 0); break; // who was told when to return is expected then
    }
  };

  /** @param {'lost'|'missing'} reason @param {number|null|undefined} retryMs */
  const onStreamClosed = (reason, retryMs) => {
    const { bye, failures, phase } = s.stream;
    const ms = bye?.reconnectMs ?? retryMs;
    const means = reason === 'missing' ? 'missing' : meaning(s.stream, 1006);
    s.stream.phase = 'none';
    if (means === 'done' || (reason === 'lost' && s.board && isOver(s.board) && phase === 'live')) end('done');
    else if (means === 'missing' || means === 'refused') end(means);
    else {
      if (means === 'fresh') s.cursorLost = true;
      if (means === 'barred') s.streams = false;
      // A stream that never worked is tried more seldom than one that was cut.
      const worked = phase === 'live';
      streamLost(ms == null ? backoff(worked ? failures : failures + 3, random) : told(ms, random), worked);
    }
  };

  /** @param {Timer} name */
  const onTimer = (name) => {
    switch (name) {
      case 'retry':
        if (s.mode !== 'paused') openSocket();
        break;
      case 'first':
        if (!s.board && s.visible) pollNow();
        break;
      case 'fallback':
        s.patient = false;
        if (s.mode === 'live' || s.mode === 'streaming' || s.mode === 'paused' || !s.visible) break;
        if (s.streams) {
          openStream();
          timer('poll', MS.slowStream);
        } else pollNow();
        break;
      case 'restream':
        if (s.mode !== 'live' && s.mode !== 'paused' && s.visible) openStream();
        break;
      case 'poll':
        s.patient = false;
        if (s.mode === 'live' || s.mode === 'streaming' || s.mode === 'paused' || !s.visible) break;
        s.poll = null; // one that takes this long is not waited for
        pollNow();
        break;
      case 'own':
        if (s.mode === 'streaming' || s.mode === 'polling') ask();
        break;
      case 'open':
      case 'pong': {
        const wait = backoff(s.socket.failures, random);
        dropSocket();
        socketLost(wait);
        break;
      }
      case 'streamOpen':
      case 'streamQuiet': {
        const wait = backoff(s.stream.failures + 3, random);
        const worked = s.stream.phase === 'live';
        dropStream();
        streamLost(wait, worked);
        break;
      }
      case 'quiet':
        effects.push({ do: 'send', id: s.socket.id, frame: { t: 'ping' } });
        timer('pong', MS.pong);
        break;
      case 'steady':
        s.socket.failures = 0;
        break;
      case 'idle':
        if (!s.visible) {
          dropSocket();
          dropStream();
          s.poll = null;
          cancel(...TIMERS);
          s.mode = 'paused';
        }
        break;
    }
  };

  /** @param {any} frame a delta, a whole board, or null: no news @param {boolean} known the last answer still holds */
  const onPolled = (frame, known) => {
    const asked = s.poll?.asked ?? null;
    s.poll = null;
    try {
      if (frame === null) {
        if (asked) show(asked);
      } else if (frame?.t === 'delta') show(applyDelta(asked, frame));
      else {
        showWhole(boardOf(frame));
      }
      // Only a whole board says that it is stale, and only the same answer again that it still is.
      if (!known) s.behindSince = frame?.stale ? Date.parse(frame.asOf) || 0 : null;
    } catch (error) {
      if (!(error instanceof Misfit)) throw error;
      s.cursorLost = true;
      s.doubted = true;
      notice('MISFIT', `${error.code}: ${error.message}`);
      timer('poll', backoff(2, random));
      return;
    }
    if (s.board && isOver(s.board)) end('done');
    else if (s.patient) s.mode = 'connecting';
    else {
      if (s.mode !== 'polling') ask();
      s.mode = 'polling';
      s.wasLive = true;
    }
  };

  /** @param {string|null} token */
  const onToken = (token) => {
    const had = s.token;
    const player = subjectOf(token);
    const same = player !== null && player === s.player;
    s.token = token;
    if (token) s.player = player;
    if (!token || !same) s.me = null;
    if (over || had === token) return;
    const spoken = s.socket.phase === 'open' || s.socket.phase === 'live';
    if (spoken && token && (same || !s.authed)) auth();
    else if (spoken && s.authed) { // one socket speaks for one player
      dropSocket();
      s.socket.failures = Math.max(0, s.socket.failures - 1);
      socketLost(0);
    }
    if (s.mode === 'streaming' || s.mode === 'polling') ask();
  };

  // --- events -----------------------------------------------------------------------------------

  switch (event.on) {
    case 'start':
      openSocket();
      timer('first', MS.first);
      timer('fallback', drawn(MS.fallback));
      if (!s.visible) timer('idle', MS.idle);
      break;

    case 'stop':
      end('done');
      break;

    case 'opened': {
      const name = event.link ?? 'socket';
      if (event.id !== s[name].id || over || s[name].phase !== 'opening') break;
      s[name].phase = 'open';
      if (name === 'stream') timer('streamQuiet', MS.streamQuiet);
      else {
        if (s.token) auth();
        timer('quiet', MS.quiet);
      }
      break;
    }

    case 'frame': {
      const name = event.link ?? 'socket';
      if (event.id === s[name].id && s[name].phase !== 'none' && !over) fitting(name, () => onFrame(name, event.frame));
      break;
    }

    case 'garbled': {
      const name = event.link ?? 'socket';
      if (event.id === s[name].id && s[name].phase !== 'none' && !over) fresh(name, event.detail);
      break;
    }

    case 'closed':
      if (event.id === s.socket.id && s.socket.phase !== 'none' && !over) onClosed(event.code);
      break;

    case 'beat':
      if (event.id === s.stream.id && s.stream.phase !== 'none' && !over) timer('streamQuiet', MS.streamQuiet);
      break;

    case 'streamClosed':
      if (event.id === s.stream.id && s.stream.phase !== 'none' && !over) onStreamClosed(event.reason, event.retryMs);
      break;

    case 'timer':
      if (!over) onTimer(event.name);
      break;

    case 'polled':
      if (event.id === s.poll?.id) onPolled(event.frame, event.known === true);
      break;

    case 'pollFailed':
      if (event.id !== s.poll?.id) break;
      s.poll = null;
      if (event.reason === 'missing') { end('missing'); break; }
      if (event.retryMs != null) timer('poll', told(event.retryMs, random));
      if (!s.board && event.copy) {
        s.board = event.copy;
        s.staleAt = event.copyAt ?? null;
        s.doubted = true;
        s.cursorLost = true; // a stored copy is for reading, not a place to go on from
      }
      s.mode = event.reason === 'network' ? 'offline' : 'connecting';
      break;

    case 'own':
      if (!over && event.token === s.token && s.mode !== 'live') s.me = event.me;
      break;

    case 'ownRefused':
      if (!over && event.token === s.token && s.mode !== 'live') dropToken();
      break;

    case 'judged': {
      const link = s[event.link];
      s.proof = { board: event.board, frame: event.frame, verdict: event.verdict };
      if (event.verdict === 'ok') s.mismatches = 0;
      if (event.verdict !== 'mismatch' || over) break;
      notice('PROOF_MISMATCH', `the board at ${event.frame.seq} is not the one that was proved`);
      if (event.id !== link.id || link.phase !== 'live') break;
      s.mismatches += 1;
      s.link = null;
      // A whole board that differs from its own proof would differ again: it is told, and that is all.
      if (link.derived) fresh(event.link, 'a proof did not fit');
      break;
    }

    case 'online':
      if (over || s.mode === 'live' || s.mode === 'paused') break;
      resume();
      if (s.mode !== 'streaming') pollNow();
      break;

    case 'offline': // only a hint: a server on this machine or network may still be there
      if (over || s.mode === 'paused') break;
      if (s.socket.phase === 'open' || s.socket.phase === 'live') {
        effects.push({ do: 'send', id: s.socket.id, frame: { t: 'ping' } });
        timer('pong', MS.hint);
      } else if (s.mode !== 'streaming') s.mode = 'offline';
      break;

    case 'hidden':
      s.visible = false;
      if (over) break;
      cancel('poll', 'fallback');
      timer('idle', MS.idle);
      break;

    case 'visible':
      s.visible = true;
      if (over) break;
      cancel('idle');
      if (s.mode === 'live') { // a suspended page may hold a dead socket
        effects.push({ do: 'send', id: s.socket.id, frame: { t: 'ping' } });
        timer('pong', MS.hint);
        break;
      }
      if (s.mode === 'paused') {
        s.mode = 'connecting';
        s.patient = true;
      }
      resume();
      break;

    case 'token':
      onToken(event.token);
      break;
  }
  return [s, effects];
}

/** What the badge says. @param {{mode: Mode, wasLive: boolean}} state */
export function badge({ mode, wasLive }) {
  switch (mode) {
    case 'live': return { kind: 'live', text: 'Live' };
    case 'streaming': return { kind: 'streaming', text: 'Live' };
    case 'polling': return { kind: 'polling', text: 'Polling' };
    case 'offline': return { kind: 'offline', text: 'Offline' };
    case 'done': return { kind: 'done', text: 'Final' };
    case 'paused': return { kind: 'connecting', text: 'Paused' };
    case 'missing': return { kind: 'offline', text: 'Not found' };
    case 'refused': return { kind: 'offline', text: 'Refused' };
    case 'connecting': return { kind: 'connecting', text: wasLive ? 'Reconnecting' : 'Connecting' };
  }
}
