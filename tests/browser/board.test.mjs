// The page against a server, end to end in Chromium: the board moves, loses its socket, polls, comes back, ends equal;
// nothing is logged or blocked; the page installs and opens offline. Screenshots go to target/screenshots/.

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { launch } from './chromium.mjs';
import { startProxy } from './proxy.mjs';
import { activeTournament, server } from './server.mjs';

const SHOTS = fileURLToPath(new URL('../../target/screenshots/', import.meta.url));

/** @type {Awaited<ReturnType<typeof server>>} */ let palio;
/** @type {Awaited<ReturnType<typeof startProxy>>} */ let proxy;
/** @type {Awaited<ReturnType<typeof launch>>} */ let browser;
/** @type {any} */ let race;

before(async () => {
  palio = await server();
  race = await activeTournament(palio.url);
  proxy = await startProxy(new URL(palio.url));
  browser = await launch();
  await mkdir(SHOTS, { recursive: true });
});

after(async () => {
  await browser?.close();
  await proxy?.close();
  palio?.close();
});

/**
 * A page that remembers what went wrong on it.
 * @param {import('playwright-core').BrowserContextOptions} [options]
 */
async function open(options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  /** @type {string[]} */
  const errors = [];
  const watch = { cut: false };
  page.on('console', (message) => {
    // While the test itself cuts the line the browser says so; nothing else may be said.
    if (message.type() === 'error' && !(watch.cut && /WebSocket connection|net::ERR_|Failed to load resource/.test(message.text()))) {
      errors.push(message.text());
    }
  });
  page.on('pageerror', (error) => errors.push(String(error)));
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (e) => console.error(`CSP: ${e.violatedDirective} ${e.blockedURI}`));
  });
  return { context, page, errors, watch };
}

/** @param {import('playwright-core').Page} page @param {string} state @param {number} [timeout] */
const badge = (page, state, timeout = 20_000) => page.waitForSelector(`.badge[data-state="${state}"]`, { timeout });

/** The board as the page shows it. @param {import('playwright-core').Page} page */
const shown = (page) => page.evaluate(() => {
  const board = /** @type {HTMLElement} */ (document.querySelector('.board[data-seq]'));
  return {
    position: `${board.dataset.epoch}-${board.dataset.seq}`,
    rows: [...board.querySelectorAll('.board-body .row')].map((el) => {
      const { key, rank, score } = /** @type {HTMLElement} */ (el).dataset;
      return { key, rank: Number(rank), score, name: el.querySelector('.name')?.textContent };
    }),
  };
});

/** Waits until page and server stand at one position, and compares. @param {import('playwright-core').Page} page */
async function equalsServer(page) {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const answer = await (await fetch(`${palio.url}/api/tournaments/${race.id}/leaderboard?limit=${race.topN ?? 10}`)).json();
    const mine = await shown(page);
    if (mine.position === `${answer.epoch}-${answer.seq}`) {
      const theirs = answer.rows.map((/** @type {any} */ r) => ({ key: r.key, rank: r.rank, score: r.score, name: r.name }));
      assert.deepEqual(mine.rows, theirs);
      return;
    }
    assert.ok(Date.now() < deadline, `page at ${mine.position}, server at ${answer.epoch}-${answer.seq}`);
    await new Promise((done) => { setTimeout(done, 60); });
  }
}

/** @param {import('playwright-core').Page} page @param {string} from @param {number} timeout */
const moved = (page, from, timeout) => page.waitForFunction((position) => {
  const board = /** @type {HTMLElement|null} */ (document.querySelector('.board[data-seq]'));
  return board && `${board.dataset.epoch}-${board.dataset.seq}` !== position;
}, from, { timeout });

