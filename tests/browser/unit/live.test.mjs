// The connection's state machine, by cases: what goes in, which mode comes out, what is asked of the outside.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MS, afterClose, backoff, badge, initial, step } from '../../../web/live.js';

/** @typedef {import('../../../web/live.js').Event} Event */
/** @typedef {import('../../../web/live.js').Effect} Effect */

const ROWS = [{ k: 'a', r: 1, n: 'Ann', s: '20.00' }, { k: 'b', r: 2, n: 'Bob', s: '10.00' }];
const SNAPSHOT = { t: 'snapshot', epoch: 'e1', seq: 5, status: 'active', participants: 2, endsAt: null, serverTime: '2026-11-21T18:00:00.000Z', rows: ROWS };
const polled = (seq = 5, epoch = 'e1', status = 'active') => ({
  on: /** @type {const} */ ('polled'), board: { epoch, seq, status, participants: 2, endsAt: null, rows: ROWS },
});

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

  /** A frame on the current socket. @param {any} frame */
  frame(frame) { return this.on({ on: 'frame', id: this.state.id, frame }); }

  /** @param {number} code @param {number} [random] */
  closed(code, random) { return this.on({ on: 'closed', id: this.state.id, code }, random); }

  /** @param {import('../../../web/live.js').Timer} name */
  timer(name) { return this.on({ on: 'timer', name }); }

  /** Started, opened and with its first snapshot. */
  live() {
    this.on({ on: 'start' });
    return this.on({ on: 'opened', id: this.state.id }).frame(SNAPSHOT);
  }

  /** @param {Effect['do']} name @returns {any} */
  effect(name) { return this.effects.find((e) => e.do === name); }

  /** @param {string} name @returns {number|undefined} */
  timerMs(name) {
    const found = this.effects.findLast((e) => (e.do === 'timer' || e.do === 'cancel') && e.name === name);
    return found?.do === 'timer' ? found.ms : undefined;
  }
}

describe('first connection', () => {
  test('opens a socket without a cursor and fetches the first rows beside it', () => {
    const m = new Machine().on({ on: 'start' });
    assert.deepEqual(m.effect('open'), { do: 'open', id: 1, cursor: null });
    assert.ok(m.effect('poll'));
    assert.equal(m.timerMs('poll'), MS.patience);
    assert.deepEqual(badge(m.state), { kind: 'connecting', text: 'Connecting' });
  });

  test('a snapshot makes it live, stops polling and sets the clock', () => {
    const m = new Machine().live();
    assert.equal(m.state.mode, 'live');
    assert.equal(m.timerMs('poll'), undefined);
    assert.deepEqual(m.effect('clock'), { do: 'clock', serverTime: SNAPSHOT.serverTime });
    assert.equal(badge(m.state).text, 'Live');
  });

  test('rows polled within the patience are shown but not yet called polling', () => {
    const m = new Machine().on({ on: 'start' }).on(polled(4));
    assert.equal(m.state.mode, 'connecting');
    assert.equal(m.state.board?.seq, 4);
  });

  test('after three seconds without a socket it polls, every ten seconds', () => {
    const m = new Machine().on({ on: 'start' }).timer('poll');
    assert.ok(m.effect('poll'));
    assert.equal(m.timerMs('poll'), MS.poll);
    assert.equal(m.on(polled()).state.mode, 'polling');
  });

  test('a socket without a first frame is given up and tried again', () => {
    const m = new Machine().on({ on: 'start' }).timer('open');
    assert.ok(m.effect('close'));
    assert.equal(m.state.socket, 'none');
    assert.ok(m.timerMs('retry') !== undefined);
  });

  test('the token goes in the first frame, never in the address', () => {
    const m = new Machine({ token: 'secret' }).on({ on: 'start' });
    assert.ok(!JSON.stringify(m.effects).includes('secret'));
    m.on({ on: 'opened', id: m.state.id });
    assert.deepEqual(m.effect('send').frame, { t: 'auth', token: 'secret' });
  });
});

