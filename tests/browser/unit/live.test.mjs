// The connection's state machine, by cases: what goes in, which mode comes out, what is asked of the outside.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fromSnapshot } from '../../../web/client/board.js';
import { MS, badge, initial, isEnded, step } from '../../../web/client/live.js';
import { WAIT } from '../../../web/client/retry.js';

/** @typedef {import('../../../web/client/live.js').Event} Event */
/** @typedef {import('../../../web/client/live.js').Effect} Effect */

const ROWS = [{ k: 'a', r: 1, n: 'Ann', s: '20.00' }, { k: 'b', r: 2, n: 'Bob', s: '10.00' }];
const SNAPSHOT = { t: 'snapshot', epoch: 'e1', seq: 5, status: 'active', participants: 2, endsAt: null,
  serverTime: '2026-11-21T18:00:00.000Z', decimals: 2, hash: 'aa'.repeat(16), chain: 'bb'.repeat(16), n: 3, rows: ROWS };
const DELTA = { t: 'delta', prev: 5, seq: 6, set: [[0, 1, '30.00'], [1, 0]] };
const jwt = (/** @type {string} */ sub, /** @type {number} */ n = 0) => `h.${Buffer.from(JSON.stringify({ sub, n })).toString('base64url')}.s`;

/** A machine to drive: keeps the state and the effects of the last event. */
class Machine {
  /** @param {Parameters<typeof initial>[0]} [from] */
  constructor(from) {
    this.state = initial(from);
    /** @type {Effect[]} */
    this.effects = [];
  }

  /** @param {Event} event @param {number} [random] */
  on(event, random) {
    [this.state, this.effects] = step(this.state, event, random);
    return this;
  }

  /** A frame on the current socket. @param {any} frame @param {number} [random] */
  frame(frame, random) { return this.on({ on: 'frame', id: this.state.socket.id, frame }, random); }

  /** A frame on the current stream. @param {any} frame */
  event(frame) { return this.on({ on: 'frame', link: 'stream', id: this.state.stream.id, frame }); }

  /** @param {number} code @param {number} [random] */
  closed(code, random) { return this.on({ on: 'closed', id: this.state.socket.id, code }, random); }

  /** @param {number} [retryMs] */
  streamClosed(retryMs) { return this.on({ on: 'streamClosed', id: this.state.stream.id, reason: 'lost', retryMs }); }

  /** @param {any} frame */
  polled(frame) { return this.on({ on: 'polled', id: this.state.poll?.id ?? -1, frame }); }

  /** @param {'network'|'server'|'missing'} reason @param {object} [more] */
  pollFailed(reason, more) { return this.on({ on: 'pollFailed', id: this.state.poll?.id ?? -1, reason, ...more }); }

  /** @param {import('../../../web/client/live.js').Timer} name @param {number} [random] */
  timer(name, random) { return this.on({ on: 'timer', name }, random); }

  /** Started, opened and with its first snapshot. */
  live() {
    this.on({ on: 'start' });
    return this.on({ on: 'opened', id: this.state.socket.id }).frame(SNAPSHOT);
  }

  /** Live once, then on a stream. */
  streaming() {
    this.live().closed(1006).timer('fallback');
    return this.on({ on: 'opened', link: 'stream', id: this.state.stream.id }).event({ t: 'resumed', epoch: 'e1', seq: 5 });
  }

  /** Live once, then without a socket and a stream. */
  polling() { return this.live().closed(1006).timer('fallback').streamClosed().polled(null); }

  /** @param {Effect['do']} name @returns {any} */
  effect(name) { return this.effects.find((e) => e.do === name); }

  /** @param {string} code */
  told(code) { return this.effects.some((e) => e.do === 'notice' && e.code === code); }

  /** @param {string} name @returns {number|undefined} */
  timerMs(name) {
    const found = this.effects.findLast((e) => (e.do === 'timer' || e.do === 'cancel') && e.name === name);
    return found?.do === 'timer' ? found.ms : undefined;
  }
}

/** @param {number|undefined} ms @param {number[]} range */
const within = (ms, [from = 0, to = 0]) => assert.ok(ms !== undefined && ms >= from && ms <= to, `${ms} is not in ${from}–${to}`);

