// The machine of a player's wallet, by cases.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MS, initial, step } from '../../../web/client/me.js';

/** @typedef {import('../../../web/client/me.js').Event} Event */

const jwt = (/** @type {string} */ sub, /** @type {number} */ n = 0) => `h.${Buffer.from(JSON.stringify({ sub, n })).toString('base64url')}.s`;
const wallet = (/** @type {number} */ seq, /** @type {string} */ available) => ({ t: 'wallet', seq, accounts: [{ currency: 'EUR', available }], limits: [] });

class Machine {
  /** @param {Parameters<typeof initial>[0]} [from] */
  constructor(from = { token: jwt('p_1') }) {
    this.state = initial(from);
    /** @type {import('../../../web/client/me.js').Effect[]} */
    this.effects = [];
  }

  /** @param {Event} event @param {number} [random] */
  on(event, random) {
    [this.state, this.effects] = step(this.state, event, random);
    return this;
  }

  /** @param {any} frame */
  frame(frame) { return this.on({ on: 'frame', id: this.state.id, frame }); }

  /** @param {number} code */
  closed(code) { return this.on({ on: 'closed', id: this.state.id, code }); }

  /** @param {import('../../../web/client/me.js').Timer} name */
  timer(name) { return this.on({ on: 'timer', name }); }

  live() {
    this.on({ on: 'start' });
    return this.on({ on: 'opened', id: this.state.id }).frame(wallet(5, '10.00'));
  }

  /** @param {string} name @returns {any} */
  effect(name) { return this.effects.find((e) => e.do === name); }

  /** @param {string} name @returns {number|undefined} */
  timerMs(name) {
    const found = this.effects.findLast((e) => (e.do === 'timer' || e.do === 'cancel') && e.name === name);
    return found?.do === 'timer' ? found.ms : undefined;
  }

  get available() { return this.state.wallet?.accounts[0].available; }
}

test('without a token nothing is asked', () => {
  const m = new Machine({}).on({ on: 'start' });
  assert.deepEqual([m.effects, m.state.mode], [[], 'waiting']);
  for (const event of /** @type {Event[]} */ ([{ on: 'online' }, { on: 'visible' }, { on: 'timer', name: 'poll' }, { on: 'timer', name: 'retry' }])) {
    assert.ok(!m.on(event).effect('open') && !m.effect('poll'));
  }
  assert.ok(m.on({ on: 'token', token: jwt('p_1') }).effect('open'));
});

test('auth is the first message; the wallet makes it live', () => {
  const m = new Machine().on({ on: 'start' });
  m.on({ on: 'opened', id: m.state.id });
  assert.deepEqual(m.effect('send').frame, { t: 'auth', token: jwt('p_1') });
  m.frame(wallet(5, '10.00'));
  assert.deepEqual([m.state.mode, m.available, m.timerMs('fallback')], ['live', '10.00', undefined]);
});

describe('wallets', () => {
  test('the newest counts, within a socket', () => {
    const m = new Machine().live().frame(wallet(7, '12.00')).frame(wallet(6, '11.00'));
    assert.equal(m.available, '12.00');
  });

  test('a new socket\'s first is believed whatever its seq', () => {
    const m = new Machine().live().closed(1006).timer('retry').frame(wallet(1, '9.00'));
    assert.equal(m.available, '9.00');
  });

  test('an older socket\'s is not heard', () => {
    const m = new Machine().live();
    const old = m.state.id;
    m.closed(1006).timer('retry').on({ on: 'frame', id: old, frame: wallet(9, '99.00') });
    assert.equal(m.available, '10.00');
  });
});

test('a notice is told once', () => {
  const m = new Machine().live().frame({ t: 'notice', kind: 'prize', seq: 8 });
  assert.deepEqual(m.effect('event').frame.kind, 'prize');
  m.closed(1006).timer('retry');
  assert.equal(m.frame({ t: 'notice', kind: 'prize', seq: 8 }).effect('event'), undefined);
  assert.ok(m.frame({ t: 'notice', kind: 'limit', seq: 9 }).effect('event'));
});

