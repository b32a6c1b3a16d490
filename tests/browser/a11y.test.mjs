// Accessibility of every screen in both themes: no serious or critical finding of axe-core.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { launch } from './chromium.mjs';
import { activeTournament, server } from './server.mjs';

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** @type {Awaited<ReturnType<typeof server>>} */ let palio;
/** @type {Awaited<ReturnType<typeof launch>>} */ let browser;
/** @type {any} */ let race;

before(async () => {
  palio = await server();
  race = await activeTournament(palio.url);
  browser = await launch();
});

after(async () => {
  await browser?.close();
  palio?.close();
});

/** @param {import('playwright-core').Page} page @param {string} screen */
async function check(page, screen) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => /** @type {any} */ (window).axe.run(document, { resultTypes: ['violations'] }));
  const grave = violations.filter((/** @type {any} */ v) => v.impact === 'serious' || v.impact === 'critical')
    .map((/** @type {any} */ v) => `${screen}: ${v.id} (${v.impact}) ${v.nodes.slice(0, 3).map((/** @type {any} */ n) => `${n.target} ${n.any?.[0]?.message ?? ''}`).join(' | ')}`);
  assert.deepEqual(grave, []);
}

for (const [device, width, height] of /** @type {[string, number, number][]} */ ([['phone', 390, 844], ['desktop', 1280, 900]])) {
  for (const colorScheme of /** @type {('light'|'dark')[]} */ (['light', 'dark'])) {
    test(`${device}, ${colorScheme}`, { timeout: 60_000 }, async () => {
      // Reduced motion, so that no colour is judged half-way through a transition.
      const context = await browser.newContext({ viewport: { width, height }, colorScheme, reducedMotion: 'reduce', bypassCSP: true });
      const page = await context.newPage();
      await page.goto(palio.url);
      await page.waitForSelector('.card h3');
      await check(page, 'list');
      await page.click(`a[href="#/t/${race.id}"]`);
      await page.waitForSelector('.badge[data-state="live"]');
      await page.waitForSelector('.board-body .row');
      await check(page, 'board');
      const follow = page.locator('button:has-text("Follow a player")');
      if (await follow.isVisible()) {
        await follow.click();
        await page.waitForSelector('.who');
        await page.waitForTimeout(1_500);
        await check(page, 'board with own row');
      }
      const { tournaments } = await (await fetch(`${palio.url}/api/tournaments?status=completed`)).json();
      if (tournaments.length > 0) {
        await page.goto(`${palio.url}/#/t/${tournaments[0].id}`);
        await page.waitForSelector('.stand-title');
        await check(page, 'final');
      }
      await context.close();
    });
  }
}
