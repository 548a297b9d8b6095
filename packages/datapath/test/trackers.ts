/** The connection tracker of user space, and the one that it shares with a program of the kernel, behind one face for tests. */
import { FRAME_OFFSET, FrameArena } from "@tenet/linux";
import { ManualClock } from "@tenet/kit";
import { FIELDS, getField, makeFlowKey } from "@tenet/net";
import { afterAll, afterEach, beforeAll, expect, vi } from "vitest";
import { type ConnectionTracker, type CtDatapathAction, MemoryLink, UserDatapath } from "@tenet/datapath";
import { ENTRY, ENTRY_WORDS, STATUS } from "../src/conntrack/connection-entry.ts";
import { TrackedConnections } from "../src/conntrack/connection-tracker.ts";
import { Conntrack } from "../src/conntrack/conntrack.ts";
import { ConnectionMaps } from "../src/ebpf/conntrack/connection-maps.ts";
import { TUPLE_WORDS } from "../src/conntrack/tuple.ts";
import { Packet } from "../src/packet/packet.ts";
import { Rewriter } from "../src/packet/rewrite.ts";
import { TrackingProgram } from "./tracking-program.ts";

const NS_PER_MS = 1e6;
const TWO_32 = 2 ** 32;
const CAPACITY = 8192;
const N_SWEEPS = 3;
const NO_TUPLE = new Uint32Array(TUPLE_WORDS);
const PATIENCE = { timeout: 20_000, interval: 5 };

/** A tracker under test. */
export interface Tracker {
  /** Time that is as wrong as it may be when connections expire, in ms. */
  readonly slackMs: number;
  readonly conntrack: ConnectionTracker;
  /** Of the last packet, after the actions. */
  readonly key: Uint32Array;
  readonly frame: Uint8Array;
  /** Tracks a frame. @returns its `ct_state`; 0 when it was dropped */
  track(frame: Uint8Array, ...actions: readonly CtDatapathAction[]): number;
  nowMs(): number;
  /** Lets time pass. */
  advance(ms: number): void;
}

/** A datapath whose packets go through the tracker as `execute` says; states come back by an upcall. */
export class UserTracker implements Tracker {
  readonly slackMs = 1;
  readonly #clock = new ManualClock(1000);
  readonly #datapath = new UserDatapath({ clock: this.#clock, openMemoryLink: () => new MemoryLink(), random: () => 0.5 });
  readonly #port = this.#datapath.addPort({ name: "m1", kind: "memory" });
  readonly conntrack = this.#datapath.conntrack;
  key = makeFlowKey();
  frame: Uint8Array = new Uint8Array(0);

  constructor() {
    this.#datapath.onUpcall(({ key, frame }) => {
      this.key = key.slice();
      this.frame = frame.slice();
    });
  }

  track(frame: Uint8Array, ...actions: readonly CtDatapathAction[]): number {
    this.key = makeFlowKey();
    this.#datapath.execute(frame, this.#port, [...actions, { type: "userspace", userdata: 1 }]);
    return getField(this.key, FIELDS.ct_state);
  }

  nowMs(): number {
    return this.#clock.monotonicMs();
  }

  advance(ms: number): void {
    this.#clock.advance(ms);
  }
}

/** A program of the kernel, and a tracker of user space for what the program leaves to it. Time passes by making connections older. */
export class SharedTracker implements Tracker {
  readonly slackMs = 1000;
  readonly conntrack: ConnectionTracker;
  /** Packets that the program tracked, and those that it did not. */
  nInKernel = 0;
  nUp = 0;
  key = makeFlowKey();
  frame: Uint8Array = new Uint8Array(0);
  readonly #maps: ConnectionMaps;
  readonly #program: TrackingProgram;
  readonly #own: Conntrack;
  readonly #arena = new FrameArena(1);
  #passedMs = 0;

