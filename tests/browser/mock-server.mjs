// A stand-in for the server, for working on the page alone: the public routes of docs/protocol.md with moving scores.
// Start: `npm run mock -- --port 8787`. Nothing here is stored or checked as the real server would.

import { createHash, randomUUID } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WebSocketServer } from 'ws';

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

/** @typedef {{player: string, key: string, name: string, score: number, reached: number}} Racer */

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
    /** @type {Set<{ws: import('ws').WebSocket, player: string|null, lastMe: string}>} */
    this.sockets = new Set();
    /** @type {{seq: number, rows: any[], participants: number}[]} */
    this.ring = [];
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
  text(points) {
    return this.config.metric === 'best_ratio' ? (points / 100).toFixed(6) : (points / 100).toFixed(2);
  }

  ranking() {
    return [...this.racers.values()].filter((r) => r.score > 0).sort((a, b) => b.score - a.score || a.reached - b.reached);
  }

  /** @param {number} from @param {number} count */
  page(from, count) {
    return this.ranking().slice(from, from + count).map((r, i) => ({ k: r.key, r: from + i + 1, n: r.name, s: this.text(r.score) }));
  }

  top() { return this.page(0, this.config.topN); }

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
    const before = this.ring.at(-1);
    if (this.phase === 'active') this.play(Math.max(3, Math.round(this.racers.size / 9)));
    if (this.phase === 'final' && !this.result) {
      const rows = this.ranking().map((r, i) => ({ rank: i + 1, name: r.name, score: this.text(r.score), key: r.key }));
      this.result = {
        completedAt: new Date(Date.parse(this.config.endsAt) + this.config.graceSeconds * 1_000).toISOString(),
        standingsHash: createHash('sha256').update(JSON.stringify(rows)).digest('hex'),
        rows: rows.slice(0, this.config.topN),
      };
      this.broadcast({ t: 'delta', seq: this.seq + 1, prev: this.seq, set: [], status: 'completed' });
      this.seq += 1;
      for (const { ws } of this.sockets) {
        ws.send(JSON.stringify({ t: 'bye', code: 1000 }));
        ws.close(1000);
      }
      return;
    }
    const rows = this.top();
    const delta = before ? this.difference(before, rows) : null;
    if (before && !delta) return;
    if (before && delta) {
      this.seq += 1;
      this.broadcast({ t: 'delta', seq: this.seq, prev: before.seq, ...delta });
    }
    this.ring.push({ seq: this.seq, rows, participants: this.racers.size });
    if (this.ring.length > RING_MAX) this.ring.shift();
    for (const socket of this.sockets) this.sendMe(socket);
  }

  /** @param {{rows: any[], participants: number}} before @param {any[]} rows */
  difference(before, rows) {
    const was = new Map(before.rows.map((r) => [r.k, r]));
    const is = new Set(rows.map((r) => r.k));
    const set = rows.flatMap((r) => {
      const old = was.get(r.k);
      if (!old) return [r];
      return old.r === r.r && old.s === r.s ? [] : [{ k: r.k, r: r.r, s: r.s }];
    });
    const del = before.rows.filter((r) => !is.has(r.k)).map((r) => r.k);
    const participants = before.participants === this.racers.size ? {} : { participants: this.racers.size };
    if (set.length === 0 && del.length === 0 && participants.participants === undefined) return null;
    return { set, ...(del.length && { del }), ...participants };
  }

  /** @param {object} frame */
  broadcast(frame) {
    const text = JSON.stringify(frame);
    for (const { ws } of this.sockets) if (ws.readyState === 1) ws.send(text);
  }

  snapshot() {
    const last = this.ring.at(-1);
    return {
      t: 'snapshot', epoch: this.epoch, seq: this.seq, status: this.status, participants: this.racers.size,
      endsAt: this.config.endsAt, serverTime: new Date().toISOString(), rows: last?.rows ?? this.top(),
    };
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

  /** @param {{ws: import('ws').WebSocket, player: string|null, lastMe: string}} socket */
  sendMe(socket) {
    if (!socket.player || socket.ws.readyState !== 1) return;
    const text = JSON.stringify({ t: 'me', ...this.own(socket.player) });
    if (text === socket.lastMe) return;
    socket.lastMe = text;
    socket.ws.send(text);
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
    else if (!/\.(md|txt)$/.test(entry.name) && entry.name !== 'sw.js') {
      const name = `/${relative(WEB, path).split(sep).join('/')}`;
      found.push(name === '/index.html' ? '/' : name);
    }
  }
  return found.sort();
}

