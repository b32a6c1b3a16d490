// The client over real sockets, streams and requests, against the mock; timers run twenty times as fast. What is waited
// for are states, never times.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { WebSocket } from 'ws';
import { boardCache } from '../../../web/client/cache.js';
import { connect, connectMe } from '../../../web/client/index.js';
import { eventReader } from '../../../web/client/wire.js';
import { startMock } from '../mock-server.mjs';

const RACE = 'friday-race';
const FASTER = 20;

/** @type {Awaited<ReturnType<typeof startMock>>} */ let mock;
before(async () => { mock = await startMock({ tickMs: 40 }); });
after(() => mock.close());

/** What the client stands on here; `timers` are those that run. @param {number} [faster] how many times as fast */
function wire(faster = FASTER) {
  /** @type {Set<any>} */
  const timers = new Set();
  /** @type {Map<string, Set<() => void>>} */
  const heard = new Map();
  return {
    timers,
    /** @param {string} name */
    page: (name) => { for (const what of heard.get(name) ?? []) what(); },
    wire: {
      WebSocket: /** @type {any} */ (WebSocket),
      /** @param {() => void} what @param {number} ms */
      setTimer(what, ms) {
        const timer = setTimeout(() => { timers.delete(timer); what(); }, ms / faster);
        timers.add(timer);
        return timer;
      },
      /** @param {any} timer */
      clearTimer(timer) { timers.delete(timer); clearTimeout(timer); },
      page: {
        visible: () => true,
        /** @param {string} name @param {() => void} what */
        on(name, what) {
          heard.set(name, (heard.get(name) ?? new Set()).add(what));
          return () => { heard.get(name)?.delete(what); };
        },
      },
    },
  };
}

/** @param {() => unknown} is @param {string} what */
async function until(is, what) {
  for (let left = 500; !is(); left -= 1) {
    assert.ok(left > 0, `it never came: ${what}`);
    await new Promise((done) => { setTimeout(done, 20); });
  }
}

/**
 * A client whose boards are compared, each, with the server's.
 * @param {Partial<import('../../../web/client/index.js').BoardOptions>} [more] @param {number} [faster]
 */
function follow(more = {}, faster = FASTER) {
  const seen = { boards: 0, modes: /** @type {string[]} */ ([]), notices: /** @type {string[]} */ ([]), proofs: /** @type {any[]} */ ([]), me: /** @type {any} */ (null) };
  const on = wire(faster);
  const race = mock.races.get(RACE);
  assert.ok(race);
  const live = connect({
    url: mock.url, tournament: RACE, cache: null, wire: on.wire,
    onBoard(board) {
      seen.boards += 1;
      const there = race.known(board.epoch, board.seq);
      if (!there) return; // so long ago that the mock forgot it
      assert.deepEqual(board.rows.map(({ k, r, n }) => ({ k, r, n })), there.rows.map(({ k, r, n }) => ({ k, r, n })));
      assert.deepEqual(board.rows.map((row) => row.s), there.rows.map((row) => race.text(Number(row.v))));
    },
    onState: ({ mode }) => seen.modes.push(mode),
    onNotice: ({ code, detail }) => seen.notices.push(`${code} ${detail}`),
    onProof: (proof) => seen.proofs.push(proof.verdict),
    onMe: (me) => { seen.me = me; },
    ...more,
  });
  return { live, seen, race, ...on };
}

const token = async () => (await (await fetch(`${mock.url}/demo/token`, { method: 'POST', body: '{"playerId":"demo_003"}' })).json()).token;

