// Every state of a tournament that a server can't be brought to quickly: its answers are made up here, the page's files
// come from the server. Each state is looked at by axe-core at phone and desktop width in both themes; screenshots go to
// target/screenshots/.

import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { launch } from './chromium.mjs';
import { server } from './server.mjs';

const SHOTS = fileURLToPath(new URL('../../target/screenshots/', import.meta.url));
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const HOUR = 3_600_000;
/** @param {number} ms from now */
const at = (ms) => new Date(Date.now() + ms).toISOString();

/** @type {Awaited<ReturnType<typeof server>>} */ let palio;
/** @type {Awaited<ReturnType<typeof launch>>} */ let browser;

before(async () => {
  palio = await server();
  browser = await launch();
  await mkdir(SHOTS, { recursive: true });
});

after(async () => {
  await browser?.close();
  palio?.close();
});

const NAMES = ['Swift Otter 17', 'Calm Heron 4', 'Bold Falcon 31', 'Lucky Lynx 8', 'Quiet Tortoise 77', 'Amber Panther 2'];
const ROWS = NAMES.map((name, i) => ({ rank: i + 1, name, score: (900 - i * 120.5).toFixed(2), key: `k${i}` }));
const PLACES = [
  { from: 1, to: 1, prizes: ['61.50 EUR', '100 free rounds on wolf'] },
  { from: 2, to: 2, prizes: ['36.90 EUR'] },
  { from: 3, to: 4, prizes: ['12.30 EUR'] },
];
const BASE = {
  id: 'night-race', name: 'Night race', description: 'Two hours under the lights. The pool grows with every rider.',
  status: 'active', phase: 'active', type: 'slot_race', metric: 'turnover', currency: 'EUR', participants: 37, topN: 10, tickMs: 1000,
  graceSeconds: 60, startsAt: at(-HOUR), endsAt: at(HOUR), prizes: [], games: [], minStake: '0.20', pointsPer: '1.00', entry: 'opt_in',
  tieBreak: ['score', 'reachedAt', 'player'], pool: { total: '123.00' }, places: PLACES,
};
const BUY_IN = { buyIn: { amount: '4.00', fee: '0.40' }, entriesMax: 3, reentry: 'best', seats: { min: 2, max: 100, taken: 37 } };
const SOON = { status: 'upcoming', phase: 'registration', startsAt: at(HOUR), endsAt: at(3 * HOUR) };
const PAST = { startsAt: at(-3 * HOUR), endsAt: at(-HOUR) };
const RESULT = {
  completedAt: at(-HOUR / 2), standingsHash: '4f0c8a5d'.repeat(8), version: 1,
  rows: ROWS.map((row) => ({ ...row, prizes: PLACES.find((p) => p.from <= row.rank && row.rank <= p.to)?.prizes ?? [] })),
};
const OWN = {
  rank: 3, score: '659.00', key: 'k2', participants: 37, ahead: { gap: '120.50', name: 'Calm Heron 4' },
  around: ROWS.slice(1, 5).map((r) => ({ k: r.key, r: r.rank, n: r.name, s: r.score })), entries: 1, payouts: [],
};
const OWN_RULES = {
  counts: { stakeMax: '5', over: 'clamp' },
  score: { terms: [{ of: 'round', points: '10', when: { ratioFrom: '10' } }], bands: [{ from: '100', points: '1' }, { from: '200', points: '3' }], count: { best: [{ best: 11 }] } },
};
const PAYOUTS = ['waiting', 'processing', 'paid', 'retry', 'manual', 'ineligible', 'reserved']
  .map((state, i) => ({ text: i % 2 ? '12.30 EUR' : '100 free rounds on wolf', state }));

/**
 * What the made-up server says; a test may change it while the page runs.
 * @typedef {{tournament: any, theme?: any, own?: any, joined?: boolean, onJoin?: (key: string|undefined) => {status: number, body?: any}|'cut', list?: any[]}} World
 */

