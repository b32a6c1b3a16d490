// Proofs: what a board is as text, its hash, and the chain that links one proof to the next.
//
// Hashes are the first 16 bytes of SHA-256 in lower-case hex. They are computed by WebCrypto, which browsers offer
// to secure contexts only: elsewhere the verdict is `skipped`, and nothing is concluded from it.
// The rules: docs/protocol/live.md, "Proofs". Tests: tests/browser/unit/proof.test.mjs

/** @typedef {import('./board.js').Board} Board */

/**
 * `ok`: hash, and where it could be told chain, are right. `mismatch`: the board is not the one that was proved.
 * `skipped`: this browser can't compute it.
 * @typedef {'ok'|'mismatch'|'skipped'} Verdict
 */

const HASH_BYTES = 16;

/** The digest of this environment, or null. @returns {SubtleCrypto|null} */
export const webCrypto = () => globalThis.crypto?.subtle ?? null;

/**
 * The board as text.
 * @param {string} tournament @param {Board} board
 */
export function boardText(tournament, board) {
  const { epoch, seq, status, participants, rows } = board;
  let text = `palio.board.v1\n${tournament}\n${epoch}\n${seq}\n${status}\n${participants}\n`;
  for (const { r, k, n, s } of rows) text += `${r}\t${k}\t${n}\t${s}\n`;
  return text;
}

/** @param {Uint8Array} bytes */
const toHex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/** @param {string} hex */
const fromHex = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (two) => Number.parseInt(two, 16));

/** @param {SubtleCrypto} subtle @param {Uint8Array<ArrayBuffer>} bytes */
async function digest(subtle, bytes) {
  return toHex(new Uint8Array(await subtle.digest('SHA-256', bytes)).subarray(0, HASH_BYTES));
}

/**
 * @param {string} tournament @param {Board} board
 * @param {SubtleCrypto|null} [subtle]
 * @returns {Promise<string|null>} null where it can't be computed
 */
export async function boardHash(tournament, board, subtle = webCrypto()) {
  return subtle ? digest(subtle, new TextEncoder().encode(boardText(tournament, board))) : null;
}

/**
 * What the chain is hashed over: the chain before ‖ hash ‖ seq ‖ time in ms.
 * @param {string|null} before of the proof before; null before the first
 * @param {{hash: string, seq: number, time: string|number}} proof
 */
export function chainBytes(before, proof) {
  const bytes = new Uint8Array(2 * HASH_BYTES + 16);
  if (before) bytes.set(fromHex(before).subarray(0, HASH_BYTES));
  bytes.set(fromHex(proof.hash).subarray(0, HASH_BYTES), HASH_BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(2 * HASH_BYTES, BigInt(proof.seq));
  const ms = typeof proof.time === 'number' ? proof.time : Date.parse(proof.time);
  view.setBigUint64(2 * HASH_BYTES + 8, BigInt(Number.isFinite(ms) ? Math.max(0, ms) : 0));
  return bytes;
}

/**
 * @param {string|null} before @param {{hash: string, seq: number, time: string|number}} proof
 * @param {SubtleCrypto|null} [subtle]
 * @returns {Promise<string|null>} null where it can't be computed
 */
export async function chainHash(before, proof, subtle = webCrypto()) {
  return subtle ? digest(subtle, chainBytes(before, proof)) : null;
}

/**
 * Judges a proof by the board it speaks of.
 * @param {string} tournament
 * @param {Board|null} board the board of its `seq`; null: only the chain is looked at
 * @param {{seq: number, n: number, hash: string, chain: string, time: string|number}} proof
 * @param {string|null} before the chain of proof `n - 1`, where it is known
 * @param {SubtleCrypto|null} [subtle]
 * @returns {Promise<Verdict>}
 */
export async function judge(tournament, board, proof, before, subtle = webCrypto()) {
  if (!subtle) return 'skipped';
  if (board && await boardHash(tournament, board, subtle) !== proof.hash) return 'mismatch';
  if ((before || proof.n === 1) && await chainHash(before, proof, subtle) !== proof.chain) return 'mismatch';
  return 'ok';
}
