// Which server the browser tests run against: `PALIO_URL` (a running Palio in demo mode), or the mock when asked for
// with `PALIO_MOCK=1` or `--mock`. Never the mock by default.

import { startMock } from './mock-server.mjs';

export async function server() {
  if (process.env.PALIO_URL) return { url: process.env.PALIO_URL.replace(/\/$/, ''), close() {} };
  if (process.env.PALIO_MOCK === '1' || process.argv.includes('--mock')) return startMock();
  throw new Error('set PALIO_URL to a running Palio in demo mode, or PALIO_MOCK=1 to test the page against the mock');
}

/**
 * An active tournament with rows that will still be active for the length of a test.
 * @param {string} url
 * @returns {Promise<any>}
 */
export async function activeTournament(url) {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const { tournaments } = await (await fetch(`${url}/api/tournaments?status=active`)).json();
    const long = tournaments.filter((/** @type {any} */ t) => Date.parse(t.endsAt) - Date.now() > 120_000);
    // The one with the most players moves the most.
    for (const t of long.sort((/** @type {any} */ a, /** @type {any} */ b) => b.participants - a.participants)) {
      const board = await (await fetch(`${url}/api/tournaments/${t.id}/leaderboard?limit=${t.topN ?? 10}`)).json();
      if (board.rows.length >= 2) return t;
    }
    if (Date.now() > deadline) throw new Error('no active tournament with rows and two minutes to go');
    await new Promise((done) => { setTimeout(done, 500); });
  }
}
