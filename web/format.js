// Text for people: numbers, money, time, names of metrics. Decimal strings stay strings: no float touches them.

/**
 * A decimal string as sign, grouped whole part and the rest: "-1284.50" → ["-1,284", ".50"].
 * @param {string} decimal
 * @returns {[string, string]}
 */
export function splitDecimal(decimal) {
  const match = /^(-?)(\d+)(\.\d+)?$/.exec(decimal);
  if (!match) return [decimal, ''];
  const [, sign, whole = '', rest = ''] = match;
  return [(sign ? '−' : '') + whole.replace(/\B(?=(\d{3})+$)/g, ','), rest];
}

/** @param {string} decimal */
export const number = (decimal) => splitDecimal(decimal).join('');

/** @param {number} n */
export const count = (n) => number(String(n));

/** @param {number} n @param {string} one @param {string} [many] */
export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

/** "€", "£", or the code itself where no sign is common. @param {string} currency */
function sign(currency) {
  try {
    const parts = new Intl.NumberFormat('en', { style: 'currency', currency, currencyDisplay: 'narrowSymbol' }).formatToParts(0);
    return parts.find((p) => p.type === 'currency')?.value ?? currency;
  } catch {
    return currency;
  }
}

/** "100.00", "EUR" → "€100", "12.50" → "€12.50". @param {string} amount @param {string} currency */
export function money(amount, currency) {
  const [whole, rest] = splitDecimal(amount);
  const symbol = sign(currency);
  const text = /^\.0+$/.test(rest) ? whole : whole + rest;
  return /^[A-Z]{2,}$/.test(symbol) ? `${text} ${symbol}` : text.replace(/^(−?)/, `$1${symbol}`);
}

/** What stands before and after an amount: "€" and "", or "" and "CHF". @param {string} currency */
export function moneyParts(currency) {
  const symbol = sign(currency);
  return /^[A-Z]{2,}$/.test(symbol) ? { prefix: '', suffix: symbol } : { prefix: symbol, suffix: '' };
}

/** Exact sum of decimal strings of one currency. @param {string[]} amounts */
export function sum(amounts) {
  const digits = Math.max(0, ...amounts.map((a) => a.split('.')[1]?.length ?? 0));
  const total = amounts.reduce((acc, a) => {
    const [whole = '0', rest = ''] = a.split('.');
    return acc + BigInt(whole + rest.padEnd(digits, '0'));
  }, 0n);
  const text = String(total).padStart(digits + 1, '0');
  return digits ? `${text.slice(0, -digits)}.${text.slice(-digits)}` : text;
}

/** 1 → "1st". @param {number} n */
export function ordinal(n) {
  const tens = n % 100;
  const suffix = tens >= 11 && tens <= 13 ? 'th' : (['th', 'st', 'nd', 'rd'][n % 10] ?? 'th');
  return `${count(n)}${suffix}`;
}

/** @type {Record<string, {name: string, unit: string, short: string, prefix: string, how: string}>} */
const METRICS = {
  turnover: { name: 'Turnover', unit: 'Points', short: 'pts', prefix: '', how: 'Every stake counts towards your points.' },
  best_ratio: { name: 'Best multiplier', unit: 'Best win', short: '', prefix: '×', how: 'Your highest payout ÷ stake of a single round counts.' },
  ggr: { name: 'Stakes minus payouts', unit: 'Score', short: '', prefix: '', how: 'Stakes minus payouts over the whole race count.' },
  custom: { name: 'Own rules', unit: 'Score', short: '', prefix: '', how: 'Points come from the rules of this race.' },
};

/** @param {string} metric */
export const metricOf = (metric) => METRICS[metric] ?? { name: metric, unit: 'Score', short: '', prefix: '', how: '' };

/**
 * A span as two units at most for far, and mm:ss for near: "3 d 4 h", "5:02:09", "04:07".
 * @param {number} ms
 */
export function span(ms) {
  const total = Math.max(0, Math.ceil(ms / 1_000));
  const days = Math.floor(total / 86_400);
  const hours = Math.floor((total % 86_400) / 3_600);
  const minutes = Math.floor((total % 3_600) / 60);
  const seconds = total % 60;
  if (days > 0) return `${days} d ${hours} h`;
  /** @param {number} n */
  const two = (n) => String(n).padStart(2, '0');
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds)}` : `${two(minutes)}:${two(seconds)}`;
}

/** The same span as a machine reads it: "PT4M7S". @param {number} ms */
export const duration = (ms) => `PT${Math.max(0, Math.ceil(ms / 1_000))}S`;

const DAY = new Intl.DateTimeFormat('en-GB', { weekday: 'short', day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });
const TIME = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });

/** "Sat, 21 Nov, 19:00" in the reader's zone. @param {string|number} at */
export const day = (at) => DAY.format(new Date(at));

/** "19:00:05" in the reader's zone. @param {string|number} at */
export const time = (at) => TIME.format(new Date(at));