describe('deltas', () => {
  test('one that fits moves the board', () => {
    const m = new Machine().live().frame({ t: 'delta', prev: 5, seq: 6, set: [{ k: 'b', r: 1, s: '30.00' }, { k: 'a', r: 2, s: '20.00' }] });
    assert.equal(m.state.mode, 'live');
    assert.equal(m.state.board?.seq, 6);
    assert.deepEqual(m.state.board?.rows.map((r) => r.k), ['b', 'a']);
  });

  for (const [why, frame] of /** @type {[string, any][]} */ ([
    ['a gap', { t: 'delta', prev: 6, seq: 7, set: [] }],
    ['a repeat', { t: 'delta', prev: 4, seq: 5, set: [] }],
    ['a row nobody named', { t: 'delta', prev: 5, seq: 6, set: [{ k: 'z', r: 3, s: '1' }] }],
  ])) {
    test(`${why}: the board stays as it was and a fresh socket follows`, () => {
      const m = new Machine().live().frame(frame);
      assert.ok(m.effect('close'));
      assert.equal(m.state.board?.seq, 5);
      assert.equal(m.timerMs('retry'), 0);
      m.timer('retry');
      assert.equal(m.effect('open').cursor, null);
    });
  }

  test('a delta of an older socket changes nothing', () => {
    const m = new Machine().live();
    const old = m.state.id;
    m.closed(1006).timer('retry').on({ on: 'frame', id: old, frame: { t: 'delta', prev: 5, seq: 6, set: [] } });
    assert.equal(m.state.board?.seq, 5);
  });

  test('mismatch after mismatch backs off instead of hammering', () => {
    const m = new Machine().live().frame({ t: 'delta', prev: 9, seq: 10, set: [] }).timer('retry');
    m.on({ on: 'opened', id: m.state.id }).frame(SNAPSHOT).frame({ t: 'delta', prev: 9, seq: 10, set: [] });
    assert.ok((m.timerMs('retry') ?? 0) > 0);
  });
});

describe('resume', () => {
  test('a lost socket comes back with the cursor, and the merged delta fits', () => {
    const m = new Machine().live().closed(1006);
    assert.deepEqual(badge(m.state), { kind: 'connecting', text: 'Reconnecting' });
    m.timer('retry');
    assert.deepEqual(m.effect('open').cursor, { epoch: 'e1', seq: 5 });
    m.on({ on: 'opened', id: m.state.id }).frame({ t: 'resumed', epoch: 'e1', seq: 5 });
    assert.equal(m.state.mode, 'live');
    assert.equal(m.frame({ t: 'delta', prev: 5, seq: 11, set: [] }).state.board?.seq, 11);
  });

  test('resumed to another position than asked is not believed', () => {
    const m = new Machine().live().closed(1006).timer('retry').frame({ t: 'resumed', epoch: 'e1', seq: 4 });
    assert.notEqual(m.state.mode, 'live');
    assert.equal(m.timer('retry').effect('open').cursor, null);
  });

  test('a snapshot of another epoch replaces the board', () => {
    const m = new Machine().live().closed(1001).timer('retry').frame({ ...SNAPSHOT, epoch: 'e2', seq: 1 });
    assert.equal(m.state.board?.epoch, 'e2');
    assert.equal(m.state.board?.seq, 1);
  });

  test('a polled board is as good a cursor as a live one', () => {
    const m = new Machine().on({ on: 'start' }).closed(1006).timer('poll').on(polled(8)).timer('retry');
    assert.deepEqual(m.effect('open').cursor, { epoch: 'e1', seq: 8 });
  });
});

