// The board's model: entries of every form, what does not fit, identity of rows, moves; random boards against the wire's
// other side.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Misfit, applyDelta, fromSnapshot, isNewer, moves, row, toAnswer } from '../../../web/client/board.js';
import { answer, delta, nextStand, random, snapshot, wireRows } from '../live/wire.mjs';

const [A, B, C] = [{ k: 'a', r: 1, n: 'Ann', s: '30.00' }, { k: 'b', r: 2, n: 'Bob', s: '20.00' }, { k: 'c', r: 3, n: 'Cy', s: '10.00' }];
const FRAME = { t: 'snapshot', epoch: 'e', seq: 1, status: 'active', participants: 3, endsAt: null, decimals: 2, rows: [A, B, C] };
const ANSWER = { tournamentId: 't', epoch: 'e', seq: 1, status: 'active', participants: 3, decimals: 2, rows: [
  { rank: 1, name: 'Ann', score: '30.00', key: 'a' }, { rank: 2, name: 'Bob', score: '20.00', key: 'b' }, { rank: 3, name: 'Cy', score: '10.00', key: 'c' }] };
const to = (/** @type {any} */ fields) => ({ t: 'delta', prev: 1, seq: 2, ...fields });
const board = fromSnapshot(FRAME);

test('a snapshot and a polled answer of the same position are one board', () => assert.deepEqual(fromSnapshot(ANSWER), board));

test('a stored board reads back the same', () => {
  assert.deepEqual(fromSnapshot(JSON.parse(JSON.stringify(toAnswer('t', board)))), board);
});

describe('entries', () => {
  for (const [what, frame, rows] of /** @type {[string, any, any[]][]} */ ([
    ['nothing', {}, [A, B, C]],
    ['[i,"s"]: a score', { set: [[1, '25.00']] }, [A, { ...B, s: '25.00' }, C]],
    ['[i,j]: two change places', { set: [[0, 1], [1, 0]] }, [{ ...B, r: 1 }, { ...A, r: 2 }, C]],
    ['[i,j,"s"]: one overtakes', { set: [[0, 2, '31.00'], [1, 0], [2, 1]] }, [{ ...C, r: 1, s: '31.00' }, { ...A, r: 2 }, { ...B, r: 3 }]],
    ['[i,"s","k","n"]: a newcomer pushes the last out', { set: [[2, '12.00', 'd', 'Di']] }, [A, B, { k: 'd', r: 3, n: 'Di', s: '12.00' }]],
    ['[i,"s","k","n"]: under another name', { set: [[1, '20.00', 'b', 'Bobby']] }, [A, { ...B, n: 'Bobby' }, C]],
    ['all of j mean the base before the delta', { set: [[0, 1], [1, 2], [2, 0]] }, [{ ...B, r: 1 }, { ...C, r: 2 }, { ...A, r: 3 }]],
    ['len: it grows', { len: 4, set: [[3, '1.00', 'd', 'Di']] }, [A, B, C, { k: 'd', r: 4, n: 'Di', s: '1.00' }]],
    ['len: it shrinks', { len: 1 }, [A]],
    ['len: to nobody', { len: 0 }, []],
    ['len: the first is gone', { len: 2, set: [[0, 1], [1, 2]] }, [{ ...B, r: 1 }, { ...C, r: 2 }]],
    ['ranks: a shared one', { set: [[1, '30.00']], ranks: [[1, 1]] }, [A, { ...B, s: '30.00', r: 1 }, C]],
    ['ranks: of a position beyond the base', { len: 4, set: [[3, '10.00', 'd', 'Di']], ranks: [[3, 3]] }, [A, B, C, { k: 'd', r: 3, n: 'Di', s: '10.00' }]],
  ])) {
    test(what, () => {
      const next = applyDelta(board, to(frame));
      assert.deepEqual(next.rows, rows);
      assert.equal(next.seq, 2);
    });
  }

  test('a rank belongs to a position and stays there', () => {
    const shared = fromSnapshot({ ...FRAME, rows: [A, { ...B, r: 1 }, C] });
    assert.deepEqual(applyDelta(shared, to({ set: [[1, 2], [2, 1]] })).rows, [A, { ...C, r: 1 }, { ...B, r: 3 }]);
  });

  test('participants and status, when they are there', () => {
    const next = applyDelta(board, to({ participants: 9, status: 'completed' }));
    assert.deepEqual([next.participants, next.status], [9, 'completed']);
    assert.deepEqual([applyDelta(board, to({})).participants, applyDelta(board, to({})).status], [3, 'active']);
  });

  test('a merged delta goes over many boards at once', () => assert.equal(applyDelta(board, { t: 'delta', prev: 1, seq: 57, set: [[0, '99.00']] }).seq, 57));
});

