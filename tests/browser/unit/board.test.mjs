// The board's model: both shapes of the wire, deltas, moves.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyDelta, fromPoll, fromSnapshot, isNewer, moves, toPoll } from '../../../web/board.js';

const FRAME = { t: 'snapshot', epoch: 'e', seq: 1, status: 'active', participants: 3, endsAt: null, rows: [
  { k: 'a', r: 1, n: 'Ann', s: '3' }, { k: 'b', r: 2, n: 'Bob', s: '2' }, { k: 'c', r: 3, n: 'Cy', s: '1' }] };
const ANSWER = { tournamentId: 't', epoch: 'e', seq: 1, status: 'active', participants: 3, rows: [
  { rank: 1, name: 'Ann', score: '3', key: 'a' }, { rank: 2, name: 'Bob', score: '2', key: 'b' }, { rank: 3, name: 'Cy', score: '1', key: 'c' }] };

test('a snapshot and a polled answer of the same position are one board', () => {
  assert.deepEqual(fromPoll(ANSWER), fromSnapshot(FRAME));
});

test('a stored board reads back the same', () => {
  assert.deepEqual(fromPoll(JSON.parse(JSON.stringify(toPoll('t', fromSnapshot(FRAME))))), fromSnapshot(FRAME));
});

test('a delta removes, moves, renames nobody and lets newcomers in', () => {
  const next = applyDelta(fromSnapshot(FRAME), {
    prev: 1, seq: 2, del: ['c'], set: [{ k: 'b', r: 1, s: '9' }, { k: 'a', r: 2, s: '3' }, { k: 'd', r: 3, n: 'Di', s: '2.5' }], participants: 4,
  });
  assert.deepEqual(next?.rows, [{ k: 'b', r: 1, n: 'Bob', s: '9' }, { k: 'a', r: 2, n: 'Ann', s: '3' }, { k: 'd', r: 3, n: 'Di', s: '2.5' }]);
  assert.equal(next?.participants, 4);
  assert.equal(next?.status, 'active');
});

test('the board before a delta is left as it was', () => {
  const board = Object.freeze(fromSnapshot(FRAME));
  applyDelta(board, { prev: 1, seq: 2, set: [{ k: 'c', r: 1, s: '9' }] });
  assert.deepEqual(board, fromSnapshot(FRAME));
});

for (const [why, board, frame] of /** @type {[string, any, any][]} */ ([
  ['no base', null, { prev: 1, seq: 2, set: [] }],
  ['another base', fromSnapshot(FRAME), { prev: 2, seq: 3, set: [] }],
  ['an unnamed newcomer', fromSnapshot(FRAME), { prev: 1, seq: 2, set: [{ k: 'z', r: 4, s: '0' }] }],
])) test(`refused: ${why}`, () => assert.equal(applyDelta(board, frame), null));

test('newer means a later seq of the same epoch, or another epoch', () => {
  const board = fromSnapshot(FRAME);
  assert.ok(isNewer(null, board));
  assert.ok(isNewer(board, { ...board, seq: 2 }));
  assert.ok(!isNewer({ ...board, seq: 2 }, board));
  assert.ok(isNewer({ ...board, seq: 9 }, { ...board, epoch: 'f' }));
});

test('moves count places, not newcomers', () => {
  const before = fromSnapshot(FRAME).rows;
  const after = [{ k: 'c', r: 1, n: 'Cy', s: '9' }, { k: 'a', r: 2, n: 'Ann', s: '3' }, { k: 'd', r: 3, n: 'Di', s: '1' }];
  assert.deepEqual([...moves(before, after)], [['c', 2], ['a', -1]]);
});
