// The vendored modules are the published ones, but for their import paths and source-map comments.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

/** @type {Record<string, string>} */
const PATHS = { preact: './preact.js', 'preact/hooks': './preact-hooks.js', '@preact/signals-core': './signals-core.js' };

for (const [file, published] of [
  ['preact.js', 'preact/dist/preact.mjs'],
  ['preact-hooks.js', 'preact/hooks/dist/hooks.mjs'],
  ['htm.js', 'htm/dist/htm.mjs'],
  ['signals.js', '@preact/signals/dist/signals.mjs'],
  ['signals-core.js', '@preact/signals-core/dist/signals-core.mjs'],
]) {
  test(file ?? '', async () => {
    const original = await readFile(new URL(`../node_modules/${published}`, import.meta.url), 'utf8');
    const here = await readFile(new URL(`../../../web/vendor/${file}`, import.meta.url), 'utf8');
    const expected = original
      .replace(/from *"([^"]+)"/g, (all, name) => (PATHS[name] ? `from"${PATHS[name]}"` : all))
      .replace(/\/\/# sourceMappingURL=.*$/m, '');
    assert.equal(here.trim(), expected.trim());
  });
}
