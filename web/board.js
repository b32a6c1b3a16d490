// The board as the page keeps it: one model for what comes over the socket and what comes by polling.
//
// A board is never changed, only replaced. `rows` are sorted by rank and each key occurs once.
// Position = (epoch, seq). A delta fits only the board whose seq is its `prev`.
// Pure: no clock, no network. Tests: tests/browser/unit/board.test.mjs

/**
 * @typedef {{k: string, r: number, n: string, s: string}} Row  key, rank, name, score as shown
 * @typedef {object} Board
 * @property {string} epoch
 * @property {number} seq
 * @property {string} status
 * @property {number} participants
 * @property {string|null} endsAt
 * @property {Row[]} rows
 */

/**
 * A row of any answer (`{rank,name,score,key}`) or frame (`{k,r,n,s}`) as the page's own row.
 * @param {any} raw
 * @returns {Row}
 */
export function row(raw) {
  const name = String(raw.n ?? raw.name ?? '');
  return {
    k: String(raw.k ?? raw.key ?? name),
    r: Number(raw.r ?? raw.rank),
    n: name,
    s: String(raw.s ?? raw.score ?? '0'),
  };
}

/** @param {Iterable<Row>} rows @returns {Row[]} */
const byRank = (rows) => [...rows].sort((a, b) => a.r - b.r);

/** @param {any} frame a `snapshot` frame @returns {Board} */
export function fromSnapshot(frame) {
  return {
    epoch: String(frame.epoch),
    seq: Number(frame.seq),
    status: String(frame.status ?? 'active'),
    participants: Number(frame.participants ?? 0),
    endsAt: frame.endsAt ?? null,
    rows: byRank(frame.rows.map(row)),
  };
}

/** @param {any} answer a leaderboard answer @returns {Board} */
export function fromPoll(answer) {
  return fromSnapshot(answer);
}

/** The board as the leaderboard route would have sent it. @param {string} tournamentId @param {Board} board */
export function toPoll(tournamentId, board) {
  const { epoch, seq, status, participants, endsAt } = board;
  const rows = board.rows.map(({ k, r, n, s }) => ({ rank: r, name: n, score: s, key: k }));
  return { tournamentId, epoch, seq, status, participants, endsAt, rows };
}

/**
 * The board after a delta, or null when the delta does not fit it (wrong base, or a row nobody named):
 * then only a fresh snapshot helps.
 * @param {Board|null} board
 * @param {any} frame a `delta` frame
 * @returns {Board|null}
 */
export function applyDelta(board, frame) {
  if (!board || frame.prev !== board.seq) return null;
  const rows = new Map(board.rows.map((r) => [r.k, r]));
  for (const k of frame.del ?? []) rows.delete(k);
  for (const set of frame.set ?? []) {
    const name = set.n ?? rows.get(set.k)?.n;
    if (name === undefined) return null;
    rows.set(set.k, row({ ...set, n: name }));
  }
  return {
    ...board,
    seq: frame.seq,
    participants: frame.participants ?? board.participants,
    status: frame.status ?? board.status,
    rows: byRank(rows.values()),
  };
}

/**
 * Whether a polled board may replace the one on the page: never a step back within an epoch.
 * @param {Board|null} current
 * @param {Board} polled
 */
export function isNewer(current, polled) {
  return !current || current.epoch !== polled.epoch || polled.seq >= current.seq;
}

/**
 * Places won (positive) or lost (negative) per key between two boards; newcomers are absent.
 * @param {Row[]} before
 * @param {Row[]} after
 * @returns {Map<string, number>}
 */
export function moves(before, after) {
  const was = new Map(before.map((r) => [r.k, r.r]));
  const out = new Map();
  for (const { k, r } of after) {
    const from = was.get(k);
    if (from !== undefined && from !== r) out.set(k, from - r);
  }
  return out;
}