/** @param {World} world @param {import('playwright-core').BrowserContextOptions} options @param {boolean} [signedIn] */
async function open(world, options, signedIn = true) {
  const context = await browser.newContext({ bypassCSP: true, reducedMotion: 'reduce', serviceWorkers: 'block', ...options });
  const page = await context.newPage();
  /** @type {string[]} */
  const errors = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  if (signedIn) {
    await page.addInitScript((expiresAt) => {
      sessionStorage.setItem('palio.session', JSON.stringify({ token: 'made.up', playerId: 'guest_007', expiresAt }));
    }, at(HOUR));
  }
  await page.route(/\/(api|demo)\//, async (route) => {
    const request = route.request();
    const path = new URL(request.url()).pathname;
    /** @param {any} body @param {number} [status] */
    const answer = (body, status = 200) => route.fulfill({ status, contentType: 'application/json', body: JSON.stringify(body) });
    const t = world.tournament;
    if (path === '/demo/info') return answer({ code: 'NOT_FOUND' }, 404);
    if (path === '/api/theme') return answer(world.theme ?? { name: 'Palio', scheme: 'auto' });
    if (path === '/api/me') {
      return answer({ playerId: 'guest_007', tournaments: world.joined ? [t.id] : [], accounts: [{ currency: 'EUR', available: '95.60' }] });
    }
    if (path === '/api/tournaments') {
      const status = new URL(request.url()).searchParams.get('status');
      return answer({ tournaments: (world.list ?? [t]).filter((one) => one.status === status) });
    }
    if (path.endsWith('/join')) {
      const said = world.onJoin?.(request.headers()['x-idempotency-key']) ?? { status: 200 };
      return said === 'cut' ? route.abort() : answer(said.body ?? { tournamentId: t.id, playerId: 'guest_007', joined: true }, said.status);
    }
    if (path.endsWith('/leaderboard/me')) return world.own ? answer(world.own) : answer({ code: 'NOT_RANKED' }, 404);
    if (path.endsWith('/leaderboard')) {
      return answer({ tournamentId: t.id, epoch: 'e1', seq: 5, status: t.status, participants: t.participants, rows: t.status === 'upcoming' ? [] : ROWS, asOf: at(0) });
    }
    return answer(t);
  });
  await page.routeWebSocket(/\/ws\/tournaments\//, (ws) => {
    const { status, participants, endsAt } = world.tournament;
    const rows = status === 'upcoming' ? [] : ROWS.map((r) => ({ k: r.key, r: r.rank, n: r.name, s: r.score }));
    ws.onMessage((data) => {
      if (JSON.parse(String(data)).t === 'auth' && world.own) ws.send(JSON.stringify({ t: 'me', ...world.own }));
    });
    ws.send(JSON.stringify({ t: 'snapshot', epoch: 'e1', seq: 5, status, participants, endsAt, serverTime: at(0), rows }));
  });
  await page.routeWebSocket(/\/ws\/me$/, (ws) => {
    ws.onMessage(() => ws.send(JSON.stringify({ t: 'wallet', seq: 1, accounts: [{ currency: 'EUR', available: '95.60' }], limits: [] })));
  });
  await page.goto(`${palio.url}/#/t/${world.tournament.id}`);
  await page.waitForSelector('h1');
  return { context, page, errors };
}

/** @param {import('playwright-core').Page} page @param {string} screen */
async function check(page, screen) {
  await page.waitForTimeout(300);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(overflow, 0, `${screen}: nothing sticks out sideways`);
  await page.screenshot({ path: `${SHOTS}${screen}.png`, fullPage: true });
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => /** @type {any} */ (window).axe.run(document, { resultTypes: ['violations'] }));
  const grave = violations.filter((/** @type {any} */ v) => v.impact === 'serious' || v.impact === 'critical')
    .map((/** @type {any} */ v) => `${screen}: ${v.id} (${v.impact}) ${v.nodes.slice(0, 3).map((/** @type {any} */ n) => `${n.target} ${n.any?.[0]?.message ?? ''}`).join(' | ')}`);
  assert.deepEqual(grave, []);
}

const SIZES = /** @type {const} */ ([['phone', 360, 780], ['desktop', 1280, 900]]);
const THEMES = /** @type {const} */ (['light', 'dark']);

