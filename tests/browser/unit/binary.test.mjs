// The binary subprotocol reads into the same frames as the JSON one; what can't be read is refused, whole.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Misfit, applyDelta, fromSnapshot } from '../../../web/client/board.js';
import { decode, readScore, showScore } from '../../../web/client/binary.js';
import { binaryDelta, binaryProof, binaryResumed, binarySnapshot, delta, leb, nextStand, random, shown, snapshot } from '../live/wire.mjs';

describe('scores', () => {
  for (const [score, decimals, text] of /** @type {[bigint, number, string][]} */ ([
    [0n, 0, '0'], [-7n, 0, '-7'], [0n, 2, '0.00'], [128450n, 2, '1284.50'], [-5n, 2, '-0.05'], [5n, 1, '0.5'], [50n, 1, '5.0'],
    [1_500_000n, 6, '1.50'], [1_234_567n, 6, '1.234567'], [1_230_000n, 6, '1.23'], [1_200_000n, 6, '1.20'], [1_000_010n, 6, '1.00001'],
    [-1n, 6, '-0.000001'], [9_223_372_036_854_775_807n, 4, '922337203685477.5807'], [-9_223_372_036_854_775_808n, 4, '-922337203685477.5808'],
  ])) {
    test(`${score} of ${decimals} decimals is ${text}`, () => {
      assert.equal(showScore(score, decimals), text);
      assert.equal(shown(score, decimals), text, 'the test\'s own rule');
      assert.equal(readScore(text, decimals), score);
    });
  }
  for (const text of ['', '1.', '.5', '1.234', '1e3', ' 1', '1,0', '--1']) {
    test(`"${text}" is no score of 2 decimals`, () => assert.throws(() => readScore(text, 2), Misfit));
  }
});

const ONE = { epoch: 'k3', seq: 300, status: 'active', participants: 214, decimals: 2, rows: [
  { k: 'a1', n: 'Ann', v: 3000n, r: 1 }, { k: 'b2', n: 'Bob', v: 2000n, r: 2 }] };

describe('bytes by hand', () => {
  const base = fromSnapshot(snapshot(ONE, 't'));
  for (const [what, bytes, frame] of /** @type {[string, number[], any][]} */ ([
    ['an empty delta', [0x02, 0xad, 0x02, 0x01], { t: 'delta', seq: 301 }],
    ['a score one more', [0x02, 0xad, 0x02, 0x01, 0x00, 0x02], { t: 'delta', seq: 301, set: [[0, '30.01']] }],
    ['a score one less', [0x02, 0xad, 0x02, 0x01, 0x04, 0x01], { t: 'delta', seq: 301, set: [[1, '19.99']] }],
    ['two change places', [0x02, 0xad, 0x02, 0x01, 0x01, 0x01, 0x05, 0x00], { t: 'delta', seq: 301, set: [[0, 1], [1, 0]] }],
    ['with a score', [0x02, 0xad, 0x02, 0x01, 0x02, 0x01, 0xd2, 0x0f, 0x05, 0x00], { t: 'delta', seq: 301, set: [[0, 1, '30.01'], [1, 0]] }],
    ['a newcomer', [0x12, 0xad, 0x02, 0x01, 0x03, 0x0b, 0x01, 0x63, 0x02, 0xc3, 0xa9, 0x14], { t: 'delta', seq: 301, len: 3, set: [[2, '0.10', 'c', 'é']] }],
    ['all flags', [0xf2, 0xad, 0x02, 0x01, 0x01, 0xd7, 0x01, 0x02, 0x01, 0x00, 0x02], { t: 'delta', seq: 301, len: 1, participants: 215, status: 'completed', ranks: [[0, 2]] }],
    ['resumed', [0x03, 0x02, 0x6b, 0x33, 0xac, 0x02], { t: 'resumed', epoch: 'k3', seq: 300 }],
    ['a frame of a later version', [0x05, 0x01, 0x02], null],
  ])) {
    test(what, () => {
      assert.deepEqual(decode(Uint8Array.from(bytes), base), frame);
    });
  }
});

test('a proof', () => {
  const frame = { t: 'proof', seq: 43, n: 2, hash: 'ab'.repeat(16), chain: '0f'.repeat(16), time: '2026-11-21T18:00:10.123Z', cut: [17, 90_000], sig: '00'.repeat(16) };
  assert.deepEqual(decode(binaryProof(frame), null), frame);
});

