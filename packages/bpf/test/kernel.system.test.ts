/** Programs and maps in the running kernel. */
import { mkdirSync, rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  asm,
  assemble,
  attach,
  BpfMap,
  BpfProgram,
  type Code,
  disassemble,
  fixedMemory,
  GracePeriod,
  kernelFunctionIds,
  type MapSpec,
  openPinnedLink,
} from "@tenet/bpf";
import { probeBpf, RingBuffer, unpin, VERDICT, VerifierError } from "@tenet/bpf";
import {
  bpfFileSystem,
  createVethPair,
  deleteLink,
  FRAME_OFFSET,
  FrameArena,
  linkIndex,
  openPacketSocket,
  SendQueue,
  setLinkUp,
} from "@tenet/linux";

const { obstacle } = probeBpf();
if (obstacle !== undefined) console.log(`skipped: ${obstacle}`);
/** For local experiments, IEEE 802. */
const TEST_PROTOCOL = 0x88b5;
const PACKET = new Uint8Array(64);

function load(code: Code, name = "test"): BpfProgram {
  return BpfProgram.load({ name, kind: "sched_cls", code });
}

function run(code: Code): number {
  const program = load(code);
  try {
    return program.run({ packet: PACKET }).value;
  } finally {
    program.close();
  }
}

function withMap<T>(spec: Partial<MapSpec>, use: (map: BpfMap) => T): T {
  const map = BpfMap.create({ kind: "hash", name: "test", keyBytes: 4, valueBytes: 8, maxEntries: 1000, ...spec });
  try {
    return use(map);
  } finally {
    map.close();
  }
}

function u32(...values: number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}