describe('what does not fit is refused', () => {
  for (const [why, base, frame, code] of /** @type {[string, any, any, string][]} */ ([
    ['no base', null, to({}), 'NO_BASE'],
    ['an earlier base', board, { prev: 0, seq: 1 }, 'OTHER_BASE'],
    ['a later base', board, { prev: 2, seq: 3 }, 'OTHER_BASE'],
    ['no prev, and not the next one', board, { prev: undefined, seq: 3 }, 'OTHER_BASE'],
    ['no seq', board, { prev: undefined, seq: undefined }, 'OTHER_BASE'],
    ['no frame', board, null, 'OTHER_BASE'],
    ['a way back', board, { prev: 1, seq: 1 }, 'BAD_ENTRY'],
    ['a position beyond the end', board, to({ set: [[3, '1.00', 'd', 'Di']] }), 'BAD_ENTRY'],
    ['a new position nobody named', board, to({ len: 4 }), 'BAD_ENTRY'],
    ['a row from a position that is not there', board, to({ set: [[0, 3]] }), 'BAD_ENTRY'],
    ['a score of a position that is not there', board, to({ len: 4, set: [[3, '1.00']] }), 'BAD_ENTRY'],
    ['a position named twice', board, to({ set: [[0, '1.00'], [0, '2.00']] }), 'BAD_ENTRY'],
    ['a player at two positions', board, to({ set: [[0, 1]] }), 'BAD_ENTRY'],
    ['a newcomer who is there already', board, to({ set: [[2, '1.00', 'a', 'Ann']] }), 'BAD_ENTRY'],
    ['a negative position', board, to({ set: [[-1, '1.00']] }), 'BAD_ENTRY'],
    ['half a position', board, to({ set: [[0.5, '1.00']] }), 'BAD_ENTRY'],
    ['an entry of one', board, to({ set: [[0]] }), 'BAD_ENTRY'],
    ['an entry of five', board, to({ set: [[0, '1', 'k', 'n', 1]] }), 'BAD_ENTRY'],
    ['the old form', board, to({ set: [{ k: 'a', r: 1, s: '1' }] }), 'BAD_ENTRY'],
    ['a negative length', board, to({ len: -1 }), 'BAD_ENTRY'],
    ['a rank of nobody', board, to({ ranks: [[3, 1]] }), 'BAD_ENTRY'],
    ['a rank of 0', board, to({ ranks: [[0, 0]] }), 'BAD_ENTRY'],
  ])) test(why, () => assert.throws(() => applyDelta(base, frame), (error) => error instanceof Misfit && error.code === code));

  for (const [why, frame] of /** @type {[string, any][]} */ ([
    ['nothing', null], ['no rows', { ...FRAME, rows: undefined }], ['no epoch', { ...FRAME, epoch: undefined }],
    ['no seq', { ...FRAME, seq: '1' }], ['no rank', { ...FRAME, rows: [{ k: 'a', n: 'A', s: '1' }] }],
    ['a key twice', { ...FRAME, rows: [A, A] }],
  ])) test(`as a snapshot: ${why}`, () => assert.throws(() => fromSnapshot(frame), Misfit));
});

describe('identity', () => {
  test('the board before a delta is left as it was', () => {
    const frozen = Object.freeze({ ...board, rows: Object.freeze(board.rows.map((one) => Object.freeze({ ...one }))) });
    applyDelta(frozen, to({ len: 4, set: [[0, 1, '99.00'], [1, 0], [3, '1.00', 'd', 'Di']], ranks: [[1, 1]] }));
    assert.deepEqual(frozen, board);
  });

  test('rows that stay the same stay the same objects', () => {
    const next = applyDelta(board, to({ set: [[1, '25.00']] }));
    assert.equal(next.rows[0], board.rows[0]);
    assert.notEqual(next.rows[1], board.rows[1]);
    assert.equal(next.rows[2], board.rows[2]);
  });

  test('rows without a change stay the same list', () => {
    assert.equal(applyDelta(board, to({ participants: 4 })).rows, board.rows);
    assert.equal(applyDelta(board, to({ set: [[0, '30.00'], [1, 1]], ranks: [[0, 1]] })).rows, board.rows);
  });
});

test('newer means a later seq of the same epoch, or another epoch', () => {
  assert.ok(isNewer(null, board));
  assert.ok(isNewer(board, { ...board, seq: 2 }));
  assert.ok(!isNewer({ ...board, seq: 2 }, board));
  assert.ok(isNewer({ ...board, seq: 9 }, { ...board, epoch: 'f' }));
});

test('moves count places, not newcomers', () => {
  const after = [{ k: 'c', r: 1, n: 'Cy', s: '9' }, { k: 'a', r: 2, n: 'Ann', s: '3' }, { k: 'd', r: 3, n: 'Di', s: '1' }];
  assert.deepEqual([...moves(board.rows, after)], [['c', 2], ['a', -1]]);
});

test('a row without a key is known by its name', () => assert.equal(row({ rank: 1, name: 'Ann', score: '1' }).k, 'Ann'));

test('random boards: every way from an earlier board ends at the same one', () => {
  const rnd = random(11);
  for (let run = 0; run < 60; run += 1) {
    const topN = 1 + Math.floor(rnd() * 12);
    const stands = [nextStand(rnd, null, { topN })];
    for (let i = 0; i < 30; i += 1) stands.push(nextStand(rnd, stands.at(-1) ?? null, { topN }));
    for (let i = 0; i < 30; i += 1) {
      const from = stands[Math.floor(rnd() * i)];
      const end = stands[i + 1];
      if (!from || !end) throw new Error('no board');
      const next = applyDelta(fromSnapshot(snapshot(from, 't')), JSON.parse(JSON.stringify(delta(from, end))));
      assert.deepEqual(next.rows, wireRows(end));
      assert.deepEqual({ ...next, decimals: null }, { ...fromSnapshot(answer(end, 't')), decimals: null });
    }
  }
});