test('the bytes that the server\'s own test expects', () => {
  const board = fromSnapshot({ epoch: 'k', seq: 42, decimals: 2, rows: [
    { k: 'k1', r: 1, n: 'A', s: '1.00' }, { k: 'k2', r: 2, n: 'B', s: '0.90' }, { k: 'k3', r: 3, n: 'C', s: '0.80' }] });
  const bytes = [0x32, 43, 1, 4, 4, 2, 1, 0xd0, 0xd5, 0x0f, 5, 0, 11, 2, 0x6b, 0x34, 9, ...Buffer.from('Otter "4"'), 9, 13, 2];
  assert.deepEqual(decode(Uint8Array.from(bytes), board), JSON.parse(
    '{"t":"delta","seq":43,"set":[[0,1,"1284.50"],[1,0],[2,"-0.05","k4","Otter \\"4\\""],[3,2]],"len":4,"participants":4}'));
});

test('a difference over the ends of 64 bits comes round', () => {
  const [low, high] = [-(2n ** 63n), 2n ** 63n - 1n];
  const from = { ...ONE, rows: [{ k: 'a1', n: 'Ann', v: high, r: 1 }] };
  const board = fromSnapshot(snapshot(from, 't'));
  const bytes = Buffer.concat([Buffer.from([2]), leb(301), leb(1), leb(0), leb(2)]); // one more
  assert.equal(decode(bytes, board).set[0][1], shown(low, 2));
});

describe('what can\'t be read', () => {
  const base = fromSnapshot(snapshot(ONE, 't'));
  test('a delta before any board', () => assert.throws(() => decode(Uint8Array.of(0x02, 2, 1), null), (e) => e instanceof Misfit && e.code === 'NO_BASE'));
  test('a delta of another base', () => assert.throws(() => decode(Uint8Array.of(0x02, 2, 1), base), (e) => e instanceof Misfit && e.code === 'OTHER_BASE'));
  test('a delta of a board whose decimals nobody said', () => assert.throws(() => decode(Uint8Array.of(0x02, 0xad, 2, 1), { ...base, decimals: null }), Misfit));
  test('a score of a position that is not there', () => assert.throws(() => decode(Uint8Array.of(0x02, 0xad, 2, 1, 0x28, 0x02), base), Misfit));
  test('nothing', () => assert.throws(() => decode(new Uint8Array(), base), Misfit));
  test('an integer without an end', () => assert.throws(() => decode(Uint8Array.from([3, 0, ...Array(20).fill(0xff)]), base), Misfit));
  test('a text that is not UTF-8', () => assert.throws(() => decode(Uint8Array.of(3, 1, 0xff, 1), base), Misfit));
  test('an unknown status', () => assert.throws(() => decode(Buffer.concat([Buffer.from([0x42]), leb(301), leb(1), leb(4)]), base), Misfit));
  test('more than the message', () => assert.throws(() => decode(Buffer.concat([binaryResumed({ epoch: 'e', seq: 1 }), Buffer.from([0])]), base), Misfit));

  test('a message cut anywhere is never another board', () => {
    const whole = binarySnapshot(snapshot(ONE, 't'), ONE);
    for (let end = 0; end < whole.length; end += 1) assert.throws(() => decode(whole.subarray(0, end), null), Misfit);
  });

  test('any bytes are a frame or a Misfit', () => {
    const rnd = random(5);
    for (let run = 0; run < 20_000; run += 1) {
      const bytes = Uint8Array.from({ length: Math.floor(rnd() * 30) }, () => Math.floor(rnd() * 256));
      if (bytes.length > 0 && rnd() < 0.9) bytes[0] = [1, 2, 3, 4, 0x12, 0x22, 0x42, 0x82, 0xf2][Math.floor(rnd() * 9)] ?? 1;
      try {
        decode(bytes, base);
      } catch (error) {
        assert.ok(error instanceof Misfit, String(error));
      }
    }
  });
});

test('random boards: binary and JSON are the same frames and the same boards', () => {
  const rnd = random(23);
  for (let run = 0; run < 80; run += 1) {
    const decimals = [0, 1, 2, 4, 6][run % 5];
    const topN = 1 + Math.floor(rnd() * 12);
    let from = nextStand(rnd, null, { topN, decimals });
    const first = snapshot(from, 't');
    assert.deepEqual(decode(binarySnapshot(first, from), null), first);
    let board = fromSnapshot(first);
    for (let i = 0; i < 25; i += 1) {
      let to = nextStand(rnd, from, { topN });
      for (let skip = Math.floor(rnd() * 3); skip > 0; skip -= 1) to = nextStand(rnd, to, { topN });
      const frame = JSON.parse(JSON.stringify(delta(from, to)));
      const read = decode(binaryDelta(frame, from, to), board);
      assert.deepEqual(read, frame);
      board = applyDelta(board, read);
      assert.deepEqual(board, fromSnapshot(snapshot(to, 't')));
      from = to;
    }
  }
});
