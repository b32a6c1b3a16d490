// The board: from a snapshot, or a polled answer, through deltas.
//
// A board is never changed, only replaced; a row that stays the same stays the same object, so that a page can tell
// by identity what to draw anew. Rows stand by position, from 0. Each key occurs once.
// A delta fits only the board whose `seq` is its `prev`; one that does not fit throws `Misfit`, and then only a fresh
// snapshot helps. Pure: no clock, no network. The wire: docs/protocol/live.md. Tests: tests/browser/unit/board.test.mjs

/**
 * @typedef {'upcoming'|'active'|'completed'|'cancelled'} Status
 *
 * @typedef {object} Row
 * @property {string} k  key: opaque, stable within a tournament
 * @property {number} r  rank, from 1
 * @property {string} n  name
 * @property {string} s  score, ready to show
 *
 * @typedef {object} Board
 * @property {string} epoch
 * @property {number} seq            counts the boards of the epoch, from 1
 * @property {Status} status
 * @property {number} participants
 * @property {string|null} endsAt    RFC 3339
 * @property {number|null} decimals  of scores in the binary form; null: not known
 * @property {readonly Row[]} rows
 */

/** A frame that can't be taken: of another base, or of no board at all. `code` says what is wrong with it. */
export class Misfit extends Error {
  /** @param {'NO_BASE'|'OTHER_BASE'|'BAD_ENTRY'|'BAD_FRAME'} code @param {string} detail */
  constructor(code, detail) {
    super(detail);
    this.name = 'Misfit';
    this.code = code;
  }
}

/** @param {string} detail @returns {never} */
const bad = (detail) => { throw new Misfit('BAD_ENTRY', detail); };

/** @param {unknown} n @param {number} [min] @returns {n is number} */
const isCount = (n, min = 0) => Number.isSafeInteger(n) && /** @type {number} */ (n) >= min;

/**
 * A row of an answer (`{rank,name,score,key}`) or of a frame (`{k,r,n,s}`).
 * @param {any} raw
 * @returns {Row}
 */
export function row(raw) {
  const n = String(raw.n ?? raw.name ?? '');
  return { k: String(raw.k ?? raw.key ?? n), r: Number(raw.r ?? raw.rank), n, s: String(raw.s ?? raw.score ?? '0') };
}

/** @param {readonly Row[]} rows */
function checkKeys(rows) {
  if (new Set(rows.map((one) => one.k)).size !== rows.length) bad('a key occurs twice');
}

/**
 * The board of a `snapshot` frame, or of a whole leaderboard answer.
 * @param {any} frame
 * @returns {Board}
 */
export function fromSnapshot(frame) {
  if (!frame || !Array.isArray(frame.rows) || typeof frame.epoch !== 'string' || !isCount(frame.seq)) {
    throw new Misfit('BAD_FRAME', 'this is no board');
  }
  /** @type {Row[]} */
  const rows = frame.rows.map(row);
  if (!rows.every((one) => isCount(one.r, 1))) throw new Misfit('BAD_FRAME', 'a rank is no rank');
  checkKeys(rows);
  return {
    epoch: frame.epoch,
    seq: frame.seq,
    status: frame.status ?? 'active',
    participants: frame.participants ?? rows.length,
    endsAt: frame.endsAt ?? null,
    decimals: frame.decimals ?? null,
    rows,
  };
}

/**
 * The board as a whole leaderboard answer: what a stored copy is written as.
 * @param {string} tournamentId @param {Board} board
 */
export function toAnswer(tournamentId, board) {
  const rows = board.rows.map(({ k, r, n, s }) => ({ rank: r, name: n, score: s, key: k }));
  return { tournamentId, ...board, rows };
}

/**
 * What an entry of `set` puts at its position, but for its rank.
 * @param {readonly Row[]} base @param {any} entry
 * @returns {Row}
 */
function entryRow(base, entry) {
  const [i, second, third, name] = entry;
  const from = typeof second === 'number' ? second : i;
  const old = base[from];
  if (entry.length === 4 && typeof second === 'string' && typeof third === 'string' && typeof name === 'string') {
    return { k: third, r: i + 1, n: name, s: second };
  }
  if (!old) return bad(`position ${from} is not there`);
  if (entry.length === 2 && typeof second === 'string') return second === old.s ? old : { ...old, s: second };
  if (entry.length === 2 && typeof second === 'number') return old;
  if (entry.length === 3 && typeof second === 'number' && typeof third === 'string') {
    return third === old.s ? old : { ...old, s: third };
  }
  return bad(`no entry has the form ${JSON.stringify(entry)}`);
}

/**
 * The board after a `delta` frame.
 * @param {Board|null|undefined} board
 * @param {any} frame
 * @returns {Board}
 * @throws {Misfit} without a base, of another base, of a position that is not there, of an unknown entry
 */
export function applyDelta(board, frame) {
  if (!board) throw new Misfit('NO_BASE', 'a delta came before any board');
  const { seq, prev = seq - 1 } = frame ?? {};
  if (prev !== board.seq) {
    throw new Misfit('OTHER_BASE', `the board is at ${board.seq}, the delta is from ${prev}`);
  }
  if (!isCount(seq) || seq <= prev) bad(`from ${prev} to ${seq} is no way`);
  const base = board.rows;
  const len = frame.len ?? base.length;
  if (!isCount(len)) bad(`${len} is no number of rows`);

  /** Of each position: the rank it has without word of another one. @type {Map<number, number>} */
  const ranks = new Map();
  for (const [i, r] of frame.ranks ?? []) {
    if (!isCount(i) || i >= len || !isCount(r, 1)) bad(`no position ${i} of rank ${r}`);
    ranks.set(i, r);
  }
  /** @param {number} i */
  const rankAt = (i) => ranks.get(i) ?? base[i]?.r ?? i + 1;

  /** @type {(Row|undefined)[]} */
  const rows = base.slice(0, len);
  const set = new Set();
  for (const entry of frame.set ?? []) {
    const i = entry?.[0];
    if (!isCount(i) || i >= len || set.has(i)) bad(`no position ${i}, or twice`);
    set.add(i);
    rows[i] = entryRow(base, entry);
  }
  /** @type {Row[]} */
  const whole = [];
  for (let i = 0; i < len; i += 1) {
    const now = rows[i];
    if (!now) return bad(`position ${i} was not named`);
    const r = rankAt(i);
    whole.push(now.r === r ? now : { ...now, r });
  }
  if (set.size > 0) checkKeys(whole);
  return {
    ...board,
    seq: frame.seq,
    participants: frame.participants ?? board.participants,
    status: frame.status ?? board.status,
    rows: whole.length === base.length && whole.every((one, i) => one === base[i]) ? base : whole,
  };
}

/**
 * Whether one board may follow another on a page: never a step back within an epoch.
 * @param {Board|null} shown @param {Board} next
 */
export const isNewer = (shown, next) => !shown || shown.epoch !== next.epoch || next.seq >= shown.seq;

/** @param {Board} board */
export const isOver = (board) => board.status === 'completed' || board.status === 'cancelled';

/**
 * Places won (positive) or lost (negative) per key between two boards; newcomers are absent.
 * @param {readonly Row[]} before
 * @param {readonly Row[]} after
 * @returns {Map<string, number>}
 */
export function moves(before, after) {
  const was = new Map(before.map((one) => [one.k, one.r]));
  const out = new Map();
  for (const { k, r } of after) {
    const from = was.get(k);
    if (from !== undefined && from !== r) out.set(k, from - r);
  }
  return out;
}
