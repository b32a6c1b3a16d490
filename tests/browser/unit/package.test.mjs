// The client as a package: it stands alone, and what its README shows is there.

import assert from 'node:assert/strict';
import { access, readFile, readdir } from 'node:fs/promises';
import { test } from 'node:test';

const CLIENT = new URL('../../../web/client/', import.meta.url);
const files = (await readdir(CLIENT)).filter((name) => name.endsWith('.js'));
const text = (/** @type {string} */ name) => readFile(new URL(name, CLIENT), 'utf8');

test('no module imports anything but its neighbours', async () => {
  for (const name of files) {
    for (const [, from] of (await text(name)).matchAll(/^(?:import|export) .*? from '([^']+)'/gms)) {
      assert.ok(/^\.\/[\w-]+\.js$/.test(from ?? '') && files.includes((from ?? '').slice(2)), `${name} imports ${from}`);
    }
  }
});

test('what the package names is there', async () => {
  const { exports, dependencies } = JSON.parse(await text('package.json'));
  for (const path of Object.values(exports)) await access(new URL(String(path), CLIENT));
  assert.equal(dependencies, undefined);
});

test('what the README imports and calls is there', async () => {
  const readme = await text('README.md');
  const all = await import('../../../web/client/index.js');
  const names = [...readme.matchAll(/import \{ ([^}]+) \} from 'palio-live'/g)].flatMap(([, list]) => (list ?? '').split(', '));
  assert.deepEqual(names, ['connect', 'connectMe']);
  for (const name of [...names, 'badge', 'moves']) assert.equal(typeof (/** @type {any} */ (all)[name]), 'function', name);
  const [, code = ''] = /```js\n([\s\S]*?)```/.exec(readme) ?? [];
  const live = { setToken() { calls.push('setToken'); }, close() { calls.push('close'); } };
  /** @type {string[]} */
  const calls = [];
  // It runs as it stands, on stand-ins for the calls.
  new Function('connect', 'connectMe', 'token', code.replace(/^import .*$/m, ''))(() => live, () => ({}), 't');
  assert.deepEqual(calls, ['setToken', 'close']);
});
