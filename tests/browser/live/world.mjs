// A server and a network that exist only in virtual time: boards, epochs, sockets, streams, polls; cuts, half-open
// connections, restarts, slow phases. Every choice comes from one seed.

import {
  answer, binaryDelta, binaryProof, binaryResumed, binarySnapshot, chain16, delta, hash16, nextStand, random, snapshot, text, wireRows,
} from './wire.mjs';

export const TOURNAMENT = 'race';
/** Codes after which a client comes back. */
const CODES = [1001, 1005, 1006, 1011, 1012, 3999, 4000, 4042, 4099, 4100, 4108, 4199, 4029, 4500];

/** @typedef {import('./wire.mjs').Stand} Stand */
/**
 * @typedef {object} Conn
 * @property {'socket'|'stream'} kind
 * @property {number} id      the client's generation
 * @property {boolean} open   as the server sees it
 * @property {boolean} cut    nothing arrives any more, in either direction
 * @property {boolean} slow   takes no data now
 * @property {Stand|null} base  what the client has, or will have when all has arrived
 * @property {number} last    when the last frame arrives
 */

/** Things that happen at a time, earliest first. */
class Agenda {
  constructor() {
    /** @type {{at: number, n: number, work: () => void}[]} */
    this.heap = [];
    this.now = 0;
    this.n = 0;
  }

  /** @param {number} ms @param {() => void} work */
  in(ms, work) {
    const entry = { at: this.now + ms, n: (this.n += 1), work };
    const { heap } = this;
    let i = heap.length;
    heap.push(entry);
    while (i > 0) {
      const up = (i - 1) >> 1;
      const parent = heap[up];
      if (!parent || !before(entry, parent)) break;
      heap[i] = parent;
      i = up;
    }
    heap[i] = entry;
  }

  /** Does what is due until then. @param {number} end */
  run(end) {
    for (let first = this.heap[0]; first && first.at <= end; first = this.heap[0]) {
      this.pop();
      this.now = first.at;
      first.work();
    }
    this.now = end;
  }

  pop() {
    const { heap } = this;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let i = 0;
    for (;;) {
      let down = 2 * i + 1;
      const [left, right] = [heap[down], heap[down + 1]];
      if (!left) break;
      if (right && before(right, left)) down += 1;
      const child = heap[down];
      if (!child || before(last, child)) break;
      heap[i] = child;
      i = down;
    }
    heap[i] = last;
  }
}

/** @param {{at: number, n: number}} a @param {{at: number, n: number}} b */
const before = (a, b) => (a.at === b.at ? a.n < b.n : a.at < b.at);

export class World {
  /** @param {number} seed */
  constructor(seed) {
    this.rnd = random(seed);
    this.agenda = new Agenda();
    /** What happens to the client. @type {(event: any) => void} */
    this.client = () => {};
    this.binary = this.rnd() < 0.5;
    this.tickMs = this.pick([200, 500, 1_000, 4_000]);
    this.topN = this.pick([1, 3, 8, 12]);
    this.decimals = this.pick([0, 2, 6]);
    this.ring = this.pick([2, 5, 30]);
    this.latency = this.pick([5, 60, 900]);
    this.proofEvery = this.pick([3, 10]);
    this.chaos = true;
    this.up = true;
    this.blocked = { socket: false, stream: false, poll: false };
    this.visible = true;
    this.spoil = 0; // deltas to spoil on their way
    this.spoiled = 0;
    this.ticking = true;
    /** @type {Set<Conn>} */
    this.conns = new Set();
    /** All that ever was. @type {Map<string, (Stand & {shown: {k: string, r: number, n: string, s: string}[]})[]>} */
    this.history = new Map();
    this.epochs = 0;
    this.newEpoch();
    this.agenda.in(this.tickMs, () => this.tick());
  }

  /** @template T @param {T[]} from @returns {T} */
  pick(from) { return /** @type {T} */ (from[Math.floor(this.rnd() * from.length)]); }

  /** @param {number} p */
  chance(p) { return this.rnd() < p; }

  delay() { return 1 + Math.floor(this.rnd() ** 2 * this.latency); }

  newEpoch() {
    const last = this.stand;
    this.epochs += 1;
    this.chain = { n: 0, head: Buffer.alloc(16) };
    const epoch = `e${this.epochs}`;
    const next = nextStand(this.rnd, last ?? null, { topN: this.topN, decimals: this.decimals });
    this.keep({ ...next, epoch, seq: 1 });
  }

  /** @param {Stand} stand */
  keep(stand) {
    this.stand = stand;
    const list = this.history.get(stand.epoch) ?? [];
    list.push({ ...stand, shown: wireRows(stand) });
    this.history.set(stand.epoch, list);
  }

