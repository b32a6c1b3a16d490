// A TCP proxy in front of a server, for tests: it can cut WebSocket connections and refuse upgrades while plain HTTP
// goes through, or take the whole server away.

import { connect, createServer } from 'node:net';

const UPGRADE = /^upgrade:\s*websocket\s*$/im;

/** @param {URL} target */
export async function startProxy(target) {
  /** @type {'open'|'http only'|'down'} */
  let mode = 'open';
  /** @type {Set<{client: import('node:net').Socket, upstream: import('node:net').Socket|null, ws: boolean}>} */
  const links = new Set();
  const refused = { upgrades: 0 };

  const server = createServer((client) => {
    const link = { client, upstream: /** @type {import('node:net').Socket|null} */ (null), ws: false };
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
        client.end('HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
        return;
      }
      const upstream = connect(Number(target.port || 80), target.hostname);
      link.upstream = upstream;
      upstream.on('error', end).on('close', end);
      upstream.write(head);
      client.pipe(upstream);
      upstream.pipe(client);
    };
    client.on('data', onHead);
  });
  await new Promise((ready) => { server.listen(0, '127.0.0.1', () => ready(undefined)); });
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());

  /** @param {(link: {ws: boolean}) => boolean} which */
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
    /** Nobody answers. */
    down() { mode = 'down'; cut(() => true); },
    /** @returns {Promise<void>} */
    close() {
      cut(() => true);
      return new Promise((done) => { server.close(() => done()); });
    },
  };
}