describe('close codes', () => {
  for (const [code, means] of /** @type {[number, string][]} */ ([
    [1000, 'done'], [1001, 'again'], [1006, 'again'], [1011, 'again'], [4400, 'barred'], [4401, 'dropToken'],
    [4404, 'missing'], [4408, 'fresh'], [4429, 'later'],
  ])) test(`${code} means ${means}`, () => assert.equal(afterClose(code), means));

  test('1000 of a race that is over ends the connection', () => {
    const m = new Machine().live().frame({ t: 'delta', prev: 5, seq: 6, set: [], status: 'completed' }).closed(1000);
    assert.equal(m.state.mode, 'done');
    for (const event of /** @type {Event[]} */ ([{ on: 'timer', name: 'retry' }, { on: 'online' }, { on: 'visible' }])) {
      assert.equal(m.on(event).effect('open'), undefined);
    }
  });

  test('1000 of a race that still runs is a lost socket', () => {
    const m = new Machine().live().closed(1000);
    assert.equal(m.state.mode, 'connecting');
    assert.ok(m.timerMs('retry') !== undefined);
  });

  test('1001 waits as long as the server said, and up to a fifth more', () => {
    for (const [random, ms] of /** @type {[number, number][]} */ ([[0, 4_000], [0.5, 4_400]])) {
      const m = new Machine().live().frame({ t: 'bye', code: 1001, reconnectMs: 4_000 }).closed(1001, random);
      assert.equal(m.timerMs('retry'), ms);
    }
  });

  test('a bye counts when the close itself got lost', () => {
    const m = new Machine().live().frame({ t: 'bye', code: 4408 }).closed(1006);
    assert.equal(m.timer('retry').effect('open').cursor, null);
  });

  test('4400: never another socket, but polling', () => {
    const m = new Machine().live().closed(4400);
    assert.equal(m.timerMs('retry'), undefined);
    assert.equal(m.timerMs('poll'), MS.pollFirst);
    m.timer('poll').on(polled(9));
    assert.equal(m.state.mode, 'polling');
    assert.equal(m.on({ on: 'online' }).effect('open'), undefined);
  });

  test('4401: the token is dropped, the board goes on without it', () => {
    const m = new Machine({ token: 'old' }).live().closed(4401);
    assert.ok(m.effect('tokenRefused'));
    m.timer('retry').on({ on: 'opened', id: m.state.id });
    assert.equal(m.effect('send'), undefined);
  });

  test('4404 ends it as missing', () => assert.equal(new Machine().on({ on: 'start' }).closed(4404).state.mode, 'missing'));

  test('4408 reconnects without a cursor', () => {
    assert.equal(new Machine().live().closed(4408).timer('retry').effect('open').cursor, null);
  });

  test('4429 stays away for long and polls meanwhile', () => {
    const m = new Machine().live().closed(4429, 0);
    assert.equal(m.timerMs('retry'), MS.crowded);
    assert.equal(m.timerMs('poll'), MS.pollFirst);
  });
});

