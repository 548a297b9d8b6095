/** The kernel's program follows a TCP connection as user space does: the same verdicts, the same ends. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { asm, BpfMap, BpfProgram, probeBpf } from "@tenet/bpf";
import { END_WORDS } from "../src/conntrack/connection-entry.ts";
import { beginTcp, canBegin, followTcp, phaseOf, TcpEnd, TcpSegment, VERDICT } from "../src/conntrack/tcp.ts";
import * as code from "../src/ebpf/conntrack/follow-tcp.ts";
import { SEGMENT } from "../src/ebpf/conntrack/tracking-stack.ts";

const { obstacle } = probeBpf();
if (obstacle !== undefined) console.log(`skipped: ${obstacle}`);

const PARTS = ["flags", "seq", "ack", "window", "size", "scale"] as const;
/** Words of the value: verdict, phase, both ends, the segment. */
const ENDS_AT = 2;
const SEGMENT_AT = ENDS_AT + 2 * END_WORDS;
const N_WORDS = SEGMENT_AT + PARTS.length;
const WHAT = { cannotBegin: 0, follows: 1, begins: 2 } as const;
const PACKET = new Uint8Array(14);

/** Numbers near each other, and some far away. */
const seq = (): fc.Arbitrary<number> =>
  fc.oneof(
    fc.integer({ min: -3, max: 3 }),
    fc.integer({ min: -70_000, max: 70_000 }),
    fc.constantFrom(0x7fff_ffff, -0x8000_0000),
    fc.integer(),
  );
const flagSet = (): fc.Arbitrary<number> => fc.oneof(fc.nat(63), fc.constantFrom(0x02, 0x12, 0x10, 0x18, 0x11, 0x04, 0x14));
const end = (): fc.Arbitrary<number[]> =>
  fc
    .tuple(
      fc.nat(10),
      seq(),
      seq(),
      fc.oneof(fc.integer({ min: 1, max: 0xffff }), fc.integer({ min: 1, max: 2 ** 30 })),
      fc.integer({ min: -2, max: 14 }),
    )
    .map((words) => [...words]);
const segment = (): fc.Arbitrary<TcpSegment> =>
  fc
    .tuple(flagSet(), seq(), seq(), fc.nat(0xffff), fc.constantFrom(0, 0, 1, 1460), fc.integer({ min: -2, max: 14 }))
    .map((parts) => {
      const [flags, seqNo, ack, window, nPayload, scale] = parts;
      return Object.assign(new TcpSegment(), { flags, seq: seqNo, ack, window, nPayload, scale: (flags & 2) === 0 ? -2 : scale });
    });

describe.skipIf(obstacle !== undefined)("TCP in the kernel", () => {
  let shared: BpfMap;
  let words: Int32Array;
  let follower: BpfProgram;
  let beginner: BpfProgram;

  beforeAll(() => {
    shared = BpfMap.create({
      kind: "array",
      name: "follow",
      keyBytes: 4,
      valueBytes: 4 * N_WORDS,
      maxEntries: 1,
      isMapped: true,
    });
    words = new Int32Array(shared.mapValues().bytes.buffer, 0, N_WORDS);
    const prepare = [
      [asm.mapValue("r9", shared), asm.mov("r7", "r9"), asm.add("r7", 4 * ENDS_AT)],
      [asm.mov("r8", "r7"), asm.add("r8", 4 * END_WORDS)],
      PARTS.map((part, i) => [asm.load(4, "r1", "r9", 4 * (SEGMENT_AT + i)), asm.store(4, "r10", SEGMENT[part], "r1")]),
    ];
    const finish = [asm.mov("r0", 0), asm.exit()];
    follower = BpfProgram.load({
      name: "follow",
      kind: "sched_cls",
      code: [
        [prepare, code.followTcp(), asm.store(4, "r9", 0, "r0")],
        [code.findTcpPhase(), asm.store(4, "r9", 4, "r1"), finish],
      ],
    });
    beginner = BpfProgram.load({
      name: "begin",
      kind: "sched_cls",
      code: [
        [prepare, asm.store(4, "r9", 0, WHAT.cannotBegin), code.unlessCanBegin("cannot"), asm.store(4, "r9", 0, WHAT.begins)],
        [code.beginTcp(), asm.label("cannot"), finish],
      ],
    });
  });

  afterAll(() => {
    for (const object of [follower, beginner, shared]) object.close();
  });

  function write(ends: readonly (readonly number[])[], { flags, seq: seqNo, ack, window, size, scale }: TcpSegment): void {
    words.set([0, 0, ...ends.flat(), flags, seqNo, ack, window, size, scale]);
  }

  test("a segment of any connection is judged alike, and leaves the same", () => {
    const nOf = [0, 0, 0, 0];
    fc.assert(
      fc.property(end(), end(), segment(), (a, b, each) => {
        write([a, b], each);
        follower.run({ packet: PACKET });
        const expected = Int32Array.from([...a, ...b]);
        const [sender, receiver] = [new TcpEnd(expected), new TcpEnd(expected, END_WORDS)];
        const verdict = followTcp(sender, receiver, each);
        nOf[verdict] = (nOf[verdict] ?? 0) + 1;
        expect(words[0]).toBe(verdict);
        expect([...words.subarray(ENDS_AT, SEGMENT_AT)]).toEqual([...expected]);
        expect(words[1]).toBe(phaseOf(sender, receiver));
      }),
      { numRuns: 5000, endOnFailure: true },
    );
    for (const verdict of Object.values(VERDICT)) expect(nOf[verdict]).toBeGreaterThan(3);
  });

  test("a segment begins a connection alike, or does not", () => {
    fc.assert(
      fc.property(segment(), (each) => {
        const any = Array.from({ length: END_WORDS }, () => 7);
        write([any, any], each);
        beginner.run({ packet: PACKET });
        expect(words[0]).toBe(canBegin(each) ? WHAT.begins : WHAT.cannotBegin);
        if (!canBegin(each)) return;
        const expected = new Int32Array(2 * END_WORDS);
        beginTcp(new TcpEnd(expected), new TcpEnd(expected, END_WORDS), each);
        expect([...words.subarray(ENDS_AT, SEGMENT_AT)]).toEqual([...expected]);
      }),
      { numRuns: 1000 },
    );
  });
});
