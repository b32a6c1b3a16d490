// Time left, by the server's clock.

import { now } from './clock.js';
import { day, duration, span } from './format.js';
import { reading } from './phase.js';
import { html } from './ui.js';

/** @param {{of: import('./api.js').Tournament}} props */
export function Countdown({ of }) {
  const { label, ms, at, urgent } = reading(of, now.value);
  return html`<div class=${`countdown${urgent ? ' urgent' : ''}${ms === null ? ' still' : ''}`} role="timer">
    <span class="countdown-label">${label}</span>
    ${ms !== null && html`<time class="countdown-time" dateTime=${duration(ms)}>${span(ms)}</time>`}
    ${ms === null && at && html`<time class="countdown-time" dateTime=${at}>${day(at)}</time>`}
  </div>`;
}