  get now() { return /** @type {Stand} */ (this.stand); }

  /** The board of a cursor, if the way from there is known. @param {{epoch: string, seq: number}|null} cursor @returns {Stand|null} */
  known(cursor) {
    if (!cursor || cursor.epoch !== this.now.epoch || cursor.seq <= this.now.seq - this.ring) return null;
    return this.history.get(cursor.epoch)?.[cursor.seq - 1] ?? null;
  }

  // --- sending ----------------------------------------------------------------------------------

  /** @param {Conn} conn @param {any} frame @param {Buffer} [bytes] */
  send(conn, frame, bytes) {
    const { agenda } = this;
    conn.last = Math.max(conn.last, agenda.now + this.delay());
    const event = this.binary && conn.kind === 'socket' && bytes
      ? { on: 'bytes', link: conn.kind, id: conn.id, bytes } : { on: 'frame', link: conn.kind, id: conn.id, frame };
    agenda.in(conn.last - agenda.now, () => { if (!conn.cut) this.client(event); });
  }

  /** @param {Conn} conn */
  sendSnapshot(conn) {
    const frame = snapshot(this.now, TOURNAMENT, this.chain?.head.toString('hex'), this.chain?.n);
    conn.base = this.now;
    this.send(conn, frame, binarySnapshot(frame, this.now));
  }

  /** Brings a client to now, in one step. @param {Conn} conn */
  sendNews(conn) {
    const { base } = conn;
    if (!base || !this.known(base)) return this.sendSnapshot(conn);
    if (base.seq === this.now.seq) return undefined;
    let frame = delta(base, this.now);
    conn.base = this.now;
    const at = this.spoil > 0 ? (frame.set ?? []).findIndex((entry) => entry.length < 4 && typeof entry.at(-1) === 'string') : -1;
    if (at >= 0 && frame.set) {
      this.spoil -= 1;
      this.spoiled += 1;
      frame = { ...frame, set: frame.set.map((entry, i) => (i === at ? [...entry.slice(0, -1), '77.77'] : entry)) };
    }
    return this.send(conn, frame, binaryDelta(frame, base, this.now));
  }

  tick() {
    if (!this.ticking) return;
    this.agenda.in(this.tickMs, () => this.tick());
    if (!this.up) return;
    if (this.chance(0.8)) this.keep(nextStand(this.rnd, this.now, { topN: this.topN }));
    if (this.chaos && this.chance(0.01)) this.newEpoch();
    for (const conn of this.conns) {
      if (this.chaos && this.chance(0.05)) conn.slow = !conn.slow;
      if (!this.chaos) conn.slow = false;
      if (!conn.slow) this.sendNews(conn);
    }
    if (this.now.seq % this.proofEvery === 0) this.prove();
  }

  prove() {
    if (!this.chain) return;
    const time = Date.UTC(2026, 10, 21, 18) + this.agenda.now;
    const hash = hash16(text(this.now, TOURNAMENT));
    const head = chain16(this.chain.head, hash, this.now.seq, time);
    this.chain = { n: this.chain.n + 1, head };
    const frame = {
      t: 'proof', seq: this.now.seq, n: this.chain.n, hash: hash.toString('hex'), chain: head.toString('hex'),
      time: new Date(time).toISOString(), cut: [17, this.now.seq], sig: 'ee'.repeat(16),
    };
    for (const conn of this.conns) if (!conn.slow) this.send(conn, frame, binaryProof(frame));
  }

  // --- what the client does ---------------------------------------------------------------------

  /** @param {'socket'|'stream'} kind @param {number} id @param {{epoch: string, seq: number}|null} cursor */
  open(kind, id, cursor) {
    /** @type {Conn} */
    const conn = { kind, id, open: true, cut: false, slow: false, base: null, last: 0 };
    this.agenda.in(this.delay(), () => {
      if (conn.cut || !conn.open) return;
      if (!this.up || this.blocked[kind]) {
        conn.cut = true;
        if (this.chance(0.1)) return; // into the void: the client's own patience ends it
        this.agenda.in(this.delay(), () => this.gone(conn, 1006));
        return;
      }
      this.conns.add(conn);
      conn.last = this.agenda.now + this.delay();
      this.agenda.in(conn.last - this.agenda.now, () => { if (!conn.cut) this.client({ on: 'opened', link: kind, id }); });
      const from = this.known(cursor);
      if (!cursor || !from) return this.sendSnapshot(conn);
      conn.base = from;
      this.send(conn, { t: 'resumed', ...cursor }, binaryResumed(cursor));
      this.sendNews(conn);
    });
    return conn;
  }