describe('backoff', () => {
  test('doubles from half a second to fifteen, half of it drawn', () => {
    assert.deepEqual([0, 1, 2, 3, 4, 5, 50].map((n) => backoff(n, 1)), [500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
    assert.deepEqual([0, 3, 50].map((n) => backoff(n, 0)), [250, 2_000, 7_500]);
  });

  test('is forgiven only after ten seconds of being live', () => {
    const m = new Machine().live().closed(1006).timer('retry').closed(1006).timer('retry').frame(SNAPSHOT);
    assert.equal(m.state.failures, 2);
    assert.equal(m.timerMs('steady'), MS.steady);
    assert.equal(m.timer('steady').state.failures, 0);
  });
});

describe('polling', () => {
  test('starts two seconds after a live socket was lost', () => {
    const m = new Machine().live().closed(1006);
    assert.equal(m.timerMs('poll'), MS.pollFirst);
    m.timer('poll');
    assert.equal(m.timerMs('poll'), MS.poll);
    assert.equal(m.on(polled(6)).state.mode, 'polling');
  });

  test('keeps its badge while sockets are tried in the background, and ends when one works', () => {
    const m = new Machine().live().closed(1006).timer('poll').on(polled(6)).timer('retry').closed(1006);
    assert.equal(m.state.mode, 'polling');
    m.timer('retry').frame({ t: 'resumed', epoch: 'e1', seq: 6 });
    assert.equal(m.state.mode, 'live');
    assert.equal(m.timerMs('poll'), undefined);
  });

  test('an older answer of the same epoch does not set the board back', () => {
    const m = new Machine().live().closed(1006).timer('poll').on(polled(3));
    assert.equal(m.state.board?.seq, 5);
  });

  test('an answer that comes when live again is ignored', () => {
    const m = new Machine().live().on(polled(99));
    assert.equal(m.state.board?.seq, 5);
    assert.equal(m.state.mode, 'live');
  });

  test('a race found over by polling is done', () => {
    assert.equal(new Machine().on({ on: 'start' }).timer('poll').on(polled(6, 'e1', 'completed')).state.mode, 'done');
  });
});

describe('offline', () => {
  test('neither socket nor poll: offline, and back by either', () => {
    const m = new Machine().live().closed(1006).timer('poll').on({ on: 'pollFailed', reason: 'network' });
    assert.equal(m.state.mode, 'offline');
    assert.equal(m.on(polled(7)).state.mode, 'polling');
  });

  test('a server that answers with an error is not offline', () => {
    const m = new Machine().live().closed(1006).timer('poll').on({ on: 'pollFailed', reason: 'server' });
    assert.equal(badge(m.state).text, 'Reconnecting');
  });

  test('the stored copy is shown with its age, and nothing resumes from it', () => {
    const m = new Machine().on({ on: 'start' }).on({ on: 'pollFailed', reason: 'network', copy: polled(2).board, copyAt: 123 });
    assert.equal(m.state.mode, 'offline');
    assert.equal(m.state.staleAt, 123);
    assert.equal(m.closed(1006).timer('retry').effect('open').cursor, null);
    assert.equal(m.frame(SNAPSHOT).state.staleAt, null);
  });

  test('the browser\'s word is a hint: an open socket is asked first', () => {
    const m = new Machine().live().on({ on: 'offline' });
    assert.equal(m.state.mode, 'live');
    assert.deepEqual(m.effect('send').frame, { t: 'ping' });
    assert.equal(m.timerMs('pong'), MS.hint);
    m.timer('pong');
    assert.equal(m.state.mode, 'connecting');
  });

  test('online again: at once', () => {
    const m = new Machine().live().closed(1006).on({ on: 'pollFailed', reason: 'network' }).on({ on: 'online' });
    assert.ok(m.effect('open'));
    assert.ok(m.effect('poll'));
  });
});

describe('silence', () => {
  test('a quiet socket is asked for a pong and replaced without one', () => {
    const m = new Machine().live().timer('quiet');
    assert.deepEqual(m.effect('send').frame, { t: 'ping' });
    m.timer('pong');
    assert.equal(m.state.socket, 'none');
    assert.ok(m.timerMs('retry') !== undefined);
  });

  test('any frame calms it', () => {
    const m = new Machine().live().timer('quiet').frame({ t: 'pong', serverTime: SNAPSHOT.serverTime });
    assert.equal(m.timerMs('pong'), undefined);
    assert.equal(m.timerMs('quiet'), MS.quiet);
    assert.ok(m.effect('clock'));
  });
});

describe('visibility', () => {
  test('hidden for a minute gives the socket up, visible again resumes', () => {
    const m = new Machine().live().on({ on: 'hidden' });
    assert.equal(m.timerMs('idle'), MS.idle);
    m.timer('idle');
    assert.equal(m.state.mode, 'paused');
    assert.ok(m.effect('close'));
    m.on({ on: 'visible' });
    assert.deepEqual(m.effect('open').cursor, { epoch: 'e1', seq: 5 });
  });

  test('a hidden page does not poll', () => {
    const m = new Machine().live().on({ on: 'hidden' }).closed(1006);
    assert.equal(m.timerMs('poll'), undefined);
  });

  test('back within the minute: the socket is asked whether it still lives', () => {
    const m = new Machine().live().on({ on: 'hidden' }).on({ on: 'visible' });
    assert.deepEqual(m.effect('send').frame, { t: 'ping' });
    assert.equal(m.state.mode, 'live');
  });
});

describe('own row', () => {
  const ME = { t: 'me', rank: 7, score: '3.00', key: 'm', participants: 9, around: [] };

  test('comes after auth and goes with the token', () => {
    const m = new Machine({ token: 'x' }).live().frame(ME);
    assert.equal(m.state.me.rank, 7);
    assert.equal(m.on({ on: 'token', token: null }).state.me, null);
    assert.ok(m.effect('close'), 'a socket that spoke for a player is not kept');
  });

  test('signing in on an open socket authenticates it', () => {
    const m = new Machine().live().on({ on: 'token', token: 'x' });
    assert.deepEqual(m.effect('send').frame, { t: 'auth', token: 'x' });
    assert.equal(m.effect('close'), undefined);
  });

  test('without a token a row of one\'s own is not believed', () => {
    assert.equal(new Machine().live().frame(ME).state.me, null);
  });
});

test('frames of a newer server are let pass, errors are told', () => {
  const m = new Machine().live().frame({ t: 'proof', hash: '…' });
  assert.equal(m.state.mode, 'live');
  m.frame({ t: 'error', code: 'RATE_LIMITED', detail: 'slower' });
  assert.deepEqual(m.effect('notice'), { do: 'notice', code: 'RATE_LIMITED', detail: 'slower' });
});

test('any order of events keeps the invariants', () => {
  let seed = 7;
  const rnd = () => { seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0; return seed / 2 ** 32; };
  const pick = (/** @type {any[]} */ list) => list[Math.floor(rnd() * list.length)];
  for (let run = 0; run < 300; run += 1) {
    const m = new Machine({ token: rnd() < 0.3 ? 'x' : null }).on({ on: 'start' });
    let sockets = 1;
    for (let i = 0; i < 120; i += 1) {
      const { board, mode, id } = m.state;
      const seq = board?.seq ?? 0;
      const event = pick([
        { on: 'opened', id }, { on: 'opened', id: id - 1 },
        { on: 'frame', id, frame: { ...SNAPSHOT, seq: seq + 1 } },
        { on: 'frame', id, frame: { t: 'delta', prev: seq + pick([0, 0, 0, 1]), seq: seq + 2, set: [] } },
        { on: 'frame', id: id - 1, frame: { t: 'delta', prev: seq, seq: seq + 1, set: [] } },
        { on: 'frame', id, frame: { t: 'resumed', epoch: 'e1', seq } },
        { on: 'closed', id, code: pick([1001, 1006, 4408, 4429]) },
        { on: 'timer', name: pick(['retry', 'poll', 'steady']) },
        polled(Math.max(0, seq + pick([-2, 0, 3]))), { on: 'pollFailed', reason: pick(['network', 'server']) },
        { on: 'online' }, { on: 'offline' }, { on: 'hidden' }, { on: 'visible' }, { on: 'token', token: pick(['x', 'y', null]) },
      ]);
      m.on(event, rnd());
      for (const e of m.effects) {
        if (e.do === 'open') { sockets += 1; assert.ok(sockets <= 1, 'one socket at a time'); }
        if (e.do === 'close') sockets -= 1;
      }
      if (event.on === 'closed' && event.id === id && sockets > 0 && m.state.socket === 'none') sockets -= 1;
      if (event.on !== 'frame' && board) {
        assert.ok(m.state.board && m.state.board.seq >= board.seq, `a step back by ${event.on}`);
      }
      if (event.on === 'frame' && event.id !== id) assert.equal(m.state.board, board);
      if (mode === 'live' && m.state.mode === 'live') assert.equal(m.effect('poll'), undefined);
      sockets = m.state.socket === 'none' ? 0 : 1;
    }
  }
});
