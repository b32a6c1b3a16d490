// One tournament: its head, the live board, the player's own row, the final result.

import { ApiError, getTournament, join, leave } from './api.js';
import { row } from './board.js';
import { now } from './clock.js';
import { connect } from './connection.js';
import { Countdown } from './countdown.js';
import { count, day, metricOf, money, ordinal, plural, sum, time } from './format.js';
import { keepProgress, lastProgress } from './lastseen.js';
import { Leaderboard, Skeleton } from './leaderboard.js';
import { badge } from './live.js';
import { OwnRow } from './own.js';
import { demo, followDemoPlayer, me as player, playAsGuest, refreshMe, session, setSession } from './session.js';
import { html, signal, useEffect, useState } from './ui.js';

/** @typedef {import('./api.js').Tournament} Tournament */
/** @typedef {import('./live.js').State} State */

const REFRESH_MS = 15_000;
const TOP_DEFAULT = 10;

/** @type {import('/vendor/signals.js').Signal<Tournament|null>} */
const tournament = signal(null);
/** @type {import('/vendor/signals.js').Signal<State|null>} */
const live = signal(null);
/** @type {import('/vendor/signals.js').Signal<'missing'|'unreachable'|null>} */
const trouble = signal(null);

/** @param {string} id */
async function load(id) {
  try {
    const found = await getTournament(id);
    tournament.value = found;
    trouble.value = null;
  } catch (error) {
    trouble.value = error instanceof ApiError && error.status === 404 ? 'missing' : 'unreachable';
  }
}

/** @param {{state: State|null, final: boolean}} props */
function Badge({ state, final }) {
  const { kind, text } = final ? { kind: 'done', text: 'Final' } : state ? badge(state) : { kind: 'connecting', text: 'Connecting' };
  return html`<span class=${`badge ${kind}`} role="status" data-state=${kind}><span class="dot" aria-hidden="true"></span>${text}</span>`;
}

/** @param {{of: Tournament}} props */
function JoinBar({ of: t }) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState('');
  const token = session.value?.token;
  const joined = player.value?.tournaments.includes(t.id) ?? false;
  const openNow = t.status === 'active' ? t.phase !== 'grace' : t.phase === 'registration';
  /** @param {() => Promise<unknown>} work */
  const doing = (work) => async () => {
    setBusy(true);
    setProblem('');
    try {
      await work();
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) setSession(null);
      setProblem(error instanceof Error ? error.message : String(error));
    }
    setBusy(false);
  };
  const change = (/** @type {typeof join} */ call) => doing(async () => {
    if (!token) return;
    await call(t.id, token);
    await Promise.all([refreshMe(), load(t.id)]);
  });

  if (t.status === 'completed' || t.status === 'cancelled') return null;
  return html`<div class="join">
    ${token && player.value && !joined && openNow && html`<button type="button" class="primary" disabled=${busy} onClick=${change(join)}>Join the race</button>`}
    ${token && joined && html`<span class="joined">You are in</span>`}
    ${token && joined && openNow && html`<button type="button" class="quiet" disabled=${busy} onClick=${change(leave)}>Leave</button>`}
    ${!token && demo.value?.demo && html`<button type="button" class="primary" disabled=${busy} onClick=${doing(playAsGuest)}>Play as a guest</button>
      <button type="button" class="quiet" disabled=${busy} onClick=${doing(followDemoPlayer)}>Follow a player</button>`}
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}
  </div>`;
}

/** @param {{of: Tournament, state: State|null, participants: number}} props */
function Hero({ of: t, state, participants }) {
  const prizes = t.prizes ?? [];
  return html`<header class="hero"><div class="hero-in">
    <div class="hero-top"><a class="back" href="#/"><span aria-hidden="true">←</span> Tournaments</a>
      <${Badge} state=${state} final=${t.phase === 'final' || t.status === 'cancelled'} /></div>
    <div class="hero-main">
      <div class="hero-name"><p class="eyebrow">${metricOf(t.metric).name}</p><h1>${t.name}</h1>
        ${t.description && html`<p class="hero-text">${t.description}</p>`}</div>
      <${Countdown} of=${t} />
      <dl class="facts">
        <div><dt>Players</dt><dd>${count(participants)}</dd></div>
        ${prizes.length > 0 && html`<div><dt>Prizes</dt><dd>${money(sum(prizes), t.currency)}</dd></div>`}
        ${t.minStake && html`<div class="extra"><dt>Smallest stake</dt><dd>${money(t.minStake, t.currency)}</dd></div>`}
      </dl>
      <${JoinBar} of=${t} />
    </div>
  </div></header>`;
}

/** @param {{of: Tournament}} props */
function Rules({ of: t }) {
  const prizes = t.prizes ?? [];
  const { how } = metricOf(t.metric);
  return html`<section class="rules" aria-labelledby="h-rules">
    <h2 id="h-rules">The race</h2>
    ${t.description && html`<p class="about">${t.description}</p>`}
    <p>${how}${t.metric === 'turnover' && t.pointsPer ? ` One point per ${money(t.pointsPer, t.currency)} staked.` : ''}
      ${' '}Equal scores stand in the order in which they were reached.</p>
    <dl>
      <div><dt>Start</dt><dd><time dateTime=${t.startsAt}>${day(t.startsAt)}</time></dd></div>
      <div><dt>End</dt><dd><time dateTime=${t.endsAt}>${day(t.endsAt)}</time></dd></div>
      ${t.minStake && html`<div><dt>Smallest stake</dt><dd>${money(t.minStake, t.currency)}</dd></div>`}
    </dl>
    ${prizes.length > 0 && html`<h3>Prizes</h3><ol class="prizes">
      ${prizes.map((p, i) => html`<li key=${i}><span>${ordinal(i + 1)}</span><b>${money(p, t.currency)}</b></li>`)}</ol>`}
    ${t.result && html`<h3>Standings hash</h3><p class="hash"><code>${t.result.standingsHash}</code></p>
      <p class="soft">Confirmed <time dateTime=${t.result.completedAt}>${day(t.result.completedAt)}</time>. The hash fixes every place of the final table.</p>`}
  </section>`;
}

