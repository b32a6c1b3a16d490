// Proofs against the document's text: the golden values were computed by hand, with sha256sum.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fromSnapshot } from '../../../web/client/board.js';
import { boardHash, boardText, chainBytes, chainHash, judge } from '../../../web/client/proof.js';
import { chain16, hash16, nextStand, random, snapshot, text } from '../live/wire.mjs';

const BOARD = fromSnapshot({ epoch: 'k3f9', seq: 42, status: 'active', participants: 214, endsAt: null, decimals: 2, rows: [
  { k: 'a1b2c3d4e5f6', r: 1, n: 'Swift Otter 17', s: '1284.50' }, { k: '0f1e2d3c4b5a', r: 2, n: 'Žlutý kůň 3', s: '-0.05' }] });
// printf 'palio.board.v1\nfriday-race\nk3f9\n42\nactive\n214\n1\ta1b2c3d4e5f6\tSwift Otter 17\t1284.50\n2\t0f1e2d3c4b5a\tŽlutý kůň 3\t-0.05\n' | sha256sum
const HASH = '090e62b832527e8614daea6018a4470a';
const AT = Date.parse('2026-11-21T18:00:10.000Z'); // 1795284010000
// (printf '00000000000000000000000000000000'; printf HASH; printf '000000000000002a'; printf '000001a1ff440410') | xxd -r -p | sha256sum
const CHAIN_1 = 'b5018d48c5f84a987465ecff529d2895';
// the same with CHAIN_1 in front, and a time of ten seconds later
const CHAIN_2 = 'da43515ba9f8b5556c3bb991024f22a0';
const PROOF = { t: 'proof', seq: 42, n: 1, hash: HASH, chain: CHAIN_1, time: '2026-11-21T18:00:10.000Z', cut: [17, 9], sig: '00'.repeat(16) };

test('the board as text', () => assert.equal(boardText('friday-race', BOARD),
  'palio.board.v1\nfriday-race\nk3f9\n42\nactive\n214\n1\ta1b2c3d4e5f6\tSwift Otter 17\t1284.50\n2\t0f1e2d3c4b5a\tŽlutý kůň 3\t-0.05\n'));

test('its hash', async () => assert.equal(await boardHash('friday-race', BOARD), HASH));

test('the chain, from its start and on', async () => {
  assert.equal(await chainHash(null, PROOF), CHAIN_1);
  assert.equal(await chainHash('0'.repeat(32), { ...PROOF, time: AT }), CHAIN_1, 'time as a number');
  assert.equal(await chainHash(CHAIN_1, { ...PROOF, time: AT + 10_000 }), CHAIN_2);
});

test('what the chain is hashed over is 48 bytes', () => {
  const bytes = chainBytes(CHAIN_1, PROOF);
  assert.equal(Buffer.from(bytes).toString('hex'), `${CHAIN_1}${HASH}000000000000002a000001a1ff440410`);
});

describe('verdicts', () => {
  /** @type {[string, any, any, string|null, any, string][]} */
  const cases = [
    ['all is right', BOARD, PROOF, null, undefined, 'ok'],
    ['a later link', BOARD, { ...PROOF, n: 2, chain: CHAIN_2, time: AT + 10_000 }, CHAIN_1, undefined, 'ok'],
    ['a later link, the one before unknown', BOARD, { ...PROOF, n: 7, chain: 'ff'.repeat(16) }, null, undefined, 'ok'],
    ['another board', { ...BOARD, participants: 215 }, PROOF, null, undefined, 'mismatch'],
    ['another score', { ...BOARD, rows: [{ ...BOARD.rows[0], s: '1284.51' }, BOARD.rows[1]] }, PROOF, null, undefined, 'mismatch'],
    ['another order', { ...BOARD, rows: [...BOARD.rows].reverse() }, PROOF, null, undefined, 'mismatch'],
    ['a first link that is wrong', BOARD, { ...PROOF, chain: CHAIN_2 }, null, undefined, 'mismatch'],
    ['a later link that is wrong', BOARD, { ...PROOF, n: 2, chain: CHAIN_1 }, CHAIN_1, undefined, 'mismatch'],
    ['of a board that was skipped: only the chain', null, PROOF, null, undefined, 'ok'],
    ['of a board that was skipped: a wrong chain', null, { ...PROOF, chain: CHAIN_2 }, null, undefined, 'mismatch'],
    ['without WebCrypto nothing is concluded', { ...BOARD, participants: 215 }, PROOF, null, null, 'skipped'],
  ];
  for (const [why, board, proof, before, subtle, verdict] of cases) {
    test(why, async () => assert.equal(await judge('friday-race', board, proof, before, subtle), verdict));
  }
});

test('random boards: text, hash and chain as the other side makes them', async () => {
  const rnd = random(31);
  let chain = Buffer.alloc(16);
  let stand = nextStand(rnd, null);
  for (let n = 1; n < 60; n += 1) {
    stand = nextStand(rnd, stand);
    const board = fromSnapshot(snapshot(stand, 't'));
    const hash = hash16(text(stand, 't'));
    const next = chain16(chain, hash, stand.seq, AT + n);
    const proof = { seq: stand.seq, n, hash: hash.toString('hex'), chain: next.toString('hex'), time: AT + n };
    assert.equal(await judge('t', board, proof, chain.toString('hex')), 'ok');
    chain = next;
  }
});
