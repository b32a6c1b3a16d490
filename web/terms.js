// What a tournament offers and asks, in words: its kind, its prizes, what an entry costs, what refusals mean. Pure:
// no clock, no network. Tests: tests/browser/unit/terms.test.mjs

import { count, day, money, ordinal, plural, sum } from './format.js';

/** @typedef {import('./api.js').Tournament} Tournament */

/** @type {Record<string, string>} */
const TYPES = { slot_race: 'Slot race', jackpot: 'Jackpot race', table: 'Table tournament', leaderboard: 'Leaderboard', custom: 'Special race' };

/** What sort of contest it is, or '' where the server does not say. @param {Pick<Tournament, 'type'>} t */
export const typeOf = (t) => (t.type ? TYPES[t.type] ?? '' : '');

/** Whether there is such an amount, and it is more than nothing. @param {string|undefined} amount @returns {amount is string} */
export const hasAmount = (amount) => amount !== undefined && /[1-9]/.test(amount);

/** @param {Tournament} t */
export const isCancelled = (t) => t.status === 'cancelled' || t.phase === 'cancelled';

/** Whether no round counts any more and places are written down. @param {Tournament} t */
export const isOver = (t) => isCancelled(t) || t.status === 'completed' || ['under_review', 'paying', 'final', 'completed'].includes(t.phase);

/** Whether nothing about it will change. @param {Tournament} t */
export const isClosed = (t) => isCancelled(t) || t.phase === 'completed';

/** @param {Tournament} t */
const isOpen = (t) => (t.status === 'active' ? t.phase === 'active' || t.phase === 'registration' : t.phase === 'registration');

/**
 * How sure the result is: a title, and what that means.
 * @param {Tournament} t
 * @returns {{title: string, text: string, kind: 'review'|'paying'|'done'}}
 */
export function resultState(t) {
  const version = t.result?.version ?? 1;
  const corrected = version > 1 ? ` This is the corrected result, version ${count(version)}.` : '';
  const rewarded = hasPrizes(t);
  switch (t.phase) {
    case 'under_review':
      return { kind: 'review', title: 'Provisional results', text: `The order stands, and people look at it before prizes are paid. Places can still change.${corrected}` };
    case 'paying':
      return { kind: 'paying', title: 'Final results', text: `Prizes are being paid.${corrected}` };
    case 'completed':
      return { kind: 'done', title: 'Final results', text: `${rewarded ? 'All prizes are handed out.' : ''}${corrected}`.trim() };
    default:
      return { kind: 'done', title: 'Final results', text: corrected.trim() };
  }
}

// --- prizes ---

/**
 * What places win: `at` gives a place's prizes as texts, `paid` is the last place that wins, `total` the money in
 * it all (null where it can't be said), `carried` what of it nobody won in the race before.
 * @typedef {{from: number, to: number, prizes: string[]}} Band
 * @typedef {{bands: Band[], paid: number, total: string|null, carried: string|null, growing: boolean, at: (rank: number) => string[]}} Prizes
 */

/** @param {Tournament} t @returns {Prizes} */
export function prizesOf(t) {
  const cash = t.prizes ?? [];
  const bands = t.places?.length
    ? [...t.places].sort((a, b) => a.from - b.from).map((band) => ({ ...band, prizes: band.prizes.map(prizeWord) }))
    : cashBands(cash, t.currency);
  const total = t.pool?.total ?? (cash.length > 0 ? sum(cash) : null);
  return {
    bands, total, growing: Boolean(t.pool),
    carried: t.pool?.carriedIn?.length ? sum(t.pool.carriedIn.map((one) => one.amount)) : null,
    paid: bands.reduce((last, band) => Math.max(last, band.to), 0),
    at: (rank) => bands.find((band) => band.from <= rank && rank <= band.to)?.prizes ?? [],
  };
}

/** @param {string[]} cash @param {string} currency */
function cashBands(cash, currency) {
  /** @type {Band[]} */
  const bands = [];
  cash.forEach((amount, i) => {
    const text = money(amount, currency);
    const last = bands.at(-1);
    if (last?.prizes[0] === text) last.to = i + 1;
    else bands.push({ from: i + 1, to: i + 1, prizes: [text] });
  });
  return bands;
}

