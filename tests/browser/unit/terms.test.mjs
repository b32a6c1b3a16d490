// What a tournament offers and asks, in words.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bandText, entryOf, isClosed, isOver, payoutState, priceOf, prizeText, prizeWord, prizesOf, refusal, resultState, tieText, typeOf } from '../../../web/terms.js';

/** @type {any} */
const RACE = {
  id: 'r', name: 'R', status: 'active', phase: 'active', metric: 'turnover', currency: 'EUR', participants: 3,
  startsAt: '2026-11-21T18:00:00.000Z', endsAt: '2026-11-21T19:00:00.000Z', prizes: [], entry: 'opt_in',
};
const PAID = { ...RACE, buyIn: { amount: '4.00', fee: '0.40' } };
const OUT = { joined: false, entries: 0 };
const IN = { joined: true, entries: 1 };

test('a tournament of a server that says nothing more is one with cash prizes', () => {
  const { bands, paid, total, growing, at } = prizesOf({ ...RACE, prizes: ['100.00', '50.00', '50.00'] });
  assert.deepEqual(bands, [{ from: 1, to: 1, prizes: ['€100'] }, { from: 2, to: 3, prizes: ['€50'] }]);
  assert.deepEqual([paid, total, growing], [3, '200.00', false]);
  assert.deepEqual([at(1), at(3), at(4)], [['€100'], ['€50'], []]);
  assert.deepEqual([typeOf(RACE), priceOf(RACE), entryOf(RACE, OUT).notes], ['', null, []]);
});

test('places say what is won at the present pool', () => {
  const places = [{ from: 2, to: 10, prizes: ['5.00 EUR'] }, { from: 1, to: 1, prizes: ['50.00 EUR', '100 free rounds on wolf'] }];
  const prizes = prizesOf({ ...RACE, pool: { total: '95.00' }, places });
  assert.deepEqual([prizes.paid, prizes.total, prizes.growing], [10, '95.00', true]);
  assert.equal(prizes.carried, null);
  const carriedIn = [{ from: 'one', amount: '12.50' }, { from: 'one', amount: '0.75' }];
  assert.equal(prizesOf({ ...RACE, pool: { total: '95.00', carriedIn }, places }).carried, '13.25');
  assert.deepEqual(prizes.bands.map(bandText), ['1st', '2nd – 10th']);
  assert.equal(prizeText(prizes.at(1)), '€50 + 100 free rounds on wolf');
  assert.equal(prizeText(prizes.at(1), true), '€50 +1');
  assert.equal(prizeText(prizes.at(7), true), '€5');
  assert.equal(prizeText(prizes.at(11)), '');
  assert.deepEqual(['1234.50 GBP', '3.00 CHF', 'Ticket to sunday-300', '2 EUR off'].map(prizeWord), ['£1,234.50', '3 CHF', 'Ticket to sunday-300', '2 EUR off']);
  assert.deepEqual(prizesOf({ ...RACE, places }).total, null, 'tickets have no sum');
});

test('a price is the buy-in and the fee', () => {
  assert.deepEqual(priceOf(PAID), { amount: '€4', fee: '€0.40', total: '€4.40' });
  assert.deepEqual(priceOf({ ...RACE, buyIn: { amount: '10.00' } }), { amount: '€10', fee: null, total: '€10' });
  assert.deepEqual(priceOf({ ...RACE, buyIn: { amount: '10.00', fee: '0.00' } }), { amount: '€10', fee: null, total: '€10' });
  assert.equal(priceOf({ ...RACE, buyIn: { amount: '0.00', fee: '0.00' } }), null);
});

for (const [what, race, mine, can, mayLeave] of /** @type {[string, any, any, string, boolean][]} */ ([
  ['a free race', RACE, OUT, 'enter', false],
  ['a free race that one is in', RACE, IN, 'none', true],
  ['before registration', { ...RACE, status: 'upcoming', phase: 'announced' }, OUT, 'soon', false],
  ['registration', { ...PAID, status: 'upcoming', phase: 'registration' }, OUT, 'enter', false],
  ['whoever plays is in: nothing to press', { ...RACE, entry: 'all' }, OUT, 'none', false],
  ['whoever plays is in, before the start', { ...RACE, entry: 'all', status: 'upcoming', phase: 'announced' }, OUT, 'none', false],
  ['whoever plays is in, and this one is', { ...RACE, entry: 'all' }, { ...IN, rank: 3 }, 'none', false],
  ['a buy-in, not in', PAID, OUT, 'enter', false],
  ['a buy-in is not left', PAID, IN, 'none', false],
  ['a second entry', { ...PAID, entriesMax: 3 }, IN, 'again', false],
  ['the last entry used', { ...PAID, entriesMax: 3 }, { joined: true, entries: 3 }, 'none', false],
  ['no seats', { ...PAID, seats: { max: 10, taken: 10 } }, OUT, 'full', false],
  ['no seats, but in with an entry left', { ...PAID, entriesMax: 2, seats: { max: 10, taken: 10 } }, IN, 'again', false],
  ['entries closed', { ...RACE, entryClosesAt: '2026-11-21T18:00:00.000Z' }, OUT, 'closed', false],
  ['entries close later', { ...RACE, entryClosesAt: '2999-01-01T00:00:00.000Z' }, OUT, 'enter', false],
  ['nobody leaves a seat', { ...RACE, seats: { max: 10, taken: 3 } }, IN, 'none', false],
  ['in grace', { ...RACE, phase: 'grace' }, OUT, 'closed', false],
  ['under review', { ...RACE, phase: 'under_review' }, IN, 'closed', false],
  ['cancelled', { ...RACE, status: 'cancelled', phase: 'cancelled' }, IN, 'closed', false],
])) test(`entering: ${what}`, () => {
  const entry = entryOf(race, mine, Date.parse('2026-11-21T18:30:00.000Z'));
  assert.deepEqual([entry.can, entry.mayLeave], [can, mayLeave]);
});

