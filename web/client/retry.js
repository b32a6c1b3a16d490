// When to come back, and how: what close codes ask of a client, and waits that are drawn by lot so that many clients
// of one server do not return as one. Pure. The table: docs/protocol/live.md, "Closing".
// Tests: tests/browser/unit/retry.test.mjs, tests/browser/unit/herd.test.mjs

export const WAIT = {
  min: 500,
  max: 15_000,
  crowded: 30_000, // after 4029 without a time from the server
  spread: 1_000, // least range over which those who were told one time come back
};

/**
 * `done`: not back. `barred`: no socket again, other ways stay open. `refused`: not back on any way.
 * `missing`: the tournament is no more. `token`: back without the token. `fresh`: back without a cursor.
 * `later`: back after a longer while. `again`: back with the cursor.
 * @typedef {'done'|'barred'|'refused'|'missing'|'token'|'fresh'|'later'|'again'} Means
 */

/**
 * What a close code asks of the client.
 * @param {number} code
 * @returns {Means}
 */
export function afterClose(code) {
  switch (code) {
    case 1000: return 'done';
    case 1009: return 'barred'; // it is the socket's messages that are at fault
    case 4029: return 'later';
    case 4400: return 'barred';
    case 4401: return 'token';
    case 4404: return 'missing';
    default:
  }
  if (code >= 4000 && code <= 4099) return 'again';
  if (code >= 4100 && code <= 4199) return 'fresh';
  if (code >= 4400 && code <= 4499) return 'refused';
  return 'again';
}

/**
 * Milliseconds before the next try: doubled each time, half of it fixed and half drawn.
 * @param {number} failures before this one @param {number} random in [0, 1)
 */
export function backoff(failures, random) {
  const full = Math.min(WAIT.max, WAIT.min * 2 ** Math.min(failures, 10));
  return Math.round(full / 2 + (full / 2) * random);
}

/**
 * Milliseconds to wait when a server said how long: never less, and drawn over at least a second, as others were
 * told the same.
 * @param {number} ms @param {number} random in [0, 1)
 */
export const told = (ms, random) => Math.round(ms + random * Math.max(WAIT.spread, ms / 2));

/**
 * Who a token speaks for: the subject of a JWT, unverified; null when it can't be read.
 * @param {string|null} token
 * @returns {string|null}
 */
export function subjectOf(token) {
  try {
    const body = (token ?? '').split('.')[1] ?? '';
    const { sub } = JSON.parse(atob(body.replaceAll('-', '+').replaceAll('_', '/')));
    return typeof sub === 'string' ? sub : null;
  } catch {
    return null;
  }
}