for (const protocol of /** @type {const} */ (['bin', 'json'])) {
  test(`${protocol}: socket, stream, polling and back, every board the server's`, { timeout: 60_000 }, async () => {
    const { live, seen, race, timers } = follow({ protocol, token: await token() });
    try {
      await until(() => live.state.mode === 'live' && seen.boards > 5, 'live');
      assert.equal(seen.modes[0], 'connecting');
      assert.equal(live.state.way, 'socket');
      await until(() => seen.me?.key, 'the own row over the socket');
      race.prove();
      await until(() => seen.proofs.includes('ok'), 'a proof that fits');

      const asked = mock.asked.length;
      mock.block({ sockets: true });
      await until(() => live.state.mode === 'streaming', 'streaming');
      const boards = seen.boards;
      await until(() => seen.boards > boards + 5, 'boards over the stream');
      assert.ok(mock.asked.slice(asked).some((path) => /\/events\?epoch=\w+&seq=\d+$/.test(path)), 'the stream goes on from the cursor');
      race.prove();
      const proofs = seen.proofs.length;
      await until(() => seen.proofs.length > proofs, 'a proof over the stream');

      mock.block({ events: true });
      await until(() => live.state.mode === 'polling', 'polling');
      assert.ok(mock.asked.slice(asked).some((path) => /\/leaderboard\?epoch=\w+&since=\d+$/.test(path)), 'polls go on from the cursor');
      await until(() => mock.asked.slice(asked).some((path) => path.endsWith('/leaderboard/me')), 'the own row is asked for');

      mock.block({ sockets: false, events: false });
      await until(() => live.state.mode === 'live', 'live again');
      assert.ok(mock.asked.slice(asked).some((path) => /^\/ws\/tournaments\/.*\?epoch=\w+&seq=\d+$/.test(path)), 'the socket goes on from the cursor');
      await until(() => live.board?.seq === race.last.seq, 'the newest board');
      assert.ok(!mock.asked.some((path) => path.includes('mock.')), 'no token in an address');
      assert.deepEqual(seen.notices, []);
      assert.ok(!seen.proofs.includes('mismatch'));
    } finally {
      mock.block({ sockets: false, events: false, polls: false });
      live.close();
    }
    const { boards } = seen;
    await new Promise((done) => { setTimeout(done, 150); });
    assert.equal(seen.boards, boards, 'after close nothing is told');
    assert.equal(timers.size, 0, 'and nothing waits');
  });
}

test('a stop in good order: back when the server said, with the cursor', { timeout: 30_000 }, async () => {
  // Slower than the others: at most 0.5 s until it is back, at least 0.75 s until anything else may be tried.
  const { live, seen } = follow({}, FASTER / 5);
  try {
    await until(() => live.state.mode === 'live' && seen.boards > 2, 'boards over the socket');
    const asked = mock.asked.length;
    const modes = seen.modes.length;
    mock.closeAll(RACE, 1001, 1_000);
    await until(() => seen.modes.slice(modes).includes('connecting'), 'lost');
    await until(() => live.state.mode === 'live', 'live again');
    assert.match(mock.asked[asked] ?? '', /^\/ws\/tournaments\/.*seq=\d+$/, 'the socket before anything else');
  } finally { live.close(); }
});

test('a refused token is told, a new one is asked for and used', { timeout: 30_000 }, async () => {
  /** @type {string[]} */
  const whys = [];
  const { live, seen } = follow({ token: 'no such token', onToken: async (why) => { whys.push(why); return token(); } });
  try {
    await until(() => seen.me?.key, 'the own row');
    assert.deepEqual(whys, ['refused']);
  } finally { live.close(); }
});

test('a tournament that is not there', { timeout: 30_000 }, async () => {
  const on = wire();
  const live = connect({ url: mock.url, tournament: 'no-such-race', cache: null, wire: on.wire });
  try {
    await until(() => live.state.mode === 'missing', 'missing');
    assert.equal(live.board, null);
  } finally { live.close(); }
});

test('neither WebSocket nor streams: polling', { timeout: 30_000 }, async () => {
  const on = wire();
  const live = connect({ url: mock.url, tournament: RACE, cache: null, wire: { ...on.wire, WebSocket: null, streams: false } });
  try {
    await until(() => live.state.mode === 'polling', 'polling');
    assert.ok(live.board);
  } finally { live.close(); }
});

