// The other side of the wire, for tests: deltas between two boards, the binary form, proofs. Written from
// docs/protocol/live.md without the client's code, so that a mistake on one side shows.

import { createHash } from 'node:crypto';

/** @typedef {{k: string, n: string, v: bigint, r: number}} Racer  a row with its score as an integer */
/** @typedef {{epoch: string, seq: number, status: string, participants: number, decimals: number, rows: Racer[]}} Stand */

export const STATUS = ['upcoming', 'active', 'completed', 'cancelled'];
export const ENDS_AT = '2026-11-21T19:00:00.000Z';

/** A repeatable random source. @param {number} seed */
export function random(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t ^= t + Math.imul(t ^ (t >>> 7), 61 | t);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A score as shown, by the document's words. @param {bigint} v @param {number} decimals */
export function shown(v, decimals) {
  const sign = v < 0n ? '-' : '';
  const scale = 10n ** BigInt(decimals);
  const whole = (v < 0n ? -v : v) / scale;
  if (decimals === 0) return `${sign}${whole}`;
  let rest = String((v < 0n ? -v : v) % scale).padStart(decimals, '0');
  while (rest.length > 2 && rest.endsWith('0')) rest = rest.slice(0, -1);
  return `${sign}${whole}.${rest}`;
}

/** @param {Stand} of */
export const wireRows = (of) => of.rows.map(({ k, r, n, v }) => ({ k, r, n, s: shown(v, of.decimals) }));

/** @param {Stand} of @param {string} tournament */
export function text(of, tournament) {
  const head = ['palio.board.v1', tournament, of.epoch, of.seq, of.status, of.participants].map((line) => `${line}\n`);
  return head.join('') + wireRows(of).map(({ r, k, n, s }) => `${r}\t${k}\t${n}\t${s}\n`).join('');
}

/** @param {string|Buffer} data */
export const hash16 = (data) => createHash('sha256').update(data).digest().subarray(0, 16);

/** @param {Buffer} before @param {Buffer} hash @param {number} seq @param {number} ms */
export function chain16(before, hash, seq, ms) {
  const numbers = Buffer.alloc(16);
  numbers.writeBigUInt64BE(BigInt(seq), 0);
  numbers.writeBigUInt64BE(BigInt(ms), 8);
  return hash16(Buffer.concat([before, hash, numbers]));
}

/** @param {Stand} of @param {string} tournament @param {string} [chain] @param {number} [n] @param {string} [serverTime] */
export const snapshot = (of, tournament, chain = '0'.repeat(32), n = 0, serverTime = '2026-11-21T18:00:00.000Z') => ({
  t: 'snapshot', epoch: of.epoch, seq: of.seq, status: of.status, participants: of.participants, endsAt: ENDS_AT,
  serverTime, decimals: of.decimals, hash: hash16(text(of, tournament)).toString('hex'), chain, n, rows: wireRows(of),
});

/** @param {Stand} of @param {string} tournament */
export const answer = (of, tournament) => ({
  tournamentId: tournament, epoch: of.epoch, seq: of.seq, status: of.status, participants: of.participants, endsAt: ENDS_AT,
  asOf: '2026-11-21T18:00:00.000Z', rows: wireRows(of).map(({ k, r, n, s }) => ({ rank: r, name: n, score: s, key: k })),
});

/** The way from one board to a later one of the same epoch. @param {Stand} from @param {Stand} to */
export function delta(from, to) {
  const at = new Map(from.rows.map((row, i) => [row.k, i]));
  const set = to.rows.flatMap((row, i) => {
    const s = shown(row.v, to.decimals);
    const j = at.get(row.k);
    const old = j === undefined ? undefined : from.rows[j];
    if (j === undefined || !old || old.n !== row.n) return [[i, s, row.k, row.n]];
    if (j === i) return old.v === row.v ? [] : [[i, s]];
    return [old.v === row.v ? [i, j] : [i, j, s]];
  });
  const ranks = to.rows.flatMap((row, i) => ((from.rows[i]?.r ?? i + 1) === row.r ? [] : [[i, row.r]]));
  return {
    t: 'delta', seq: to.seq, ...(from.seq === to.seq - 1 ? {} : { prev: from.seq }),
    ...(set.length > 0 && { set }),
    ...(to.rows.length !== from.rows.length && { len: to.rows.length }),
    ...(ranks.length > 0 && { ranks }),
    ...(to.participants !== from.participants && { participants: to.participants }),
    ...(to.status !== from.status && { status: to.status }),
  };
}

/** @param {bigint|number} n */
export function leb(n) {
  const bytes = [];
  for (let left = BigInt(n); ; left >>= 7n) {
    if (left < 128n) return Buffer.from([...bytes, Number(left)]);
    bytes.push(Number(left & 127n) | 128);
  }
}

/** @param {bigint} n */
const zig = (n) => leb(n >= 0n ? n * 2n : -n * 2n - 1n);
/** @param {string} s */
const words = (s) => Buffer.concat([leb(Buffer.byteLength(s)), Buffer.from(s)]);
/** @param {string} hex */
const bytes16 = (hex) => Buffer.from(hex, 'hex');

/** @param {any} frame a snapshot frame @param {Stand} of */
export const binarySnapshot = (frame, of) => Buffer.concat([
  Buffer.from([1]), words(frame.epoch), leb(frame.seq), leb(STATUS.indexOf(frame.status)), leb(frame.participants),
  leb(Date.parse(frame.endsAt)), leb(Date.parse(frame.serverTime)), leb(of.decimals), bytes16(frame.hash), bytes16(frame.chain), leb(frame.n),
  leb(of.rows.length), ...of.rows.flatMap(({ k, r, n, v }) => [words(k), leb(r), words(n), zig(v)]),
]);

/** @param {any} frame a delta frame @param {Stand} from @param {Stand} to */
export function binaryDelta(frame, from, to) {
  const flags = [frame.len, frame.participants, frame.status, frame.ranks]
    .reduce((sum, field, bit) => (field === undefined ? sum : sum | (1 << bit)), 0);
  /** @param {number} i */
  const score = (i) => to.rows[i]?.v ?? 0n;
  /** @param {number} j */
  const was = (j) => from.rows[j]?.v ?? 0n;
  return Buffer.concat([
    Buffer.from([(flags << 4) | 2]), leb(frame.seq), leb(frame.seq - (frame.prev ?? frame.seq - 1)),
    ...(frame.len !== undefined ? [leb(frame.len)] : []),
    ...(frame.participants !== undefined ? [leb(frame.participants)] : []),
    ...(frame.status !== undefined ? [leb(STATUS.indexOf(frame.status))] : []),
    ...(frame.ranks !== undefined ? [leb(frame.ranks.length), ...frame.ranks.flat().map(leb)] : []),
    ...(frame.set ?? []).flatMap((/** @type {any[]} */ entry) => {
      const [i, second, third, name] = entry;
      if (entry.length === 4) return [leb(4 * i + 3), words(third), words(name), zig(score(i))];
      if (entry.length === 3) return [leb(4 * i + 2), leb(second), zig(score(i) - was(second))];
      if (typeof second === 'number') return [leb(4 * i + 1), leb(second)];
      return [leb(4 * i), zig(score(i) - was(i))];
    }),
  ]);
}

/** @param {{epoch: string, seq: number}} frame */
export const binaryResumed = (frame) => Buffer.concat([Buffer.from([3]), words(frame.epoch), leb(frame.seq)]);

/** @param {any} frame a proof frame */
export const binaryProof = (frame) => Buffer.concat([
  Buffer.from([4]), leb(frame.seq), leb(frame.n), bytes16(frame.hash), bytes16(frame.chain), leb(Date.parse(frame.time)),
  leb(frame.cut[0]), leb(frame.cut[1]), bytes16(frame.sig),
]);

const NAMES = ['Swift Otter', 'Calm Heron', 'Žlutý kůň', '落ち着いた鷺', 'Bold 🦊', 'Lucky\u202fLynx', 'Owl'];

/**
 * A board like those of a race: scores rise, places change, players come and go, some share a rank.
 * @param {() => number} rnd @param {Stand|null} before @param {{topN?: number, decimals?: number, epoch?: string}} [of]
 * @returns {Stand}
 */
export function nextStand(rnd, before, { topN = 8, decimals = 2, epoch = 'e1' } = {}) {
  /** @param {number} n */
  const below = (n) => Math.floor(rnd() * n);
  const rows = (before?.rows ?? []).map((row) => ({ ...row }));
  for (let moves = 1 + below(4); moves > 0; moves -= 1) {
    const dice = rnd();
    const row = rows[below(rows.length)];
    if (!row || dice < 0.25) {
      const id = below(60);
      const k = id.toString(16).padStart(12, '0');
      if (!rows.some((one) => one.k === k)) rows.push({ k, n: `${NAMES[id % NAMES.length]} ${id}`, v: BigInt(below(100_000)) - 10_000n, r: 0 });
    } else if (dice < 0.32) rows.splice(rows.indexOf(row), 1);
    else if (dice < 0.36) row.n = `${row.n.split(' (')[0]} (${below(9)})`;
    else if (dice < 0.45) row.v = rows[0]?.v ?? row.v;
    else row.v += BigInt(below(40_000)) - (dice < 0.6 ? 20_000n : 0n);
  }
  rows.sort((a, b) => (a.v === b.v ? 0 : a.v < b.v ? 1 : -1));
  const shared = rnd() < 0.5;
  rows.forEach((row, i) => {
    const above = rows[i - 1];
    row.r = shared && above && above.v === row.v ? above.r : i + 1;
  });
  const top = rows.slice(0, topN);
  return {
    epoch: before?.epoch ?? epoch, seq: (before?.seq ?? 0) + 1, status: before?.status ?? 'active', decimals: before?.decimals ?? decimals,
    participants: Math.max(top.length, (before?.participants ?? 0) + (rnd() < 0.3 ? 1 : 0)), rows: top,
  };
}