  /** @param {Conn} conn @param {any} frame */
  said(conn, frame) {
    if (conn.cut) return;
    this.agenda.in(this.delay(), () => {
      if (conn.cut || !conn.open) return;
      if (frame.t === 'ping') this.send(conn, { t: 'pong', serverTime: '2026-11-21T18:00:00.000Z' });
      else if (frame.t === 'auth' && frame.token.startsWith('bad')) this.close(conn, 4401);
      else if (frame.t === 'auth') this.send(conn, { t: 'me', rank: 1, score: '1', key: 'k', participants: 1, around: [] });
    });
  }

  /** The client's side of a close. @param {Conn} conn */
  hangUp(conn) {
    conn.open = false;
    conn.cut = this.chance(0.5); // else what is on its way still arrives
    this.conns.delete(conn);
  }

  /** @param {{epoch: string, seq: number}|null} cursor @param {number} id */
  poll(cursor, id) {
    this.agenda.in(this.delay(), () => {
      const back = this.delay();
      if (!this.up || this.blocked.poll) {
        this.agenda.in(back, () => this.client({ on: 'pollFailed', id, reason: this.up && this.chance(0.5) ? 'server' : 'network' }));
        return;
      }
      const from = this.known(cursor);
      const frame = !from ? answer(this.now, TOURNAMENT) : from.seq === this.now.seq ? null : delta(from, this.now);
      this.agenda.in(back, () => this.client({ on: 'polled', id, frame }));
    });
  }

  // --- what goes wrong --------------------------------------------------------------------------

  /** @param {Conn} conn @param {number} code */
  gone(conn, code) {
    this.client(conn.kind === 'socket' ? { on: 'closed', id: conn.id, code } : { on: 'streamClosed', id: conn.id, reason: 'lost' });
  }

  /** The server closes, sometimes with a word before. @param {Conn} conn @param {number} code @param {number} [reconnectMs] */
  close(conn, code, reconnectMs) {
    if (!conn.open) return;
    conn.open = false;
    this.conns.delete(conn);
    const bye = reconnectMs !== undefined || this.chance(0.5);
    if (bye && code >= 1000 && code !== 1005 && code !== 1006) {
      this.send(conn, { t: 'bye', code, ...(reconnectMs !== undefined && { reconnectMs }) });
    }
    const lost = this.chance(0.2);
    this.agenda.in(Math.max(0, conn.last - this.agenda.now) + this.delay(), () => {
      if (conn.cut) return;
      conn.cut = true;
      this.gone(conn, lost ? 1006 : code);
    });
  }

  /** The line breaks. @param {Conn} conn @param {boolean} silent nobody tells the client */
  cut(conn, silent) {
    conn.cut = true;
    conn.open = false;
    this.conns.delete(conn);
    if (!silent) this.agenda.in(this.delay(), () => this.gone(conn, 1006));
  }

  /** @param {number} downMs @param {boolean} graceful */
  restart(downMs, graceful) {
    for (const conn of [...this.conns]) {
      if (graceful) this.close(conn, 1001, Math.floor(this.rnd() * 3_000));
      else this.cut(conn, this.chance(0.1));
    }
    this.up = false;
    this.agenda.in(downMs, () => {
      this.up = true;
      this.newEpoch();
    });
  }

  /** One thing that goes wrong, or is right again. */
  trouble() {
    const dice = this.rnd();
    const conn = [...this.conns][0];
    if (dice < 0.25) { if (conn) this.cut(conn, this.chance(0.3)); }
    else if (dice < 0.4) { if (conn) this.close(conn, this.pick(CODES), this.chance(0.3) ? 700 : undefined); }
    else if (dice < 0.5) this.restart(Math.floor(this.rnd() * 8_000), this.chance(0.5));
    else if (dice < 0.62) {
      this.blocked.socket = !this.blocked.socket;
      if (this.blocked.socket) for (const one of [...this.conns]) if (one.kind === 'socket') this.cut(one, false);
    } else if (dice < 0.7) this.blocked.stream = !this.blocked.stream;
    else if (dice < 0.75) this.blocked.poll = !this.blocked.poll;
    else if (dice < 0.8) this.client({ on: this.pick(['online', 'offline']) });
    else if (dice < 0.9) {
      this.visible = this.chance(0.6);
      this.client({ on: this.visible ? 'visible' : 'hidden' });
    }
    else this.client({ on: 'token', token: this.pick(['good', 'better', 'bad', null]) });
  }

  heal() {
    this.chaos = false;
    this.up = true;
    this.blocked = { socket: false, stream: false, poll: false };
    this.spoil = 0;
    if (!this.visible) this.client({ on: 'visible' });
    this.client({ on: 'token', token: null });
  }
}