test('a row climbs; the socket is lost, a stream goes on, then polling, the socket comes back, the board is the server\'s', { timeout: 180_000 }, async () => {
  const { context, page, errors, watch } = await open({ viewport: { width: 1280, height: 900 } });
  /** @type {string[]} */
  const urls = [];
  page.on('websocket', (ws) => urls.push(ws.url()));
  page.on('request', (request) => urls.push(request.url()));

  await page.goto(proxy.url);
  await page.click(`a[href="#/t/${race.id}"]`);
  await badge(page, 'live');

  // A row takes a better rank, and is seen on its way there.
  await page.evaluate(() => {
    /** @type {any} */ (window).climbed = null;
    const ranks = new Map();
    const look = () => {
      for (const el of document.querySelectorAll('.board-body .row')) {
        const { key, rank } = /** @type {HTMLElement} */ (el).dataset;
        const travelling = el.getAnimations().some((a) => a.playState === 'running' && !('animationName' in a));
        if (ranks.has(key) && Number(rank) < ranks.get(key) && travelling && el.querySelector('.up')) {
          /** @type {any} */ (window).climbed = { key, from: ranks.get(key), to: Number(rank) };
        }
        ranks.set(key, Number(rank));
      }
      if (!(/** @type {any} */ (window).climbed)) requestAnimationFrame(look);
    };
    look();
  });
  const climbed = await (await page.waitForFunction(() => /** @type {any} */ (window).climbed, undefined, { timeout: 45_000 })).jsonValue();
  assert.ok(climbed.to < climbed.from);
  assert.deepEqual(errors, []);

  // Sockets are cut and refused, plain HTTP goes through.
  watch.cut = true;
  proxy.httpOnly();
  await badge(page, 'connecting', 5_000);
  await badge(page, 'streaming', 10_000);
  await moved(page, (await shown(page)).position, 15_000);
  assert.equal(await page.textContent('.badge'), 'Live');

  // Streams, too.
  proxy.pollsOnly();
  await badge(page, 'polling', 15_000);
  await moved(page, (await shown(page)).position, 25_000);
  assert.equal(await page.textContent('.badge'), 'Polling');
  assert.ok(proxy.refused.events > 0, 'a stream is tried again');
  assert.ok(proxy.refused.upgrades > 0, 'sockets are tried in the background');

  // Sockets are let through again.
  proxy.open();
  await badge(page, 'live', 30_000);
  watch.cut = false;
  await moved(page, (await shown(page)).position, 20_000);
  await equalsServer(page);
  // What is drawn is what is meant: every score has ticked to its end.
  await page.waitForFunction(() => [...document.querySelectorAll('.board-body .row')].every((el) => {
    const { score = '' } = /** @type {HTMLElement} */ (el).dataset;
    return el.querySelector('.points')?.textContent?.replace(/[,×]/g, '').replace('−', '-') === score;
  }), undefined, { polling: 50, timeout: 30_000 });

  assert.deepEqual(errors, []);
  assert.ok(urls.some((url) => url.includes('/ws/tournaments/') && url.includes('seq=')), 'a lost socket resumes by its cursor');
  assert.ok(!urls.some((url) => /token=|eyJ/.test(url)), 'no token in an address');
  await context.close();
});

test('a guest plays, joins, sees his place, leaves, signs out', { timeout: 60_000 }, async (t) => {
  if ((await fetch(`${palio.url}/demo/info`)).status !== 200) return t.skip('not a demo');
  const { context, page, errors } = await open({ viewport: { width: 390, height: 844 } });
  /** @type {string[]} */
  const sockets = [];
  page.on('websocket', (ws) => sockets.push(ws.url()));
  await page.goto(`${proxy.url}/#/t/${race.id}`);
  await badge(page, 'live');
  await page.click('button:has-text("Play as a guest")');
  await page.waitForSelector('.who');
  // Where whoever plays takes part there is nothing to press.
  const everybody = race.entry === 'all';
  if (everybody) {
    await page.waitForSelector('.everybody:has-text("Whoever plays takes part"), .joined:has-text("You take part")');
    assert.equal(await page.locator('button:has-text("Join the race"), button:has-text("Leave")').count(), 0);
  } else {
    await page.click('button:has-text("Join the race")');
    await page.waitForSelector('.joined');
    await page.waitForSelector('.own-row');
  }
  await page.waitForSelector('.purse');
  assert.ok(sockets.some((url) => url.endsWith('/ws/me')), 'the balance comes over a socket of its own');
  assert.equal(await page.evaluate(() => localStorage.length), (await page.evaluate(() => localStorage.getItem('palio.progress'))) ? 1 : 0);
  assert.ok(!(await page.evaluate(() => JSON.stringify({ ...localStorage }))).includes('token'));

  // A reload keeps the tab's player, and only the tab's.
  await page.reload();
  await page.waitForSelector(everybody ? '.who' : '.joined');
  const other = await context.newPage();
  await other.goto(`${proxy.url}/#/t/${race.id}`);
  await other.waitForSelector('button:has-text("Play as a guest")');
  await other.close();

  if (!everybody) {
    await page.click('button:has-text("Leave")');
    await page.waitForSelector('button:has-text("Join the race")');
  }
  await page.click('button:has-text("Sign out")');
  await page.waitForSelector('button:has-text("Play as a guest")');
  // The brand's looks may stay; nothing of the player does.
  assert.deepEqual(await page.evaluate(() => Object.keys(sessionStorage).filter((key) => key !== 'palio.theme')), []);
  assert.deepEqual(errors, []);
  await context.close();
});

