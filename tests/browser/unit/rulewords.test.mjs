// Rules in sentences: the ready templates, and what a server may leave out.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ruleWords } from '../../../web/rulewords.js';

for (const [name, rules, want] of /** @type {[string, any, string[]][]} */ ([
  ['nothing', undefined, []],
  ['turnover', { score: { terms: [{ of: 'stake', per: '3' }] } }, ['1 point for every €3 staked.']],
  ['capped turnover', { counts: { stakeMax: '5', over: 'clamp' }, score: { terms: [{ of: 'stake' }] } }, ['1 point for every €1 staked.', 'A stake over €5 counts as that much.']],
  ['total wins', { score: { terms: [{ of: 'payout' }, { of: 'round' }] } }, ['1 point for every €1 won.', '1 point for each round.']],
  ['bands', { score: { bands: [{ from: '100', points: '1' }, { from: '200', points: '3' }] } },
    ['1 point for a round from 100 times the stake on.', '3 points for a round from 200 times the stake on.', 'Of these, the highest that a round reaches counts.']],
  ['streaks', { score: { terms: [{ of: 'round', points: '10', when: { ratioFrom: '10' } }], streaks: [{ when: { won: true }, length: 3, points: '5', run: 'each' }] } },
    ['10 points for each round that pays at least 10 times the stake.', '5 points for every 3 rounds in a row that each wins.']],
  ['longest streak', { score: { streaks: [{ when: { ratioAbove: '2' }, length: 2, points: '1', run: 'longest' }] } },
    ['1 point for each round of your longest run of rounds in a row that each pays more than 2 times the stake, from 2 on.']],
  ['sum of multipliers', { score: { terms: [{ of: 'ratio' }], roundMin: '2' } }, ['1 point for every 1 times the stake that a round pays.', 'A round with fewer than 2 points adds none.']],
  ['exactly a hundred', { score: { terms: [{ of: 'profit' }], count: { exactly: 100 } } },
    ['1 point for every €1 won beyond the stake.', 'Your first 100 rounds count; you are ranked when you have played them all.']],
  ['best round', { score: { terms: [{ of: 'reported' }], count: { best: [{ best: 1 }] }, roundsMin: 50 } },
    ['1 point for every 1 that the game reports.', 'Your best round counts.', 'For a prize you need 50 rounds.']],
])) test(`rules in words: ${name}`, () => assert.deepEqual(ruleWords(rules, 'EUR'), want));
