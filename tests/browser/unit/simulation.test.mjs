// The whole state machine against a server in virtual time, over all three ways, with cuts, half-open lines, reordered
// arrivals, restarts, new epochs and slow phases. PALIO_SCHEDULES sets how many schedules are run (300), PALIO_SEED the
// first one.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newTally, simulate } from '../live/simulate.mjs';

const SCHEDULES = Number(process.env.PALIO_SCHEDULES ?? 300);
const SEED = Number(process.env.PALIO_SEED ?? 1);

test(`${SCHEDULES} schedules: what is shown is what the server had at that position, and in the end its newest`, (t) => {
  const tally = newTally();
  for (let seed = SEED; seed < SEED + SCHEDULES; seed += 1) simulate(seed, tally);
  t.diagnostic(JSON.stringify(tally));
  assert.deepEqual([tally.gaps, tally.duplicates, tally.baseless, tally.misfits, tally.mismatches], [0, 0, 0, 0, 0]);
  for (const way of /** @type {const} */ (['socket', 'stream', 'poll', 'merged', 'snapshots', 'resumed', 'proofs', 'paused', 'offline'])) {
    assert.ok(tally[way] > 0, `no schedule has ${way}: it proves nothing about it`);
  }
});

test('a board that was spoiled on its way is found by its proof and put right', (t) => {
  const tally = newTally();
  for (let seed = SEED; seed < SEED + Math.ceil(SCHEDULES / 10); seed += 1) simulate(seed, tally, { spoil: true, troubles: 8 });
  t.diagnostic(JSON.stringify(tally));
  assert.ok(tally.spoiled > 0 && tally.mismatches > 0);
});
