// What the client stands on: sockets, requests, streams, timers, the page around it. Everything can be given, so that
// tests and other environments bring their own. No rules: what to do is decided in live.js and me.js.

/**
 * @typedef {object} Page
 * @property {() => boolean} visible
 * @property {(name: 'online'|'offline'|'visible'|'hidden'|'leave', what: () => void) => () => void} on  gives the way to stop
 *
 * @typedef {object} Wire
 * @property {typeof WebSocket|null} WebSocket
 * @property {typeof fetch} fetch
 * @property {boolean} streams  whether answers can be read as they come; where not, boards are polled
 * @property {(what: () => void, ms: number) => unknown} setTimer
 * @property {(timer: any) => void} clearTimer
 * @property {() => number} random  in [0, 1)
 * @property {() => number} now     Unix ms
 * @property {Page} page
 */

/** How long an answer may take, in milliseconds. */
const ANSWER_MS = 10_000;

/** A page that is always visible, where there is none. @type {Page} */
const noPage = { visible: () => true, on: () => () => {} };

/** @returns {Page} */
function browserPage() {
  if (typeof document === 'undefined' || typeof window === 'undefined') return noPage;
  return {
    visible: () => !document.hidden,
    on(name, what) {
      const [target, event] = /** @type {[EventTarget, string]} */ (
        name === 'online' || name === 'offline' ? [window, name]
          : name === 'leave' ? [window, 'pagehide'] : [document, 'visibilitychange']);
      const heard = () => {
        if (event !== 'visibilitychange' || document.hidden === (name === 'hidden')) what();
      };
      target.addEventListener(event, heard);
      return () => target.removeEventListener(event, heard);
    },
  };
}

/** @returns {Wire} */
export function browserWire() {
  return {
    WebSocket: globalThis.WebSocket ?? null,
    fetch: (...args) => globalThis.fetch(...args),
    streams: typeof ReadableStream !== 'undefined' && typeof Response !== 'undefined' && 'body' in Response.prototype,
    setTimer: (what, ms) => setTimeout(what, ms),
    clearTimer: (timer) => clearTimeout(timer),
    random: Math.random,
    now: Date.now,
    page: browserPage(),
  };
}

/** Timers by name: setting one again moves it. @param {Wire} wire @param {(name: any) => void} fire */
export function namedTimers(wire, fire) {
  /** @type {Map<string, unknown>} */
  const timers = new Map();
  return {
    /** @param {string} name @param {number} ms */
    set(name, ms) {
      wire.clearTimer(timers.get(name));
      timers.set(name, wire.setTimer(() => {
        timers.delete(name);
        fire(name);
      }, ms));
    },
    /** @param {string} name */
    cancel(name) {
      wire.clearTimer(timers.get(name));
      timers.delete(name);
    },
    clear() {
      for (const timer of timers.values()) wire.clearTimer(timer);
      timers.clear();
    },
  };
}

/** What `Retry-After` says, in milliseconds. @param {Headers} headers */
function retryAfter(headers) {
  const seconds = Number(headers.get('retry-after') ?? 'none');
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : null;
}

/** An answer that is none: `status` 0 when no server was reached. */
export class Refused extends Error {
  /** @param {number} status @param {string} code @param {number|null} retryMs */
  constructor(status, code, retryMs) {
    super(`${status} ${code}`);
    this.status = status;
    this.code = code;
    this.retryMs = retryMs;
  }

  /** @returns {'network'|'server'|'missing'} */
  get reason() {
    if (this.status === 0) return 'network';
    return this.code === 'TOURNAMENT_NOT_FOUND' ? 'missing' : 'server';
  }
}

/** @param {Response} answer */
async function refusal(answer) {
  const problem = await answer.json().catch(() => null);
  return new Refused(answer.status, String(problem?.code ?? 'UNKNOWN'), retryAfter(answer.headers));
}

/**
 * A JSON answer.
 * @param {Wire} wire @param {string} address
 * @param {{token?: string|null, etag?: string|null, signal: AbortSignal}} with_
 * @returns {Promise<{status: number, body: any, etag: string|null}>} the body of a 204 and a 304 is null
 * @throws {Refused}
 */
