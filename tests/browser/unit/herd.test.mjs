// mattermost-webapp #10960: after a server's restart all clients came back at one moment. Here ten thousand clients lose
// their server; what is looked at is the time of each request, drawn and virtual, never a clock.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { initial, step } from '../../../web/client/live.js';
import { random } from '../live/wire.mjs';

const CLIENTS = Number(process.env.PALIO_HERD ?? 10_000);
const SLICE_MS = 100;
const SNAPSHOT = { t: 'snapshot', epoch: 'e1', seq: 5, status: 'active', participants: 0, endsAt: null, decimals: 2, n: 0, chain: '', rows: [] };

/**
 * Lives through a restart; says when it asked for what.
 * @param {number} seed @param {{bye: number|null, downMs: number}} how bye: `reconnectMs` of a stop in good order, to all the same
 */
function client(seed, { bye, downMs }) {
  const rnd = random(seed);
  /** @type {{ms: number, what: string}[]} */
  const asked = [];
  /** @type {Map<string, number>} */
  const timers = new Map();
  let now = 0;
  let began = false;
  let state = initial();
  /** @param {any} event */
  const on = (event) => {
    const [next, effects] = step(state, event, rnd());
    state = next;
    for (const effect of effects) {
      if (effect.do === 'timer') timers.set(effect.name, now + effect.ms);
      else if (effect.do === 'cancel') timers.delete(effect.name);
      else if (effect.do === 'open' || effect.do === 'stream' || effect.do === 'poll') {
        asked.push({ ms: now, what: effect.do });
        const { id } = effect;
        if (!began) continue;
        if (now >= downMs) { if (effect.do === 'open') on({ on: 'frame', id, frame: { ...SNAPSHOT, epoch: 'e2' } }); }
        else if (effect.do === 'open') on({ on: 'closed', id, code: 1006 });
        else if (effect.do === 'stream') on({ on: 'streamClosed', id, reason: 'lost' });
        else on({ on: 'pollFailed', id, reason: 'network' });
      }
    }
  };
  on({ on: 'start' });
  on({ on: 'frame', id: 1, frame: SNAPSHOT });
  on({ on: 'timer', name: 'steady' });
  timers.clear();
  asked.length = 0;
  began = true;
  if (bye !== null) on({ on: 'frame', id: 1, frame: { t: 'bye', code: 1001, reconnectMs: bye } });
  on({ on: 'closed', id: 1, code: bye === null ? 1006 : 1001 });
  while (state.mode !== 'live') {
    const [name, at] = /** @type {[any, number]} */ ([...timers].sort((a, b) => a[1] - b[1])[0]);
    assert.ok(at < downMs + 60_000, 'it comes back');
    timers.delete(name);
    now = at;
    on({ on: 'timer', name });
  }
  return { asked, back: now };
}

/** The most of them in one slice of time. @param {number[]} times */
function peak(times) {
  /** @type {Map<number, number>} */
  const slices = new Map();
  for (const ms of times) slices.set(Math.floor(ms / SLICE_MS), (slices.get(Math.floor(ms / SLICE_MS)) ?? 0) + 1);
  return Math.max(...slices.values());
}

describe(`mattermost-webapp #10960: ${CLIENTS} clients after a restart`, () => {
  for (const [what, how, most] of /** @type {[string, {bye: number|null, downMs: number}, number][]} */ ([
    ['in good order, all told the same second and a half', { bye: 1_500, downMs: 0 }, 0.12],
    ['in good order, all told ten seconds', { bye: 10_000, downMs: 9_000 }, 0.03],
    ['killed, back after 5 s', { bye: null, downMs: 5_000 }, 0.06],
    ['killed, back after 30 s', { bye: null, downMs: 30_000 }, 0.03],
  ])) {
    test(what, () => {
      const all = Array.from({ length: CLIENTS }, (_, i) => client(i + 1, how));
      const returns = peak(all.map((one) => one.back));
      assert.ok(returns <= most * CLIENTS, `${returns} of ${CLIENTS} are back within ${SLICE_MS} ms`);
      if (how.bye !== null) {
        const early = all.filter((one) => one.asked.some(({ ms }) => ms < (how.bye ?? 0)));
        assert.equal(early.length, 0, 'nobody asks for anything before the time that the server gave');
      }
      // Streams and polls are no herd either.
      for (const kind of ['stream', 'poll']) {
        const times = all.flatMap((one) => one.asked.filter(({ what: asked }) => asked === kind).map(({ ms }) => ms));
        if (times.length > 0) assert.ok(peak(times) <= Math.max(0.12 * CLIENTS, 20), `${peak(times)} times ${kind} within ${SLICE_MS} ms`);
      }
    });
  }
});
