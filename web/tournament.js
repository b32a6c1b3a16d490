// One tournament: its head, the live board, the player's own row, the final result.

import { ApiError, getOwnRow, getTournament } from './api.js';
import { badge, connect, row } from './client/index.js';
import { learnFromFrame, now } from './clock.js';
import { Countdown } from './countdown.js';
import { EntryBar, EntryPanel } from './entry.js';
import { count, day, metricOf, money, ordinal, plural, time } from './format.js';
import { keepProgress, lastProgress } from './lastseen.js';
import { Leaderboard, Skeleton } from './leaderboard.js';
import { OwnRow } from './own.js';
import { Money, Payouts, PrizePanel } from './prizes.js';
import { ruleWords } from './rulewords.js';
import { me as player, session, setSession } from './session.js';
import { hasAmount, isCancelled, isClosed, isOver, priceOf, prizeWord, prizesOf, resultState, tieText, typeOf } from './terms.js';
import { theme } from './theme.js';
import { html, signal, useEffect, useState } from './ui.js';

/** @typedef {import('./api.js').Tournament} Tournament */
/**
 * What the live connection brought: how it stands, the board, the own row.
 * @typedef {import('./client/index.js').BoardState & {board: import('./client/index.js').Board|null, me: any}} State
 */

const REFRESH_MS = 15_000;
/** @type {State} */
const BEGINNING = { mode: 'connecting', way: null, wasLive: false, staleAt: null, behindSince: null, proof: null, board: null, me: null };

/** @type {import('/vendor/signals.js').Signal<Tournament|null>} */
const tournament = signal(null);
/** @type {import('/vendor/signals.js').Signal<State|null>} */
const live = signal(null);
/** @type {import('/vendor/signals.js').Signal<'missing'|'unreachable'|null>} */
const trouble = signal(null);

/** What only the player's own answer says. @type {import('/vendor/signals.js').Signal<{id: string, entries: number, payouts: {text: string, state: string}[]}|null>} */
const mine = signal(null);

/** Whom the server knows not to be in a race that is over: he is not asked about again. @type {Set<string>} */
const strangers = new Set();

/** Asks for it where there is something to be told: whoever is not in is refused. @param {string} id */
async function loadMine(id) {
  const token = session.value?.token;
  const t = tournament.value?.id === id ? tournament.value : null;
  const isIn = (player.value?.tournaments.includes(id) ?? false) || typeof live.value?.me?.rank === 'number';
  const asker = `${id} ${session.value?.playerId}`;
  if (!token || !t || !(isIn || isOver(t)) || strangers.has(asker)) {
    mine.value = null;
    return;
  }
  try {
    const found = await getOwnRow(id, token);
    if (session.value?.token === token) mine.value = { id, entries: Number(found.entries ?? 0), payouts: found.payouts ?? [] };
  } catch (error) {
    // Otherwise what was known stays.
    if (isOver(t) && error instanceof ApiError && error.status === 404) strangers.add(asker);
  }
}

/** @param {string} id */
async function load(id) {
  try {
    const found = await getTournament(id);
    tournament.value = found;
    trouble.value = null;
    await loadMine(id);
  } catch (error) {
    trouble.value = error instanceof ApiError && error.status === 404 ? 'missing' : 'unreachable';
  }
}

/** @param {Tournament} t */
const overText = (t) => (isCancelled(t) ? 'Cancelled' : t.phase === 'under_review' ? 'Under review' : t.phase === 'paying' ? 'Being paid' : 'Final');

/** @param {{state: State|null, of: Tournament}} props */
function Badge({ state, of: t }) {
  const { kind, text } = isOver(t) ? { kind: 'done', text: overText(t) } : state ? badge(state) : { kind: 'connecting', text: 'Connecting' };
  return html`<span class=${`badge ${kind}`} role="status" data-state=${kind}><span class="dot" aria-hidden="true"></span>${text}</span>`;
}

