// One client's state machine in a world made of a seed: what it shows is compared with what the server had at that
// position, after every single step.

import assert from 'node:assert/strict';
import { Misfit } from '../../../web/client/board.js';
import { decode } from '../../../web/client/binary.js';
import { initial, isEnded, step } from '../../../web/client/live.js';
import { boardText } from '../../../web/client/proof.js';
import { chain16, hash16 } from './wire.mjs';
import { TOURNAMENT, World } from './world.mjs';

/** Virtual time after the last trouble, by which all must be well: the longest wait is that after 4029. */
const HEAL_MS = 110_000;

/** @typedef {Record<'schedules'|'steps'|'boards'|'socket'|'stream'|'poll'|'deltas'|'merged'|'snapshots'|'resumed'|'opens'|'streams'|'polls'|'proofs'|'mismatches'|'epochs'|'spoiled'|'gaps'|'duplicates'|'baseless'|'misfits'|'paused'|'offline', number>} Tally */

/** @returns {Tally} */
export const newTally = () => ({
  schedules: 0, steps: 0, boards: 0, socket: 0, stream: 0, poll: 0, deltas: 0, merged: 0, snapshots: 0, resumed: 0,
  opens: 0, streams: 0, polls: 0, proofs: 0, mismatches: 0, epochs: 0, spoiled: 0,
  gaps: 0, duplicates: 0, baseless: 0, misfits: 0, paused: 0, offline: 0,
});

/**
 * Runs a schedule and adds to the tally; throws where something is shown that never was.
 * @param {number} seed @param {Tally} tally @param {{spoil?: boolean, troubles?: number}} [how] spoil: one delta arrives altered
 */