test('the last board is stored, and shown with its time when nothing answers', { timeout: 30_000 }, async () => {
  /** @type {Map<string, Response>} */
  const kept = new Map();
  const store = /** @type {any} */ ({
    open: async () => ({
      put: async (/** @type {string} */ key, /** @type {Response} */ answer) => { kept.set(key, answer); },
      match: async (/** @type {string} */ key) => kept.get(key)?.clone(),
      keys: async () => [...kept.keys()],
      delete: async (/** @type {string} */ key) => kept.delete(key),
    }),
  });
  const { live, seen, page } = follow({ cache: boardCache(mock.url, { store, now: () => 1_234 }) });
  await until(() => seen.boards > 2, 'boards');
  page('hidden');
  const last = live.board;
  live.close();
  assert.equal(kept.size, 1);

  const on = wire();
  const gone = connect({
    url: mock.url, tournament: RACE, cache: boardCache(mock.url, { store }),
    wire: { ...on.wire, fetch: async () => { throw new TypeError('no network'); }, WebSocket: /** @type {any} */ (class { constructor() { throw new Error('no'); } }) },
  });
  try {
    await until(() => gone.board, 'the stored board');
    assert.deepEqual([gone.state.mode, gone.state.staleAt, gone.board?.seq], ['offline', 1_234, last?.seq]);
    assert.deepEqual(gone.board?.rows, last?.rows);
  } finally { gone.close(); }
  const none = boardCache(mock.url, { store: null });
  await none.keep(RACE, /** @type {any} */ (last));
  assert.equal(await none.last(RACE), null, 'where nothing can be stored nothing breaks');
});

test('a player\'s wallet: over the socket, by polling, and no longer after sign-out', { timeout: 60_000 }, async () => {
  const on = wire();
  /** @type {(string|null)[]} */
  const balances = [];
  const me = connectMe({ url: mock.url, wire: on.wire, onWallet: (wallet) => balances.push(wallet?.accounts[0]?.available ?? null) });
  try {
    assert.equal(me.state.mode, 'waiting');
    me.setToken(await token());
    await until(() => balances.length > 3, 'balances');
    assert.equal(me.state.mode, 'live');
    assert.ok(balances.every((one, i) => i === 0 || Number(one) > Number(balances[i - 1])));
    mock.block({ sockets: true });
    await until(() => me.state.mode === 'polling', 'polling');
    mock.block({ sockets: false });
    await until(() => me.state.mode === 'live', 'live again');
    me.setToken(null);
    assert.deepEqual([me.wallet, me.state.mode, balances.at(-1)], [null, 'waiting', null]);
    /** @type {string[]} */
    const whys = [];
    const other = connectMe({ url: mock.url, token: 'no such token', wire: on.wire, onToken: (why) => { whys.push(why); } });
    await until(() => whys.length > 0, 'a refusal');
    assert.deepEqual([whys, other.state.mode], [['refused'], 'waiting']);
    other.close();
  } finally {
    mock.block({ sockets: false });
    me.close();
  }
  assert.equal(on.timers.size, 0);
});

describe('event streams as text', () => {
  /** @param {string[]} chunks */
  const read = (chunks) => {
    /** @type {any[]} */
    const found = [];
    const reader = eventReader(({ event, data }) => found.push([event, data]), () => found.push('beat'), (ms) => found.push(ms));
    for (const chunk of chunks) reader(chunk);
    return found;
  };
  for (const [what, chunks, found] of /** @type {[string, string[], any[]][]} */ ([
    ['an event', ['event: delta\nid: e:5\ndata: {}\n\n'], [['delta', '{}']]],
    ['in pieces', ['eve', 'nt: delta\nda', 'ta: {"a":', '1}\n', '\n'], [['delta', '{"a":1}']]],
    ['CRLF, also cut between', ['event: a\r\ndata: 1\r', '\n\r\n'], [['a', '1']]],
    ['two lines of data', ['data: 1\ndata: 2\n\n'], [['message', '1\n2']]],
    ['a comment, a time, no data', [': hello\nretry: 700\nretry: x\nevent: a\n\n'], ['beat', 700]],
    ['no space, no colon', ['data:1\ndata\n\n'], [['message', '1\n']]],
    ['an unfinished one is not told', ['data: 1\n'], []],
  ])) test(what, () => assert.deepEqual(read(chunks), found));
});

test('an address that is none is refused at once', () => {
  for (const url of ['ftp://x', 'javascript:1', undefined]) assert.throws(() => connect({ url, tournament: 't' }), TypeError);
});