describe('first connection', () => {
  test('opens a socket without a cursor, and nothing else', () => {
    const m = new Machine().on({ on: 'start' });
    assert.deepEqual(m.effect('open'), { do: 'open', id: 1, cursor: null });
    assert.equal(m.effect('poll'), undefined);
    assert.equal(m.timerMs('first'), MS.first);
    within(m.timerMs('fallback'), MS.fallback);
    assert.deepEqual(badge(m.state), { kind: 'connecting', text: 'Connecting' });
  });

  test('a snapshot makes it live, stops the other ways and sets the clock', () => {
    const m = new Machine().live();
    assert.equal(m.state.mode, 'live');
    for (const name of ['first', 'fallback', 'poll']) assert.ok(m.effects.some((e) => e.do === 'cancel' && e.name === name));
    assert.deepEqual(m.effect('clock'), { do: 'clock', serverTime: SNAPSHOT.serverTime });
    assert.equal(badge(m.state).text, 'Live');
  });

  test('where a socket is slow the first rows are polled, and shown as connecting', () => {
    const m = new Machine().on({ on: 'start' }).timer('first');
    assert.deepEqual(m.effect('poll'), { do: 'poll', id: 1, cursor: null });
    m.polled({ ...SNAPSHOT, t: undefined, seq: 4 });
    assert.equal(m.state.mode, 'connecting');
    assert.equal(m.state.board?.seq, 4);
  });

  test('a socket without a first frame is given up and tried again', () => {
    const m = new Machine().on({ on: 'start' }).timer('open');
    assert.ok(m.effect('close'));
    assert.equal(m.state.socket.phase, 'none');
    assert.ok(m.timerMs('retry') !== undefined);
  });

  test('the token goes in the first message, never in the address', () => {
    const m = new Machine({ token: 'secret' }).on({ on: 'start' });
    assert.ok(!JSON.stringify(m.effects).includes('secret'));
    m.on({ on: 'opened', id: m.state.socket.id });
    assert.deepEqual(m.effect('send').frame, { t: 'auth', token: 'secret' });
  });
});

describe('deltas', () => {
  test('one that fits moves the board', () => {
    const m = new Machine().live().frame(DELTA);
    assert.equal(m.state.mode, 'live');
    assert.equal(m.state.board?.seq, 6);
    assert.deepEqual(m.state.board?.rows.map((r) => r.k), ['b', 'a']);
  });

  test('a merged one, too', () => assert.equal(new Machine().live().frame({ ...DELTA, seq: 90 }).state.board?.seq, 90));

  for (const [why, frame] of /** @type {[string, any][]} */ ([
    ['a gap', { t: 'delta', prev: 6, seq: 7 }],
    ['a repeat', { t: 'delta', prev: 4, seq: 5 }],
    ['a position that is not there', { t: 'delta', prev: 5, seq: 6, set: [[9, '1.00']] }],
    ['the old form', { t: 'delta', prev: 5, seq: 6, set: [{ k: 'z', r: 3, s: '1' }] }],
    ['a snapshot without rows', { ...SNAPSHOT, rows: null }],
  ])) {
    test(`${why}: the board stays as it was and a fresh socket follows`, () => {
      const m = new Machine().live().frame(frame, 0);
      assert.ok(m.effect('close'));
      assert.ok(m.told('MISFIT'));
      assert.equal(m.state.board?.seq, 5);
      assert.equal(m.timerMs('retry'), WAIT.min / 2, 'not at once: others may have been sent the same');
      m.timer('retry');
      assert.equal(m.effect('open').cursor, null);
    });
  }

  test('a message that can\'t be read is one that does not fit', () => {
    const m = new Machine().live();
    m.on({ on: 'garbled', id: m.state.socket.id, detail: '…' });
    assert.ok(m.effect('close'));
    assert.equal(m.timer('retry').effect('open').cursor, null);
  });

  test('what an older socket brings changes nothing', () => {
    const m = new Machine().live();
    const old = m.state.socket.id;
    m.closed(1006).timer('retry');
    for (const event of /** @type {Event[]} */ ([{ on: 'frame', id: old, frame: DELTA }, { on: 'garbled', id: old, detail: '' },
      { on: 'closed', id: old, code: 4404 }, { on: 'opened', id: old }])) {
      const { state } = m;
      assert.deepEqual(m.on(event).state, state);
      assert.deepEqual(m.effects, []);
    }
  });

  test('misfit after misfit waits longer', () => {
    const m = new Machine().live();
    const waits = [];
    for (let i = 0; i < 4; i += 1) {
      m.frame({ ...DELTA, prev: 77, seq: 78 }, 0.99);
      waits.push(m.timerMs('retry'));
      m.timer('retry').frame(SNAPSHOT);
    }
    assert.deepEqual(waits, [498, 995, 1990, 3980]);
  });
});

