// What a tournament's clock shows, by its phase and the server's time. Pure.

/**
 * What the clock of a tournament shows at a moment.
 * @param {Pick<import('./api.js').Tournament, 'phase'|'status'|'startsAt'|'endsAt'|'result'>} t
 * @param {number} at server time, Unix ms
 * @returns {{label: string, ms: number|null, at: string|null, urgent: boolean}}
 */
export function reading(t, at) {
  if (t.status === 'cancelled' || t.phase === 'cancelled') return { label: 'Cancelled', ms: null, at: null, urgent: false };
  if (t.phase === 'under_review') return { label: 'Results under review', ms: null, at: null, urgent: false };
  if (t.status === 'completed' || t.phase === 'paying' || t.phase === 'completed') return { label: 'Finished', ms: null, at: t.result?.completedAt ?? t.endsAt, urgent: false };
  const toStart = Date.parse(t.startsAt) - at;
  if (t.status === 'upcoming' && toStart > 0) return { label: 'Starts in', ms: toStart, at: t.startsAt, urgent: false };
  const toEnd = Date.parse(t.endsAt) - at;
  if (t.phase === 'grace' || toEnd <= 0) return { label: 'Confirming results', ms: null, at: null, urgent: false };
  return { label: 'Ends in', ms: toEnd, at: t.endsAt, urgent: toEnd < 60_000 };
}
