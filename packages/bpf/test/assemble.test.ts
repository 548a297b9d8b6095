import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AssemblyError, asm, assemble, type Code, disassemble } from "@tenet/bpf";

const MAP = { name: "m", fd: 7 };

function hex(code: Code): string {
  return Buffer.from(assemble(code).bytes).toString("hex").match(/.{16}/g)?.join(" ") ?? "";
}

test.each<[string, Code, string, string]>([
  ["a constant", asm.mov("r0", 0), "b700000000000000", "r0 = 0"],
  ["a register", asm.mov("r2", "r10"), "bfa2000000000000", "r2 = r10"],
  ["a negative immediate", asm.add("r2", -4), "07020000fcffffff", "r2 += -4"],
  ["the lower half", asm.mov32("r1", 0xffff_ffff), "b4010000ffffffff", "w1 = -1"],
  ["a signed shift", asm.arsh("r3", 7), "c703000007000000", "r3 s>>= 7"],
  ["a sign", asm.negate("r4"), "8704000000000000", "r4 = -r4"],
  ["the network's order", asm.toBigEndian(16, "r5"), "dc05000010000000", "r5 = be16 r5"],
  ["a load", asm.load(4, "r1", "r1", 40), "6111280000000000", "r1 = *(u32 *)(r1 +40)"],
  ["a store", asm.store(8, "r10", -8, "r1"), "7b1af8ff00000000", "*(u64 *)(r10 -8) = r1"],
  ["a store of a constant", asm.store(2, "r10", -2, 5), "6a0afeff05000000", "*(u16 *)(r10 -2) = 5"],
  ["an addition in one step", asm.atomic("add", 8, "r0", 0, "r1"), "db10000000000000", "lock *(u64 *)(r0 +0) += r1"],
  [
    "one that gives the old value",
    asm.atomic("or", 4, "r0", 4, "r1", true),
    "c310040041000000",
    "r1 = atomic_fetch_or(*(u32 *)(r0 +4), r1)",
  ],
  ["an exchange", asm.atomic("xchg", 8, "r0", 0, "r1"), "db100000e1000000", "r1 = atomic_xchg(*(u64 *)(r0 +0), r1)"],
  ["64 bits", asm.constant("r2", 1, 0xffff_fffe), "18020000feffffff 0000000001000000", "r2 = 0x1fffffffe"],
  ["a map", asm.mapAddress("r1", MAP), "1811000007000000 0000000000000000", "r1 = map[fd 7]"],
  ["a place in a map", asm.mapValue("r1", MAP, 16), "1821000007000000 0000000010000000", "r1 = map[fd 7][0]+16"],
  ["a helper", asm.call("map_lookup_elem"), "8500000001000000", "call bpf_map_lookup_elem#1"],
  ["a function of the kernel", asm.callKernel(65660), "852000007c000100", "call kernel-function#65660"],
  ["the end", asm.exit(), "9500000000000000", "exit"],
])("%s has its bytes and its text", (_, code, bytes, text) => {
  expect(hex(code)).toBe(bytes);
  expect(disassemble(assemble(code))).toBe(`    0: ${text}`);
});

test("labels become distances, also over instructions of two slots, and are shown", () => {
  const code: Code = [
    asm.label("again"),
    asm.branch("r1", "s<", -1, "out"),
    asm.constant("r2", 0, 1),
    [asm.branch32("r1", "&", "r2", "again"), asm.jump("out")],
    asm.callLocal("function"),
    asm.label("out"),
    asm.exit(),
    asm.label("function"),
    asm.exit(),
  ];
  expect(hex(code)).toBe(
    "c5010500ffffffff 1802000001000000 0000000000000000 4e21fcff00000000 0500010000000000 8510000001000000 9500000000000000 9500000000000000",
  );
  expect(disassemble(assemble(code))).toBe(
    [
      "again:",
      "    0: if r1 s< -1 goto out",
      "    1: r2 = 0x1",
      "    3: if w1 & w2 goto again",
      "    4: goto out",
      "    5: call function",
      "out:",
      "    6: exit",
      "function:",
      "    7: exit",
    ].join("\n"),
  );
});

describe("what cannot be assembled is told by its place", () => {
  test.each<[string, Code, RegExp]>([
    ["a label that is missing", [asm.label("done"), asm.jump("don")], /no label "don"/],
    ["a label twice", [asm.label("a"), asm.label("a")], /label "a" is there twice/],
    ["a large immediate", [asm.exit(), asm.add("r1", 2 ** 31)], /slot 1: immediate 2147483648 does not fit/],
    ["half a number", asm.mov32("r1", 0.5), /immediate 0.5/],
    ["a large offset", asm.load(1, "r1", "r2", 40_000), /offset 40000 does not fit/],
    [
      "a branch too far",
      [asm.branch("r1", "==", 0, "end"), Array.from({ length: 33_000 }, asm.exit), asm.label("end")],
      /way to label "end", 33000/,
    ],
  ])("%s", (_, code, message) => {
    expect(() => assemble(code)).toThrow(AssemblyError);
    expect(() => assemble(code)).toThrow(message);
  });

  test("a jump that is too far for a branch has the distance in its immediate", () => {
    const { bytes } = assemble([asm.jump("end"), Array.from({ length: 33_000 }, asm.exit), asm.label("end")]);
    expect(Buffer.from(bytes.subarray(0, 8)).toString("hex")).toBe("06000000e8800000");
  });
});

test("any bytes can be shown", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 2, maxLength: 20 }), (words) => {
      const bytes = new Uint8Array(words.length * 8 + 8).map((_, i) => words[i % words.length] ?? 0);
      expect(disassemble({ bytes, labels: new Map() }).split("\n").length).toBeLessThanOrEqual(bytes.length / 8);
    }),
  );
});