describe('going on with the cursor', () => {
  test('a lost socket comes back with it, and the merged delta fits', () => {
    const m = new Machine().live().closed(1006);
    assert.deepEqual(badge(m.state), { kind: 'connecting', text: 'Reconnecting' });
    m.timer('retry');
    assert.deepEqual(m.effect('open').cursor, { epoch: 'e1', seq: 5 });
    m.frame({ t: 'resumed', epoch: 'e1', seq: 5 });
    assert.equal(m.state.mode, 'live');
    assert.equal(m.frame({ t: 'delta', prev: 5, seq: 11 }).state.board?.seq, 11);
  });

  for (const [why, frame] of /** @type {[string, any][]} */ ([
    ['another seq', { t: 'resumed', epoch: 'e1', seq: 4 }], ['another epoch', { t: 'resumed', epoch: 'e2', seq: 5 }],
  ])) {
    test(`resumed at ${why} than asked is not believed`, () => {
      const m = new Machine().live().closed(1006).timer('retry').frame(frame);
      assert.notEqual(m.state.mode, 'live');
      assert.equal(m.timer('retry').effect('open').cursor, null);
    });
  }

  test('resumed without having asked, or twice, is not believed', () => {
    assert.ok(new Machine().on({ on: 'start' }).frame({ t: 'resumed', epoch: 'e1', seq: 5 }).told('MISFIT'));
    const m = new Machine().live().closed(1006).timer('retry').frame({ t: 'resumed', epoch: 'e1', seq: 5 });
    assert.ok(m.frame({ t: 'resumed', epoch: 'e1', seq: 5 }).told('MISFIT'));
  });

  test('a snapshot of another epoch replaces the board, on an open socket as well', () => {
    for (const m of [new Machine().live().closed(1001).timer('retry'), new Machine().live()]) {
      m.frame({ ...SNAPSHOT, epoch: 'e2', seq: 1 });
      assert.deepEqual([m.state.board?.epoch, m.state.board?.seq], ['e2', 1]);
    }
  });

  test('polled news is as good a cursor as live news', () => {
    const m = new Machine().live().closed(1006).timer('fallback').streamClosed().polled({ t: 'delta', prev: 5, seq: 8 });
    assert.deepEqual(m.timer('retry').effect('open').cursor, { epoch: 'e1', seq: 8 });
  });

  test('a poll that overtakes the opening socket does not disturb it, and the board never goes back', () => {
    const m = new Machine().live().closed(1006).timer('fallback').streamClosed().timer('retry');
    m.polled({ t: 'delta', prev: 5, seq: 8, set: [[0, '21.00']] });
    m.frame({ t: 'resumed', epoch: 'e1', seq: 5 });
    assert.equal(m.state.mode, 'live');
    assert.equal(m.state.board?.seq, 8);
    assert.equal(m.frame({ t: 'delta', prev: 5, seq: 7 }).state.board?.seq, 8);
    assert.equal(m.frame({ t: 'delta', prev: 7, seq: 9, set: [[0, '22.00']] }).state.board?.rows[0]?.s, '22.00');
  });

  test('binary: a board whose decimals nobody said is no place to go on from', () => {
    const whole = { ...SNAPSHOT, t: undefined, decimals: undefined };
    for (const [binary, cursor] of /** @type {[boolean, any][]} */ ([[true, null], [false, { epoch: 'e1', seq: 5 }]])) {
      const m = new Machine({ binary }).on({ on: 'start' }).timer('first').polled(whole).closed(1006).timer('retry');
      assert.deepEqual(m.effect('open').cursor, cursor);
    }
    const m = new Machine({ binary: true }).live().closed(1006).timer('fallback').streamClosed().polled({ ...whole, epoch: 'e2' }).timer('retry');
    assert.deepEqual(m.effect('open').cursor, { epoch: 'e2', seq: 5 }, 'what was known of the tournament stays');
  });
});

