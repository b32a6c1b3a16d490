// What people read: numbers, money, spans of time.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { money, number, ordinal, span, sum } from '../../../web/format.js';

/** @param {string} name @param {(...args: any[]) => unknown} f @param {[any[], unknown][]} rows */
const table = (name, f, rows) => test(name, () => {
  for (const [args, want] of rows) assert.equal(f(...args), want, `${name}(${args.join(', ')})`);
});

table('number', number, [[['0'], '0'], [['999'], '999'], [['1000'], '1,000'], [['1284567.50'], '1,284,567.50'], [['-1284.5'], '−1,284.5'],
  [['9007199254740993.000001'], '9,007,199,254,740,993.000001'], [['–'], '–']]);
table('money', money, [[['100.00', 'EUR'], '€100'], [['12.50', 'EUR'], '€12.50'], [['-3.10', 'GBP'], '−£3.10'], [['1500', 'JPY'], '¥1,500'], [['5.00', 'CHF'], '5 CHF']]);
table('sum', (...a) => sum(a), [[['0.10', '0.20'], '0.30'], [['100.00', '50.5'], '150.50'], [['1', '2'], '3'], [[], '0'], [['0.05'], '0.05']]);
table('ordinal', ordinal, [[[1], '1st'], [[2], '2nd'], [[3], '3rd'], [[4], '4th'], [[11], '11th'], [[12], '12th'], [[13], '13th'], [[21], '21st'], [[112], '112th'], [[1_003], '1,003rd']]);
table('span', span, [[[-5], '00:00'], [[1], '00:01'], [[59_001], '01:00'], [[247_000], '04:07'], [[3_600_000], '1:00:00'], [[18_129_000], '5:02:09'], [[100 * 3_600_000], '4 d 4 h']]);