export async function getJson(wire, address, { token, etag, signal }) {
  /** @type {Record<string, string>} */
  const headers = { accept: 'application/json' };
  if (token) headers.authorization = `Bearer ${token}`;
  if (etag) headers['if-none-match'] = etag;
  const giveUp = new AbortController();
  const stop = () => giveUp.abort();
  signal.addEventListener('abort', stop);
  const timer = wire.setTimer(stop, ANSWER_MS);
  try {
    const answer = await wire.fetch(address, { headers, cache: 'no-store', credentials: 'omit', signal: giveUp.signal });
    if (answer.status === 204 || answer.status === 304) return { status: answer.status, body: null, etag: etag ?? null };
    if (!answer.ok) throw await refusal(answer);
    return { status: answer.status, body: await answer.json(), etag: answer.headers.get('etag') };
  } catch (error) {
    throw error instanceof Refused ? error : new Refused(0, String(error), null);
  } finally {
    wire.clearTimer(timer);
    signal.removeEventListener('abort', stop);
  }
}

/**
 * Splits the text of an event stream into events, as it comes. Comments are beats.
 * @param {(event: {event: string, data: string}) => void} onEvent
 * @param {() => void} onBeat
 * @param {(ms: number) => void} onRetry
 * @returns {(text: string) => void}
 */
export function eventReader(onEvent, onBeat, onRetry) {
  let rest = '';
  let event = '';
  /** @type {string[]} */
  let data = [];
  /** @param {string} line */
  const read = (line) => {
    if (line === '') {
      if (data.length > 0) onEvent({ event: event || 'message', data: data.join('\n') });
      event = '';
      data = [];
      return;
    }
    const colon = line.indexOf(':');
    if (colon === 0) return onBeat();
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'data') data.push(value);
    else if (name === 'event') event = value;
    else if (name === 'retry' && /^\d+$/.test(value)) onRetry(Number(value));
    return undefined;
  };
  return (text) => {
    const lines = (rest + text).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    for (const line of lines) read(line);
  };
}

/**
 * Who hears what a stream of events tells.
 * @typedef {object} StreamEars
 * @property {() => void} opened
 * @property {(data: string) => void} event
 * @property {() => void} beat
 * @property {(reason: 'lost'|'missing', retryMs: number|null) => void} closed  once, at the end
 */

/**
 * Opens a stream of events; what is given back ends it, without a word to the ears.
 * @param {Wire} wire @param {string} address @param {StreamEars} ears
 * @returns {() => void}
 */
export function openStream(wire, address, ears) {
  const ending = new AbortController();
  let ended = false;
  /** @type {number|null} */
  let retryMs = null;
  /** @param {'lost'|'missing'} reason @param {number|null} ms */
  const end = (reason, ms) => {
    if (ended) return;
    ended = true;
    ears.closed(reason, ms);
  };
  const run = async () => {
    const headers = { accept: 'text/event-stream' };
    const answer = await wire.fetch(address, { headers, cache: 'no-store', credentials: 'omit', signal: ending.signal });
    if (!answer.ok) throw await refusal(answer);
    const isStream = /^text\/event-stream\b/.test(answer.headers.get('content-type') ?? '');
    if (!isStream || !answer.body) throw new Refused(answer.status, 'NO_STREAM', null);
    if (ended) return;
    ears.opened();
    const read = eventReader(
      ({ data }) => { if (!ended) ears.event(data); },
      () => { if (!ended) ears.beat(); },
      (ms) => { retryMs = ms; },
    );
    const reader = answer.body.getReader();
    const utf8 = new TextDecoder();
    for (;;) {
      const { done, value } = await reader.read();
      if (done || ended) break;
      read(utf8.decode(value, { stream: true }));
    }
  };
  run().then(
    () => end('lost', retryMs),
    (error) => {
      const refused = error instanceof Refused ? error : null;
      end(refused?.reason === 'missing' ? 'missing' : 'lost', refused?.retryMs ?? retryMs);
    },
  );
  return () => {
    ended = true;
    ending.abort();
  };
}