describe('closing', () => {
  test('1000 that was announced, or of a race that is over, ends it', () => {
    const over = { t: 'delta', prev: 5, seq: 6, status: 'completed' };
    for (const m of [new Machine().live().frame({ t: 'bye', code: 1000 }), new Machine().live().frame(over)]) {
      m.closed(1000);
      assert.equal(m.state.mode, 'done');
      for (const event of /** @type {Event[]} */ ([{ on: 'timer', name: 'retry' }, { on: 'online' }, { on: 'visible' }, { on: 'token', token: 'x' }])) {
        assert.equal(m.on(event).effect('open'), undefined);
      }
    }
  });

  test('1000 that nobody announced, in the midst of a race, is a lost socket', () => {
    const m = new Machine().live().closed(1000);
    assert.equal(m.state.mode, 'connecting');
    assert.ok(m.timerMs('retry') !== undefined);
  });

  test('1001: no sooner than the server said, by no way', () => {
    for (const [random, ms] of /** @type {[number, number][]} */ ([[0, 4_000], [0.5, 5_000]])) {
      const m = new Machine().live().frame({ t: 'bye', code: 1001, reconnectMs: 4_000 }).closed(1001, random);
      assert.equal(m.timerMs('retry'), ms);
      assert.ok((m.timerMs('fallback') ?? 0) >= 4_000 + (MS.fallback[0] ?? 0));
    }
  });

  test('a bye counts when the close itself got lost', () => {
    for (const code of [1005, 1006]) {
      const m = new Machine().live().frame({ t: 'bye', code: 4108 }).closed(code);
      assert.equal(m.timer('retry').effect('open').cursor, null);
    }
  });

  for (const code of [1009, 4400]) {
    test(`${code}: never another socket, but the other ways`, () => {
      const m = new Machine().live().closed(code);
      assert.equal(m.timerMs('retry'), undefined);
      assert.ok(m.told('BARRED'));
      within(m.timerMs('fallback'), MS.fallback);
      m.timer('fallback');
      assert.deepEqual(m.effect('stream').cursor, { epoch: 'e1', seq: 5 });
      m.event({ t: 'resumed', epoch: 'e1', seq: 5 });
      assert.equal(m.state.mode, 'streaming');
      assert.equal(m.on({ on: 'online' }).effect('open'), undefined);
    });
  }

  test('4401: the token is dropped, the board goes on without it', () => {
    const m = new Machine({ token: 'old' }).live().closed(4401);
    assert.deepEqual(m.effect('tokenWanted'), { do: 'tokenWanted', why: 'refused' });
    m.timer('retry').on({ on: 'opened', id: m.state.socket.id });
    assert.equal(m.effect('send'), undefined);
  });

  test('4404 ends it as missing', () => assert.equal(new Machine().on({ on: 'start' }).closed(4404).state.mode, 'missing'));

  test('4029 stays away for half a minute unless told, and uses the other ways meanwhile', () => {
    const m = new Machine().live().closed(4029, 0);
    assert.equal(m.timerMs('retry'), WAIT.crowded);
    within(m.timerMs('fallback'), MS.fallback);
    assert.equal(new Machine().live().frame({ t: 'bye', code: 4029, reconnectMs: 5_000 }).closed(4029, 0).timerMs('retry'), 5_000);
  });

  for (const [code, cursor] of /** @type {[number, any][]} */ ([
    [4000, { epoch: 'e1', seq: 5 }], [4077, { epoch: 'e1', seq: 5 }], [4099, { epoch: 'e1', seq: 5 }],
    [4108, null], [4100, null], [4199, null], [1011, { epoch: 'e1', seq: 5 }], [4300, { epoch: 'e1', seq: 5 }],
  ])) {
    test(`${code} comes back ${cursor ? 'with' : 'without'} the cursor`, () => {
      assert.deepEqual(new Machine().live().closed(code).timer('retry').effect('open').cursor, cursor);
    });
  }

  for (const code of [4402, 4410, 4499]) {
    test(`${code}: not at all`, () => {
      const m = new Machine().live().closed(code);
      assert.equal(m.state.mode, 'refused');
      assert.ok(isEnded(m.state) && m.told('REFUSED'));
      assert.deepEqual(m.on({ on: 'online' }).effects, []);
    });
  }

  test('failures are forgiven only after ten seconds of being live', () => {
    const m = new Machine().live().closed(1006).timer('retry').closed(1006).timer('retry').frame(SNAPSHOT);
    assert.equal(m.state.socket.failures, 2);
    assert.equal(m.timerMs('steady'), MS.steady);
    assert.equal(m.timer('steady').state.socket.failures, 0);
  });
});

