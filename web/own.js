// The player's own row, pinned: place, score, the gaps that matter, and the neighbours.

import { metricOf, number, ordinal, time } from './format.js';
import { Score } from './score.js';
import { Silk } from './silk.js';
import { prizeText, prizesOf } from './terms.js';
import { html, useState } from './ui.js';

/** A gap as people say it. @param {string} gap @param {import('./api.js').Tournament} t */
const gapText = (gap, t) => {
  const { prefix, short } = metricOf(t.metric);
  return html`<b>${prefix}${number(gap)}${short && html`<span class="unit"> ${short}</span>`}</b>`;
};

/**
 * @param {{me: any, of: import('./api.js').Tournament, seenAt: number|null}} props
 */
export function OwnRow({ me, of: t, seenAt }) {
  const [open, setOpen] = useState(false);
  const { prefix } = metricOf(t.metric);
  const ranked = typeof me?.rank === 'number';
  const prize = ranked ? prizeText(prizesOf(t).at(me.rank), true) : '';

  if (!ranked) {
    return html`<section class="own-row unranked" aria-label="Your place">
      <div class="own-bar"><span class="own-rank">–</span>
        <span class="own-who"><strong>You are in the race</strong>
          <span class="own-gap">Your first round that counts puts you on the board.</span></span></div>
    </section>`;
  }

  const gap = me.rank === 1 ? 'You lead the race'
    : me.ahead ? html`${gapText(me.ahead.gap, t)} to ${ordinal(me.rank - 1)}<span class="ahead">, ${me.ahead.name}</span>` : '';
  const toPrize = prize ? html`In the prizes: <b>${prize}</b>`
    : me.prizeGap ? html`${gapText(me.prizeGap, t)} to the prizes` : '';
  /** @type {any[]} */
  const around = me.around ?? [];

  return html`<section class=${`own-row${open ? ' open' : ''}`} aria-label="Your place">
    <div class="own-bar">
      <span class="own-rank"><span class="hidden">Rank </span>${ordinal(me.rank)}</span>
      <span class="own-who">
        <span class="own-gap">${gap}</span>
        ${toPrize && html`<span class="own-prize">${toPrize}</span>`}
      </span>
      <span class="own-score"><${Score} value=${String(me.score ?? '0')} prefix=${prefix} /></span>
      ${around.length > 1 && html`<button type="button" class="own-toggle" aria-expanded=${open ? 'true' : 'false'} onClick=${() => setOpen(!open)}>
        <span class="hidden">Players around you</span><svg viewBox="0 0 12 8" width="12" height="8" aria-hidden="true"><path d="M1 6.5l5-5 5 5" fill="none" stroke="currentColor" stroke-width="2" /></svg></button>`}
    </div>
    ${around.length > 1 && html`<ol class="around" aria-label="Players around you">
      ${around.map((raw) => html`<li key=${raw.k} class=${raw.k === me.key ? 'own' : ''}>
        <span class="rank">${raw.r}</span><${Silk} of=${raw.k} /><span class="name">${raw.k === me.key ? 'You' : raw.n}</span>
        <span class="points"><${Score} value=${raw.s} prefix=${prefix} /></span></li>`)}
    </ol>`}
    ${seenAt && html`<p class="own-seen">As last seen at ${time(seenAt)}</p>`}
  </section>`;
}
