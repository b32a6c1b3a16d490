// A score that ticks from its old value to the new one. What is drawn in between is only drawn: the last frame is
// the server's own string.

import { splitDecimal } from './format.js';
import { Component, createRef, html } from './ui.js';

const TICK_MS = 700;

export const calm = () => matchMedia('(prefers-reduced-motion: reduce)').matches;

/** @extends {Component<{value: string, prefix?: string}>} */
export class Score extends Component {
  /** @type {import('/vendor/preact.js').RefObject<HTMLElement|null>} */
  all = createRef();
  whole = createRef();
  rest = createRef();
  frame = 0;

  componentDidMount() {
    this.draw(this.props.value);
  }

  /** @param {{value: string}} before */
  componentDidUpdate(before) {
    if (before.value === this.props.value) return;
    cancelAnimationFrame(this.frame);
    if (calm() || document.hidden) {
      this.draw(this.props.value);
      return;
    }
    this.tick(Number(before.value), this.props.value);
    this.all.current?.animate([{ color: 'var(--flash)' }, { color: 'var(--flash)', offset: 0.4 }, {}], 1_400);
  }

  componentWillUnmount() {
    cancelAnimationFrame(this.frame);
  }

  /** @param {number} from @param {string} to */
  tick(from, to) {
    const target = Number(to);
    const digits = to.split('.')[1]?.length ?? 0;
    const start = performance.now();
    /** @param {number} at */
    const next = (at) => {
      const x = Math.min(1, (at - start) / TICK_MS);
      if (x >= 1 || !Number.isFinite(from + target)) {
        this.draw(to);
        return;
      }
      this.draw((from + (target - from) * (1 - (1 - x) ** 3)).toFixed(digits));
      this.frame = requestAnimationFrame(next);
    };
    this.frame = requestAnimationFrame(next);
  }

  /** @param {string} value */
  draw(value) {
    const [whole, rest] = splitDecimal(value);
    if (this.whole.current) this.whole.current.textContent = (this.props.prefix ?? '') + whole;
    if (this.rest.current) this.rest.current.textContent = rest;
  }

  render() {
    return html`<span class="score" ref=${this.all}><span ref=${this.whole}></span><span class="score-rest" ref=${this.rest}></span></span>`;
  }
}