describe.skipIf(obstacle !== undefined)("in the kernel", () => {
  test("what the verifier went through is told, loops as often as they run", () => {
    const twice = [asm.mov("r0", 0), asm.label("again"), asm.add("r0", 1), asm.branch("r0", "<", 2, "again"), asm.exit()];
    const program = load(twice);
    expect(program.nVerified()).toBe(6);
    program.close();
  });

  test("arithmetic, memory and branches do what their names say", () => {
    const code = [
      asm.constant("r1", 0x0102_0304, 0x0506_0708),
      asm.store(8, "r10", -8, "r1"),
      asm.load(2, "r2", "r10", -6),
      asm.toBigEndian(16, "r2"),
      asm.mov("r0", 0),
      asm.label("again"),
      asm.add("r0", "r2"),
      asm.sub("r2", 0x100),
      asm.branch("r2", "s>", 0, "again"),
      asm.exit(),
    ];
    let expected = 0;
    for (let i = 0x0605; i > 0; i -= 0x100) expected += i;
    expect(run(code)).toBe(expected);
  });

  test("functions of a program call each other, and are called in a loop", () => {
    const code = [
      asm.store(8, "r10", -8, 0),
      asm.mov("r1", 10),
      asm.subprogram("r2", "add"),
      asm.mov("r3", "r10"),
      asm.add("r3", -8),
      asm.mov("r4", 0),
      asm.call("loop"),
      asm.load(8, "r1", "r10", -8),
      asm.callLocal("twice"),
      asm.exit(),
      asm.label("add"),
      asm.load(8, "r3", "r2"),
      asm.add("r3", "r1"),
      asm.store(8, "r2", 0, "r3"),
      asm.mov("r0", 0),
      asm.exit(),
      asm.label("twice"),
      asm.mov("r0", "r1"),
      asm.add("r0", "r1"),
      asm.exit(),
    ];
    expect(run(code)).toBe(90);
  });

  test("a program is loaded while this thread does other things, and refused as otherwise", async () => {
    let nTurns = 0;
    const turn = setInterval(() => nTurns++, 1);
    const long: Code = Array.from({ length: 100_000 }, () => asm.mov("r0", 7));
    const program = await BpfProgram.loadAside({ name: "long", kind: "sched_cls", code: [long, asm.exit()] });
    clearInterval(turn);
    expect(nTurns).toBeGreaterThan(0);
    expect(program.run({ packet: PACKET }).value).toBe(7);
    program.close();
    const unset = BpfProgram.loadAside({ name: "unset", kind: "sched_cls", code: [asm.mov("r0", "r5"), asm.exit()] });
    await expect(unset).rejects.toBeInstanceOf(VerifierError);
  });

  test("a grace period ends, as often as it is asked for", async () => {
    const grace = new GracePeriod();
    await Promise.all([grace.wait(), grace.wait()]);
    const last = grace.wait();
    grace.close();
    await last;
    await expect(grace.wait()).rejects.toThrow("Cannot wait for running programs");
  });

  test("a program goes on in another one of an array", () => {
    withMap({ kind: "program-array", valueBytes: 4, maxEntries: 2 }, (programs) => {
      const seven = load([asm.mov("r0", 7), asm.exit()]);
      programs.update(u32(1), u32(seven.fd));
      const to = (i: number): Code => [
        asm.mapAddress("r2", programs),
        asm.mov("r3", i),
        asm.call("tail_call"),
        asm.mov("r0", 1),
        asm.exit(),
      ];
      expect([run(to(1)), run(to(0))]).toEqual([7, 1]);
      seven.close();
    });
  });

  test("functions of the kernel are called by their ids", () => {
    const ids = kernelFunctionIds(["bpf_rdonly_cast", "bpf_cast_to_kern_ctx", "no_such_function"]);
    expect([...ids.keys()].toSorted()).toEqual(["bpf_cast_to_kern_ctx", "bpf_rdonly_cast"]);
    const code = [asm.callKernel(ids.get("bpf_cast_to_kern_ctx") ?? 0), asm.mov("r0", 3), asm.exit()];
    expect(run(code)).toBe(3);
  });

  test("our text of a program is the verifier's", () => {
    const code = [
      asm.mov("r6", "r1"),
      asm.store(4, "r10", -4, 0),
      asm.load(4, "r1", "r6", 40),
      asm.atomic("add", 4, "r10", -4, "r1"),
      asm.mov32("r7", "r1"),
      asm.lsh("r7", 3),
      asm.call("get_prandom_u32"),
      asm.toBigEndian(32, "r0"),
      asm.and("r0", "r7"),
      asm.load(1, "r9", "r9"),
    ];
    const log = refusal([...code, asm.exit()]).log;
    const theirs = [...log.matchAll(/^\d+: \([0-9a-f]{2}\) (.*?)(\s+;.*)?$/gm)].map((found) => found[1]);
    const ours = disassemble(assemble(code))
      .split("\n")
      .map((line) => line.slice(7));
    expect(ours).toEqual(theirs);
  });

  test("a program that the verifier refuses names the place and the reason, and keeps the log", () => {
    const error = refusal([asm.mov("r0", 0), asm.label("miss"), asm.mov("r1", 0), asm.load(4, "r1", "r2"), asm.exit()]);
    expect(error.message).toBe('Cannot load program "test": the verifier refused it at "miss"+1 (slot 2): R2 !read_ok');
    expect(error.log).toMatch(/processed \d+ insns/);
    expect(error.details["program"]).toContain("    2: r1 = *(u32 *)(r2 +0)");
  });

  test("entries of maps are written, read and deleted, one by one and in batches", () => {
    withMap({}, (map) => {
      expect(map.update(u32(1), u32(5, 0), "replace")).toBe(false);
      expect(map.update(u32(1), u32(5, 0), "create")).toBe(true);
      expect(map.update(u32(1), u32(6, 0), "create")).toBe(false);
      const value = new Uint8Array(8);
      expect([map.lookup(u32(1), value), [...value]]).toEqual([true, [5, 0, 0, 0, 0, 0, 0, 0]]);
      expect([map.delete(u32(1)), map.delete(u32(1)), map.lookup(u32(1), value)]).toEqual([true, false, false]);

      const keys = fixedMemory(4 * 1001);
      new Uint32Array(keys.buffer).forEach((_, i, all) => (all[i] = i));
      expect(map.updateBatch(keys, fixedMemory(8 * 1001), 1001)).toBe(1000);
      expect(() => map.update(u32(5000), u32(0, 0))).toThrow(/"test".*E2BIG/);
      const seen = new Set<number>();
      map.forEachBatch(128, (some, _, n) => {
        for (const key of new Uint32Array(some.buffer, 0, n)) seen.add(key);
      });
      expect(seen.size).toBe(1000);
      expect(map.deleteBatch(keys, 1000)).toBe(1000);
    });
  });

  test("values of an array are memory for both sides", () => {
    withMap({ kind: "array", isMapped: true }, (map) => {
      const { bytes, unmap } = map.mapValues();
      const words = new Uint32Array(bytes.buffer);
      words[6] = 40;
      const key = [asm.store(4, "r10", -4, 3), asm.mov("r2", "r10"), asm.add("r2", -4), asm.mapAddress("r1", map)];
      const code = [
        key,
        asm.call("map_lookup_elem"),
        asm.branch("r0", "==", 0, "out"),
        asm.mov("r1", 2),
        asm.atomic("add", 8, "r0", 0, "r1"),
        asm.label("out"),
        asm.mov("r0", 0),
        asm.exit(),
      ];
      run(code);
      expect(words[6]).toBe(42);
      unmap();
    });
  });

  test("a ring buffer gives all records in order, also around its end, and tells when it is full", () => {
    withMap({ kind: "ring-buffer", keyBytes: 0, valueBytes: 0, maxEntries: 4096 }, (map) => {
      const ring = new RingBuffer(map);
      const reserve = [asm.mapAddress("r1", map), asm.mov("r2", 16), asm.mov("r3", 0), asm.call("ringbuf_reserve")];
      const submit = [asm.mov("r1", "r0"), asm.mov("r2", 0), asm.call("ringbuf_submit")];
      const program = load([
        asm.load(4, "r6", "r1", 0),
        [reserve, asm.branch("r0", "==", 0, "full"), asm.store(8, "r0", 0, "r6"), asm.store(8, "r0", 8, 9), submit],
        [asm.mov("r0", 0), asm.exit(), asm.label("full"), asm.mov("r0", 1), asm.exit()],
      ]);
      const lengths: number[] = [];
      const read = (): number =>
        ring.drain((at, nBytes) => {
          lengths.push(new DataView(ring.bytes.buffer, ring.bytes.byteOffset + at).getUint32(0, true));
          expect(nBytes).toBe(16);
        });
      for (let i = 0; i < 1000; i++) {
        program.run({ packet: new Uint8Array(64 + (i % 100)) });
        if (i % 7 === 0) read();
      }
      read();
      expect(lengths).toEqual(Array.from({ length: 1000 }, (_, i) => 64 + (i % 100)));
      const results = Array.from({ length: 200 }, () => program.run({ packet: PACKET }).value);
      expect(results.filter((result) => result === 0).length).toBe(4096 / 24 - (4096 % 24) / 24);
      expect(read()).toBe(170);
      program.close();
      ring.close();
    });
  });

  describe("on a device", () => {
    const names = ["bpf-t0", "bpf-t1"] as const;
    let folder = "";

    beforeAll(() => {
      createVethPair({ name: names[0], peer: names[1] });
      for (const name of names) setLinkUp(name);
      folder = `${bpfFileSystem()}/tenet-test-${process.pid}`;
      mkdirSync(folder);
    });

    afterAll(() => {
      deleteLink(names[0]);
      rmSync(folder, { recursive: true, force: true });
    });

    test.each(["tcx", "clsact"] as const)("a program counts what it sees by %s, is replaced and taken away", (by) => {
      const map = BpfMap.create({ kind: "array", name: "seen", keyBytes: 4, valueBytes: 16, maxEntries: 1, isMapped: true });
      const { bytes, unmap } = map.mapValues();
      const counters = new Uint32Array(bytes.buffer);
      const [first, second] = [counting(map, 0), counting(map, 1)];
      const link = attach(first, { ifindex: linkIndex(names[1]), direction: "ingress", by });
      send(names[0], 5);
      link.replace(second);
      send(names[0], 3);
      link.detach();
      send(names[0], 2);
      expect([link.kind, counters[0], counters[2]]).toEqual([by, 5, 3]);
      for (const object of [first, second, map]) object.close();
      unmap();
    });

    test("what is pinned lives on, and is opened again", () => {
      const map = BpfMap.create({ kind: "array", name: "kept", keyBytes: 4, valueBytes: 8, maxEntries: 1, isMapped: true });
      const program = counting(map, 0);
      const link = attach(program, { ifindex: linkIndex(names[1]), direction: "ingress" });
      map.pin(`${folder}/map`);
      program.pin(`${folder}/program`);
      link.pin(`${folder}/link`);
      link.detach();
      for (const object of [program, map]) object.close();

      send(names[0], 4);
      const found = BpfMap.openPinned(`${folder}/map`);
      expect(found.spec).toEqual({ kind: "array", name: "kept", keyBytes: 4, valueBytes: 8, maxEntries: 1, isMapped: true });
      const { bytes, unmap } = found.mapValues();
      const counters = new Uint32Array(bytes.buffer);
      expect(counters[0]).toBe(4);
      const again = openPinnedLink(`${folder}/link`);
      const passing = load([asm.mov("r0", VERDICT.pass), asm.exit()]);
      again.replace(passing);
      send(names[0], 2);
      again.replace(BpfProgram.openPinned(`${folder}/program`));
      send(names[0], 1);
      expect(counters[0]).toBe(5);
      for (const name of ["map", "program", "link"]) unpin(`${folder}/${name}`);
      again.detach();
      send(names[0], 1);
      expect(counters[0]).toBe(5);
      expect(() => BpfMap.openPinned(`${folder}/map`)).toThrow(/open the pinned ".*\/map".*ENOENT/);
      for (const object of [passing, found]) object.close();
      unmap();
    });
  });
});