/** Says out loud when the own place changes, at most every ten seconds. @param {{rank: number|null}} props */
function Announcer({ rank }) {
  const [said, setSaid] = useState({ rank, at: 0 });
  useEffect(() => {
    if (rank === null || rank === said.rank) return undefined;
    const timer = setTimeout(() => setSaid({ rank, at: Date.now() }), Math.max(0, said.at + 10_000 - Date.now()));
    return () => clearTimeout(timer);
  }, [rank, said]);
  return html`<p class="hidden" aria-live="polite">${said.at && said.rank ? `You are now ${ordinal(said.rank)}` : ''}</p>`;
}

/** @param {{id: string}} props */
export function TournamentScreen({ id }) {
  const t = tournament.value?.id === id ? tournament.value : null;
  const state = live.value;
  const token = session.value?.token ?? null;
  const final = t?.phase === 'final' || t?.status === 'cancelled';
  const limit = t?.topN ?? TOP_DEFAULT;
  const [connection, setConnection] = useState(/** @type {ReturnType<typeof connect>|null} */ (null));

  useEffect(() => {
    tournament.value = null;
    live.value = null;
    trouble.value = null;
    void load(id);
    const timer = setInterval(() => {
      if (!document.hidden && tournament.value?.phase !== 'final') void load(id);
    }, REFRESH_MS);
    return () => clearInterval(timer);
  }, [id]);

  // The board lives as long as the race does.
  const watching = Boolean(t) && !final;
  useEffect(() => {
    if (!watching) return undefined;
    const made = connect({
      id, limit, token: session.value?.token ?? null,
      onState: (next) => { live.value = next; },
      onTokenRefused: () => setSession(null),
      onNotice: (code, detail) => console.warn(`live board: ${code} ${detail}`),
    });
    setConnection(made);
    return () => {
      made.stop();
      setConnection(null);
    };
  }, [id, limit, watching]);
  useEffect(() => { connection?.setToken(token); }, [connection, token]);

  // The head follows the board's status and the clock's crossings of start and end.
  const status = state?.board?.status;
  const started = t ? now.value >= Date.parse(t.startsAt) : false;
  const over = t ? now.value >= Date.parse(t.endsAt) : false;
  useEffect(() => {
    if (!t || final) return undefined;
    const timer = setTimeout(() => void load(id), 700);
    return () => clearTimeout(timer);
  }, [status, started, over, final]);
  // Between the end and the result the head is asked for more often.
  useEffect(() => {
    if (!over || final) return undefined;
    const timer = setInterval(() => void load(id), 3_000);
    return () => clearInterval(timer);
  }, [over, final]);

  const own = state?.me ?? null;
  useEffect(() => { if (own) keepProgress(id, own); }, [id, own]);
  useEffect(() => {
    if (t) document.title = `${own?.rank ? `#${own.rank} · ` : ''}${t.name} · Palio`;
  }, [t?.name, own?.rank]);

  if (trouble.value === 'missing') {
    return html`<main id="main" class="list" tabIndex=${-1}><h1>No such race</h1>
      <p class="empty">This tournament is not here. <a href="#/">See all tournaments</a></p></main>`;
  }
  if (!t) {
    return html`<main id="main" class="list" tabIndex=${-1}>
      ${trouble.value ? html`<p class="notice" role="status">The tournament could not be loaded. Trying again.</p>` : html`<${Skeleton} />`}</main>`;
  }

  const board = state?.board ?? null;
  const rows = t.result ? t.result.rows.map(row) : (board?.rows ?? null);
  const unreachable = state?.mode === 'offline';
  const progress = own ? null : unreachable ? lastProgress(id) : null;
  const shownMe = own ?? progress?.me ?? null;
  const joined = player.value?.tournaments.includes(id) ?? false;
  const showOwn = !final && Boolean(shownMe?.rank || (token && joined));

  return html`<main id="main" class=${`tournament${showOwn ? ' with-own' : ''}`} tabIndex=${-1}>
    <${Hero} of=${t} state=${state} participants=${board?.participants ?? t.participants} />
    <div class="columns">
      <div class="stand">
        ${unreachable && html`<p class="notice" role="status">No connection. ${state?.staleAt ? `This is the board as of ${time(state.staleAt)}.` : 'This is the board as last seen.'}</p>`}
        ${final && t.status !== 'cancelled' && html`<h2 class="stand-title">Final results</h2>`}
        ${t.status === 'cancelled' && html`<p class="notice" role="status">This race was cancelled.</p>`}
        ${rows ? html`<${Leaderboard} rows=${rows} epoch=${board?.epoch ?? ''} seq=${board?.seq ?? 0} prizes=${t.prizes ?? []}
            currency=${t.currency} metric=${t.metric} ownKey=${own?.key ?? player.value?.key ?? null} />` : html`<${Skeleton} />`}
        ${rows && board && !final && board.participants > rows.length && html`<p class="more">Top ${count(rows.length)} of ${plural(board.participants, 'player')}</p>`}
      </div>
      <aside class="side">
        ${showOwn && html`<${OwnRow} me=${shownMe} of=${t} seenAt=${progress?.at ?? null} />`}
        <${Rules} of=${t} />
      </aside>
    </div>
    ${showOwn && html`<${Announcer} rank=${own?.rank ?? null} />`}
  </main>`;
}
