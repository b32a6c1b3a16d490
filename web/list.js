// The list of tournaments: running, coming, finished.

import { listTournaments } from './api.js';
import { now } from './clock.js';
import { Countdown } from './countdown.js';
import { metricOf, money, plural, sum, time } from './format.js';
import { Silk } from './silk.js';
import { toTournament } from './route.js';
import { html, signal, useEffect } from './ui.js';

/** @typedef {import('./api.js').Tournament} Tournament */

const REFRESH_MS = 10_000;

/** Kept between visits of the screen, so that coming back shows it at once.
 * @type {import('/vendor/signals.js').Signal<{active: Tournament[], upcoming: Tournament[], completed: Tournament[], storedAt: number|null}|null>} */
const lists = signal(null);
const failed = signal(false);

async function refresh() {
  try {
    const [active, upcoming, completed] = await Promise.all([
      listTournaments('active'), listTournaments('upcoming'), listTournaments('completed'),
    ]);
    lists.value = {
      active: active.tournaments,
      upcoming: upcoming.tournaments.toReversed?.() ?? upcoming.tournaments,
      completed: completed.tournaments.slice(0, 12),
      storedAt: active.storedAt,
    };
    failed.value = false;
  } catch {
    failed.value = true;
  }
}

/** Part of the race that is run. @param {Tournament} t */
function progress(t) {
  const start = Date.parse(t.startsAt);
  return Math.min(1, Math.max(0, (now.value - start) / Math.max(1, Date.parse(t.endsAt) - start)));
}

/** @param {{of: Tournament}} props */
function Card({ of: t }) {
  const prizes = t.prizes ?? [];
  const winner = t.result?.rows?.[0];
  const state = t.status === 'active' && t.phase === 'grace' ? 'grace' : t.status;
  return html`<li class=${`card ${state}`}>
    <a href=${toTournament(t.id)}>
      <span class="card-top"><span class="tag">${metricOf(t.metric).name}</span>
        ${t.status === 'active' && html`<span class="card-live"><span class="dot" aria-hidden="true"></span>${t.phase === 'grace' ? 'Closing' : 'Racing'}</span>`}</span>
      <h3>${t.name}</h3>
      ${t.description && t.status !== 'completed' && html`<p class="card-text">${t.description}</p>`}
      ${t.status === 'completed' && winner && html`<p class="card-winner"><${Silk} of=${String(winner.k ?? winner.key)} /><span><span class="hidden">Winner: </span>${winner.n ?? winner.name}</span></p>`}
      <${Countdown} of=${t} />
      <span class="card-facts">
        <span>${plural(t.participants, 'player')}</span>
        ${prizes.length > 0 && html`<span class="card-prize">${money(sum(prizes), t.currency)} <span class="soft">in ${plural(prizes.length, 'prize')}</span></span>`}
      </span>
      ${t.status === 'active' && html`<span class="track" aria-hidden="true"><span class="run" style=${{ transform: `scaleX(${progress(t).toFixed(4)})` }}></span></span>`}
    </a>
  </li>`;
}

/** @param {{title: string, items: Tournament[], kind: string, empty?: string}} props */
function Section({ title, items, kind, empty }) {
  if (items.length === 0 && !empty) return null;
  return html`<section class=${`cards-section ${kind}`} aria-labelledby=${`h-${kind}`}>
    <h2 id=${`h-${kind}`}>${title} ${items.length > 0 && html`<span class="count">${items.length}</span>`}</h2>
    ${items.length > 0 ? html`<ul class="cards">${items.map((t) => html`<${Card} key=${t.id} of=${t} />`)}</ul>`
      : html`<p class="empty">${empty}</p>`}
  </section>`;
}

export function ListScreen() {
  useEffect(() => {
    document.title = 'Palio';
    const visit = () => { if (!document.hidden) void refresh(); };
    visit();
    const timer = setInterval(visit, REFRESH_MS);
    document.addEventListener('visibilitychange', visit);
    window.addEventListener('online', visit);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', visit);
      window.removeEventListener('online', visit);
    };
  }, []);

  const found = lists.value;
  return html`<main id="main" class="list" tabIndex=${-1}>
    <header class="intro"><h1>Tournaments</h1>
      <p>Every place on the board is live: watch it move, or join the race.</p></header>
    ${found?.storedAt && html`<p class="notice" role="status">You are offline. This is the list as of ${time(found.storedAt)}.</p>`}
    ${failed.value && !found && html`<p class="notice" role="status">The tournaments could not be loaded. Trying again.</p>`}
    ${!found && !failed.value && html`<ul class="cards loading" aria-hidden="true"><li class="card bone-card"></li><li class="card bone-card"></li><li class="card bone-card"></li></ul>`}
    ${found && html`
      <${Section} title="Racing now" kind="active" items=${found.active} empty="No race is on right now." />
      <${Section} title="Coming up" kind="upcoming" items=${found.upcoming} />
      <${Section} title="Finished" kind="completed" items=${found.completed} />`}
  </main>`;
}
