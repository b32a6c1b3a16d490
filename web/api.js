// The HTTP side of the wire. Every answer's time feeds the clock; a stored copy from the service worker says so.

import { learnFromHeader } from './clock.js';

/**
 * @typedef {object} Tournament
 * @property {string} id
 * @property {string} name
 * @property {'upcoming'|'active'|'completed'|'cancelled'} status
 * @property {'announced'|'registration'|'active'|'grace'|'under_review'|'paying'|'final'|'completed'|'cancelled'} phase
 * @property {'slot_race'|'jackpot'|'table'|'leaderboard'|'custom'} [type]
 * @property {string} metric
 * @property {string} currency
 * @property {string} startsAt
 * @property {string} endsAt
 * @property {string} [registrationOpensAt]
 * @property {number} [graceSeconds]
 * @property {number} participants
 * @property {number} [topN]
 * @property {string[]} [prizes]
 * @property {string} [description]
 * @property {string} [minStake]
 * @property {string} [pointsPer]
 * @property {'all'|'opt_in'|'invited'} [entry]
 * @property {{amount: string, fee?: string}} [buyIn]
 * @property {number} [entriesMax]
 * @property {'best'|'sum'} [reentry]
 * @property {{min?: number, max?: number, taken?: number}} [seats]
 * @property {{total: string, carriedIn?: {from: string, amount: string}[]}} [pool]
 * @property {{from: number, to: number, prizes: string[]}[]} [places]
 * @property {string} [entryClosesAt]
 * @property {{countries?: string[], countriesExcept?: string[], segments?: string[]}} [eligibility]
 * @property {string[]} [tieBreak]
 * @property {import('./rulewords.js').Rules} [rules]
 * @property {string} [reason]
 * @property {{completedAt: string, standingsHash: string, rows: any[], version?: number}|null} [result]
 *
 * @typedef {{playerId: string, key?: string, tournaments: string[],
 *   accounts: {currency: string, available: string}[]}} Me
 * @typedef {{token: string, playerId: string, expiresAt: string}} Session
 */

/** A refusal or a failure; `status` 0 means that no server was reached. */
export class ApiError extends Error {
  /** @param {number} status @param {string} code @param {string} detail */
  constructor(status, code, detail) {
    super(detail || code);
    this.status = status;
    this.code = code;
  }
}

/** A key that names one request, so that repeating it does nothing twice. */
export const newKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');

/** Header the service worker puts on a stored copy; its value is when it was stored (Unix ms). */
const STORED_AT = 'x-palio-stored-at';

/**
 * @param {string} path
 * @param {{method?: string, token?: string|null, body?: unknown, key?: string}} [options]
 * @returns {Promise<{status: number, body: any, storedAt: number|null}>}
 */
async function call(path, { method = 'GET', token, body, key } = {}) {
  /** @type {Record<string, string>} */
  const headers = { accept: 'application/json' };
  if (token) headers.authorization = `Bearer ${token}`;
  if (key) headers['x-idempotency-key'] = key;
  if (body !== undefined) headers['content-type'] = 'application/json';
  /** @type {Response} */
  let answer;
  try {
    answer = await fetch(path, {
      method, headers, cache: 'no-store', credentials: 'omit',
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  } catch (error) {
    throw new ApiError(0, 'UNREACHABLE', String(error));
  }
  const storedAt = answer.headers.get(STORED_AT);
  if (!storedAt) learnFromHeader(answer.headers.get('date'));
  const json = answer.status === 204 ? null : await answer.json().catch(() => null);
  if (!answer.ok) {
    throw new ApiError(answer.status, String(json?.code ?? 'UNKNOWN'), String(json?.detail ?? json?.title ?? ''));
  }
  return { status: answer.status, body: json, storedAt: storedAt ? Number(storedAt) : null };
}

/** @param {string} id */
const tournamentPath = (id) => `/api/tournaments/${encodeURIComponent(id)}`;

/** @param {'active'|'upcoming'|'completed'|'cancelled'} status @returns {Promise<{tournaments: Tournament[], storedAt: number|null}>} */
export async function listTournaments(status) {
  const { body, storedAt } = await call(`/api/tournaments?status=${status}&limit=50`);
  return { tournaments: body.tournaments, storedAt };
}

/** @param {string} id @returns {Promise<Tournament>} */
export const getTournament = async (id) => (await call(tournamentPath(id))).body;

/** @param {string} id @param {string} token */
export const getOwnRow = async (id, token) => (await call(`${tournamentPath(id)}/leaderboard/me`, { token })).body;

/** Enters; with the same key again it is the same entry. @param {string} id @param {string} token @param {string} key */
export const join = (id, token, key) => call(`${tournamentPath(id)}/join`, { method: 'POST', token, key });

/** @param {string} id @param {string} token */
export const leave = (id, token) => call(`${tournamentPath(id)}/leave`, { method: 'POST', token });

/** @param {string} token @returns {Promise<Me>} */
export const getMe = async (token) => (await call('/api/me', { token })).body;

/** @param {string|null} token @returns {Promise<import('./theme.js').Theme>} */
export const getTheme = async (token) => (await call('/api/theme', { token })).body;

/** @returns {Promise<{demo: boolean, players: number}>} */
export const getDemo = async () => (await call('/demo/info')).body;

/** @param {string} [playerId] a fresh guest without it @returns {Promise<Session>} */
export const getDemoToken = async (playerId) => (await call('/demo/token', { method: 'POST', body: playerId ? { playerId } : {} })).body;
