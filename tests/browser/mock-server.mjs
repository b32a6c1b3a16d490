// A stand-in for the server, for working on the page alone: the public routes of docs/protocol.md with moving scores.
// Start: `npm run mock -- --port 8787`. Nothing here is stored or checked as the real server would.

import { createHash, randomUUID } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WebSocketServer } from 'ws';
import { binaryDelta, binaryProof, binaryResumed, binarySnapshot, chain16, delta, hash16, shown, text, wireRows } from './live/wire.mjs';

const WEB = fileURLToPath(new URL('../../web/', import.meta.url));
export const CSP = "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; style-src 'self'";
/** @type {Record<string, string>} */
const TYPES = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml', '.png': 'image/png', '.webmanifest': 'application/manifest+json', '.json': 'application/json',
  '.txt': 'text/plain; charset=utf-8', '.md': 'text/plain; charset=utf-8',
};
const RING_MAX = 50;
const FIRST = ['Swift', 'Calm', 'Bold', 'Lucky', 'Quiet', 'Amber', 'Silver', 'Brave', 'Nimble', 'Merry', 'Golden', 'Clever', 'Proud', 'Gentle', 'Rapid', 'Noble'];
const SECOND = ['Otter', 'Heron', 'Falcon', 'Lynx', 'Tortoise', 'Panther', 'Owl', 'Dolphin', 'Goose', 'Unicorn', 'Snail', 'Eagle', 'Wolf', 'Ram', 'Porcupine', 'Giraffe'];