/** What the server works out for a brand whose colour is #0b6e4f (`src/theme.rs`). */
const BRAND = {
  name: 'Acme Races', scheme: 'auto', logo: '/icons/icon.svg',
  light: { signal: '#0b6e4f', signalWash: '#e6eee7', button: '#0b6e4f', onButton: '#ffffff', hero: '#121d24', hero2: '#11292b' },
  dark: { signal: '#438f77', signalWash: '#0e171e', button: '#0b6e4f', onButton: '#ffffff', hero: '#121d24', hero2: '#11292b' },
};
const CARRIED = { total: '123.00', carriedIn: [{ from: 'last-race', amount: '12.50' }] };

/** What must be read in each state, in order of the document or not. @type {[string, World, (string|RegExp)[]][]} */
const STATES = [
  ['plain', { tournament: { ...BASE, type: undefined, pool: undefined, places: undefined, prizes: ['100.00', '50.00', '50.00'] } }, ['€200', '2nd – 3rd', 'Join the race']],
  ['everybody', { tournament: { ...BASE, entry: 'all', eligibility: { countries: ['DE'] } } }, ['Whoever plays takes part', 'nothing to enter', 'For players from Germany.']],
  ['buy-in', { tournament: { ...BASE, ...SOON, ...BUY_IN, eligibility: { countries: ['DE', 'AT'], segments: ['vip'] } } },
    ['Slot race · Turnover', 'Enter for €4.40', '63 of 100 left', '€4 + €0.40 fee', 'Germany, Austria', 'the best one counts', 'everything back', 'In the pool now', '€123', '€61.50', '100 free rounds on wolf']],
  ['brand', { theme: BRAND, tournament: { ...BASE, ...BUY_IN, pool: CARRIED }, joined: true, own: { ...OWN, payouts: [{ text: '12.30 EUR', state: 'waiting' }] } },
    ['Acme Races', 'Carried over from the last race: €12.50']],
  ['full', { tournament: { ...BASE, ...SOON, ...BUY_IN, seats: { min: 2, max: 37, taken: 37 } } }, ['All seats are taken', 'none left']],
  ['entered', { tournament: { ...BASE, ...BUY_IN, type: 'table', metric: 'custom', rules: OWN_RULES }, joined: true, own: { ...OWN, entries: 2 } },
    ['Table tournament · Own rules', 'You are in, 2 entries', 'Enter again for €4.40', '2 of 3 entries', '3 points for a round from 200 times', 'Your best 11 rounds count.', '3rd', 'In the prizes']],
  ['review', { tournament: { ...BASE, ...PAST, phase: 'under_review', result: { ...RESULT, rows: RESULT.rows } }, joined: true, own: { ...OWN, payouts: [{ text: '12.30 EUR', state: 'waiting' }] } },
    ['Under review', 'Provisional results', 'Places can still change', 'Waits for the review', '€61.50 +1']],
  ['paying', { tournament: { ...BASE, ...PAST, status: 'completed', phase: 'paying', result: RESULT }, joined: true, own: { ...OWN, payouts: PAYOUTS } },
    ['Being paid', 'Prizes are being paid', 'Delayed, is tried again', 'Looked at by a person', 'the conditions are not met', 'Set aside']],
  ['completed', { tournament: { ...BASE, ...PAST, status: 'completed', phase: 'completed', result: { ...RESULT, version: 2 } }, joined: true, own: { ...OWN, payouts: [{ text: '12.30 EUR', state: 'paid' }] } },
    ['Final results', 'All prizes are handed out', 'corrected result, version 2', 'You have won']],
  ['cancelled', { tournament: { ...BASE, ...PAST, ...BUY_IN, status: 'cancelled', phase: 'cancelled', reason: 'fewer than 2 players' }, joined: true, own: { ...OWN, rank: null, payouts: [{ text: '4.40 EUR', state: 'paid' }] } },
    ['This race was cancelled: fewer than 2 players', 'Buy-ins come back', 'What you get back']],
];

