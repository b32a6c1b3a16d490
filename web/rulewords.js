// Rules of a tournament's own, in sentences. Pure. Tests: tests/browser/unit/rulewords.test.mjs

import { count, money, number, plural } from './format.js';

/**
 * The rules as on the wire: docs/tournaments/rules.md. Fields may be left out.
 * @typedef {{won?: boolean, ratioFrom?: string, ratioAbove?: string}} When
 * @typedef {{of: string, per?: string, points?: string, when?: When}} Term
 * @typedef {object} Rules
 * @property {{stakeMax?: string, over?: string}} [counts]
 * @property {{terms?: Term[], bands?: {from: string, points: string}[], roundMin?: string, roundMax?: string,
 *   streaks?: {when: When, length: number, points: string, run: string}[],
 *   count?: 'all'|{first?: number, exactly?: number, best?: {until?: number, best?: number}[]}, per?: string, totalMax?: string,
 *   roundsMin?: number}} score
 */

/** @param {string} n */
const points = (n) => `${number(n)} ${n === '1' ? 'point' : 'points'}`;

/** @type {Record<string, string>} */
const OF = { stake: 'staked', payout: 'won', profit: 'won beyond the stake', revenue: 'staked beyond what is won', ratio: 'of payout ÷ stake', reported: 'that the game reports' };

/** @param {When|undefined} when */
function rounds(when) {
  const conditions = [];
  if (when?.won) conditions.push('wins');
  if (when?.ratioFrom) conditions.push(`pays at least ${number(when.ratioFrom)} times the stake`);
  if (when?.ratioAbove) conditions.push(`pays more than ${number(when.ratioAbove)} times the stake`);
  return conditions.length > 0 ? `round that ${conditions.join(' and ')}` : 'round';
}

/** @param {Term} term @param {string} currency */
function sentence({ of, per = '1', points: worth = '1', when }, currency) {
  const each = rounds(when);
  if (of === 'round') return `${points(worth)} for each ${each}.`;
  const measured = ['stake', 'payout', 'profit', 'revenue'].includes(of) ? money(per, currency) : number(per);
  const where = when ? ` in a ${each}` : '';
  if (of === 'ratio') return `${points(worth)} for every ${number(per)} times the stake that a ${each} pays.`;
  return `${points(worth)} for every ${measured} ${OF[of] ?? of}${where}.`;
}

/**
 * @param {Rules|undefined} rules
 * @param {string} currency
 * @returns {string[]}
 */
export function ruleWords(rules, currency) {
  const score = rules?.score;
  if (!score) return [];
  const said = (score.terms ?? []).map((term) => sentence(term, currency));
  for (const { from, points: worth } of score.bands ?? []) said.push(`${points(worth)} for a round from ${number(from)} times the stake on.`);
  if ((score.bands ?? []).length > 1) said.push('Of these, the highest that a round reaches counts.');
  for (const { when, length, points: worth, run } of score.streaks ?? []) {
    const each = rounds(when);
    const many = each.replace('round that', 'rounds in a row that each').replace(/^round$/, 'rounds in a row');
    said.push(run === 'longest' ? `${points(worth)} for each round of your longest run of ${many}, from ${count(length)} on.`
      : `${points(worth)} for every ${count(length)} ${many}.`);
  }
  if (score.roundMin) said.push(`A round with fewer than ${points(score.roundMin)} adds none.`);
  if (score.roundMax) said.push(`A round adds ${points(score.roundMax)} at most.`);
  if (rules.counts?.stakeMax) {
    said.push(rules.counts.over === 'clamp' ? `A stake over ${money(rules.counts.stakeMax, currency)} counts as that much.`
      : `Stakes over ${money(rules.counts.stakeMax, currency)} do not count.`);
  }
  const which = score.count ?? 'all';
  if (which !== 'all') {
    const part = which.best?.length === 1 ? which.best[0] : null;
    if (which.first) said.push(`Your first ${plural(which.first, 'round')} count.`);
    else if (which.exactly) said.push(`Your first ${plural(which.exactly, 'round')} count; you are ranked when you have played them all.`);
    else if (part?.best) said.push(part.best === 1 ? 'Your best round counts.' : `Your best ${plural(part.best, 'round')} count.`);
    else if (which.best) said.push('Your best rounds of each part count.');
  }
  if (score.totalMax) said.push(`Nobody gets more than ${points(score.totalMax)}.`);
  if (score.roundsMin) said.push(`For a prize you need ${plural(score.roundsMin, 'round')}.`);
  return said;
}