/** @param {Tournament} t */
export const hasPrizes = (t) => prizesOf(t).paid > 0;

/** A prize as the server says it; money as everywhere on the page: "12.30 EUR" → "€12.30". @param {string} text */
export function prizeWord(text) {
  const [, amount = '', currency = ''] = /^(\d+(?:\.\d+)?) ([A-Z]{3,8})$/.exec(text) ?? [];
  return amount ? money(amount, currency) : text;
}

/** "1st", "4th – 10th". @param {Band} band */
export const bandText = ({ from, to }) => (from === to ? ordinal(from) : `${ordinal(from)} – ${ordinal(to)}`);

/** "€50 + 100 free rounds on wolf", short: "€50 +1". @param {string[]} prizes @param {boolean} [short] */
export function prizeText(prizes, short = false) {
  if (prizes.length === 0) return '';
  return short && prizes.length > 1 ? `${prizes[0]} +${prizes.length - 1}` : prizes.join(' + ');
}

/** @type {Record<string, {text: string, kind: 'soft'|'good'|'bad'}>} */
const PAYOUTS = {
  waiting: { text: 'Waits for the review', kind: 'soft' },
  processing: { text: 'Being paid', kind: 'soft' },
  paid: { text: 'Paid', kind: 'good' },
  retry: { text: 'Delayed, is tried again', kind: 'soft' },
  manual: { text: 'Looked at by a person', kind: 'soft' },
  needs_approval: { text: 'Waits for two people to agree', kind: 'soft' },
  reserved: { text: 'Set aside while your result is reviewed', kind: 'soft' },
  ineligible: { text: 'Not paid: the conditions are not met', kind: 'bad' },
};

/** @param {string} state */
export const payoutState = (state) => PAYOUTS[state] ?? { text: state, kind: 'soft' };

// --- entry ---

/**
 * What an entry costs; null where it is free.
 * @param {Tournament} t
 * @returns {{amount: string, fee: string|null, total: string}|null} texts with their currency
 */
export function priceOf(t) {
  if (!t.buyIn) return null;
  const { amount, fee } = t.buyIn;
  const hasFee = hasAmount(fee);
  const total = hasFee ? sum([amount, fee ?? '0']) : amount;
  if (!hasAmount(total)) return null;
  return { amount: money(amount, t.currency), fee: hasFee ? money(fee ?? '0', t.currency) : null, total: money(total, t.currency) };
}

/**
 * What the reader can do about entering, and what is worth knowing before.
 * @typedef {object} Entry
 * @property {'enter'|'again'|'full'|'soon'|'closed'|'none'} can  `none`: there is nothing more to enter
 * @property {string} says  where whoever plays takes part: that, or how the reader stands; otherwise ''
 * @property {boolean} mayLeave
 * @property {{amount: string, fee: string|null, total: string}|null} price
 * @property {number|null} seatsLeft
 * @property {string[]} notes
 */

/**
 * @param {Tournament} t
 * @param {{joined: boolean, entries: number, rank?: number|null}} mine
 * @param {number} [now] server time, Unix ms
 * @returns {Entry}
 */
