/** The kernel's program reads packets as this process does. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { asm, BpfMap, BpfProgram, probeBpf } from "@tenet/bpf";
import { buildArp, buildEthernet, buildIcmp4, buildIp4, makeFlowKey, parseFlowKey } from "@tenet/net";
import { KEY_BYTES, KEY_WORDS, toKernel, type WordGroup } from "../src/ebpf/key-layout.ts";
import { PacketParser } from "../src/ebpf/program/parse-packet.ts";
import { STACK } from "../src/ebpf/program/stack.ts";
import { tcpFrame, udpFrame } from "./frames.ts";

const { obstacle } = probeBpf();
if (obstacle !== undefined) console.log(`skipped: ${obstacle}`);
const { key: KEY_AT, transportAt: TRANSPORT_AT } = STACK;
const ALL = new Set<WordGroup>(KEY_WORDS.map(({ group }) => group));

const ETHERNET = { dst: 0x0a0000000002, src: 0x0a0000000001 };
const IP = { src: 0x0a000001, dst: 0x0a000002 };
const BASES = [
  tcpFrame(4),
  tcpFrame(6),
  tcpFrame(4, new Uint8Array(600), 2),
  udpFrame(),
  buildEthernet({ ...ETHERNET, type: 0x0800 }, buildIp4({ ...IP, proto: 1 }, buildIcmp4({ type: 8, code: 0, rest: 7 }))),
  buildEthernet({ ...ETHERNET, type: 0x0806 }, buildArp({ operation: 1, senderMac: 1, senderIp: 2, targetMac: 3, targetIp: 4 })),
  buildEthernet({ ...ETHERNET, type: 0x88b5 }, new Uint8Array(50)),
];

/** A frame of some protocol, with up to four bytes of its headers changed, cut or not. */
function anyFrame(): fc.Arbitrary<Uint8Array> {
  const changes = fc.array(fc.tuple(fc.nat(75), fc.nat(255)), { maxLength: 4 });
  return fc
    .tuple(fc.constantFrom(...BASES), changes, fc.option(fc.integer({ min: 54, max: 80 }), { freq: 5 }))
    .map(([base, bytes, cut]) => {
      const frame = base.slice(0, cut ?? base.length);
      for (const [at, value] of bytes) if (at < frame.length) frame[at] = value;
      return frame;
    });
}

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
