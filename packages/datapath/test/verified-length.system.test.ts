/** How long the kernel's verifier works on the programs, in the worst case: flows with all kinds of actions. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BpfMap, BpfProgram, type Code, probeBpf } from "@tenet/bpf";
import { ACTION_NAMES, type ActionName } from "../src/ebpf/actions/actions.ts";
import { ConnectionMaps } from "../src/ebpf/conntrack/connection-maps.ts";
import { FlowIndex } from "../src/ebpf/flow-index.ts";
import { type KernelMaps, openKernelMaps } from "../src/ebpf/kernel-maps.ts";
import { KernelMeters } from "../src/ebpf/kernel-meters.ts";
import { fillsPlace, KEY_WORDS } from "../src/ebpf/key-layout.ts";
import { cloneProgram } from "../src/ebpf/program/clone-program.ts";
import { MASK_HINTS } from "../src/ebpf/program/find-flow.ts";
import { flowProgram } from "../src/ebpf/program/flow-program.ts";
import type { PassMaps } from "../src/ebpf/program/program-maps.ts";
import { trackProgram } from "../src/ebpf/program/track-program.ts";

const { obstacle } = probeBpf();
if (obstacle !== undefined) console.log(`skipped: ${obstacle}`);
/** The kernel refuses a million; what a program needs is the same on each run, and differs a little from kernel to kernel. */
const BOUND = 250_000;
const ALL: ReadonlySet<ActionName> = new Set(ACTION_NAMES);
const LOOPBACK = 1;

describe.skipIf(obstacle !== undefined)("the verifier's work on a program with every action", () => {
  let shared: KernelMaps;
  let connections: ConnectionMaps;
  let meters: KernelMeters;
  let index: FlowIndex;
  let tunnels: BpfMap;
  let maskHints: BpfMap;

  beforeAll(() => {
    shared = openKernelMaps((refusal) => {
      throw refusal;
    });
    connections = new ConnectionMaps(() => performance.now(), { capacity: 1024 });
    meters = new KernelMeters(0);
    index = new FlowIndex(0, 1);
    tunnels = BpfMap.create({ kind: "program-array", name: "tunnels", keyBytes: 4, valueBytes: 4, maxEntries: 1 });
    maskHints = BpfMap.create({ kind: "array", name: "hints", keyBytes: 4, valueBytes: MASK_HINTS, maxEntries: 1 });
  });

  afterAll(() => {
    for (const object of [shared, connections, meters, index, tunnels, maskHints]) object.close();
  });

  function nVerified(code: Code): number {
    const program = BpfProgram.load({ name: "verified", kind: "sched_cls", code });
    try {
      return program.nVerified();
    } finally {
      program.close();
    }
  }

  function maps(): PassMaps {
    const { maps: set, slots, counters } = shared;
    const devices = { collector: LOOPBACK, copier: LOOPBACK };
    return { ...set, ...devices, slots: slots.pieces, counters: counters.pieces, meters: meters.map, tunnels, maskHints, index };
  }

  test("is less than a quarter of what the kernel allows, for each program", () => {
    const words = KEY_WORDS.map((_, place) => ({ place, bits: 0xffff_ffff })).filter(({ place }) => fillsPlace("first", place));
    const masks = [{ number: 1, words }];
    const codes = {
      first: flowProgram("first", masks, ALL, maps()),
      later: flowProgram("later", masks, ALL, maps()),
      clone: cloneProgram(ALL, maps()),
      track: trackProgram(ALL, maps(), connections),
    };
    for (const [name, code] of Object.entries(codes)) expect(nVerified(code), name).toBeLessThan(BOUND);
  });

  test("is less by half for tracking without translation", () => {
    const counted = (...tracks: readonly ActionName[]): number =>
      nVerified(trackProgram(new Set<ActionName>(["recirc", ...tracks]), maps(), connections));
    expect(counted("track")).toBeLessThan(counted("track", "trackNat", "trackRange") / 2);
  });
});
