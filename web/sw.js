// The service worker: keeps the shell and the last answers of the public API, so that the page opens offline.
//
// Shell: the list of `/sw-assets.json`, stored whole under its version; served from there, renewed as a whole.
// API:   the list of tournaments and what each one is: network first; a stored copy only when no server answers,
//        marked with `x-palio-stored-at`. Boards and their streams pass by: client/cache.js stores the last board.
// Never: stores a request with `Authorization`, anything that is not a GET, or an answer other than 200.

const SHELL = 'palio-shell-';
const DATA = 'palio-data';
const DATA_MAX = 60;
const STORED_AT = 'x-palio-stored-at';

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));

/** @returns {Promise<{version: string, assets: string[]}>} */
async function wanted() {
  const answer = await fetch('/sw-assets.json', { cache: 'no-store' });
  if (!answer.ok) throw new Error(`sw-assets.json: ${answer.status}`);
  return answer.json();
}

/** Stores the shell the server offers unless it is here already. @returns {Promise<boolean>} whether it was new */
async function renewShell() {
  const { version, assets } = await wanted();
  const name = SHELL + version;
  const before = (await caches.keys()).filter((key) => key.startsWith(SHELL));
  if (before.includes(name)) return false;
  const fresh = `${name}.partial`;
  await caches.delete(fresh);
  const partial = await caches.open(fresh);
  await partial.addAll(assets.map((path) => new Request(path, { cache: 'reload' })));
  const whole = await caches.open(name);
  for (const request of await partial.keys()) {
    const answer = await partial.match(request);
    if (answer) await whole.put(request, answer);
  }
  await Promise.all([fresh, ...before].map((key) => caches.delete(key)));
  return before.some((key) => !key.endsWith('.partial'));
}

/** @param {string} path */
async function fromShell(path) {
  for (const key of await caches.keys()) {
    if (!key.startsWith(SHELL) || key.endsWith('.partial')) continue;
    const found = await (await caches.open(key)).match(path);
    if (found) return found;
  }
  return undefined;
}

/** @param {Request} request @param {Response} answer */
async function keep(request, answer) {
  const store = await caches.open(DATA);
  const headers = new Headers({ 'content-type': answer.headers.get('content-type') ?? 'application/json' });
  headers.set(STORED_AT, String(Date.now()));
  await store.put(request.url, new Response(await answer.blob(), { headers }));
  const keys = await store.keys();
  await Promise.all(keys.slice(0, Math.max(0, keys.length - DATA_MAX)).map((key) => store.delete(key)));
}

/** @param {FetchEvent} event */
async function api(event) {
  const { request } = event;
  try {
    const answer = await fetch(request);
    if (answer.status === 200) event.waitUntil(keep(request, answer.clone()).catch(() => undefined));
    return answer;
  } catch (error) {
    const copy = await (await caches.open(DATA)).match(request.url);
    if (copy) return copy;
    throw error;
  }
}

/** @param {FetchEvent} event @param {string} path */
async function shell(event, path) {
  return (await fromShell(path)) ?? fetch(event.request);
}

worker.addEventListener('install', (event) => {
  event.waitUntil(renewShell().then(() => worker.skipWaiting()));
});

worker.addEventListener('activate', (event) => {
  event.waitUntil(worker.clients.claim());
});

worker.addEventListener('message', (event) => {
  if (event.data?.t !== 'check') return;
  event.waitUntil(renewShell()
    .then((isNew) => { if (isNew) event.source?.postMessage({ t: 'updated' }); })
    .catch(() => undefined)); // offline: what is stored stays
});

worker.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== worker.location.origin) return;
  if (request.headers.has('authorization')) return;
  if (/^\/api\/tournaments(?:\/[^/]+)?$/.test(url.pathname)) event.respondWith(api(event));
  else if (url.pathname === '/' || /^\/(?:[\w-]+\.(?:js|css|webmanifest)|(?:vendor|client|icons)\/.+)$/.test(url.pathname)) {
    if (url.pathname !== '/sw.js') event.respondWith(shell(event, url.pathname));
  }
});
