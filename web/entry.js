// Entering: what it costs, who may, and one more question before money is paid.

import { ApiError, join, leave, newKey } from './api.js';
import { now } from './clock.js';
import { count, money, plural } from './format.js';
import { demo, followDemoPlayer, me as player, playAsGuest, refreshMe, session, setSession } from './session.js';
import { entryOf, isOver, refusal } from './terms.js';
import { html, useEffect, useRef, useState } from './ui.js';

/** @typedef {import('./api.js').Tournament} Tournament */

/**
 * Asks before a buy-in is paid. A modal dialog: the browser keeps the focus in it and closes it on Escape.
 * @param {{of: Tournament, total: string, parts: string, balance: string|null, problem: string, busy: boolean,
 *   onPay: () => void, onClose: () => void}} props
 */
function Confirm({ of: t, total, parts, balance, problem, busy, onPay, onClose }) {
  /** @type {import('/vendor/preact.js').RefObject<HTMLDialogElement|null>} */
  const dialog = useRef(null);
  useEffect(() => { dialog.current?.showModal(); }, []);
  return html`<dialog ref=${dialog} class="confirm" aria-labelledby="h-confirm" onClose=${onClose}
      onCancel=${(/** @type {Event} */ event) => { if (busy) event.preventDefault(); }}>
    <h2 id="h-confirm">Enter ${t.name}?</h2>
    <dl><div><dt>You pay</dt><dd>${total}</dd></div>
      ${parts && html`<div><dt>Of that</dt><dd>${parts}</dd></div>`}
      ${balance && html`<div><dt>Your balance</dt><dd>${balance}</dd></div>`}</dl>
    <p class="soft">If it is cancelled before the start, you get everything back, the fee too. After the start its published rules decide.</p>
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}
    <div class="confirm-buttons">
      <button type="button" class="primary" disabled=${busy} onClick=${onPay}>${busy ? 'Paying …' : `Pay ${total}`}</button>
      <button type="button" class="quiet" disabled=${busy} onClick=${() => dialog.current?.close()}>Not now</button></div>
  </dialog>`;
}

/**
 * @param {{of: Tournament, entries: number, rank: number|null, onChange: () => Promise<unknown>}} props
 *   `entries`, `rank`: the reader's own
 */
export function EntryBar({ of: t, entries, rank, onChange }) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState('');
  const [asking, setAsking] = useState(false);
  /** The entry under way: its key stays until it is known how it ended, so that it is paid once.
   * @type {{current: string|null}} */
  const entering = useRef(null);
  const token = session.value?.token;
  const joined = player.value?.tournaments.includes(t.id) ?? false;
  const { can, says, price, mayLeave } = entryOf(t, { joined, entries, rank: token ? rank : null }, now.value);
  const account = player.value?.accounts.find((one) => one.currency === t.currency);

  /** @param {() => Promise<unknown>} work */
  const doing = (work) => async () => {
    setBusy(true);
    setProblem('');
    try {
      await work();
      setAsking(false);
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) setSession(null);
      setProblem(error instanceof ApiError ? refusal(error.code, error.message) : String(error));
    }
    setBusy(false);
  };
  const enter = doing(async () => {
    if (!token) return;
    entering.current ??= newKey();
    try {
      await join(t.id, token, entering.current);
    } catch (error) {
      if (error instanceof ApiError && error.status >= 400 && error.status < 500) entering.current = null;
      throw error;
    }
    entering.current = null;
    await Promise.all([refreshMe(), onChange()]);
  });
  const quit = doing(async () => {
    if (!token) return;
    await leave(t.id, token);
    await refreshMe(); // first: who has left is not asked about his row
    await onChange();
  });
  const press = () => {
    setProblem('');
    if (price) setAsking(true);
    else void enter();
  };

  if (isOver(t)) return null;
  const words = can === 'again' ? 'Enter again' : price ? 'Enter' : 'Join the race';
  return html`<div class="join">
    ${says && html`<span class=${token && rank ? 'joined' : 'everybody'}>${says}</span>`}
    ${token && joined && !says && html`<span class="joined">You are in${entries > 1 ? `, ${count(entries)} entries` : ''}</span>`}
    ${token && player.value && (can === 'enter' || can === 'again') && html`<button type="button" class="primary" disabled=${busy}
      onClick=${press}>${price ? `${words} for ${price.total}` : words}</button>`}
    ${can === 'closed' && t.entryClosesAt && html`<span class="full">Entries are closed</span>`}
    ${can === 'full' && html`<span class="full">All seats are taken</span>`}
    ${token && mayLeave && html`<button type="button" class="quiet" disabled=${busy} onClick=${quit}>Leave</button>`}
    ${!token && demo.value?.demo && html`<button type="button" class="primary" disabled=${busy} onClick=${doing(playAsGuest)}>Play as a guest</button>
      <button type="button" class="quiet" disabled=${busy} onClick=${doing(followDemoPlayer)}>Follow a player</button>`}
    ${problem && !asking && html`<p class="problem" role="alert">${problem}</p>`}
    ${asking && price && html`<${Confirm} of=${t} total=${price.total} parts=${price.fee ? `${price.amount} buy-in + ${price.fee} fee` : ''}
      balance=${account ? money(account.available, account.currency) : null} problem=${problem} busy=${busy}
      onPay=${enter} onClose=${() => { setAsking(false); setProblem(''); }} />`}
  </div>`;
}

/** Price, seats, entries and conditions. @param {{of: Tournament, entries: number}} props */
export function EntryPanel({ of: t, entries }) {
  const joined = player.value?.tournaments.includes(t.id) ?? false;
  const { price, seatsLeft, notes } = entryOf(t, { joined, entries }, now.value);
  const entriesMax = t.entriesMax ?? 1;
  if (isOver(t) || (!price && seatsLeft === null && notes.length === 0)) return null;
  return html`<section class="panel" aria-labelledby="h-entry">
    <h2 id="h-entry">Entry</h2>
    <dl>
      ${price && html`<div><dt>Price</dt><dd>${price.total}${price.fee && html`<span class="soft"> (${price.amount} + ${price.fee} fee)</span>`}</dd></div>`}
      ${seatsLeft !== null && html`<div><dt>Seats</dt><dd>${seatsLeft === 0 ? 'none left' : `${count(seatsLeft)} of ${count(t.seats?.max ?? 0)} left`}</dd></div>`}
      ${entriesMax > 1 && joined && html`<div><dt>Your entries</dt><dd>${count(Math.max(1, entries))} of ${plural(entriesMax, 'entry', 'entries')}</dd></div>`}
    </dl>
    ${notes.map((note) => html`<p key=${note}>${note}</p>`)}
  </section>`;
}
