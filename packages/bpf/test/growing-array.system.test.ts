/** An array that grows while a program uses it, in the running kernel. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { asm, BpfMap, BpfProgram, GrowingArray, probeBpf, unpin } from "@tenet/bpf";
import { bpfFileSystem, SystemCallError } from "@tenet/linux";

const { obstacle } = probeBpf();
if (obstacle !== undefined) console.log(`growing-array.system.test.ts: skipped, ${obstacle}`);
const PATIENCE = { timeout: 10_000, interval: 5 };
const PIECE = 512;
const SPEC = { name: "test", valueBytes: 8, pieceEntries: PIECE, maxEntries: 4 * PIECE };
const ABSENT = 0;
const PRESENT = 1;

let array: GrowingArray;
let refusals: string[];
let program: BpfProgram;

/** Adds the second half of a packet's first 8 bytes to the entry of the number in the first. */
function adding({ pieces }: GrowingArray): BpfProgram {
  const find = (keyAt: number) => [
    [asm.mov("r2", "r10"), asm.add("r2", keyAt), asm.call("map_lookup_elem"), asm.branch("r0", "==", ABSENT, "end")],
  ];
  return BpfProgram.load({
    name: "adding",
    kind: "sched_cls",
    code: [
      [asm.mov("r2", 0), asm.mov("r3", "r10"), asm.add("r3", -16), asm.mov("r4", 8), asm.call("skb_load_bytes")],
      [asm.load(4, "r1", "r10", -16), asm.mov("r2", "r1"), asm.rsh("r1", Math.log2(PIECE)), asm.and("r2", PIECE - 1)],
      [asm.store(4, "r10", -8, "r1"), asm.store(4, "r10", -4, "r2"), asm.mapAddress("r1", pieces), find(-8)],
      [asm.mov("r1", "r0"), find(-4), asm.load(4, "r1", "r10", -12), asm.atomic("add", 8, "r0", 0, "r1")],
      [asm.mov("r0", PRESENT), asm.label("end"), asm.exit()],
    ],
  });
}

function add(number: number, value: number): number {
  const packet = new Uint8Array(64);
  new Uint32Array(packet.buffer).set([number, value]);
  return program.run({ packet }).value;
}

function valueOf(number: number): number {
  return new Uint32Array(array.bytes.buffer)[2 * number] ?? 0;
}

describe.skipIf(obstacle !== undefined)("a growing array", () => {
  beforeEach(() => {
    refusals = [];
    array = GrowingArray.create(SPEC, (refusal) => refusals.push(refusal.message));
    program = adding(array);
  });

  afterEach(() => {
    vi.restoreAllMocks();
    program.close();
    array.close();
  });

  test("has its next piece when a quarter of one is in use, and keeps what is in the others", async () => {
    expect(array.nEntries).toBe(PIECE);
    expect(add(7, 5)).toBe(PRESENT);
    expect(add(PIECE, 1)).toBe(ABSENT);
    array.keepSpare(PIECE / 4);
    expect(array.nEntries).toBe(PIECE);
    array.keepSpare(PIECE / 4 + 1);
    await vi.waitFor(() => expect(array.nEntries).toBe(2 * PIECE), PATIENCE);
    expect(add(PIECE, 3)).toBe(PRESENT);
    expect([valueOf(7), valueOf(PIECE), valueOf(PIECE + 1)]).toEqual([5, 3, 0]);
    expect(add(2 * PIECE, 1)).toBe(ABSENT);
  });

  test("ends at its greatest length", async () => {
    for (let n = PIECE; n < SPEC.maxEntries; n += PIECE) {
      array.keepSpare(n);
      await vi.waitFor(() => expect(array.nEntries).toBe(n + PIECE), PATIENCE);
    }
    array.keepSpare(SPEC.maxEntries);
    expect(array.nEntries).toBe(SPEC.maxEntries);
    expect(add(SPEC.maxEntries - 1, 9)).toBe(PRESENT);
    expect(valueOf(SPEC.maxEntries - 1)).toBe(9);
    expect(add(SPEC.maxEntries, 1)).toBe(ABSENT);
  });

  test("grows at once when it is told so", () => {
    array.growTo(2 * PIECE + 1);
    expect(array.nEntries).toBe(3 * PIECE);
    expect(add(3 * PIECE - 1, 4)).toBe(PRESENT);
    expect(valueOf(3 * PIECE - 1)).toBe(4);
  });

  test("is opened with all its pieces where it is pinned", async () => {
    const path = `${bpfFileSystem()}/tenet-test-growing-${process.pid}`;
    array.growTo(2 * PIECE);
    add(PIECE + 3, 8);
    array.pieces.pin(path);
    try {
      array.close();
      array = GrowingArray.openPinned(path, SPEC, () => undefined);
    } finally {
      unpin(path);
    }
    expect(array.nEntries).toBe(2 * PIECE);
    add(PIECE + 3, 1);
    expect(valueOf(PIECE + 3)).toBe(9);
    array.keepSpare(2 * PIECE);
    await vi.waitFor(() => expect(array.nEntries).toBe(3 * PIECE), PATIENCE);
    expect(add(2 * PIECE, 1)).toBe(PRESENT);
  });

  test("stays as it is when the kernel refuses a piece, and says so once", async () => {
    const create = vi.spyOn(BpfMap, "create").mockImplementation(() => {
      throw new SystemCallError("create a map", "bpf mapCreate", "ENOMEM");
    });
    for (let i = 0; i < 3; i++) array.keepSpare(PIECE);
    await vi.waitFor(() => expect(refusals).toEqual(["Cannot create a map: bpf mapCreate failed with ENOMEM"]), PATIENCE);
    expect(create).toHaveBeenCalledOnce();
    expect(array.nEntries).toBe(PIECE);
    expect(add(1, 1)).toBe(PRESENT);
  });

  test("can be closed while it grows", async () => {
    const update = vi.spyOn(BpfMap.prototype, "updateAside");
    const close = vi.spyOn(BpfMap.prototype, "close");
    array.keepSpare(PIECE);
    array.close();
    expect(close).not.toHaveBeenCalled();
    await vi.waitFor(() => expect(close).toHaveBeenCalledTimes(2), PATIENCE);
    expect(update).toHaveResolved();
    expect(valueOf(7)).toBe(0);
    array = GrowingArray.create(SPEC, () => undefined); // for the end of the test
  });

  test("the kernel refuses the first piece: nothing is left open", () => {
    const made = vi.spyOn(BpfMap, "create");
    expect(() => GrowingArray.create({ ...SPEC, pieceEntries: 3 * PIECE, maxEntries: 0 }, () => undefined)).toThrow(
      SystemCallError,
    );
    const first = made.mock.results[0]?.value as BpfMap;
    expect(() => first.lookup(Uint32Array.of(0), new Uint8Array(8))).toThrow("EBADF");
  });
});