test('where whoever plays takes part, that is said, or how one stands', () => {
  const race = { ...RACE, entry: 'all', eligibility: { countries: ['DE'] } };
  /** @type {[any, any, string][]} */
  const rows = [
    [race, OUT, 'Whoever plays takes part'],
    [race, { ...OUT, rank: null }, 'Whoever plays takes part'],
    [race, { ...IN, rank: null }, 'Whoever plays takes part'],
    [race, { ...OUT, rank: 2 }, 'You take part: 2nd'],
    [{ ...race, phase: 'grace' }, { ...OUT, rank: 1 }, 'You take part: 1st'],
    [{ ...race, status: 'completed', phase: 'completed' }, { ...OUT, rank: 2 }, ''],
    [RACE, { ...IN, rank: 2 }, ''],
    [PAID, OUT, ''],
  ];
  for (const [t, mine, says] of rows) assert.equal(entryOf(t, mine).says, says);
  assert.deepEqual(entryOf(race, OUT).notes, [
    'Whoever plays takes part: there is nothing to enter. The first round that counts puts you on the board.', 'For players from Germany.',
  ]);
});

test('conditions are said before entering', () => {
  const race = {
    ...PAID, status: 'upcoming', phase: 'registration', entry: 'invited', entriesMax: 3, reentry: 'sum', seats: { min: 5, max: 100, taken: 4 },
    eligibility: { countries: ['DE', 'AT'], segments: ['vip'] },
  };
  const { notes, seatsLeft } = entryOf(race, OUT);
  assert.equal(seatsLeft, 96);
  assert.deepEqual(notes.slice(0, 5), [
    'By invitation only.', 'For players from Germany, Austria.', 'For vip players.', 'Runs from 5 players on; 1 more is needed.',
    'Up to 3 entries each; they are added up.',
  ]);
  assert.match(notes[5] ?? '', /you get everything back, the fee too/);
});

for (const [phase, title, words] of /** @type {[string, string, RegExp][]} */ ([
  ['under_review', 'Provisional results', /can still change/],
  ['paying', 'Final results', /being paid/],
  ['completed', 'Final results', /handed out/],
  ['final', 'Final results', /^$/],
])) test(`a result that is ${phase}`, () => {
  const state = resultState({ ...RACE, phase, prizes: ['1.00'] });
  assert.equal(state.title, title);
  assert.match(state.text, words);
  const corrected = resultState({ ...RACE, phase, result: { completedAt: '', standingsHash: '', rows: [], version: 2 } });
  assert.match(corrected.text, /corrected result, version 2/);
});

test('what is over, and what will not change any more', () => {
  /** @param {string} status @param {string} phase */
  const at = (status, phase) => [isOver({ ...RACE, status, phase }), isClosed({ ...RACE, status, phase })];
  assert.deepEqual(['active', 'grace'].map((phase) => at('active', phase)), [[false, false], [false, false]]);
  assert.deepEqual(['under_review', 'paying', 'final'].map((phase) => at('completed', phase)), [[true, false], [true, false], [true, false]]);
  assert.deepEqual(at('active', 'under_review'), [true, false]);
  assert.deepEqual(at('completed', 'completed'), [true, true]);
  assert.deepEqual(at('cancelled', 'cancelled'), [true, true]);
});

test('refusals, payouts and ties have words, and unknown ones are shown', () => {
  for (const code of ['INSUFFICIENT_FUNDS', 'TOURNAMENT_FULL', 'NOT_ELIGIBLE', 'NOT_INVITED', 'TOURNAMENT_STATE', 'PLAYER_EXCLUDED', 'UNREACHABLE']) {
    assert.notEqual(refusal(code, 'the server says'), 'the server says', code);
  }
  assert.equal(refusal('SOMETHING_NEW', 'the server says'), 'the server says');
  assert.notEqual(refusal('SOMETHING_NEW', ''), '');
  for (const state of ['waiting', 'processing', 'paid', 'retry', 'manual', 'ineligible', 'reserved', 'needs_approval']) assert.notEqual(payoutState(state).text, state);
  assert.equal(payoutState('new').text, 'new');
  assert.equal(tieText(), 'Equal scores stand in the order in which they were reached.');
  assert.equal(tieText(['score', 'fewerRounds', 'reachedAt', 'player']), 'Equal scores stand by who needed fewer rounds, then in the order in which they were reached.');
  assert.equal(tieText(['score', 'player']), '');
});
