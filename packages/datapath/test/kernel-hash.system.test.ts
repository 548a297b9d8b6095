/** The kernel's program hashes connections as this process does. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { asm, BpfMap, BpfProgram, probeBpf } from "@tenet/bpf";
import { FRAME_OFFSET, FrameArena } from "@tenet/linux";
import { DEFAULT_VLAN_LIMIT, FIELDS } from "@tenet/net";
import { HASH_GROUPS, hashKey } from "../src/ebpf/actions/hash.ts";
import { KEY_BYTES, placeOf } from "../src/ebpf/key-layout.ts";
import { PacketParser } from "../src/ebpf/program/parse-packet.ts";
import { STACK } from "../src/ebpf/program/stack.ts";
import { hashConnection } from "../src/packet/connection-hash.ts";
import { Packet } from "../src/packet/packet.ts";
import { anyFrame } from "./any-frame.ts";

const { obstacle } = probeBpf();
if (obstacle !== undefined) console.log(`skipped: ${obstacle}`);
const BASIS = 0x8765_4321;

function hashHere(frame: Uint8Array): number {
  const arena = new FrameArena(1);
  const packet = new Packet(arena);
  arena.bytes.set(frame, FRAME_OFFSET);
  packet.at = FRAME_OFFSET;
  packet.length = frame.length;
  return hashConnection(packet, BASIS, DEFAULT_VLAN_LIMIT);
}

describe.skipIf(obstacle !== undefined)("the hash of a connection", () => {
  let result: BpfMap;
  let hash: Uint32Array;
  let program: BpfProgram;

  beforeAll(() => {
    result = BpfMap.create({ kind: "array", name: "hash", keyBytes: 4, valueBytes: 4, maxEntries: 1, isMapped: true });
    hash = new Uint32Array(result.mapValues().bytes.buffer);
    program = BpfProgram.load({
      name: "hash",
      kind: "sched_cls",
      code: [
        asm.mov("r6", "r1"),
        Array.from({ length: KEY_BYTES / 8 }, (_, i) => asm.store(8, "r10", STACK.key + 8 * i, 0)),
        new PacketParser(new Set(HASH_GROUPS), STACK.key, STACK.transportAt).code(),
        [asm.mov32("r1", BASIS | 0), hashKey()],
        [asm.load(4, "r2", "r10", STACK.key + 4 * (placeOf(FIELDS.dp_hash.word) ?? 0))],
        [asm.mapValue("r1", result), asm.store(4, "r1", 0, "r2"), asm.mov("r0", 0), asm.exit()],
        [asm.label("slow"), asm.mov("r0", 1), asm.exit()],
      ],
    });
  });

  afterAll(() => {
    program.close();
    result.close();
  });

  test("is the same as in user space", () => {
    let nHashed = 0;
    fc.assert(
      fc.property(anyFrame(), (frame) => {
        if (program.run({ packet: frame }).value === 1) return;
        nHashed++;
        expect(hash[0]).toBe(hashHere(frame));
      }),
      { numRuns: 1000, endOnFailure: true },
    );
    expect(nHashed).toBeGreaterThan(250);
  });
});