describe('the stream', () => {
  test('is tried two to three and a half seconds after a live socket was lost, with the cursor', () => {
    const m = new Machine().live().closed(1006);
    within(m.timerMs('fallback'), MS.fallback);
    m.timer('fallback');
    assert.deepEqual(m.effect('stream'), { do: 'stream', id: 1, cursor: { epoch: 'e1', seq: 5 } });
    assert.equal(m.timerMs('poll'), MS.slowStream);
    m.event({ t: 'resumed', epoch: 'e1', seq: 5 });
    assert.equal(m.state.mode, 'streaming');
    assert.equal(m.timerMs('poll'), undefined);
    assert.equal(m.event(DELTA).state.board?.seq, 6);
    assert.equal(badge(m.state).text, 'Live');
  });

  test('without a socket from the start it brings the snapshot', () => {
    const m = new Machine().on({ on: 'start' }).closed(1006).timer('fallback').event(SNAPSHOT);
    assert.equal(m.state.mode, 'streaming');
    assert.equal(m.state.board?.seq, 5);
  });

  test('a socket is tried beside it with the newest cursor, and ends it', () => {
    const m = new Machine().streaming().event(DELTA).timer('retry');
    assert.deepEqual(m.effect('open').cursor, { epoch: 'e1', seq: 6 });
    m.event({ t: 'delta', prev: 6, seq: 7, set: [[0, '31.00']] });
    m.frame({ t: 'resumed', epoch: 'e1', seq: 6 });
    assert.ok(m.effect('unstream'));
    assert.equal(m.state.mode, 'live');
    assert.equal(m.state.board?.seq, 7, 'what the stream brought meanwhile stays');
    assert.equal(m.frame({ t: 'delta', prev: 6, seq: 8, set: [[0, '32.00']] }).state.board?.rows[0]?.s, '32.00');
  });

  test('a cut one is opened again when the server said, polling if that takes long', () => {
    const m = new Machine().streaming().streamClosed(2_000);
    assert.ok((m.timerMs('restream') ?? 0) >= 2_000);
    within(m.timerMs('poll'), MS.fallback);
    assert.equal(m.state.mode, 'connecting');
    m.timer('restream');
    assert.deepEqual(m.effect('stream').cursor, { epoch: 'e1', seq: 5 });
  });

  test('one that never worked: polling at once, and it is tried more seldom', () => {
    const m = new Machine().live().closed(1006).timer('fallback').streamClosed();
    assert.ok(m.effect('poll'));
    within(m.timerMs('restream'), [2_000, 4_000]);
  });

  test('one that was cut and does not come back: polling, and called so', () => {
    const m = new Machine().streaming().streamClosed(0).timer('restream').streamClosed().polled(null);
    assert.equal(m.state.mode, 'polling');
  });

  test('one that brings nothing: polling beside it, then it is given up', () => {
    const m = new Machine().live().closed(1006).timer('fallback').timer('poll');
    assert.ok(m.effect('poll'));
    assert.ok(m.timer('streamOpen').effect('unstream'));
  });

  test('silence of forty seconds ends it; comments keep it', () => {
    const m = new Machine().streaming();
    assert.equal(m.on({ on: 'beat', id: m.state.stream.id }).timerMs('streamQuiet'), MS.streamQuiet);
    m.timer('streamQuiet');
    assert.ok(m.effect('unstream'));
    assert.ok(m.timerMs('restream') !== undefined);
  });

  test('a delta that does not fit: the stream again, without a cursor', () => {
    const m = new Machine().streaming().event({ t: 'delta', prev: 9, seq: 10 });
    assert.ok(m.effect('unstream'));
    assert.equal(m.timer('restream').effect('stream').cursor, null);
  });

  test('told to come back without a cursor: an older board from a slow line is not shown after a newer one', () => {
    const m = new Machine().streaming().timer('retry').event(DELTA).event({ t: 'bye', code: 4108 }).streamClosed();
    assert.deepEqual([m.state.cursorLost, m.state.board?.seq], [true, 6]);
    assert.deepEqual([m.frame(SNAPSHOT).state.board?.seq, m.state.cursorLost], [6, false]);
    assert.equal(m.frame(DELTA).frame({ t: 'delta', seq: 7 }).state.board?.seq, 7);
  });

  test('a missing tournament ends everything', () => {
    const m = new Machine().streaming();
    assert.equal(m.on({ on: 'streamClosed', id: m.state.stream.id, reason: 'missing' }).state.mode, 'missing');
  });

  test('its end after the race is the end', () => {
    const m = new Machine().streaming().event({ t: 'delta', prev: 5, seq: 6, status: 'completed' }).streamClosed();
    assert.equal(m.state.mode, 'done');
  });

  test('the own row is asked for, every ten seconds', () => {
    const m = new Machine({ token: 'x' }).streaming();
    assert.deepEqual(m.effect('own'), { do: 'own', token: 'x' });
    within(m.timerMs('own'), MS.own);
    assert.equal(m.on({ on: 'own', token: 'x', me: { rank: 3 } }).state.me.rank, 3);
    assert.equal(m.on({ on: 'own', token: 'old', me: { rank: 4 } }).state.me.rank, 3, 'of another token');
    assert.ok(m.timer('own').effect('own'));
    assert.deepEqual(m.on({ on: 'ownRefused', token: 'x' }).effect('tokenWanted'), { do: 'tokenWanted', why: 'refused' });
  });

  test('where there is no way to stream, polling takes its place', () => {
    const m = new Machine({ streams: false }).live().closed(1006).timer('fallback');
    assert.equal(m.effect('stream'), undefined);
    assert.ok(m.effect('poll'));
  });
});

describe('polling', () => {
  test('every ten seconds or so, with the cursor', () => {
    const m = new Machine().polling();
    assert.equal(m.state.mode, 'polling');
    m.timer('poll');
    assert.deepEqual(m.effect('poll').cursor, { epoch: 'e1', seq: 5 });
    within(m.timerMs('poll'), MS.poll);
  });

  test('a delta, no news, a whole board', () => {
    const m = new Machine().polling().timer('poll').polled(DELTA);
    assert.equal(m.state.board?.seq, 6);
    assert.equal(m.timer('poll').polled(null).state.board?.seq, 6);
    assert.equal(m.timer('poll').polled({ ...SNAPSHOT, t: undefined, epoch: 'e2' }).state.board?.epoch, 'e2');
  });

  test('a delta that does not fit: the whole board next', () => {
    const m = new Machine().polling().timer('poll').polled({ t: 'delta', prev: 9, seq: 10 });
    assert.ok(m.told('MISFIT'));
    assert.equal(m.timer('poll').effect('poll').cursor, null);
  });

  test('keeps its badge while sockets are tried in the background, and ends when one works', () => {
    const m = new Machine().polling().timer('retry').closed(1006);
    assert.equal(m.state.mode, 'polling');
    m.timer('retry').frame({ t: 'resumed', epoch: 'e1', seq: 5 });
    assert.equal(m.state.mode, 'live');
    assert.ok(m.effects.some((e) => e.do === 'cancel' && e.name === 'poll'));
  });

  test('an older answer of the same epoch does not set the board back', () => {
    assert.equal(new Machine().polling().timer('poll').polled({ ...SNAPSHOT, t: undefined, seq: 3 }).state.board?.seq, 5);
  });

  test('an answer that comes when live again is ignored', () => {
    const m = new Machine().polling().timer('poll');
    const id = m.state.poll?.id ?? 0;
    m.timer('retry').frame({ t: 'resumed', epoch: 'e1', seq: 5 }).on({ on: 'polled', id, frame: { ...SNAPSHOT, epoch: 'old', seq: 99 } });
    assert.deepEqual([m.state.board?.epoch, m.state.mode], ['e1', 'live']);
  });

  test('one that takes longer than the next is not waited for', () => {
    const m = new Machine().polling().timer('poll');
    const id = m.state.poll?.id ?? 0;
    assert.ok(m.timer('poll').effect('poll'));
    assert.equal(m.on({ on: 'polled', id, frame: DELTA }).state.board?.seq, 5);
  });

  test('the server\'s Retry-After is kept to', () => {
    assert.ok((new Machine().polling().timer('poll').pollFailed('server', { retryMs: 30_000 }).timerMs('poll') ?? 0) >= 30_000);
  });

  test('a race found over is done', () => assert.equal(new Machine().polling().timer('poll').polled({ t: 'delta', prev: 5, seq: 6, status: 'cancelled' }).state.mode, 'done'));
});

