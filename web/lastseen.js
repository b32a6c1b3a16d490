// The player's last own row in each race, for reading without a network: in localStorage, never with a token. Boards
// are stored by client/cache.js.

const PROGRESS = 'palio.progress';
const PROGRESS_MAX = 20;

/** @returns {Record<string, {me: any, at: number}>} */
function progress() {
  try {
    return JSON.parse(localStorage.getItem(PROGRESS) ?? '{}') ?? {};
  } catch {
    return {};
  }
}

/** @param {string} id @param {any} me own row */
export function keepProgress(id, me) {
  const kept = Object.entries(progress()).filter(([key]) => key !== id)
    .sort(([, a], [, b]) => b.at - a.at).slice(0, PROGRESS_MAX - 1);
  try {
    localStorage.setItem(PROGRESS, JSON.stringify(Object.fromEntries([[id, { me, at: Date.now() }], ...kept])));
  } catch { /* storage is off or full */ }
}

/** The own row as last seen, for when no server answers. @param {string} id */
export const lastProgress = (id) => progress()[id] ?? null;

export function forgetProgress() {
  try {
    localStorage.removeItem(PROGRESS);
  } catch { /* storage is off */ }
}