/** @param {{port?: number}} [options] */
export async function startMock({ port = 0 } = {}) {
  const all = races();
  /** @type {Map<string, {player: string, joined: Set<string>}>} */
  const players = new Map();
  /** @type {Map<string, string>} */
  const tokens = new Map();
  let guests = 0;

  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
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
        accounts: [{ currency: 'EUR', cash: '100.00', bonus: '0.00', held: '0.00', locked: '0.00', debt: '0.00', available: '100.00' }],
      });
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
        const limit = Math.min(200, Number(url.searchParams.get('limit') ?? race.config.topN));
        const offset = Number(url.searchParams.get('offset') ?? 0);
        const etag = `"${race.epoch}-${race.seq}"`;
        const first = offset === 0 && limit === race.config.topN;
        if (first && request.headers['if-none-match'] === etag) return json(304, null, { etag });
        const page = first ? (race.ring.at(-1)?.rows ?? []) : race.page(offset, limit);
        return json(200, {
          tournamentId: race.config.id, epoch: race.epoch, seq: race.seq, status: race.status, participants: race.racers.size,
          rows: page.map((/** @type {any} */ r) => ({ rank: r.r, name: r.n, score: r.s, key: r.k })), asOf: new Date().toISOString(),
        }, first ? { etag } : {});
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

  const wss = new WebSocketServer({ noServer: true, handleProtocols: (offered) => (offered.has('palio.v1.json') ? 'palio.v1.json' : false) });
  server.on('upgrade', (request, socket, head) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    wss.handleUpgrade(request, socket, head, (ws) => {
      const race = all.get(url.pathname.split('/').at(-1) ?? '');
      if (!race) return ws.close(4404);
      const entry = { ws, player: /** @type {string|null} */ (null), lastMe: '' };
      /** @param {object} frame */
      const send = (frame) => ws.send(JSON.stringify(frame));
      const epoch = url.searchParams.get('epoch');
      const seq = Number(url.searchParams.get('seq'));
      const from = epoch === race.epoch ? race.ring.find((r) => r.seq === seq) : undefined;
      const last = race.ring.at(-1);
      if (from && last) {
        send({ t: 'resumed', epoch, seq });
        const delta = from.seq === last.seq ? null : race.difference(from, last.rows);
        if (from.seq !== last.seq) send({ t: 'delta', seq: last.seq, prev: from.seq, ...(delta ?? { set: [] }) });
      } else send(race.snapshot());
      race.sockets.add(entry);
      ws.on('close', () => race.sockets.delete(entry));
      ws.on('message', (data) => {
        const frame = JSON.parse(String(data));
        if (frame.t === 'ping') send({ t: 'pong', serverTime: new Date().toISOString() });
        else if (frame.t === 'auth') {
          entry.player = tokens.get(frame.token) ?? null;
          if (!entry.player) return ws.close(4401);
          race.sendMe(entry);
        } else send({ t: 'error', code: 'FRAME_UNKNOWN', detail: `no frame ${frame.t}` });
      });
    });
  });

  const timer = setInterval(() => { for (const race of all.values()) race.tick(); }, 1_000);
  await new Promise((ready) => { server.listen(port, '127.0.0.1', () => ready(undefined)); });
  const address = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${address.port}`,
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