for (const [name, world, words] of STATES) {
  for (const [device, width, height] of SIZES) {
    test(`${name}, ${device}`, { timeout: 60_000 }, async () => {
      for (const colorScheme of THEMES) {
        const { context, page, errors } = await open(world, { viewport: { width, height }, colorScheme });
        await page.waitForSelector('aside .rules');
        if (world.joined && !['cancelled'].includes(name)) await page.waitForSelector(name === 'entered' ? '.own-row' : '.payouts');
        const text = await page.evaluate(() => document.body.innerText.replace(/\s+/g, ' '));
        for (const word of words) assert.ok(typeof word === 'string' ? text.includes(word) : word.test(text), `${name}: "${word}" is not in: ${text}`);
        await check(page, `state-${name}-${device}-${colorScheme}`);
        assert.deepEqual(errors, []);
        await context.close();
      }
    });
  }
}

test('a buy-in is asked about, paid once, and refusals have words', { timeout: 60_000 }, async () => {
  /** @type {(string|undefined)[]} */
  const keys = [];
  /** @type {('cut'|{status: number, body?: any})[]} */
  const answers = ['cut', { status: 503, body: { code: 'OVERLOADED' } }, { status: 402, body: { code: 'INSUFFICIENT_FUNDS', detail: 'x' } },
    { status: 409, body: { code: 'TOURNAMENT_FULL' } }, { status: 403, body: { code: 'NOT_ELIGIBLE' } }, { status: 403, body: { code: 'NOT_INVITED' } },
    { status: 409, body: { code: 'TOURNAMENT_STATE' } }, { status: 403, body: { code: 'PLAYER_EXCLUDED' } }, { status: 200 }];
  /** @type {World} */
  const world = { tournament: { ...BASE, ...SOON, ...BUY_IN } };
  world.onJoin = (key) => {
    keys.push(key);
    const said = answers.shift() ?? { status: 500 };
    if (said !== 'cut' && said.status === 200) Object.assign(world, { joined: true, own: { ...OWN, rank: null, entries: 1 } });
    return said;
  };
  const { context, page, errors } = await open(world, { viewport: { width: 360, height: 780 } });
  const enter = page.locator('.join button.primary');
  await enter.click();
  const dialog = page.locator('dialog.confirm');
  await dialog.waitFor();
  assert.match(await dialog.innerText(), /You pay\s+€4\.40[\s\S]*€4 buy-in \+ €0\.40 fee[\s\S]*€95\.60[\s\S]*everything back/);
  await check(page, 'state-confirm-phone-light');

  // Escape says no, and nothing was asked of the server; the keyboard alone gets there again.
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  assert.deepEqual(keys, []);
  await enter.focus();
  await page.keyboard.press('Enter');
  await dialog.waitFor();
  const focused = await page.evaluate(() => document.activeElement?.closest('dialog') !== null);
  assert.ok(focused, 'the focus is in the dialog');

  const pay = dialog.locator('button.primary');
  for (const words of ['No connection. Try again; you pay once only.', 'you pay once only', 'Your balance is too small', 'All seats are taken',
    'not open to your account', 'by invitation', 'Entries are not open', 'excluded from play']) {
    await pay.click();
    await page.waitForFunction((text) => document.querySelector('dialog .problem')?.textContent?.includes(text), words);
  }
  await check(page, 'state-refused-phone-light');
  await pay.click();
  await dialog.waitFor({ state: 'detached' });
  await page.waitForSelector('.joined');
  await page.waitForSelector('button:has-text("Enter again for €4.40")');
  assert.equal(keys.length, 9);
  assert.ok(keys.every((key) => /^[0-9a-f]{32}$/.test(key ?? '')), String(keys));
  assert.equal(new Set(keys.slice(0, 3)).size, 1, 'until it is known how it ended it is one request');
  assert.equal(new Set(keys.slice(2)).size, 7, 'after a refusal it is another one');
  assert.deepEqual(errors, []);
  await context.close();
});