test('it installs, and without a network it opens with the last board', { timeout: 90_000 }, async () => {
  const { context, page, errors, watch } = await open({ viewport: { width: 390, height: 844 } });
  await page.goto(`${proxy.url}/`);

  const manifest = await page.evaluate(async () => {
    const href = /** @type {HTMLLinkElement} */ (document.querySelector('link[rel=manifest]')).href;
    const answer = await fetch(href);
    const json = await answer.json();
    const icons = await Promise.all(json.icons.map(async (/** @type {any} */ icon) => (await fetch(icon.src)).status));
    return { type: answer.headers.get('content-type'), json, icons };
  });
  assert.match(manifest.type ?? '', /manifest\+json|application\/json/);
  assert.equal(manifest.json.display, 'standalone');
  assert.ok(manifest.json.icons.some((/** @type {any} */ i) => i.sizes === '192x192') && manifest.json.icons.some((/** @type {any} */ i) => i.sizes === '512x512'));
  assert.ok(manifest.icons.every((/** @type {number} */ status) => status === 200));

  await page.evaluate(async () => { await navigator.serviceWorker.ready; });
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  const csp = await page.evaluate(async () => (await fetch('/', { cache: 'reload' })).headers.get('content-security-policy'));
  assert.ok(csp, 'the page comes with a content security policy');

  // The worker was not there for the first answers: go round once more under its eyes.
  await page.reload();
  await page.waitForSelector('.card h3');
  await page.click(`a[href="#/t/${race.id}"]`);
  await badge(page, 'live');
  await page.waitForTimeout(2_500);
  assert.deepEqual(errors, []);
  const last = await shown(page);

  watch.cut = true;
  proxy.down();
  await page.reload();
  await page.waitForSelector('.board-body .row', { timeout: 20_000 });
  await badge(page, 'offline', 20_000);
  await page.waitForSelector('.notice:has-text("This is the board as of")');
  const offline = await shown(page);
  assert.equal(offline.rows.length, last.rows.length);
  assert.equal(offline.position.split('-')[0], last.position.split('-')[0], 'the same epoch');
  await page.screenshot({ path: `${SHOTS}board-offline-phone.png` });
  await page.click('.back');
  await page.waitForSelector('.card h3');

  const kept = await page.evaluate(async () => {
    const found = [];
    for (const name of await caches.keys()) for (const request of await (await caches.open(name)).keys()) found.push(`${request.url} ${[...request.headers.keys()].join()}`);
    return found;
  });
  assert.ok(!kept.some((line) => /authorization|\/api\/me|\/demo\/|leaderboard\/me/.test(line)), 'nothing personal is stored');

  proxy.open();
  await page.click(`a[href="#/t/${race.id}"]`);
  await badge(page, 'live', 30_000);
  await equalsServer(page);
  await context.close();
});