/** @param {{of: Tournament, state: State|null, participants: number, entries: number, rank: number|null}} props */
function Hero({ of: t, state, participants, entries, rank }) {
  const { total, growing } = prizesOf(t);
  const type = typeOf(t);
  return html`<header class="hero"><div class="hero-in">
    <div class="hero-top"><a class="back" href="#/"><span aria-hidden="true">←</span> Tournaments</a>
      <${Badge} state=${state} of=${t} /></div>
    <div class="hero-main">
      <div class="hero-name"><p class="eyebrow">${type && `${type} · `}${metricOf(t.metric).name}</p><h1>${t.name}</h1>
        ${t.description && html`<p class="hero-text">${t.description}</p>`}</div>
      <${Countdown} of=${t} />
      <dl class="facts">
        <div><dt>Players</dt><dd>${count(participants)}</dd></div>
        ${total !== null && !isCancelled(t) && html`<div><dt>${growing ? 'Pool' : 'Prizes'}</dt><dd><${Money} value=${total} currency=${t.currency} /></dd></div>`}
        ${hasAmount(t.minStake) && html`<div class="extra"><dt>Smallest stake</dt><dd>${money(t.minStake, t.currency)}</dd></div>`}
      </dl>
      <${EntryBar} of=${t} entries=${entries} rank=${rank} onChange=${() => load(t.id)} />
    </div>
  </div></header>`;
}

