// A TCP proxy in front of a server, for tests: it can cut WebSocket connections and refuse upgrades, and streams of
// events as well, while other HTTP goes through; or take the whole server away.

import { connect, createServer } from 'node:net';

const UPGRADE = /^upgrade:\s*websocket\s*$/im;
const EVENTS = /^GET \S+\/events[? ]/m;
const REFUSAL = 'HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n';

/** @param {URL} target */
export async function startProxy(target) {
  /** @type {'open'|'http only'|'polls only'|'down'} */
  let mode = 'open';
  /** @type {Set<{client: import('node:net').Socket, upstream: import('node:net').Socket|null, ws: boolean, events: boolean}>} */
  const links = new Set();
  const refused = { upgrades: 0, events: 0 };

  const server = createServer((client) => {
    const link = { client, upstream: /** @type {import('node:net').Socket|null} */ (null), ws: false, events: false };
    links.add(link);
    const end = () => {
      links.delete(link);
      client.destroy();
      link.upstream?.destroy();
    };
    client.on('error', end).on('close', end);
    if (mode === 'down') return end();

    let head = Buffer.alloc(0);
    const onHead = (/** @type {Buffer} */ chunk) => {
      head = Buffer.concat([head, chunk]);
      if (!head.includes('\r\n\r\n') && head.length < 64_000) return;
      client.off('data', onHead);
      client.pause();
      link.ws = UPGRADE.test(head.toString('latin1'));
      if (link.ws && mode !== 'open') {
        refused.upgrades += 1;
        client.end(REFUSAL);
        return;
      }
      const upstream = connect(Number(target.port || 80), target.hostname);
      link.upstream = upstream;
      upstream.on('error', end).on('close', end);
      /** Later requests come over the same connection. @param {Buffer} chunk */
      const pass = (chunk) => {
        if (!link.ws && EVENTS.test(chunk.toString('latin1'))) {
          link.events = true;
          if (mode === 'polls only') {
            refused.events += 1;
            client.end(REFUSAL);
            return;
          }
        }
        upstream.write(chunk);
      };
      pass(head);
      client.on('data', pass);
      client.on('end', () => upstream.end());
      client.resume();
      upstream.pipe(client);
    };
    client.on('data', onHead);
  });
  await new Promise((ready) => { server.listen(0, '127.0.0.1', () => ready(undefined)); });
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());

  /** @param {(link: {ws: boolean, events: boolean}) => boolean} which */
  const cut = (which) => {
    for (const link of [...links]) {
      if (!which(link)) continue;
      link.client.destroy();
      link.upstream?.destroy();
    }
  };
  return {
    url: `http://127.0.0.1:${port}`,
    refused,
    /** Everything goes through. */
    open() { mode = 'open'; },
    /** Live sockets are cut and new ones refused; plain HTTP goes through. */
    httpOnly() { mode = 'http only'; cut((link) => link.ws); },
    /** Streams of events are cut and refused, too. */
    pollsOnly() { mode = 'polls only'; cut((link) => link.ws || link.events); },
    /** Nobody answers. */
    down() { mode = 'down'; cut(() => true); },
    /** @returns {Promise<void>} */
    close() {
      cut(() => true);
      return new Promise((done) => { server.close(() => done()); });
    },
  };
}