/** A repeatable random source. @param {number} seed */
function random(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t ^= t + Math.imul(t ^ (t >>> 7), 61 | t);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const DECIMALS = 2;
const PROOF_MS = 10_000;

/** @typedef {{player: string, key: string, name: string, score: number, reached: number}} Racer */
/** @typedef {import('./live/wire.mjs').Stand} Stand */
/**
 * Somebody who watches: over a socket, or a stream of events.
 * @typedef {{send: (frame: object, bytes?: Buffer) => void, end: (code: number) => void, player: string|null, lastMe: string}} Watcher
 */

class Race {
  /** @param {any} config @param {number} seed */
  constructor(config, seed) {
    this.config = config;
    this.rnd = random(seed);
    this.epoch = createHash('sha256').update(config.id + randomUUID()).digest('hex').slice(0, 6);
    this.seq = 1;
    this.clock = 0;
    /** @type {Map<string, Racer>} */
    this.racers = new Map();
    /** @type {Set<Watcher>} */
    this.watchers = new Set();
    /** @type {Stand[]} */
    this.ring = [];
    this.chain = { n: 0, head: Buffer.alloc(16), at: Date.now(), seq: 0 };
    /** @type {any} */
    this.result = null;
  }

  get phase() {
    const { startsAt, endsAt, graceSeconds } = this.config;
    const now = Date.now();
    if (now < Date.parse(startsAt)) return 'registration';
    if (now < Date.parse(endsAt)) return 'active';
    return now < Date.parse(endsAt) + graceSeconds * 1_000 ? 'grace' : 'final';
  }

  get status() {
    return /** @type {Record<string, string>} */ ({ registration: 'upcoming', active: 'active', grace: 'active', final: 'completed' })[this.phase];
  }

  /** @param {string} player */
  enter(player) {
    let racer = this.racers.get(player);
    if (!racer) {
      const h = createHash('sha256').update(this.config.id + player).digest();
      const name = `${FIRST[h.readUInt8(0) % FIRST.length]} ${SECOND[h.readUInt8(1) % SECOND.length]} ${1 + (h.readUInt8(2) % 98)}`;
      racer = { player, key: h.toString('base64url').slice(0, 8), name, score: 0, reached: 0 };
      this.racers.set(player, racer);
    }
    return racer;
  }

  /** @param {number} points */
  text(points) { return shown(BigInt(points), DECIMALS); }

  ranking() {
    return [...this.racers.values()].filter((r) => r.score > 0).sort((a, b) => b.score - a.score || a.reached - b.reached);
  }

  /** @param {number} from @param {number} count */
  page(from, count) {
    return this.ranking().slice(from, from + count).map((r, i) => ({ k: r.key, r: from + i + 1, n: r.name, s: this.text(r.score) }));
  }

  /** The board as it is now. @returns {Stand} */
  stand() {
    const rows = this.ranking().slice(0, this.config.topN).map((r, i) => ({ k: r.key, n: r.name, v: BigInt(r.score), r: i + 1 }));
    return { epoch: this.epoch, seq: this.seq, status: this.status ?? 'active', participants: this.racers.size, decimals: DECIMALS, rows };
  }

  /** The board as it was published last. @returns {Stand} */
  get last() { return this.ring.at(-1) ?? this.stand(); }

  /** Some racers score. @param {number} bets */
  play(bets) {
    const all = [...this.racers.values()];
    for (let i = 0; i < bets && all.length > 0; i += 1) {
      const racer = all[Math.floor(this.rnd() ** 1.12 * all.length)];
      if (!racer) continue;
      this.clock += 1;
      if (this.config.metric === 'best_ratio') {
        const ratio = Math.floor(100 / (0.004 + this.rnd()) * (0.5 + this.rnd()));
        if (ratio > racer.score) Object.assign(racer, { score: ratio, reached: this.clock });
      } else {
        racer.score += Math.ceil(this.rnd() ** 3 * 4_000) * 5;
        racer.reached = this.clock;
      }
    }
  }

  /** One tick: the board moves on and every watcher hears of the difference. */
  tick() {
    if (this.phase === 'active') this.play(Math.max(3, Math.round(this.racers.size / 9)));
    if (this.phase === 'final' && !this.result) {
      const rows = this.ranking().map((r, i) => ({ rank: i + 1, name: r.name, score: this.text(r.score), key: r.key }));
      this.result = {
        completedAt: new Date(Date.parse(this.config.endsAt) + this.config.graceSeconds * 1_000).toISOString(),
        standingsHash: createHash('sha256').update(JSON.stringify(rows)).digest('hex'),
        rows: rows.slice(0, this.config.topN),
      };
      this.publish();
      for (const watcher of this.watchers) watcher.end(1000);
      return;
    }
    this.publish();
    if (Date.now() - this.chain.at >= PROOF_MS && this.chain.seq !== this.seq) this.prove();
    for (const watcher of this.watchers) this.sendMe(watcher);
  }

  /** Shows the board as it is, if that is anything new. */
  publish() {
    const before = this.ring.at(-1);
    const now = this.stand();
    if (!before) {
      this.ring.push(now);
      return;
    }
    const frame = delta(before, { ...now, seq: before.seq + 1 });
    if (Object.keys(frame).length === 2) return; // its name and its position
    this.seq += 1;
    const next = { ...now, seq: this.seq };
    this.ring.push(next);
    if (this.ring.length > RING_MAX) this.ring.shift();
    const bytes = binaryDelta(frame, before, next);
    for (const watcher of this.watchers) watcher.send(frame, bytes);
  }

  prove() {
    const at = Date.now();
    const hash = hash16(text(this.last, this.config.id));
    const head = chain16(this.chain.head, hash, this.seq, at);
    this.chain = { n: this.chain.n + 1, head, at, seq: this.seq };
    const frame = {
      t: 'proof', seq: this.seq, n: this.chain.n, hash: hash.toString('hex'), chain: head.toString('hex'),
      time: new Date(at).toISOString(), cut: [0, this.seq], sig: '00'.repeat(16),
    };
    const bytes = binaryProof(frame);
    for (const watcher of this.watchers) watcher.send(frame, bytes);
  }

  /** The published board of a cursor. @param {string|null} epoch @param {number} seq */
  known(epoch, seq) { return epoch === this.epoch ? this.ring.find((one) => one.seq === seq) : undefined; }

  snapshot() {
    const { last } = this;
    return {
      t: 'snapshot', epoch: this.epoch, seq: last.seq, status: last.status, participants: last.participants,
      endsAt: this.config.endsAt, serverTime: new Date().toISOString(), decimals: DECIMALS,
      hash: hash16(text(last, this.config.id)).toString('hex'), chain: this.chain.head.toString('hex'), n: this.chain.n, rows: wireRows(last),
    };
  }

  /** Whoever comes is brought to now, from his cursor if that is known. @param {Watcher} watcher @param {URLSearchParams} query */
  welcome(watcher, query) {
    const { last } = this;
    const from = this.known(query.get('epoch'), Number(query.get('seq')));
    if (from) {
      watcher.send({ t: 'resumed', epoch: from.epoch, seq: from.seq }, binaryResumed(from));
      const frame = delta(from, last);
      if (from.seq !== last.seq) watcher.send(frame, binaryDelta(frame, from, last));
    } else {
      const frame = this.snapshot();
      watcher.send(frame, binarySnapshot(frame, last));
    }
    this.watchers.add(watcher);
  }

  /** @param {string} player */
  own(player) {
    const ranking = this.ranking();
    const at = ranking.findIndex((r) => r.player === player);
    const racer = this.racers.get(player);
    if (at < 0) return { rank: null, score: '0', key: racer?.key ?? null, participants: this.racers.size, around: [] };
    const mine = /** @type {Racer} */ (ranking[at]);
    const ahead = ranking[at - 1];
    const lastPaid = ranking[(this.config.prizes?.length ?? 0) - 1];
    const from = Math.max(0, at - 2);
    return {
      rank: at + 1, score: this.text(mine.score), key: mine.key, participants: this.racers.size,
      ...(ahead && { ahead: { gap: this.text(ahead.score - mine.score), name: ahead.name } }),
      ...(lastPaid && at >= this.config.prizes.length && { prizeGap: this.text(lastPaid.score - mine.score) }),
      around: this.page(from, at - from + 3),
    };
  }

  /** @param {Watcher} watcher */
  sendMe(watcher) {
    if (!watcher.player) return;
    const own = JSON.stringify(this.own(watcher.player));
    if (own === watcher.lastMe) return;
    watcher.lastMe = own;
    watcher.send({ t: 'me', ...JSON.parse(own) });
  }

  json() {
    return {
      ...this.config, status: this.status, phase: this.phase, participants: this.racers.size,
      tieBreak: ['score', 'reachedAt', 'player'], ...(this.result && { result: this.result }),
    };
  }
}

/** @param {number} seconds from now */
const at = (seconds) => new Date(Date.now() + seconds * 1_000).toISOString();

function races() {
  const base = { currency: 'EUR', graceSeconds: 5, tickMs: 1000, topN: 10, minStake: '0.10', pointsPer: '1.00', games: [], entry: 'opt_in' };
  /** @type {[any, number][]} */
  const made = [
    [{ id: 'friday-race', name: 'Friday race', metric: 'turnover', startsAt: at(-1_500), endsAt: at(2_520), prizes: ['250.00', '100.00', '50.00', '25.00', '10.00'], description: 'Sixty minutes, every stake counts. The front of the field shares the purse.' }, 214],
    [{ id: 'big-moment', name: 'The big moment', metric: 'best_ratio', startsAt: at(-4_000), endsAt: at(11_400), prizes: ['500.00'], description: 'One round is enough: the highest multiplier of the day takes it all.' }, 96],
    [{ id: 'high-street', name: 'High street mile', metric: 'ggr', startsAt: at(-86_400), endsAt: at(2.2 * 86_400), prizes: ['150.00', '75.00', '75.00'], description: '' }, 41],
    [{ id: 'night-sprint', name: 'Night sprint', metric: 'turnover', startsAt: at(5_400), endsAt: at(9_000), prizes: ['100.00', '60.00', '40.00'], description: 'Ten fast minutes after the news.' }, 38],
    [{ id: 'august-assumption', name: 'The long week', metric: 'turnover', startsAt: at(3.4 * 86_400), endsAt: at(10 * 86_400), prizes: ['1000.00', '500.00', '250.00', '125.00', '75.00', '50.00'], description: 'Seven days. Patience counts.' }, 12],
    [{ id: 'thursday-race', name: 'Thursday race', metric: 'turnover', startsAt: at(-90_000), endsAt: at(-86_400), prizes: ['250.00', '100.00', '50.00'], description: '' }, 187],
    [{ id: 'lunch-dash', name: 'Lunch dash', metric: 'best_ratio', startsAt: at(-30_000), endsAt: at(-26_000), prizes: ['20.00'], description: '' }, 63],
  ];
  return new Map(made.map(([config, players], i) => {
    const race = new Race({ ...base, ...config }, i + 7);
    for (let p = 0; p < players; p += 1) race.enter(`demo_${String(p).padStart(3, '0')}`);
    if (race.status !== 'upcoming') race.play(players * 14);
    race.tick();
    return [config.id, race];
  }));
}

/** @param {string} [dir] @returns {Promise<string[]>} */
async function assets(dir = WEB) {
  const found = [];
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) found.push(...await assets(path));
    else if (!/\.(md|txt)$|^package\.json$/.test(entry.name) && entry.name !== 'sw.js') {
      const name = `/${relative(WEB, path).split(sep).join('/')}`;
      found.push(name === '/index.html' ? '/' : name);
    }
  }
  return found.sort();
}

