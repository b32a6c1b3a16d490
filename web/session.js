// Who plays: the token of this tab, kept in sessionStorage and nowhere else, and what the server says about its player.

import { effect, signal } from './ui.js';
import { ApiError, getDemo, getDemoToken, getMe } from './api.js';
import { connectMe } from './client/index.js';
import { forgetProgress } from './lastseen.js';

/** @typedef {import('./api.js').Session} Session */

const KEY = 'palio.session';

/** @type {import('/vendor/signals.js').Signal<Session|null>} */
export const session = signal(stored());

/** @type {import('/vendor/signals.js').Signal<import('./api.js').Me|null>} */
export const me = signal(null);

/** What the demo offers, or null outside of it. @type {import('/vendor/signals.js').Signal<{demo: boolean, players: number}|null>} */
export const demo = signal(null);

/** @returns {Session|null} */
function stored() {
  try {
    const found = JSON.parse(sessionStorage.getItem(KEY) ?? 'null');
    return found && (!found.expiresAt || Date.parse(found.expiresAt) > Date.now()) ? found : null;
  } catch {
    return null;
  }
}

/** @param {Session|null} next */
export function setSession(next) {
  try {
    if (next) sessionStorage.setItem(KEY, JSON.stringify(next));
    else sessionStorage.removeItem(KEY);
  } catch { /* storage is off: the token lives as long as the page */ }
  if (!next || next.playerId !== session.value?.playerId) {
    me.value = null;
    forgetProgress();
  }
  session.value = next;
  if (next) void refreshMe();
}

/** Asks who the player is; a refused token is dropped. */
export async function refreshMe() {
  const token = session.value?.token;
  if (!token) return;
  try {
    const found = await getMe(token);
    if (session.value?.token !== token) return;
    // What the wallet's socket said before this answer came is at least as new.
    const accounts = me.value === null ? wallet?.wallet?.accounts : null;
    me.value = accounts ? { ...found, accounts } : found;
  } catch (error) {
    if (error instanceof ApiError && error.status === 401 && session.value?.token === token) setSession(null);
  }
}

/** @type {ReturnType<typeof connectMe>|null} */
let wallet = null;

/** Keeps the player's balance as the server has it, over its own socket. */
export function followWallet() {
  const made = connectMe({
    onWallet(now) { if (now && me.value) me.value = { ...me.value, accounts: now.accounts }; },
    onToken: () => setSession(null),
    onNotice: ({ code, detail }) => console.warn(`wallet: ${code} ${detail}`),
  });
  wallet = made;
  effect(() => made.setToken(session.value?.token ?? null));
}

/** Asks once whether this server is a demo. */
export async function lookForDemo() {
  try {
    demo.value = await getDemo();
  } catch { /* 404: not a demo */ }
}

/** A fresh guest of the demo. */
export async function playAsGuest() {
  setSession(await getDemoToken());
}

/** One of the demo's own players, who is already in the race. */
export async function followDemoPlayer() {
  const players = Math.max(2, demo.value?.players ?? 2);
  const n = 1 + Math.floor(Math.random() * (players - 1));
  setSession(await getDemoToken(`demo_${String(n).padStart(3, '0')}`));
}
