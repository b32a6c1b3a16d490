// The list of tournaments: running, coming, finished.

import { listTournaments } from './api.js';
import { now } from './clock.js';
import { Countdown } from './countdown.js';
import { metricOf, plural, time } from './format.js';
import { Money } from './prizes.js';
import { Silk } from './silk.js';
import { toTournament } from './route.js';
import { isCancelled, isOver, priceOf, prizesOf, typeOf } from './terms.js';
import { theme } from './theme.js';
import { html, signal, useEffect } from './ui.js';

/** @typedef {import('./api.js').Tournament} Tournament */

const REFRESH_MS = 10_000;

/** Kept between visits of the screen, so that coming back shows it at once.
 * @type {import('/vendor/signals.js').Signal<{active: Tournament[], upcoming: Tournament[], completed: Tournament[], storedAt: number|null}|null>} */
const lists = signal(null);
const failed = signal(false);

/** What a card says about a race that is not over. @type {Record<string, string>} */
const LIVE = { grace: 'Closing', under_review: 'Under review', paying: 'Being paid' };

async function refresh() {
  try {
    const [active, upcoming, completed, cancelled] = await Promise.all([
      listTournaments('active'), listTournaments('upcoming'), listTournaments('completed'), listTournaments('cancelled'),
    ]);
    lists.value = {
      active: active.tournaments.filter((t) => !isOver(t)),
      upcoming: upcoming.tournaments.toReversed?.() ?? upcoming.tournaments,
      completed: [...active.tournaments.filter(isOver), ...completed.tournaments, ...cancelled.tournaments]
        .sort((a, b) => Date.parse(b.endsAt) - Date.parse(a.endsAt)).slice(0, 12),
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
  const { total, paid, growing } = prizesOf(t);
  const price = priceOf(t);
  const live = LIVE[t.phase] ?? (t.status === 'active' ? 'Racing' : '');
  const winner = t.result?.rows?.[0];
  const state = isCancelled(t) ? 'completed cancelled' : isOver(t) ? 'completed' : t.status === 'active' && t.phase === 'grace' ? 'grace' : t.status;
  return html`<li class=${`card ${state}`}>
    <a href=${toTournament(t.id)}>
      <span class="card-top"><span class="tag">${typeOf(t) && html`${typeOf(t)}<span class="soft"> · </span>`}${metricOf(t.metric).name}</span>
        ${live && html`<span class=${`card-live${isOver(t) ? ' calm' : ''}`}><span class="dot" aria-hidden="true"></span>${live}</span>`}</span>
      <h3>${t.name}</h3>
      ${t.description && !isOver(t) && html`<p class="card-text">${t.description}</p>`}
      ${isOver(t) && winner && html`<p class="card-winner"><${Silk} of=${String(winner.k ?? winner.key)} /><span><span class="hidden">Winner: </span>${winner.n ?? winner.name}</span></p>`}
      <${Countdown} of=${t} />
      <span class="card-facts">
        <span>${plural(t.participants, 'player')}${price && !winner ? ` · ${price.total} entry` : ''}</span>
        ${isCancelled(t) ? null : total !== null ? html`<span class="card-prize"><${Money} value=${total} currency=${t.currency} /> <span class="soft">${growing ? 'in the pool' : `in ${plural(paid, 'prize')}`}</span></span>`
          : paid > 0 && html`<span class="card-prize">${plural(paid, 'prize')}</span>`}
      </span>
      ${t.status === 'active' && !isOver(t) && html`<span class="track" aria-hidden="true"><span class="run" style=${{ transform: `scaleX(${progress(t).toFixed(4)})` }}></span></span>`}
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
    document.title = theme.value.name;
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