/** @param {{port?: number, tickMs?: number}} [options] */
export async function startMock({ port = 0, tickMs = 1_000 } = {}) {
  const all = races();
  /** Ways that do not get through, and requests that came. */
  const blocked = { sockets: false, events: false, polls: false };
  /** @type {string[]} */
  const asked = [];
  /** What players have, in cents. @type {Map<string, number>} */
  const purses = new Map();
  /** @param {string} player */
  const accounts = (player) => {
    const available = ((purses.get(player) ?? 10_000) / 100).toFixed(2);
    return [{ currency: 'EUR', cash: available, bonus: '0.00', held: '0.00', locked: '0.00', debt: '0.00', available }];
  };
  /** Sockets of wallets: their players and what they were sent. @type {Set<{ws: import('ws').WebSocket, player: string|null, last: string, seq: number}>} */
  const wallets = new Set();
  /** @param {{ws: import('ws').WebSocket, player: string|null, last: string, seq: number}} one */
  const sendWallet = (one) => {
    if (!one.player) return;
    const body = JSON.stringify(accounts(one.player));
    if (body === one.last) return;
    one.last = body;
    one.seq += 1;
    one.ws.send(JSON.stringify({ t: 'wallet', seq: one.seq, accounts: JSON.parse(body), limits: [] }));
  };
  /** @type {Map<string, {player: string, joined: Set<string>}>} */
  const players = new Map();
  /** @type {Map<string, string>} */
  const tokens = new Map();
  let guests = 0;

  /** @type {Set<import('node:http').ServerResponse>} */
  const streams = new Set();

  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    asked.push(request.url ?? '');
    const player = tokens.get(request.headers.authorization?.replace(/^Bearer /, '') ?? '') ?? null;
    /** @param {number} status @param {any} body @param {Record<string, string>} [headers] */
    const json = (status, body, headers = {}) => {
      response.writeHead(status, {
        'content-type': status >= 400 ? 'application/problem+json' : 'application/json',
        'cache-control': 'no-store', 'x-trace-id': randomUUID(), ...headers,
      });
      response.end(body === null ? undefined : JSON.stringify(body));
    };
    /** @param {number} status @param {string} code @param {string} detail */
    const problem = (status, code, detail) => json(status, { type: 'about:blank', title: code, status, code, detail });

    const path = url.pathname;
    if (path === '/demo/info') return json(200, { demo: true, players: 214 });
    if (path === '/demo/token' && request.method === 'POST') {
      let raw = '';
      for await (const chunk of request) raw += chunk;
      const wanted = JSON.parse(raw || '{}').playerId;
      const playerId = wanted ?? `guest_${String((guests += 1)).padStart(3, '0')}`;
      const token = `mock.${randomUUID()}`;
      tokens.set(token, playerId);
      const joined = new Set([...all.values()].filter((r) => r.racers.has(playerId)).map((r) => r.config.id));
      players.set(playerId, players.get(playerId) ?? { player: playerId, joined });
      return json(200, { token, playerId, expiresAt: at(3_600) });
    }
    if (path === '/api/theme') return json(200, { name: 'Palio', scheme: 'auto' });
    if (path === '/api/me') {
      if (!player) return problem(401, 'TOKEN_INVALID', 'a player token is needed');
      return json(200, {
        playerId: player, tournaments: [...(players.get(player)?.joined ?? [])],
        accounts: accounts(player),
      });
    }
    if (path === '/api/me/limits') {
      if (!player) return problem(401, 'TOKEN_INVALID', 'a player token is needed');
      return json(200, { playerId: player, limits: [] });
    }
    if (path === '/api/tournaments') {
      const status = url.searchParams.get('status');
      const tournaments = [...all.values()].filter((r) => !status || r.status === status).map((r) => r.json())
        .sort((a, b) => Date.parse(b.startsAt) - Date.parse(a.startsAt));
      return json(200, { tournaments });
    }
    const match = /^\/api\/tournaments\/([a-z0-9-]+)(\/.*)?$/.exec(path);
    if (match) {
      const race = all.get(match[1] ?? '');
      if (!race) return problem(404, 'TOURNAMENT_NOT_FOUND', 'no such tournament');
      const rest = match[2] ?? '';
      if (rest === '') return json(200, race.json());
      if (rest === '/leaderboard') {
        if (blocked.polls) return problem(503, 'OVERLOADED', 'not now');
        const { last } = race;
        const etag = `"${race.epoch}-${last.seq}"`;
        if (request.headers['if-none-match'] === etag) return json(304, null, { etag });
        const since = url.searchParams.get('since');
        const from = since === null ? undefined : race.known(url.searchParams.get('epoch'), Number(since));
        if (from) return from.seq === last.seq ? json(204, null, { etag }) : json(200, delta(from, last), { etag });
        const limit = since === null ? Math.min(100, Number(url.searchParams.get('limit') ?? 10)) : race.config.topN;
        const offset = Number(url.searchParams.get('offset') ?? 0);
        const first = offset === 0 && limit === race.config.topN;
        const page = first ? wireRows(last) : race.page(offset, limit);
        return json(200, {
          tournamentId: race.config.id, epoch: race.epoch, seq: last.seq, status: last.status, participants: last.participants,
          endsAt: race.config.endsAt, asOf: new Date().toISOString(),
          rows: page.map((r) => ({ rank: r.r, name: r.n, score: r.s, key: r.k })),
        }, first ? { etag } : {});
      }
      if (rest === '/events') {
        if (blocked.events) return problem(404, 'NOT_FOUND', 'there is nothing at this path');
        response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
        response.write(`retry: ${300 + Math.floor(Math.random() * 500)}\n\n`);
        /** @type {Watcher} */
        const watcher = {
          player: null, lastMe: '',
          send(frame) {
            const { t, seq } = /** @type {any} */ (frame);
            const id = t === 'snapshot' || t === 'delta' || t === 'resumed' ? `id: ${race.epoch}:${seq}\n` : '';
            response.write(`event: ${t}\n${id}data: ${JSON.stringify(frame)}\n\n`);
          },
          end(code) {
            this.send({ t: 'bye', code });
            response.end();
          },
        };
        race.welcome(watcher, url.searchParams);
        streams.add(response);
        response.on('close', () => {
          race.watchers.delete(watcher);
          streams.delete(response);
        });
        return undefined;
      }
      if (!player) return problem(401, 'TOKEN_INVALID', 'a player token is needed');
      if (rest === '/leaderboard/me') return json(200, race.own(player));
      const me = players.get(player);
      if (rest === '/join' && request.method === 'POST') {
        race.enter(player);
        me?.joined.add(race.config.id);
        return json(200, { tournamentId: race.config.id, playerId: player, joined: true });
      }
      if (rest === '/leave' && request.method === 'POST') {
        race.racers.delete(player);
        me?.joined.delete(race.config.id);
        return json(200, { tournamentId: race.config.id, playerId: player, joined: false });
      }
    }
    if (path === '/sw-assets.json') {
      const list = await assets();
      const hash = createHash('sha256');
      for (const asset of list) hash.update(await readFile(join(WEB, asset === '/' ? 'index.html' : asset)));
      return json(200, { version: hash.digest('hex').slice(0, 16), assets: list });
    }
    try {
      const file = join(WEB, path === '/' ? 'index.html' : path);
      if (!file.startsWith(WEB)) throw new Error('outside');
      const body = await readFile(file);
      response.writeHead(200, {
        'content-type': TYPES[extname(file)] ?? 'application/octet-stream', 'cache-control': 'no-cache',
        'content-security-policy': CSP, 'x-content-type-options': 'nosniff',
      });
      response.end(body);
    } catch {
      problem(404, 'NOT_FOUND', 'no such page');
    }
  });

  const wss = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => ['palio.v1.bin', 'palio.v1.json'].find((name) => offered.has(name)) ?? false,
  });
  /** @param {import('ws').WebSocket} ws */
  const walletSocket = (ws) => {
    const one = { ws, player: /** @type {string|null} */ (null), last: '', seq: 0 };
    wallets.add(one);
    ws.on('close', () => wallets.delete(one));
    ws.on('message', (data) => {
      const frame = JSON.parse(String(data));
      if (frame.t === 'ping') return ws.send(JSON.stringify({ t: 'pong', serverTime: new Date().toISOString() }));
      one.player = tokens.get(frame.token) ?? null;
      if (!one.player) return ws.close(4401);
      return sendWallet(one);
    });
  };
  server.on('upgrade', (request, socket, head) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    asked.push(request.url ?? '');
    if (blocked.sockets) return socket.end('HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\n\r\n');
    wss.handleUpgrade(request, socket, head, (ws) => {
      if (url.pathname === '/ws/me') return walletSocket(ws);
      const race = all.get(url.pathname.split('/').at(-1) ?? '');
      if (!race) return ws.close(4404);
      const binary = ws.protocol === 'palio.v1.bin';
      /** @type {Watcher} */
      const watcher = {
        player: null, lastMe: '',
        send(frame, bytes) { if (ws.readyState === 1) ws.send(binary && bytes ? bytes : JSON.stringify(frame)); },
        end(code) {
          this.send({ t: 'bye', code });
          ws.close(code);
        },
      };
      race.welcome(watcher, url.searchParams);
      ws.on('close', () => race.watchers.delete(watcher));
      ws.on('message', (data) => {
        const frame = JSON.parse(String(data));
        if (frame.t === 'ping') watcher.send({ t: 'pong', serverTime: new Date().toISOString() });
        else if (frame.t === 'auth') {
          watcher.player = tokens.get(frame.token) ?? null;
          if (!watcher.player) return ws.close(4401);
          watcher.lastMe = '';
          race.sendMe(watcher);
        } else watcher.send({ t: 'error', code: 'BAD_JSON', detail: `no frame ${frame.t}` });
        return undefined;
      });
      return undefined;
    });
    return undefined;
  });

  const timer = setInterval(() => {
    for (const race of all.values()) race.tick();
    for (const one of wallets) {
      if (one.player) purses.set(one.player, (purses.get(one.player) ?? 10_000) + 25);
      sendWallet(one);
    }
  }, tickMs);
  await new Promise((ready) => { server.listen(port, '127.0.0.1', () => ready(undefined)); });
  const address = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${address.port}`,
    races: all,
    /** Every address that was asked for. */
    asked,
    /** Ways that no longer get through, with what is open on them. @param {Partial<typeof blocked>} what */
    block(what) {
      Object.assign(blocked, what);
      if (blocked.sockets) for (const ws of wss.clients) ws.terminate();
      if (blocked.events) for (const one of streams) one.destroy();
    },
    /** @param {string} race @param {number} code @param {number} [reconnectMs] */
    closeAll(race, code, reconnectMs) {
      for (const watcher of all.get(race)?.watchers ?? []) {
        if (reconnectMs !== undefined) watcher.send({ t: 'bye', code, reconnectMs });
        watcher.end(code);
      }
    },
    close() {
      clearInterval(timer);
      for (const ws of wss.clients) ws.terminate();
      server.closeAllConnections();
      server.close();
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const i = process.argv.indexOf('--port');
  const { url } = await startMock({ port: i > 0 ? Number(process.argv[i + 1]) : 8787 });
  console.log(`mock on ${url}`);
}