describe('offline', () => {
  test('nothing works: offline, and back by any', () => {
    const m = new Machine().live().closed(1006).timer('fallback').streamClosed().pollFailed('network');
    assert.equal(m.state.mode, 'offline');
    assert.equal(m.timer('poll').polled(null).state.mode, 'polling');
  });

  test('a server that answers with an error is not offline', () => {
    const m = new Machine().live().closed(1006).timer('fallback').streamClosed().pollFailed('server');
    assert.equal(badge(m.state).text, 'Reconnecting');
  });

  test('the stored copy is shown with its age, and nothing goes on from it', () => {
    const copy = fromSnapshot({ ...SNAPSHOT, seq: 2 });
    const m = new Machine().on({ on: 'start' }).timer('first').pollFailed('network', { copy, copyAt: 123 });
    assert.deepEqual([m.state.mode, m.state.staleAt, m.state.board?.seq], ['offline', 123, 2]);
    assert.equal(m.closed(1006).timer('retry').effect('open').cursor, null);
    m.frame({ ...SNAPSHOT, seq: 1 });
    assert.deepEqual([m.state.staleAt, m.state.board?.seq], [null, 1], 'the server is right, whatever was stored');
  });

  test('a board that is there is not replaced by a stored one', () => {
    const m = new Machine().live().closed(1006).timer('fallback').streamClosed().pollFailed('network', { copy: fromSnapshot({ ...SNAPSHOT, seq: 9 }), copyAt: 1 });
    assert.deepEqual([m.state.board?.seq, m.state.staleAt], [5, null]);
  });

  test('a node that is out of touch says so, until it is back or another one answers', () => {
    const since = '2026-11-21T18:00:00.000Z';
    const m = new Machine().live().frame({ t: 'stale', since });
    assert.deepEqual([m.state.behindSince, m.state.mode], [Date.parse(since), 'live']);
    assert.equal(m.frame({ t: 'fresh' }).state.behindSince, null);
    m.frame({ t: 'stale', since }).closed(1006).timer('retry');
    assert.equal(m.frame(SNAPSHOT).state.behindSince, null);
    const p = new Machine().live().closed(1006).timer('fallback').streamClosed();
    p.timer('poll').polled({ ...SNAPSHOT, stale: true, asOf: since });
    assert.equal(p.state.behindSince, Date.parse(since));
    const again = p.timer('poll').on({ on: 'polled', id: p.state.poll?.id ?? -1, frame: null, known: true });
    assert.equal(again.state.behindSince, Date.parse(since), 'the same answer again: it still is');
    for (const news of [null, { t: 'delta', seq: 6 }, SNAPSHOT]) {
      p.timer('poll').polled({ ...SNAPSHOT, stale: true, asOf: since });
      assert.equal(p.timer('poll').polled(news).state.behindSince, null, JSON.stringify(news));
    }
  });

  test('the browser\'s word is a hint: an open socket is asked first', () => {
    const m = new Machine().live().on({ on: 'offline' });
    assert.equal(m.state.mode, 'live');
    assert.deepEqual(m.effect('send').frame, { t: 'ping' });
    assert.equal(m.timerMs('pong'), MS.hint);
    assert.equal(m.timer('pong').state.mode, 'connecting');
  });

  test('online again: at once', () => {
    const m = new Machine().live().closed(1006).on({ on: 'offline' }).on({ on: 'online' });
    assert.ok(m.effect('open'));
    assert.ok(m.effect('poll'));
  });
});

describe('silence', () => {
  test('a quiet socket is asked for a pong and replaced without one', () => {
    const m = new Machine().live().timer('quiet');
    assert.deepEqual(m.effect('send').frame, { t: 'ping' });
    assert.equal(m.timerMs('pong'), MS.pong);
    m.timer('pong');
    assert.equal(m.state.socket.phase, 'none');
    assert.deepEqual(m.timer('retry').effect('open').cursor, { epoch: 'e1', seq: 5 });
  });

  test('any frame calms it', () => {
    const m = new Machine().live().timer('quiet').frame({ t: 'pong', serverTime: SNAPSHOT.serverTime });
    assert.equal(m.timerMs('pong'), undefined);
    assert.equal(m.timerMs('quiet'), MS.quiet);
    assert.ok(m.effect('clock'));
  });
});

