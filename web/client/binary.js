// Reads the messages of the subprotocol `palio.v1.bin` into the frames of `palio.v1.json`.
//
// A delta tells differences of scores, so it is read beside the board it belongs to. What can't be read throws
// `Misfit`, as a delta that does not fit. Pure. The format: docs/protocol/live.md, "Binary".
// Tests: tests/browser/unit/binary.test.mjs

import { Misfit } from './board.js';

const STATUS = ['upcoming', 'active', 'completed', 'cancelled'];
/** Bytes of the longest integer: scores, and their differences, have 64 bits. */
const LEB_BYTES_MAX = 10;
const UTF8 = new TextDecoder('utf-8', { fatal: true });

/** @param {string} detail @returns {never} */
const garbled = (detail) => { throw new Misfit('BAD_FRAME', detail); };

/**
 * A score as people see it: two digits after the point, or as many as there are up to the last that is not 0.
 * @param {bigint} score integer with `decimals` digits after the point
 * @param {number} decimals
 */
export function showScore(score, decimals) {
  if (decimals === 0) return String(score);
  const digits = String(score < 0n ? -score : score).padStart(decimals + 1, '0');
  const rest = digits.slice(-decimals);
  const shown = Math.max(Math.min(2, decimals), rest.replace(/0+$/, '').length);
  return `${score < 0n ? '-' : ''}${digits.slice(0, -decimals)}.${rest.slice(0, shown)}`;
}

/**
 * The integer behind a score as shown.
 * @param {string} shown @param {number} decimals
 * @returns {bigint}
 */
export function readScore(shown, decimals) {
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(shown);
  const rest = match?.[3] ?? '';
  if (!match || rest.length > decimals) return garbled(`no score of ${decimals} decimals: ${shown}`);
  const whole = BigInt(`${match[2]}${rest.padEnd(decimals, '0')}`);
  return match[1] ? -whole : whole;
}

/** Reads a message from its first byte to its last. */
class Reader {
  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  get done() { return this.at >= this.bytes.length; }

  byte() {
    const byte = this.bytes[this.at];
    if (byte === undefined) return garbled('the message ends too early');
    this.at += 1;
    return byte;
  }

  /** An unsigned integer of any width. */
  wide() {
    let value = 0n;
    for (let n = 0; n < LEB_BYTES_MAX; n += 1) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << BigInt(7 * n);
      if (byte < 0x80) return value;
    }
    return garbled('an integer is too long');
  }

  /** An unsigned integer that counts something. */
  count() {
    let value = 0;
    for (let unit = 1; unit <= 2 ** 49; unit *= 128) {
      const byte = this.byte();
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return Number.isSafeInteger(value) ? value : garbled('a number is too large');
    }
    return garbled('a number is too large');
  }

  /** A signed integer, zigzag. */
  signed() {
    const raw = this.wide();
    return raw & 1n ? -((raw + 1n) >> 1n) : raw >> 1n;
  }

  /** @param {number} length */
  take(length) {
    if (this.at + length > this.bytes.length) return garbled('the message ends too early');
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  text() {
    const bytes = this.take(this.count());
    try {
      return UTF8.decode(bytes);
    } catch {
      return garbled('a text is not UTF-8');
    }
  }

  hash() { return Array.from(this.take(16), (byte) => byte.toString(16).padStart(2, '0')).join(''); }

  time() {
    const at = new Date(this.count());
    return Number.isNaN(at.getTime()) ? garbled('a time is no time') : at.toISOString();
  }

  status() { return STATUS[this.count()] ?? garbled('an unknown status'); }
}

/** @param {Reader} from */
function snapshot(from) {
  const frame = {
    t: 'snapshot', epoch: from.text(), seq: from.count(), status: from.status(), participants: from.count(),
    endsAt: from.time(), serverTime: from.time(), decimals: from.count(), hash: from.hash(), chain: from.hash(),
    n: from.count(),
  };
  const rows = [];
  for (let left = from.count(); left > 0; left -= 1) {
    const k = from.text();
    const r = from.count();
    const n = from.text();
    rows.push({ k, r, n, s: showScore(from.signed(), frame.decimals) });
  }
  return { ...frame, rows };
}

/** @param {Reader} from @param {number} flags @param {import('./board.js').Board|null} base */
function delta(from, flags, base) {
  if (!base) throw new Misfit('NO_BASE', 'a delta came before any board');
  const { decimals } = base;
  if (decimals === null) return garbled('the decimals of this board are not known');
  const seq = from.count();
  const prev = seq - from.count();
  if (prev !== base.seq) throw new Misfit('OTHER_BASE', `the board is at ${base.seq}, the delta is from ${prev}`);
  /** @type {Record<string, any>} */
  const frame = prev === seq - 1 ? { t: 'delta', seq } : { t: 'delta', seq, prev };
  if (flags & 1) frame.len = from.count();
  if (flags & 2) frame.participants = from.count();
  if (flags & 4) frame.status = from.status();
  if (flags & 8) {
    frame.ranks = [];
    for (let left = from.count(); left > 0; left -= 1) frame.ranks.push([from.count(), from.count()]);
  }
  /** @param {number} j */
  const score = (j) => {
    const old = base.rows[j] ?? garbled(`position ${j} is not there`);
    return showScore(BigInt.asIntN(64, readScore(old.s, decimals) + from.signed()), decimals);
  };
  const set = [];
  while (!from.done) {
    const head = from.count();
    const i = Math.floor(head / 4);
    switch (head % 4) {
      case 0: set.push([i, score(i)]); break;
      case 1: set.push([i, from.count()]); break;
      case 2: {
        const j = from.count();
        set.push([i, j, score(j)]);
        break;
      }
      default: {
        const k = from.text();
        const n = from.text();
        set.push([i, showScore(from.signed(), decimals), k, n]);
      }
    }
  }
  return set.length > 0 ? { ...frame, set } : frame;
}

/** @param {Reader} from */
const proof = (from) => ({
  t: 'proof', seq: from.count(), n: from.count(), hash: from.hash(), chain: from.hash(), time: from.time(),
  cut: [from.count(), from.count()], sig: from.hash(),
});

/**
 * The frame of a binary message; null for a kind that this client does not know.
 * @param {Uint8Array} bytes
 * @param {import('./board.js').Board|null} base the board that the socket stands on
 * @returns {any}
 * @throws {Misfit} of a message that can't be read, or a delta of another base
 */
export function decode(bytes, base) {
  const from = new Reader(bytes);
  const first = from.byte();
  const frame = read(from, first, base);
  if (frame && !from.done) garbled('the message goes on after its end');
  return frame;
}

/** @param {Reader} from @param {number} first @param {import('./board.js').Board|null} base */
function read(from, first, base) {
  if ((first & 0x0f) === 2) return delta(from, first >> 4, base);
  switch (first) {
    case 1: return snapshot(from);
    case 3: return { t: 'resumed', epoch: from.text(), seq: from.count() };
    case 4: return proof(from);
    default: return null;
  }
}