test('the pool grows while one looks', { timeout: 60_000 }, async () => {
  const world = { tournament: { ...BASE, ...BUY_IN } };
  const { context, page, errors } = await open(world, { viewport: { width: 1280, height: 900 } });
  await page.waitForFunction(() => document.querySelector('.pool-total')?.textContent === '€123');
  world.tournament = { ...world.tournament, pool: { total: '167.00' }, places: [{ from: 1, to: 1, prizes: ['167.00 EUR'] }] };
  await page.waitForFunction(() => document.querySelector('.pool-total')?.textContent === '€167', null, { timeout: 30_000 });
  assert.equal(await page.locator('.panel .prizes').innerText(), '1st\n€167');
  assert.deepEqual(errors, []);
  await context.close();
});

test('without a token nothing can be entered, and what it takes is still said', { timeout: 60_000 }, async () => {
  const { context, page, errors } = await open({ tournament: { ...BASE, ...SOON, ...BUY_IN } }, { viewport: { width: 360, height: 780 } }, false);
  await page.waitForSelector('#h-entry');
  assert.equal(await page.locator('.join button').count(), 0);
  assert.deepEqual(errors, []);
  await context.close();
});

test('the list shows kinds, pools and states', { timeout: 60_000 }, async () => {
  const list = [
    { ...BASE, id: 'a' }, { ...BASE, ...PAST, id: 'b', name: 'Evening race', phase: 'under_review', type: 'leaderboard', result: RESULT },
    { ...BASE, ...SOON, ...BUY_IN, id: 'c', name: 'Sunday jackpot', type: 'jackpot', metric: 'custom' },
    { ...BASE, ...PAST, id: 'd', name: 'Lunch dash', status: 'completed', phase: 'paying', result: RESULT },
    { ...BASE, ...PAST, id: 'e', name: 'Rained off', status: 'cancelled', phase: 'cancelled', reason: 'rain' },
    { ...BASE, ...SOON, id: 'f', name: 'To the final', pool: undefined, places: [{ from: 1, to: 5, prizes: ['Ticket to sunday-300'] }], type: 'table' },
  ];
  for (const [device, width, height] of SIZES) {
    for (const colorScheme of THEMES) {
      const { context, page, errors } = await open({ tournament: { ...BASE }, list }, { viewport: { width, height }, colorScheme });
      await page.goto(`${palio.url}/#/`);
      await page.waitForSelector('.card h3');
      const text = await page.evaluate(() => document.body.innerText.replace(/\s+/g, ' '));
      for (const word of ['Slot race · Turnover', 'Jackpot race · Own rules', '€4.40 entry', 'in the pool', 'Under review', 'Being paid', '5 prizes', 'Rained off', 'Cancelled', 'Coming up', 'Finished 3']) {
        assert.ok(text.includes(word), `"${word}" is not in: ${text}`);
      }
      await check(page, `state-list-${device}-${colorScheme}`);
      assert.deepEqual(errors, []);
      await context.close();
    }
  }
});

test('a brand is dark or light whatever the reader has, and brings no styles', { timeout: 60_000 }, async () => {
  for (const [scheme, colorScheme, paper] of /** @type {const} */ ([['dark', 'light', 'rgb(15, 14, 25)'], ['light', 'dark', 'rgb(247, 243, 234)']])) {
    const bad = { ...BRAND, scheme, logo: '//elsewhere.example/a.png', light: { ...BRAND.light, signal: 'red;} body { display: none' } };
    const world = { theme: bad, tournament: BASE };
    const { context, page, errors } = await open(world, { viewport: { width: 1280, height: 900 }, colorScheme });
    await page.waitForFunction((expected) => getComputedStyle(document.body).backgroundColor === expected, paper);
    const seen = await page.evaluate(() => ({
      logo: document.querySelector('.brand img')?.getAttribute('src'), title: document.title,
      signal: getComputedStyle(document.documentElement).getPropertyValue('--signal').trim(),
      shown: getComputedStyle(document.body).display,
    }));
    assert.deepEqual(seen, { logo: '/icons/mark.svg', title: 'Night race · Acme Races', signal: scheme === 'dark' ? '#438f77' : '#b9361c', shown: 'block' });
    await check(page, `state-brand-only-${scheme}`);
    assert.deepEqual(errors, []);
    await context.close();
  }
});
