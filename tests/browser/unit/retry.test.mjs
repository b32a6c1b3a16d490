// When to come back, by tables: every close code of docs/protocol/live.md and the ranges of unknown ones, waits.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { WAIT, afterClose, backoff, subjectOf, told } from '../../../web/client/retry.js';

describe('close codes', () => {
  for (const [codes, means] of /** @type {[number[], string][]} */ ([
    [[1000], 'done'], [[1001], 'again'], [[1009], 'barred'], [[4029], 'later'], [[4108], 'fresh'], [[4400], 'barred'],
    [[4401], 'token'], [[4404], 'missing'],
    [[4000, 4001, 4028, 4030, 4099], 'again'],
    [[4100, 4107, 4109, 4199], 'fresh'],
    [[4402, 4403, 4405, 4408, 4429, 4499], 'refused'],
    [[1002, 1003, 1005, 1006, 1007, 1008, 1010, 1011, 1012, 1013, 1014, 1015, 3000, 3999, 4200, 4399, 4500, 4999, 0], 'again'],
  ])) {
    for (const code of codes) test(`${code} means ${means}`, () => assert.equal(afterClose(code), means));
  }
});

describe('waits', () => {
  test('double from half a second to fifteen, half of it drawn', () => {
    assert.deepEqual([0, 1, 2, 3, 4, 5, 50].map((n) => backoff(n, 1)), [500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
    assert.deepEqual([0, 3, 50].map((n) => backoff(n, 0)), [250, 2_000, 7_500]);
  });

  test('are never shorter than the server said, and spread', () => {
    for (const [ms, random, wait] of /** @type {[number, number, number][]} */ ([
      [0, 0, 0], [0, 0.5, 500], [1_500, 0, 1_500], [1_500, 0.5, 2_000], [10_000, 0, 10_000], [10_000, 0.5, 12_500],
    ])) assert.equal(told(ms, random), wait);
    assert.ok(told(1_500, 0.999) - 1_500 >= WAIT.spread * 0.99);
  });
});

describe('whom a token speaks for', () => {
  const jwt = (/** @type {any} */ body) => `h.${Buffer.from(JSON.stringify(body)).toString('base64url')}.s`;
  for (const [token, subject] of /** @type {[any, any][]} */ ([
    [jwt({ sub: 'p_1' }), 'p_1'], [jwt({ sub: 'p_1', name: '??>>' }), 'p_1'], [jwt({}), null], [jwt({ sub: 7 }), null],
    ['opaque', null], ['a.b.c', null], ['', null], [null, null],
  ])) test(`${token}`, () => assert.equal(subjectOf(token), subject));
});