describe('closing', () => {
  for (const [code, what] of /** @type {[number, string][]} */ ([
    [1001, 'again'], [1006, 'again'], [1011, 'again'], [1000, 'again'], [4029, 'again'], [4050, 'again'], [4108, 'again'],
    [1009, 'barred'], [4400, 'barred'], [4404, 'barred'], [4477, 'barred'], [4401, 'token'],
  ])) {
    test(`${code}: ${what}`, () => {
      const m = new Machine().live().closed(code);
      assert.equal(m.timerMs('retry') !== undefined, what === 'again');
      assert.equal(m.state.barred, what === 'barred');
      assert.equal(m.effect('tokenWanted')?.why, what === 'token' ? 'refused' : undefined);
      assert.equal(m.state.wallet === null, what === 'token');
      if (what !== 'token') assert.ok(m.timerMs('fallback') !== undefined, 'it polls if that takes long');
    });
  }

  test('1000 after its bye is the end', () => {
    const m = new Machine().live().frame({ t: 'bye', code: 1000 }).closed(1000);
    assert.equal(m.state.mode, 'done');
    assert.deepEqual(m.on({ on: 'token', token: jwt('p_2') }).effects, []);
  });

  test('no sooner than the server said', () => {
    const m = new Machine().live().frame({ t: 'bye', code: 1001, reconnectMs: 4_000 }).closed(1001);
    assert.ok((m.timerMs('retry') ?? 0) >= 4_000 && (m.timerMs('fallback') ?? 0) >= 4_000);
  });
});

describe('polling', () => {
  const m = () => new Machine().live().closed(1006).timer('fallback');
  test('asks with the token, and again', () => {
    assert.deepEqual(m().effect('poll'), { do: 'poll', token: jwt('p_1') });
    const ms = m().timerMs('poll') ?? 0;
    assert.ok(ms >= (MS.poll[0] ?? 0) && ms <= (MS.poll[1] ?? 0));
  });
  test('its answer counts unless the socket is back, or the player another', () => {
    const answer = { on: /** @type {const} */ ('polled'), token: jwt('p_1'), wallet: { accounts: [{ available: '7.00' }], limits: [], seq: null } };
    const polled = m().on(answer);
    assert.deepEqual([polled.available, polled.state.mode], ['7.00', 'polling']);
    assert.equal(m().timer('retry').frame(wallet(8, '8.00')).on(answer).available, '8.00');
    assert.equal(m().on({ on: 'token', token: jwt('p_2') }).on(answer).available, undefined);
  });
  test('a refusal asks for another token; no network is offline', () => {
    assert.equal(m().on({ on: 'pollFailed', token: jwt('p_1'), reason: 'refused' }).effect('tokenWanted').why, 'refused');
    assert.equal(m().on({ on: 'pollFailed', token: jwt('p_1'), reason: 'network' }).state.mode, 'offline');
  });
});

describe('tokens', () => {
  test('a newer one of the same player goes over the same socket', () => {
    const m = new Machine().live().on({ on: 'token', token: jwt('p_1', 2) });
    assert.deepEqual(m.effect('send').frame, { t: 'auth', token: jwt('p_1', 2) });
    assert.deepEqual([m.effect('close'), m.available], [undefined, '10.00']);
  });
  test('another player gets a socket of his own, and never sees the other\'s balance', () => {
    const m = new Machine().live().on({ on: 'token', token: jwt('p_2') });
    assert.ok(m.effect('close') && m.effect('open'));
    assert.equal(m.state.wallet, null);
  });
  test('signing out ends all of it', () => {
    const m = new Machine().live().on({ on: 'token', token: null });
    assert.ok(m.effect('close'));
    assert.deepEqual([m.state.mode, m.state.wallet], ['waiting', null]);
  });
  test('TOKEN_EXPIRED: what is shown stays, and the new one goes over the same socket', () => {
    const m = new Machine().live().frame({ t: 'error', code: 'TOKEN_EXPIRED', detail: '' });
    assert.deepEqual([m.effect('tokenWanted').why, m.available], ['expired', '10.00']);
    assert.ok(m.on({ on: 'token', token: jwt('p_1', 2) }).effect('send'));
  });
});

describe('silence and hidden pages', () => {
  test('a quiet socket is asked for a pong and replaced without one', () => {
    const m = new Machine().live().timer('quiet');
    assert.deepEqual(m.effect('send').frame, { t: 'ping' });
    assert.ok(m.timer('pong').effect('close'));
    assert.ok(m.timer('retry').effect('open'));
  });
  test('hidden for a minute gives it up, visible again goes on', () => {
    const m = new Machine().live().on({ on: 'hidden' }).timer('idle');
    assert.ok(m.effect('close'));
    assert.equal(m.timer('retry').effect('open'), undefined);
    assert.ok(m.on({ on: 'visible' }).effect('open'));
    assert.equal(m.available, '10.00');
  });
  test('what can\'t be read ends the socket', () => {
    const m = new Machine().live();
    assert.ok(m.on({ on: 'garbled', id: m.state.id }).effect('close'));
  });
});
