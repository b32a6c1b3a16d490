// Carries out what the machine of a player's wallet decides. No rules of its own.

import { initial, step } from './me.js';
import { Refused, getJson, namedTimers } from './wire.js';

/**
 * @typedef {import('./me.js').State} State
 * @typedef {object} Options
 * @property {string} base     the server's address, without a slash at its end
 * @property {string|null} token
 * @property {import('./wire.js').Wire} wire
 * @property {(state: State, before: State) => void} onState
 * @property {(frame: any) => void} onEvent
 * @property {(why: 'expired'|'refused') => void} onTokenWanted
 * @property {(code: string, detail: string) => void} onNotice
 */

/** @param {Options} options */
export function connectAccount({ base, token, wire, onState, onEvent, onTokenWanted, onNotice }) {
  let state = initial({ token, visible: wire.page.visible() });
  /** @type {WebSocket|null} */
  let socket = null;
  let running = true;
  const timers = namedTimers(wire, (name) => on({ on: 'timer', name }));
  const stopping = new AbortController();
  /** @type {import('./me.js').Event[]} */
  const waiting = [];
  let busy = false;

  /** @param {import('./me.js').Event} event */
  function on(event) {
    if (!running) return;
    waiting.push(event);
    if (busy) return;
    busy = true;
    try {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        const before = state;
        const [after, effects] = step(state, next, wire.random());
        state = after;
        for (const effect of effects) carryOut(effect);
        onState(state, before);
      }
    } finally {
      busy = false;
    }
  }

  /** @param {import('./me.js').Effect} effect */
  function carryOut(effect) {
    switch (effect.do) {
      case 'open': open(effect.id); break;
      case 'close':
        if (!socket) break;
        socket.onopen = socket.onmessage = socket.onclose = null;
        socket.close(1000);
        socket = null;
        break;
      case 'send':
        if (socket?.readyState === 1) socket.send(JSON.stringify(effect.frame));
        break;
      case 'poll': void poll(effect.token); break;
      case 'timer': timers.set(effect.name, effect.ms); break;
      case 'cancel': timers.cancel(effect.name); break;
      case 'event': onEvent(effect.frame); break;
      case 'tokenWanted': onTokenWanted(effect.why); break;
      case 'notice': onNotice(effect.code, effect.detail); break;
    }
  }

  /** @param {number} id */
  function open(id) {
    if (!wire.WebSocket) return on({ on: 'closed', id, code: 4400 }); // none here: polling
    /** @type {WebSocket} */
    let ws;
    try {
      ws = new wire.WebSocket(`${base}/ws/me`.replace(/^http/, 'ws'), 'palio.v1.json');
    } catch { // forbidden here, by the page's policy for one
      return on({ on: 'closed', id, code: 4400 });
    }
    socket = ws;
    ws.onopen = () => on({ on: 'opened', id });
    ws.onmessage = ({ data }) => {
      try {
        on({ on: 'frame', id, frame: JSON.parse(data) });
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
        on({ on: 'garbled', id });
      }
    };
    ws.onerror = () => {}; // a close follows
    ws.onclose = ({ code }) => on({ on: 'closed', id, code });
    return undefined;
  }

  /** @param {string} asker the token */
  async function poll(asker) {
    try {
      const [me, limits] = await Promise.all(['/api/me', '/api/me/limits'].map(
        (path) => getJson(wire, base + path, { token: asker, signal: stopping.signal }),
      ));
      const wallet = { accounts: me?.body.accounts ?? [], limits: limits?.body.limits ?? [], seq: null };
      on({ on: 'polled', token: asker, wallet });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const reason = error.status === 401 ? 'refused' : error.status === 0 ? 'network' : 'server';
      on({ on: 'pollFailed', token: asker, reason });
    }
  }

  const deaf = [
    wire.page.on('online', () => on({ on: 'online' })),
    wire.page.on('visible', () => on({ on: 'visible' })),
    wire.page.on('hidden', () => on({ on: 'hidden' })),
  ];
  queueMicrotask(() => on({ on: 'start' })); // nothing is told before the caller has what is given back

  return {
    get state() { return state; },
    /** @param {string|null} next */
    setToken: (next) => on({ on: 'token', token: next }),
    close() {
      if (!running) return;
      on({ on: 'stop' });
      running = false;
      stopping.abort();
      timers.clear();
      for (const stop of deaf) stop();
    },
  };
}