describe('visibility', () => {
  test('hidden for a minute gives everything up, visible again goes on', () => {
    for (const m of [new Machine().live(), new Machine().streaming()]) {
      assert.equal(m.on({ on: 'hidden' }).timerMs('idle'), MS.idle);
      m.timer('idle');
      assert.equal(m.state.mode, 'paused');
      assert.ok(m.effect('close') || m.effect('unstream'));
      assert.equal(m.timer('retry').effect('open'), undefined);
      m.on({ on: 'visible' });
      assert.deepEqual(m.effect('open').cursor, { epoch: 'e1', seq: 5 });
    }
  });

  test('a hidden page neither polls nor streams anew', () => {
    const m = new Machine().live().on({ on: 'hidden' }).closed(1006);
    assert.equal(m.timerMs('fallback'), undefined);
    for (const name of /** @type {const} */ (['fallback', 'poll', 'restream'])) {
      m.timer(name);
      assert.ok(!m.effect('poll') && !m.effect('stream'));
    }
  });

  test('back within the minute: the socket is asked whether it still lives', () => {
    const m = new Machine().live().on({ on: 'hidden' }).on({ on: 'visible' });
    assert.deepEqual(m.effect('send').frame, { t: 'ping' });
    assert.equal(m.state.mode, 'live');
  });
});

describe('tokens and the own row', () => {
  const ME = { t: 'me', rank: 7, score: '3.00', key: 'm', participants: 9, around: [] };
  const authed = (/** @type {string} */ token) => {
    const m = new Machine({ token }).on({ on: 'start' });
    return m.on({ on: 'opened', id: m.state.socket.id }).frame(SNAPSHOT).frame(ME);
  };

  test('the own row comes after auth and goes with the token', () => {
    const m = authed('x');
    assert.equal(m.state.me.rank, 7);
    assert.equal(m.on({ on: 'token', token: null }).state.me, null);
    assert.ok(m.effect('close'), 'a socket that spoke for a player is not kept');
    assert.equal(m.timerMs('retry'), 0);
  });

  test('signing in on an open socket authenticates it', () => {
    const m = new Machine().live().on({ on: 'token', token: 'x' });
    assert.deepEqual(m.effect('send').frame, { t: 'auth', token: 'x' });
    assert.equal(m.effect('close'), undefined);
  });

  test('a newer token of the same player goes over the same socket, and his row stays', () => {
    const m = authed(jwt('p_1')).on({ on: 'token', token: jwt('p_1', 2) });
    assert.deepEqual(m.effect('send').frame, { t: 'auth', token: jwt('p_1', 2) });
    assert.equal(m.state.me.rank, 7);
    assert.equal(m.on({ on: 'token', token: jwt('p_1', 2) }).effect('send'), undefined, 'once');
  });

  test('another player gets a socket of his own', () => {
    const m = authed(jwt('p_1')).on({ on: 'token', token: jwt('p_2') });
    assert.ok(m.effect('close'));
    assert.equal(m.state.me, null);
  });

  test('TOKEN_EXPIRED: a new one is asked for; board and row stay, and the new one goes over the same socket', () => {
    const m = authed(jwt('p_1')).frame({ t: 'error', code: 'TOKEN_EXPIRED', detail: '' });
    assert.deepEqual(m.effect('tokenWanted'), { do: 'tokenWanted', why: 'expired' });
    assert.deepEqual([m.state.mode, m.state.me.rank], ['live', 7]);
    m.on({ on: 'token', token: jwt('p_1', 2) });
    assert.deepEqual(m.effect('send').frame, { t: 'auth', token: jwt('p_1', 2) });
    assert.equal(m.effect('close'), undefined);
  });

  test('without a token a row of one\'s own is not believed', () => assert.equal(new Machine().live().frame(ME).state.me, null));
});

