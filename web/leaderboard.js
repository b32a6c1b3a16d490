// The table of the race. Rows keep their place in the document by rank (so it reads in order) and travel to it
// visibly: where each row was is measured before the change, and an animation carries it from there.

import { moves } from './client/index.js';
import { metricOf, plural } from './format.js';
import { Score, calm } from './score.js';
import { Silk } from './silk.js';
import { prizeText } from './terms.js';
import { Component, createRef, html } from './ui.js';

const TRAVEL_MS = 650;

/** @typedef {import('./client/index.js').Row} Row */

/**
 * @typedef {object} Props
 * @property {readonly Row[]} rows
 * @property {string} epoch
 * @property {number} seq
 * @property {(row: Row) => string[]} prizesOf what a row wins
 * @property {number} paid the last place that wins
 * @property {string} metric
 * @property {string|null} ownKey
 */

/** @extends {Component<Props>} */
export class Leaderboard extends Component {
  body = createRef();
  /** @type {readonly Row[]} */
  shown = [];
  /** Latest move per key; `id` makes its marker appear anew. @type {Map<string, {by: number, id: number}>} */
  marks = new Map();
  moveId = 0;
  /** @type {Map<string, Animation>} */
  travelling = new Map();

  /** @returns {Map<string, HTMLElement>} */
  elements() {
    const found = new Map();
    for (const el of this.body.current?.children ?? []) if (el.dataset.key) found.set(el.dataset.key, el);
    return found;
  }

  /** Where each row is seen now, under way or not. */
  getSnapshotBeforeUpdate() {
    if (calm() || document.hidden) return null;
    const top = this.body.current?.getBoundingClientRect().top ?? 0;
    return new Map([...this.elements()].map(([key, el]) => [key, el.getBoundingClientRect().top - top]));
  }

  /** @param {Props} _props @param {unknown} _state @param {Map<string, number>|null} before */
  componentDidUpdate(_props, _state, before) {
    if (!before) return;
    for (const [key, el] of this.elements()) {
      const was = before.get(key);
      const is = el.offsetTop;
      const dy = was === undefined ? 0 : was - is;
      const running = this.travelling.get(key);
      if (was === undefined) {
        el.animate([{ opacity: 0, transform: 'translateY(12px)' }, {}], { duration: TRAVEL_MS, easing: 'ease-out' });
      } else if (Math.abs(dy) >= 1) {
        running?.cancel();
        const up = dy > 0;
        const travel = el.animate(
          [{ transform: `translateY(${dy}px)`, zIndex: up ? 2 : 1 }, { transform: 'none', zIndex: up ? 2 : 1 }],
          { duration: TRAVEL_MS, easing: 'cubic-bezier(.2,.8,.2,1)' },
        );
        this.travelling.set(key, travel);
        travel.onfinish = () => { if (this.travelling.get(key) === travel) this.travelling.delete(key); };
      } else if (running) {
        running.cancel();
        this.travelling.delete(key);
      }
    }
  }

  mark() {
    const { rows } = this.props;
    if (rows === this.shown) return;
    for (const [key, by] of moves(this.shown, rows)) this.marks.set(key, { by, id: (this.moveId += 1) });
    const here = new Set(rows.map((r) => r.k));
    for (const key of this.marks.keys()) if (!here.has(key)) this.marks.delete(key);
    this.shown = rows;
  }

  /** @param {Props} props */
  render({ rows, epoch, seq, prizesOf, paid, metric, ownKey }) {
    this.mark();
    const { unit, prefix } = metricOf(metric);
    const leader = Math.max(0, Number(rows[0]?.s ?? 0));
    const lastPaid = rows.filter((r) => r.r <= paid).at(-1)?.k;

    /** @param {Row} row */
    const line = (row) => {
      const moved = this.marks.get(row.k);
      const own = row.k === ownKey;
      const part = leader > 0 ? Math.min(1, Math.max(0, Number(row.s) / leader)) : 0;
      const prizes = prizesOf(row);
      const prize = prizeText(prizes, true);
      return html`<div key=${row.k} role="row" data-key=${row.k} data-rank=${row.r} data-score=${row.s}
        class=${`row${own ? ' own' : ''}${prize ? ' paid' : ''}${row.r <= 3 ? ` top top-${row.r}` : ''}`}>
        <span role="cell" class="rank"><span class="rank-number">${row.r}</span></span>
        <span role="cell" class="move">${moved && html`<span key=${moved.id} class=${moved.by > 0 ? 'up' : 'down'}>
          <span class="hidden">${moved.by > 0 ? 'up' : 'down'} </span>${Math.abs(moved.by)}</span>`}</span>
        <span role="cell" class="player"><${Silk} of=${row.k} /><span class="name">${row.n}</span>
          ${own && html`<span class="you">You</span>`}</span>
        <span role="cell" class="prize" title=${prizes.length > 1 ? prizeText(prizes) : undefined}>${prize}</span>
        <span role="cell" class="points"><${Score} value=${row.s} prefix=${prefix} /></span>
        <span class="track" aria-hidden="true"><span class="run" style=${{ transform: `scaleX(${part.toFixed(4)})` }}></span></span>
      </div>`;
    };

    const lines = [];
    for (const row of rows) {
      lines.push(line(row));
      if (row.k === lastPaid && rows.length > paid) {
        lines.push(html`<div key="prize line" role="row" class="prize-line"><span role="cell" aria-colspan="5">
          ${paid === 1 ? 'The winner takes the prize' : `${plural(paid, 'place')} in the prizes`}</span></div>`);
      }
    }

    return html`<div class="board" role="table" aria-label="Leaderboard" aria-colcount="5" data-epoch=${epoch} data-seq=${seq}>
      <div role="rowgroup" class="board-head"><div role="row" class="row head">
        <span role="columnheader" class="rank"><abbr title="Rank">#</abbr></span>
        <span role="columnheader" class="move"><span class="hidden">Places moved</span></span>
        <span role="columnheader" class="player">Player</span>
        <span role="columnheader" class="prize">${paid > 0 ? 'Prize' : html`<span class="hidden">Prize</span>`}</span>
        <span role="columnheader" class="points">${unit}</span>
      </div></div>
      <div role="rowgroup" class="board-body" ref=${this.body}>${lines}</div>
      ${rows.length === 0 && html`<p class="empty">No one has scored yet. The first round opens the race.</p>`}
    </div>`;
  }
}

/** Grey rows in the table's place while the first board is on its way. */
export function Skeleton() {
  return html`<div class="board skeleton" aria-hidden="true">
    ${Array.from({ length: 8 }, (_, i) => html`<div class="row" key=${i}><span class="bone short"></span><span class="bone"></span><span class="bone short"></span></div>`)}
  </div>`;
}
