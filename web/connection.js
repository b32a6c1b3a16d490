// Carries out what the live state machine decides: sockets, polls, timers, page events. No rules of its own.

import { ApiError, getBoard, getOwnRow } from './api.js';
import { fromPoll } from './board.js';
import { learnFromFrame } from './clock.js';
import { keepBoard } from './lastseen.js';
import { initial, step } from './live.js';

/** How often a board that is fed by the socket is stored for reading offline. */
const KEEP_MS = 10_000;

/**
 * @typedef {import('./live.js').State} State
 * @typedef {object} Options
 * @property {string} id            tournament
 * @property {number} limit         rows of the live board; polling asks for as many, so that both are one board
 * @property {string|null} token
 * @property {(state: State) => void} onState
 * @property {() => void} onTokenRefused
 * @property {(code: string, detail: string) => void} [onNotice]
 */

/** @param {Options} options */
export function connect({ id, limit, token, onState, onTokenRefused, onNotice }) {
  let state = initial({ token, visible: !document.hidden });
  /** @type {WebSocket|null} */
  let socket = null;
  /** @type {string|null} */
  let etag = null;
  /** @type {import('./board.js').Board|null} */
  let polledBoard = null;
  let keptAt = 0;
  let running = true;
  /** @type {Map<string, ReturnType<typeof setTimeout>>} */
  const timers = new Map();
  const stopping = new AbortController();

  /** @param {import('./live.js').Event} event */
  function on(event) {
    if (!running) return;
    const [next, effects] = step(state, event, Math.random());
    const changed = next.board !== state.board;
    state = next;
    for (const effect of effects) carryOut(effect);
    if (changed && state.mode === 'live' && Date.now() - keptAt > KEEP_MS) keep();
    onState(state);
  }

  function keep() {
    if (!state.board || state.staleAt) return;
    keptAt = Date.now();
    void keepBoard(id, limit, state.board);
  }

  /** @param {import('./live.js').Effect} effect */
  function carryOut(effect) {
    switch (effect.do) {
      case 'open': openSocket(effect.id, effect.cursor); break;
      case 'close': closeSocket(); break;
      case 'send':
        if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(effect.frame));
        break;
      case 'timer':
        clearTimeout(timers.get(effect.name));
        timers.set(effect.name, setTimeout(() => on({ on: 'timer', name: effect.name }), effect.ms));
        break;
      case 'cancel':
        clearTimeout(timers.get(effect.name));
        timers.delete(effect.name);
        break;
      case 'poll': void poll(); break;
      case 'clock': learnFromFrame(effect.serverTime); break;
      case 'tokenRefused': onTokenRefused(); break;
      case 'notice': onNotice?.(effect.code, effect.detail); break;
    }
  }

  /** @param {number} generation @param {{epoch: string, seq: number}|null} cursor */
  function openSocket(generation, cursor) {
    const url = new URL(`/ws/tournaments/${encodeURIComponent(id)}`, location.href);
    url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
    url.hash = '';
    if (cursor) url.search = new URLSearchParams({ epoch: cursor.epoch, seq: String(cursor.seq) }).toString();
    const ws = new WebSocket(url, 'palio.v1.json');
    socket = ws;
    ws.onopen = () => on({ on: 'opened', id: generation });
    ws.onmessage = ({ data }) => {
      let frame;
      try {
        frame = JSON.parse(data);
      } catch {
        return;
      }
      on({ on: 'frame', id: generation, frame });
    };
    ws.onclose = ({ code }) => on({ on: 'closed', id: generation, code });
  }

  function closeSocket() {
    socket?.close(1000);
    socket = null;
  }

  async function poll() {
    try {
      const own = state.token ? getOwnRow(id, state.token).catch(() => undefined) : undefined;
      const answer = await getBoard(id, limit, polledBoard ? etag : null, stopping.signal);
      if (answer.storedAt) {
        on({ on: 'pollFailed', reason: 'network', copy: fromPoll(answer.body), copyAt: answer.storedAt });
        return;
      }
      if (answer.status !== 304) {
        polledBoard = fromPoll(answer.body);
        etag = answer.etag;
      }
      on({ on: 'polled', board: polledBoard, me: await own });
    } catch (error) {
      const status = error instanceof ApiError ? error.status : 0;
      on({ on: 'pollFailed', reason: status === 0 ? 'network' : status === 404 ? 'missing' : 'server' });
    }
  }

  const online = () => on({ on: 'online' });
  const offline = () => on({ on: 'offline' });
  const visibility = () => {
    if (document.hidden) keep();
    on({ on: document.hidden ? 'hidden' : 'visible' });
  };
  window.addEventListener('online', online);
  window.addEventListener('offline', offline);
  window.addEventListener('pagehide', keep);
  document.addEventListener('visibilitychange', visibility);
  on({ on: 'start' });

  return {
    /** @param {string|null} next */
    setToken: (next) => on({ on: 'token', token: next }),
    stop() {
      keep();
      on({ on: 'stop' });
      running = false;
      stopping.abort();
      for (const timer of timers.values()) clearTimeout(timer);
      window.removeEventListener('online', online);
      window.removeEventListener('offline', offline);
      window.removeEventListener('pagehide', keep);
      document.removeEventListener('visibilitychange', visibility);
    },
  };
}