  constructor({ maps, program }: SharedKernel) {
    this.#maps = maps;
    this.#program = program;
    this.#own = new Conntrack(new Rewriter(), () => 0.5, maps);
    this.conntrack = new TrackedConnections(this.#own, () => performance.now());
    this.#own.tidy(performance.now());
  }

  track(frame: Uint8Array, ...actions: readonly CtDatapathAction[]): number {
    this.key = makeFlowKey();
    this.frame = frame;
    for (const action of actions) {
      const result = this.#program.track(this.frame, this.key, action);
      if (result === undefined) {
        this.nUp++;
        if (!this.#trackHere(action)) return 0;
      } else {
        this.nInKernel++;
        this.key = result.key;
        this.frame = result.frame;
      }
    }
    return getField(this.key, FIELDS.ct_state);
  }

  nowMs(): number {
    return performance.now() + this.#passedMs;
  }

  advance(ms: number): void {
    this.#passedMs += ms;
    const { words } = this.#maps.memory;
    for (let at = 0; at < words.length; at += ENTRY_WORDS) {
      if (words[at + ENTRY.status] !== STATUS.live) continue;
      const [low, high] = [at + ENTRY.expires, at + ENTRY.expires + 1];
      const ns = (words[high] ?? 0) * TWO_32 + ((words[low] ?? 0) >>> 0) - ms * NS_PER_MS;
      words[low] = ns >>> 0;
      words[high] = Math.floor(ns / TWO_32);
    }
    for (let i = 0; i < N_SWEEPS; ) if (this.#own.tidy(performance.now())) i++;
  }

  /** Ends all connections. */
  close(): void {
    this.conntrack.flush();
  }

  #trackHere(action: CtDatapathAction): boolean {
    const packet = new Packet(this.#arena);
    packet.at = this.#arena.slotAt(0) + FRAME_OFFSET;
    packet.length = this.frame.length;
    this.#arena.bytes.fill(0, packet.headerAt, packet.at).set(this.frame, packet.at);
    packet.readMetadata(this.key);
    const result = this.#own.track(packet, this.#arena.bytes, action, performance.now());
    this.key = makeFlowKey();
    packet.writeMetadata(this.key);
    this.frame = this.#arena.bytes.slice(packet.at, packet.at + packet.length);
    return result === "on";
  }
}

/** What trackers in the kernel have in common, one after the other. */
export interface SharedKernel {
  readonly maps: ConnectionMaps;
  readonly program: TrackingProgram;
}

/** Loads the program, with room for so many connections; an id rests for a while before it is used again. @throws SystemCallError without privileges */
async function openSharedKernel(capacity: number = CAPACITY): Promise<SharedKernel> {
  const maps = new ConnectionMaps(() => performance.now(), { capacity });
  const ids: number[] = [];
  // Its memory grows on other threads, as ids are taken, while tests do not let go of this one.
  await vi.waitFor(() => {
    for (let id = maps.takeId(0); id >= 0; id = maps.takeId(0)) ids.push(id);
    expect(ids.length).toBe(capacity);
  }, PATIENCE);
  for (const id of ids) maps.withdraw(id, false, NO_TUPLE, NO_TUPLE, Number.NEGATIVE_INFINITY);
  return { maps, program: new TrackingProgram(maps) };
}

/** Trackers of the tests of a file, on one kernel: of which one is open at a time. */
export interface KernelTrackers extends SharedKernel {
  /** Packets that the kernel tracked, in all. */
  readonly nInKernel: number;
  /** Ends the tracker before, and opens another one. */
  readonly open: () => SharedTracker;
}

/**
 * Loads the program before the tests of a file, and ends each one's tracker behind it; to be called where tests are described.
 *
 * @param capacity - as of {@link openSharedKernel}
 */
export function useKernelTrackers(capacity?: number): KernelTrackers {
  let kernel: SharedKernel | undefined;
  let current: SharedTracker | undefined;
  let nInKernel = 0;
  const loaded = (): SharedKernel => {
    if (kernel === undefined) throw new Error("The program is loaded while tests run");
    return kernel;
  };
  const close = (): void => {
    nInKernel += current?.nInKernel ?? 0;
    current?.close();
    current = undefined;
  };
  beforeAll(async () => {
    kernel = await openSharedKernel(capacity);
  });
  afterEach(close);
  afterAll(() => {
    kernel?.program.close();
    kernel?.maps.close();
  });
  return {
    get maps() {
      return loaded().maps;
    },
    get program() {
      return loaded().program;
    },
    get nInKernel() {
      return nInKernel + (current?.nInKernel ?? 0);
    },
    open: () => {
      close();
      current = new SharedTracker(loaded());
      return current;
    },
  };
}