describe('proofs', () => {
  const PROOF = { t: 'proof', seq: 6, n: 4, hash: 'cc'.repeat(16), chain: 'dd'.repeat(16), time: SNAPSHOT.serverTime, cut: [1, 2], sig: '' };
  /** @param {Machine} m @param {any} verdict */
  const judged = (m, verdict) => {
    const { link, id, board, frame } = m.effect('judge');
    return m.on({ on: 'judged', link, id, board, frame, verdict });
  };

  test('one of the board\'s seq is judged by that board and the chain before', () => {
    const m = new Machine().live().frame(DELTA).frame(PROOF);
    assert.deepEqual(m.effect('judge'), { do: 'judge', link: 'socket', id: 1, board: m.state.board, frame: PROOF, before: SNAPSHOT.chain });
    assert.equal(judged(m, 'ok').state.proof?.verdict, 'ok');
    assert.equal(m.state.mode, 'live');
    m.frame({ ...PROOF, seq: 9, n: 5 });
    assert.deepEqual([m.effect('judge').board, m.effect('judge').before], [null, PROOF.chain], 'of a board that was skipped');
    m.frame({ ...PROOF, seq: 9, n: 7 });
    assert.equal(m.effect('judge').before, null, 'a link was not heard of');
  });

  test('a mismatch: back without a cursor, and what then comes is believed even if it is older', () => {
    const m = judged(new Machine().live().frame(DELTA).frame(PROOF), 'mismatch');
    assert.ok(m.told('PROOF_MISMATCH') && m.effect('close'));
    assert.equal(m.timer('retry').effect('open').cursor, null);
    assert.equal(m.frame(SNAPSHOT).state.board?.seq, 5);
  });

  test('mismatch after mismatch waits longer, whatever lies between', () => {
    const m = new Machine().live();
    const waits = [];
    for (let i = 0; i < 4; i += 1) {
      judged(m.timer('steady').frame(DELTA).frame(PROOF), 'mismatch');
      waits.push(m.timerMs('retry'));
      m.timer('retry').frame(SNAPSHOT);
    }
    assert.deepEqual(waits, [750, 1_500, 3_000, 6_000]);
  });

  test('a whole board that differs from its proof is told, not asked for again', () => {
    const m = judged(new Machine().live().frame({ ...PROOF, seq: 5 }), 'mismatch');
    assert.ok(m.told('PROOF_MISMATCH'));
    assert.deepEqual([m.state.mode, m.effect('close')], ['live', undefined]);
  });

  test('a verdict on an older socket\'s board changes nothing but the record', () => {
    const m = new Machine().live().frame(DELTA).frame(PROOF);
    const { board, frame, id } = m.effect('judge');
    m.closed(1006).timer('retry').frame({ t: 'resumed', epoch: 'e1', seq: 6 });
    m.on({ on: 'judged', link: 'socket', id, board, frame, verdict: 'mismatch' });
    assert.equal(m.state.mode, 'live');
  });

  test('where nothing can be computed it is said so, and nothing follows', () => {
    const m = judged(new Machine().live().frame(DELTA).frame(PROOF), 'skipped');
    assert.deepEqual([m.state.proof?.verdict, m.state.mode], ['skipped', 'live']);
  });
});

describe('what went wrong elsewhere', () => {
  test('centrifuge-js #345: a delta on nothing does not crash the client', () => {
    for (const base of /** @type {Event[][]} */ ([[], [{ on: 'opened', id: 1 }]])) {
      const m = new Machine().on({ on: 'start' });
      for (const event of base) m.on(event);
      m.frame(DELTA);
      assert.ok(m.told('MISFIT'));
      assert.equal(m.state.board, null);
      assert.equal(m.timer('retry').frame(SNAPSHOT).state.board?.seq, 5);
    }
  });

  test('centrifuge #629: a delta without its base is never applied to another one', () => {
    const m = new Machine().live().frame({ t: 'delta', prev: 8, seq: 9, set: [[0, '99.00']] });
    assert.equal(m.state.board?.rows[0]?.s, '20.00');
    assert.equal(m.timer('retry').effect('open').cursor, null);
    // Nor to the board of another way, though that has the very seq.
    const other = new Machine().streaming().timer('retry').event(DELTA).frame({ t: 'delta', prev: 6, seq: 7 });
    assert.ok(other.told('MISFIT'));
    assert.equal(other.state.board?.seq, 6);
  });

  test('colyseus #917: who joins late, with a stored board or an old tab, ends with the newest', () => {
    const m = new Machine().on({ on: 'start' }).timer('first').pollFailed('network', { copy: fromSnapshot(SNAPSHOT), copyAt: 1 });
    m.frame({ ...SNAPSHOT, seq: 40, rows: [ROWS[1]] });
    assert.deepEqual([m.state.board?.seq, m.state.board?.rows.length, m.state.staleAt], [40, 1, null]);
    const tab = new Machine().live().on({ on: 'hidden' }).timer('idle').on({ on: 'visible' });
    assert.deepEqual(tab.effect('open').cursor, { epoch: 'e1', seq: 5 });
    assert.equal(tab.frame({ ...SNAPSHOT, seq: 40 }).state.board?.seq, 40);
  });

  test('socket.io #5538: a line that breaks before the first event is made again, without a cursor that is none', () => {
    const m = new Machine().on({ on: 'start' });
    m.on({ on: 'opened', id: m.state.socket.id }).closed(1006);
    assert.ok(m.timerMs('retry') !== undefined);
    assert.deepEqual(m.timer('retry').effect('open'), { do: 'open', id: 2, cursor: null });
    assert.equal(m.frame(SNAPSHOT).state.mode, 'live');
    assert.deepEqual(m.closed(1006).timer('retry').effect('open').cursor, { epoch: 'e1', seq: 5 });
  });
});

test('frames of a newer server are let pass, errors are told', () => {
  const m = new Machine().live().frame({ t: 'weather', hash: '…' });
  assert.equal(m.state.mode, 'live');
  m.frame({ t: 'error', code: 'RATE_LIMITED', detail: 'slower' });
  assert.deepEqual(m.effect('notice'), { do: 'notice', code: 'RATE_LIMITED', detail: 'slower' });
});
