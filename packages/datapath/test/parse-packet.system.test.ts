/** The kernel's program reads packets as this process does. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { asm, BpfMap, BpfProgram, probeBpf } from "@tenet/bpf";
import { makeFlowKey, parseFlowKey } from "@tenet/net";
import { KEY_BYTES, KEY_WORDS, toKernel, type WordGroup } from "../src/ebpf/key-layout.ts";
import { PacketParser } from "../src/ebpf/program/parse-packet.ts";
import { STACK } from "../src/ebpf/program/stack.ts";
import { anyFrame } from "./any-frame.ts";

const { obstacle } = probeBpf();
if (obstacle !== undefined) console.log(`skipped: ${obstacle}`);
const { key: KEY_AT, transportAt: TRANSPORT_AT } = STACK;
const ALL = new Set<WordGroup>(KEY_WORDS.map(({ group }) => group));

describe.skipIf(obstacle !== undefined)("the key of a packet", () => {
  let result: BpfMap;
  let key: Uint32Array;
  let program: BpfProgram;

  beforeAll(() => {
    result = BpfMap.create({ kind: "array", name: "key", keyBytes: 4, valueBytes: KEY_BYTES, maxEntries: 1, isMapped: true });
    key = new Uint32Array(result.mapValues().bytes.buffer);
    program = BpfProgram.load({
      name: "parse",
      kind: "sched_cls",
      code: [
        asm.mov("r6", "r1"),
        Array.from({ length: KEY_BYTES / 4 }, (_, i) => asm.store(4, "r10", KEY_AT + 4 * i, 0)),
        new PacketParser(ALL, KEY_AT, TRANSPORT_AT).code(),
        asm.mapValue("r1", result),
        Array.from({ length: KEY_BYTES / 4 }, (_, i) => [
          asm.load(4, "r2", "r10", KEY_AT + 4 * i),
          asm.store(4, "r1", 4 * i, "r2"),
        ]),
        [asm.mov("r0", 0), asm.exit()],
        [asm.label("slow"), asm.mov("r0", 1), asm.exit()],
      ],
    });
  });

  afterAll(() => {
    program.close();
    result.close();
  });

  test("is the same as in user space, or it is left to the slow path", () => {
    let nRead = 0;
    fc.assert(
      fc.property(anyFrame(), (frame) => {
        if (program.run({ packet: frame }).value === 1) return;
        nRead++;
        const expected = makeFlowKey();
        parseFlowKey(frame, frame.length, 0, expected);
        expect([...key.subarray(0, KEY_WORDS.length)]).toEqual(KEY_WORDS.map((word) => toKernel(expected[word.word] ?? 0, word)));
      }),
      { numRuns: 2000, endOnFailure: true },
    );
    expect(nRead).toBeGreaterThan(500);
  });
});