/** @param {{of: Tournament}} props */
function Rules({ of: t }) {
  const { how } = metricOf(t.metric);
  const words = t.metric === 'custom' ? ruleWords(t.rules, t.currency) : [];
  return html`<section class="rules" aria-labelledby="h-rules">
    <h2 id="h-rules">The race</h2>
    ${t.description && html`<p class="about">${t.description}</p>`}
    ${words.length > 0 && html`<ul class="rule-words">${words.map((word) => html`<li key=${word}>${word}</li>`)}</ul>`}
    <p>${words.length > 0 ? '' : how}${t.metric === 'turnover' && t.pointsPer ? ` One point per ${money(t.pointsPer, t.currency)} staked.` : ''}
      ${' '}${tieText(t.tieBreak)}</p>
    <dl>
      <div><dt>Start</dt><dd><time dateTime=${t.startsAt}>${day(t.startsAt)}</time></dd></div>
      <div><dt>End</dt><dd><time dateTime=${t.endsAt}>${day(t.endsAt)}</time></dd></div>
      ${hasAmount(t.minStake) && html`<div><dt>Smallest stake</dt><dd>${money(t.minStake, t.currency)}</dd></div>`}
    </dl>
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
  const over = t ? isOver(t) : false;
  const personal = mine.value?.id === id ? mine.value : null;
  const [connection, setConnection] = useState(/** @type {ReturnType<typeof connect>|null} */ (null));

  useEffect(() => {
    tournament.value = null;
    live.value = null;
    trouble.value = null;
    void load(id);
    const timer = setInterval(() => {
      if (!document.hidden && !(tournament.value && isClosed(tournament.value))) void load(id);
    }, REFRESH_MS);
    return () => clearInterval(timer);
  }, [id]);

  // The board lives as long as the race does.
  const watching = t !== null && !isCancelled(t) && !(over && t.result);
  useEffect(() => {
    if (!watching) return undefined;
    /** @param {Partial<State>} news */
    const seen = (news) => { live.value = { ...(live.value ?? BEGINNING), ...news }; };
    const made = connect({
      tournament: id, token: session.value?.token ?? null,
      onState: seen, onBoard: (board) => seen({ board }), onMe: (me) => seen({ me }),
      onClock: learnFromFrame,
      onToken: () => setSession(null),
      onNotice: ({ code, detail }) => console.warn(`live board: ${code} ${detail}`),
    });
    setConnection(made);
    return () => {
      made.close();
      setConnection(null);
    };
  }, [id, watching]);
  useEffect(() => { connection?.setToken(token); }, [connection, token]);

  // The head follows the board's status and the clock's crossings of start and end.
  const status = state?.board?.status;
  const started = t ? now.value >= Date.parse(t.startsAt) : false;
  const ended = t ? now.value >= Date.parse(t.endsAt) : false;
  useEffect(() => {
    if (!t || over) return undefined;
    const timer = setTimeout(() => void load(id), 700);
    return () => clearTimeout(timer);
  }, [status, started, ended, over]);
  // Between the end and the result the head is asked for more often.
  useEffect(() => {
    if (!ended || over) return undefined;
    const timer = setInterval(() => void load(id), 3_000);
    return () => clearInterval(timer);
  }, [ended, over]);

  const own = state?.me ?? null;
  const joined = player.value?.tournaments.includes(id) ?? false;
  useEffect(() => { void loadMine(id); }, [id, token, joined, Boolean(own?.rank)]);
  useEffect(() => { if (own) keepProgress(id, own); }, [id, own]);
  useEffect(() => {
    if (t) document.title = `${own?.rank ? `#${own.rank} · ` : ''}${t.name} · ${theme.value.name}`;
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
  const prizes = prizesOf(t);
  /** What was handed out stands in the result's rows. @type {Map<string, string[]>|null} */
  const won = t.result?.rows.some((raw) => raw.prizes) ? new Map(t.result.rows.map((raw) => [row(raw).k, (raw.prizes ?? []).map(prizeWord)])) : null;
  const { title, text: resultText, kind: resultKind } = resultState(t);
  const entries = personal?.entries ?? 0;
  const rows = t.result ? t.result.rows.map(row) : (board?.rows ?? null);
  const unreachable = state?.mode === 'offline';
  const progress = own ? null : unreachable ? lastProgress(id) : null;
  const shownMe = own ?? progress?.me ?? null;
  const showOwn = !over && Boolean(shownMe?.rank || (token && joined));

  return html`<main id="main" class=${`tournament${showOwn ? ' with-own' : ''}`} tabIndex=${-1}>
    <${Hero} of=${t} state=${state} participants=${board?.participants ?? t.participants} entries=${entries} rank=${typeof own?.rank === 'number' ? own.rank : null} />
    <div class="columns">
      <div class="stand">
        ${unreachable && html`<p class="notice" role="status">No connection. ${state?.staleAt ? `This is the board as of ${time(state.staleAt)}.` : 'This is the board as last seen.'}</p>`}
        ${!unreachable && state?.behindSince != null && html`<p class="notice" role="status">The board is held up. This is how it stood at ${time(state.behindSince)}.</p>`}
        ${over && !isCancelled(t) && html`<h2 class="stand-title">${title}</h2>`}
        ${over && !isCancelled(t) && resultText && html`<p class=${`notice ${resultKind}`} role="status">${resultText}</p>`}
        ${isCancelled(t) && html`<p class="notice" role="status">This race was cancelled${t.reason ? html`: <b>${t.reason.replace(/\.$/, '')}</b>` : ''}.
          ${priceOf(t) && html`<span class="soft"> Buy-ins come back by its published rules.</span>`}</p>`}
        ${isCancelled(t) && !rows ? null : rows ? html`<${Leaderboard} rows=${rows} epoch=${board?.epoch ?? ''} seq=${board?.seq ?? 0}
            prizesOf=${(/** @type {import('./client/index.js').Row} */ r) => (isCancelled(t) ? [] : won ? won.get(r.k) ?? [] : prizes.at(r.r))}
            paid=${isCancelled(t) ? 0 : prizes.paid} metric=${t.metric} ownKey=${own?.key ?? player.value?.key ?? null} />` : html`<${Skeleton} />`}
        ${rows && board && !over && rows.length > 0 && board.participants > rows.length && html`<p class="more">Top ${count(rows.length)} of ${plural(board.participants, 'player')}</p>`}
      </div>
      <aside class="side">
        ${showOwn && html`<${OwnRow} me=${shownMe} of=${t} seenAt=${progress?.at ?? null} />`}
        ${personal && html`<${Payouts} payouts=${personal.payouts} back=${isCancelled(t)} />`}
        <${EntryPanel} of=${t} entries=${entries} />
        ${!isCancelled(t) && html`<${PrizePanel} of=${t} />`}
        <${Rules} of=${t} />
      </aside>
    </div>
    ${showOwn && html`<${Announcer} rank=${own?.rank ?? null} />`}
  </main>`;
}
