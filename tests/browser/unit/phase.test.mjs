// What the clock of a tournament shows as time goes by.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reading } from '../../../web/phase.js';

const T0 = Date.parse('2026-11-21T18:00:00.000Z');
const HOUR = 3_600_000;
const RACE = { startsAt: '2026-11-21T18:00:00.000Z', endsAt: '2026-11-21T19:00:00.000Z', result: null };

for (const [status, phase, at, label, ms, urgent] of /** @type {[any, any, number, string, number|null, boolean][]} */ ([
  ['upcoming', 'announced', T0 - HOUR, 'Starts in', HOUR, false],
  ['upcoming', 'registration', T0 - 1, 'Starts in', 1, false],
  ['upcoming', 'registration', T0 + 5, 'Ends in', HOUR - 5, false], // the page's news is a moment old
  ['active', 'active', T0, 'Ends in', HOUR, false],
  ['active', 'active', T0 + HOUR - 59_999, 'Ends in', 59_999, true],
  ['active', 'active', T0 + HOUR, 'Confirming results', null, false],
  ['active', 'grace', T0 + HOUR + 1, 'Confirming results', null, false],
  ['completed', 'final', T0 + 2 * HOUR, 'Finished', null, false],
  ['active', 'under_review', T0 + 2 * HOUR, 'Results under review', null, false],
  ['completed', 'under_review', T0 + 2 * HOUR, 'Results under review', null, false],
  ['completed', 'paying', T0 + 2 * HOUR, 'Finished', null, false],
  ['completed', 'completed', T0 + 2 * HOUR, 'Finished', null, false],
  ['cancelled', 'cancelled', T0, 'Cancelled', null, false],
])) {
  test(`${status}/${phase} at ${at - T0} ms: ${label}`, () => {
    const got = reading({ ...RACE, status, phase }, at);
    assert.deepEqual([got.label, got.ms, got.urgent], [label, ms, urgent]);
  });
}