export function simulate(seed, tally, { spoil = false, troubles = 25 } = {}) {
  const world = new World(seed);
  if (spoil) Object.assign(world, { spoil: 1, binary: false });
  const { agenda } = world;
  let state = initial({ binary: world.binary, streams: world.chance(0.9), token: world.chance(0.3) ? 'good' : null });
  /** @type {Map<string, number>} */
  const timers = new Map();
  let timerIds = 0;
  /** @type {Map<'socket'|'stream', import('./world.mjs').Conn>} */
  const conns = new Map();
  const why = () => `seed ${seed} at ${agenda.now} ms, ${state.mode}`;

  /** @param {import('../../../web/client/live.js').Effect} effect */
  const carryOut = (effect) => {
    switch (effect.do) {
      case 'open': case 'stream': {
        const kind = effect.do === 'open' ? 'socket' : 'stream';
        assert.equal(conns.get(kind), undefined, `${why()}: a second ${kind}`);
        conns.set(kind, world.open(kind, effect.id, effect.cursor));
        tally[kind === 'socket' ? 'opens' : 'streams'] += 1;
        break;
      }
      case 'close': case 'unstream': {
        const kind = effect.do === 'close' ? 'socket' : 'stream';
        const conn = conns.get(kind);
        assert.ok(conn, `${why()}: there is no ${kind} to close`);
        world.hangUp(conn);
        conns.delete(kind);
        break;
      }
      case 'send': {
        const conn = conns.get('socket');
        if (conn) world.said(conn, effect.frame);
        break;
      }
      case 'poll':
        assert.ok(state.mode !== 'live' && state.mode !== 'streaming', `${why()}: it polls`);
        tally.polls += 1;
        world.poll(effect.cursor, effect.id);
        break;
      case 'timer': {
        const id = (timerIds += 1);
        timers.set(effect.name, id);
        agenda.in(effect.ms, () => {
          if (timers.get(effect.name) !== id) return;
          timers.delete(effect.name);
          on({ on: 'timer', name: effect.name });
        });
        break;
      }
      case 'cancel': timers.delete(effect.name); break;
      case 'judge': {
        const { board, frame, before, link, id } = effect;
        const hash = board ? hash16(boardText(TOURNAMENT, board)).toString('hex') : frame.hash;
        const first = before ?? (frame.n === 1 ? '0'.repeat(32) : null);
        const chain = first === null ? frame.chain
          : chain16(Buffer.from(first, 'hex'), Buffer.from(frame.hash, 'hex'), frame.seq, Date.parse(frame.time)).toString('hex');
        const verdict = hash === frame.hash && chain === frame.chain ? 'ok' : 'mismatch';
        tally.proofs += 1;
        agenda.in(Math.floor(world.rnd() * 60), () => on({ on: 'judged', link, id, verdict, board, frame }));
        break;
      }
      case 'own': {
        const { token } = effect;
        agenda.in(world.delay(), () => on(token.startsWith('bad') ? { on: 'ownRefused', token } : { on: 'own', token, me: { rank: 1 } }));
        break;
      }
      case 'notice':
        if (effect.code === 'MISFIT') tally.misfits += 1;
        if (effect.code === 'PROOF_MISMATCH') tally.mismatches += 1;
        if (!spoil) assert.ok(!/MISFIT|MISMATCH/.test(effect.code), `${why()}: ${effect.code} ${effect.detail}`);
        break;
      default:
    }
  };

  /** @param {any} raw */
  function on(raw) {
    if (isEnded(state)) return;
    let event = raw;
    if (raw.on === 'bytes') {
      try {
        event = { on: 'frame', link: raw.link, id: raw.id, frame: decode(raw.bytes, state.socket.base) };
      } catch (error) {
        if (!(error instanceof Misfit)) throw error;
        event = { on: 'garbled', link: raw.link, id: raw.id, detail: `${error.code}: ${error.message}` };
        if (raw.id !== state.socket.id) return; // of an older socket: connection.js lets it pass, too
      }
    }
    if (event.on === 'closed' && event.id === state.socket.id) conns.delete('socket');
    if (event.on === 'streamClosed' && event.id === state.stream.id) conns.delete('stream');
    const was = state;
    const [next, effects] = step(state, event, world.rnd());
    state = next;
    for (const effect of effects) carryOut(effect);
    tally.steps += 1;
    check(was, event);
  }

  /** @param {import('../../../web/client/live.js').State} was @param {any} event */
  function check(was, event) {
    if (event.on === 'frame') {
      const name = /** @type {'socket'|'stream'} */ (event.link);
      const [from, to] = [was[name].base, state[name].base];
      if (from !== to && to) {
        if (event.frame.t === 'delta') {
          tally.deltas += 1;
          const prev = event.frame.prev ?? event.frame.seq - 1;
          if (event.frame.seq - prev > 1) tally.merged += 1;
          if (!from) tally.baseless += 1;
          else if (prev > from.seq) tally.gaps += 1;
          else if (event.frame.seq <= from.seq) tally.duplicates += 1;
        } else if (event.frame.t === 'snapshot') tally.snapshots += 1;
        else tally.resumed += 1;
      }
      if (event.id !== was[name].id) assert.equal(state.board, was.board, `${why()}: an older ${name} is heard`);
    }
    if (state.mode !== was.mode) {
      if (state.mode === 'paused') tally.paused += 1;
      if (state.mode === 'offline') tally.offline += 1;
      if (state.mode === 'live') assert.equal(conns.get('stream'), undefined, `${why()}: it streams beside a live socket`);
    }
    const { board } = state;
    if (!board || board === was.board) return;
    tally.boards += 1;
    if (event.on === 'polled') tally.poll += 1;
    else tally[/** @type {'socket'|'stream'} */ (event.link)] += 1;
    if (spoil) return;
    if (was.board?.epoch === board.epoch) assert.ok(board.seq >= was.board.seq, `${why()}: a step back`);
    const there = world.history.get(board.epoch)?.[board.seq - 1];
    assert.ok(there, `${why()}: ${board.epoch}:${board.seq} never was`);
    assert.equal(board.status, there.status);
    assert.equal(board.participants, there.participants, why());
    same(board.rows, there.shown);
  }

  /** @param {readonly any[]} mine @param {readonly any[]} theirs */
  function same(mine, theirs) {
    const equal = mine.length === theirs.length && mine.every((row, i) => {
      const other = theirs[i];
      return row.k === other.k && row.r === other.r && row.n === other.n && row.s === other.s;
    });
    if (!equal) assert.deepEqual(mine, theirs, `${why()}: another board than the server's`);
  }

  world.client = on;
  on({ on: 'start' });
  for (let i = 0; i < troubles; i += 1) {
    agenda.run(agenda.now + Math.floor(world.rnd() ** 2 * 12 * world.tickMs));
    world.trouble();
  }
  world.heal();
  world.tickMs = Math.max(world.tickMs, 2_500);
  agenda.run(agenda.now + HEAL_MS);
  world.ticking = false;
  agenda.run(agenda.now + 10_000);

  assert.equal(state.mode, 'live', why());
  assert.deepEqual([state.board?.epoch, state.board?.seq], [world.now.epoch, world.now.seq], why());
  same(state.board?.rows ?? [], world.history.get(world.now.epoch)?.at(-1)?.shown ?? []);
  tally.schedules += 1;
  tally.epochs += world.epochs;
  tally.spoiled += world.spoiled;
}