export function entryOf(t, mine, now = Date.now()) {
  const price = priceOf(t);
  const seats = t.seats ?? null;
  const seatsLeft = seats?.max ? Math.max(0, seats.max - (seats.taken ?? 0)) : null;
  const entriesMax = t.entriesMax ?? 1;
  const entries = mine.joined ? Math.max(1, mine.entries) : 0;
  /** @type {string[]} */
  const notes = [];
  const everybody = t.entry === 'all';
  if (everybody) notes.push('Whoever plays takes part: there is nothing to enter. The first round that counts puts you on the board.');
  if (t.entry === 'invited') notes.push('By invitation only.');
  if (t.eligibility?.countries?.length) notes.push(`For players from ${t.eligibility.countries.map(country).join(', ')}.`);
  if (t.eligibility?.countriesExcept?.length) notes.push(`Not for players from ${t.eligibility.countriesExcept.map(country).join(', ')}.`);
  if (t.eligibility?.segments?.length) notes.push(`For ${t.eligibility.segments.join(', ')} players.`);
  if (seats?.min && seats.min > 1) {
    const missing = seats.min - (seats.taken ?? 0);
    notes.push(`Runs from ${plural(seats.min, 'player')} on${missing > 0 && t.status === 'upcoming' ? `; ${count(missing)} more ${missing === 1 ? 'is' : 'are'} needed` : ''}.`);
  }
  if (entriesMax > 1) {
    notes.push(`Up to ${plural(entriesMax, 'entry', 'entries')} each; ${t.reentry === 'sum' ? 'they are added up' : 'the best one counts'}.`);
  }
  if (price) notes.push('If it is cancelled before the start, you get everything back, the fee too. After the start its published rules decide.');

  const closes = t.entryClosesAt ? Date.parse(t.entryClosesAt) : null;
  if (closes !== null && now < closes && !isOver(t)) notes.push(`Entries until ${day(closes)}.`);
  const open = isOpen(t) && !isOver(t) && (closes === null || now < closes);
  /** @type {Entry['can']} */
  let can = 'closed';
  if (isOver(t)) can = 'closed';
  else if (everybody) can = 'none';
  else if (t.status === 'upcoming' && t.phase !== 'registration') can = 'soon';
  else if (!open) can = 'closed';
  else if (mine.joined) can = entries < entriesMax ? 'again' : 'none';
  else can = seatsLeft === 0 ? 'full' : 'enter';
  const stands = mine.rank ? `You take part: ${ordinal(mine.rank)}` : 'Whoever plays takes part';
  const says = everybody && !isOver(t) ? stands : '';
  return { can, says, price, seatsLeft, notes, mayLeave: mine.joined && open && !everybody && !isSeated(t) };
}

/** Whether the tournament decides about each entry; nobody leaves such a one. @param {Tournament} t */
const isSeated = (t) => Boolean(t.buyIn || t.seats || t.eligibility || t.entryClosesAt || t.entry === 'invited' || (t.entriesMax ?? 1) > 1);

/** "Germany" for "DE". @param {string} code */
function country(code) {
  try {
    return new Intl.DisplayNames('en', { type: 'region' }).of(code) ?? code;
  } catch {
    return code;
  }
}

/** @type {Record<string, string>} */
const REFUSALS = {
  INSUFFICIENT_FUNDS: 'Your balance is too small for this entry. Nothing was taken.',
  TOURNAMENT_FULL: 'All seats are taken. Nothing was taken from you.',
  NOT_ELIGIBLE: 'This race is not open to your account. Nothing was taken.',
  NOT_INVITED: 'This race is by invitation, and your account has none.',
  TOURNAMENT_STATE: 'Entries are not open right now. Nothing was taken.',
  PLAYER_EXCLUDED: 'Your account is excluded from play at the moment.',
  TOO_MANY_ENTRIES: 'You have used all your entries.',
  OVERLOADED: 'The server has too much to do. Try again in a moment; you pay once only.',
  UNREACHABLE: 'No connection. Try again; you pay once only.',
};

/** What a refusal of an entry means; the server's own words for others. @param {string} code @param {string} detail */
export const refusal = (code, detail) => REFUSALS[code] ?? (detail || 'That did not work. Try again.');

/** @type {Record<string, string>} */
const TIES = {
  reachedAt: 'in the order in which they were reached',
  firstRoundAt: 'by who started first',
  fewerRounds: 'by who needed fewer rounds',
  moreRounds: 'by who played more rounds',
  bestRound: 'by the better best round',
  countback: 'by more first places, then more second places',
};

/** How equal scores are put in an order. @param {string[]} [ties] */
export function tieText(ties) {
  const words = (ties ?? ['reachedAt']).flatMap((tie) => TIES[tie] ?? []);
  return words.length > 0 ? `Equal scores stand ${words.join(', then ')}.` : '';
}