function refusal(code: Code): VerifierError {
  try {
    load(code).close();
  } catch (error) {
    if (error instanceof VerifierError) return error;
    throw error;
  }
  throw new Error("the verifier accepted it");
}

/** Frames of a test protocol; veth delivers each to its peer within the call. */
function send(device: string, n: number): void {
  const arena = new FrameArena(1);
  const socket = openPacketSocket(device);
  const queue = new SendQueue(n);
  const at = arena.slotAt(0) + FRAME_OFFSET;
  arena.view.setUint16(at + 12, TEST_PROTOCOL);
  for (let i = 0; i < n; i++) queue.push(arena, at, 60);
  expect(socket.send(queue)).toBe(n);
  socket.close();
}

/** Counts frames of the test protocol in counter `i` of an array's value, and lets all pass. */
function counting(map: BpfMap, i: number): BpfProgram {
  const protocolAt = 16;
  const code = [
    asm.load(4, "r1", "r1", protocolAt),
    asm.toBigEndian(16, "r1"),
    asm.branch("r1", "!=", TEST_PROTOCOL, "other"),
    [asm.mapValue("r1", map, 8 * i), asm.mov("r2", 1), asm.atomic("add", 8, "r1", 0, "r2")],
    [asm.label("other"), asm.mov("r0", VERDICT.pass), asm.exit()],
  ];
  return load(code, `count${i}`);
}
