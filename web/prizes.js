// The prizes: what places win at the present pool, and what the reader has won.

import { Score } from './score.js';
import { money, moneyParts } from './format.js';
import { bandText, isOver, payoutState, prizeWord, prizesOf } from './terms.js';
import { html } from './ui.js';

/** An amount that ticks to its next value. @param {{value: string, currency: string}} props */
export function Money({ value, currency }) {
  const { prefix, suffix } = moneyParts(currency);
  const short = value.replace(/\.0+$/, '');
  return html`<span class="money"><${Score} value=${short} prefix=${prefix} />${suffix && html`<span> ${suffix}</span>`}</span>`;
}

/** @param {{of: import('./api.js').Tournament}} props */
export function PrizePanel({ of: t }) {
  const { bands, total, carried, growing } = prizesOf(t);
  if (bands.length === 0 && total === null) return null;
  return html`<section class="panel" aria-labelledby="h-prizes">
    <h2 id="h-prizes">Prizes</h2>
    ${growing && total !== null && html`<p class="pool"><span class="pool-label">${isOver(t) ? 'In the pool' : 'In the pool now'}</span>
      <b class="pool-total"><${Money} value=${total} currency=${t.currency} /></b></p>`}
    ${carried !== null && html`<p class="note carried">Carried over from the last race: <b>${money(carried, t.currency)}</b></p>`}
    ${bands.length > 0 && html`<ol class="prizes">${bands.map((band) => html`<li key=${band.from}>
      <span class="prize-place">${bandText(band)}</span>
      <b>${band.prizes.map((text, i) => html`<span key=${i}>${text}</span>`)}</b></li>`)}</ol>`}
    ${bands.some((band) => band.to > band.from) && html`<p class="note">Each of the places wins this.</p>`}
  </section>`;
}

/** @param {{payouts: {text: string, state: string}[], back: boolean}} props `back`: the race was cancelled */
export function Payouts({ payouts, back }) {
  if (payouts.length === 0) return null;
  return html`<section class="panel payouts" aria-labelledby="h-payouts">
    <h2 id="h-payouts">${back ? 'What you get back' : 'You have won'}</h2>
    <ul>${payouts.map(({ text, state }, i) => {
      const { text: words, kind } = payoutState(state);
      return html`<li key=${i}><b>${prizeWord(text)}</b><span class=${`state ${kind}`}>${words}</span></li>`;
    })}</ul>
  </section>`;
}