for (const [device, width, height] of /** @type {[string, number, number][]} */ ([['phone', 390, 844], ['desktop', 1280, 900]])) {
  for (const colorScheme of /** @type {('light'|'dark')[]} */ (['light', 'dark'])) {
    test(`looks: ${device}, ${colorScheme}`, { timeout: 60_000 }, async () => {
      const { context, page, errors } = await open({ viewport: { width, height }, colorScheme, deviceScaleFactor: device === 'phone' ? 2 : 1 });
      await page.goto(proxy.url);
      await page.waitForSelector('.card h3');
      await page.screenshot({ path: `${SHOTS}list-${device}-${colorScheme}.png` });
      await page.click(`a[href="#/t/${race.id}"]`);
      await badge(page, 'live');
      const follow = page.locator('button:has-text("Follow a player")');
      if (await follow.isVisible()) {
        await follow.click();
        await page.waitForSelector('.who');
      }
      await page.waitForTimeout(3_000);
      if (race.entry === 'all') {
        // Whoever has played in this race reads his place, anybody else how to get one; nobody is asked to join.
        const { place, says, buttons } = await page.evaluate(() => ({
          place: document.querySelector('.own-row:not(.unranked) .own-rank')?.lastChild?.textContent ?? '',
          says: document.querySelector('.join .everybody, .join .joined')?.textContent ?? '',
          buttons: [...document.querySelectorAll('.join button')].map((button) => button.textContent),
        }));
        assert.equal(says, place ? `You take part: ${place}` : 'Whoever plays takes part');
        assert.ok(!buttons.includes('Join the race') && !buttons.includes('Leave'), buttons.join());
      }
      await page.screenshot({ path: `${SHOTS}board-${device}-${colorScheme}.png` });
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.equal(overflow, 0, 'nothing sticks out sideways');
      assert.deepEqual(errors, []);
      await context.close();
    });
  }
}

test('with reduced motion nothing travels, and the board is still right', { timeout: 60_000 }, async () => {
  const { context, page, errors } = await open({ viewport: { width: 1280, height: 900 }, reducedMotion: 'reduce' });
  await page.goto(`${proxy.url}/#/t/${race.id}`);
  await badge(page, 'live');
  await page.evaluate(() => {
    /** @type {any} */ (window).travelled = 0;
    const look = () => {
      for (const el of document.querySelectorAll('.board-body .row')) /** @type {any} */ (window).travelled += el.getAnimations().length;
      requestAnimationFrame(look);
    };
    look();
  });
  const { position } = await shown(page);
  await moved(page, position, 20_000);
  await page.waitForTimeout(3_000);
  assert.equal(await page.evaluate(() => /** @type {any} */ (window).travelled), 0);
  await equalsServer(page);
  assert.deepEqual(errors, []);
  await context.close();
});

test('a newer version of the page is stored and offered', { timeout: 60_000 }, async () => {
  // A front that changes nothing but the version it tells, when asked to.
  let version = '';
  let checks = 0;
  const front = createServer(async (request, response) => {
    const answer = await fetch(palio.url + request.url);
    let body = Buffer.from(await answer.arrayBuffer());
    if (request.url === '/sw-assets.json' && version) body = Buffer.from(JSON.stringify({ ...JSON.parse(String(body)), version }));
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '', 'content-security-policy': answer.headers.get('content-security-policy') ?? '' });
    response.end(body);
    if (request.url === '/sw-assets.json') checks += 1;
  });
  await new Promise((ready) => { front.listen(0, '127.0.0.1', () => ready(undefined)); });
  const { port } = /** @type {import('node:net').AddressInfo} */ (front.address());
  const { context, page, errors } = await open();
  await page.goto(`http://127.0.0.1:${port}/`);
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  await page.reload();
  await page.waitForSelector('.card h3');
  assert.equal(await page.locator('.toast').count(), 0);
  // Installed, and looked twice since: one that looks later would find the newer version before its page is there.
  for (let left = 100; checks < 3 && left > 0; left -= 1) await page.waitForTimeout(50);

  version = 'next';
  await page.reload();
  await page.click('.toast button');
  await page.waitForSelector('.card h3');
  const shells = () => page.evaluate(async () => (await caches.keys()).filter((name) => name.startsWith('palio-shell-')));
  assert.deepEqual(await shells(), ['palio-shell-next']);
  assert.deepEqual(errors, []);
  await context.close();
  front.closeAllConnections();
  front.close();
});
