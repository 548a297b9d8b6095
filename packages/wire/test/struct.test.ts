import { readFileSync } from "node:fs";
import { ProtocolError, TruncatedError } from "@tenet/kit";
import { ByteReader, ByteWriter, defineStruct, StructDeclError } from "@tenet/wire";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

const DECL = {
  a: "u8",
  b: { type: "u16", doc: "a sixteen" },
  gap: "pad:3",
  c: "u32",
  mac: "u48",
  d: "u64",
  e: "i8",
  f: "i16",
  g: "i32",
  h: "i64",
  raw: "bytes:5",
  name: "text:8",
} as const;

const valueOf = fc.record({
  a: fc.nat(0xff),
  b: fc.nat(0xffff),
  c: fc.nat(0xffff_ffff),
  mac: fc.maxSafeNat().map((n) => n % 2 ** 48),
  d: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  e: fc.integer({ min: -128, max: 127 }),
  f: fc.integer({ min: -32768, max: 32767 }),
  g: fc.integer(),
  h: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  raw: fc.uint8Array({ minLength: 5, maxLength: 5 }),
  name: fc.stringMatching(/^[a-z]{0,7}$/),
});

describe("a struct", () => {
  test("knows the place of every field", () => {
    const { fields, size } = defineStruct(DECL);
    expect(size).toBe(52);
    expect(fields.find(({ name }) => name === "mac")).toEqual({ name: "mac", type: "u48", at: 10, sizeBytes: 6, doc: undefined });
    expect(fields[1]?.doc).toBe("a sixteen");
  });

  test.each([false, true])("reads back what it wrote (little-endian: %s)", (isLittleEndian) => {
    const struct = defineStruct(DECL, { isLittleEndian });
    fc.assert(
      fc.property(valueOf, fc.nat(9), (value, at) => {
        const view = new DataView(new ArrayBuffer(struct.size + at));
        struct.write(view, at, value);
        expect(struct.read(view, at)).toEqual(value);
      }),
    );
  });

  test("is big-endian unless told otherwise, and writes padding as zeros", () => {
    const bytes = new Uint8Array(8).fill(0xff);
    defineStruct({ a: "u16", gap: "pad:2", b: "u32" }).write(new DataView(bytes.buffer), 0, { a: 1, b: 2 });
    expect([...bytes]).toEqual([0, 1, 0, 0, 0, 0, 0, 2]);
  });

  test("a text that is too long is cut, with its final zero", () => {
    const struct = defineStruct({ name: "text:4" });
    const view = new DataView(new ArrayBuffer(4));
    struct.write(view, 0, { name: "abcdef" });
    expect(struct.read(view, 0)).toEqual({ name: "abc" });
  });

  test("a buffer that is too short names the first field that is missing", () => {
    const struct = defineStruct(DECL);
    for (let size = 0; size < struct.size; size++) {
      expect(() => struct.read(new DataView(new ArrayBuffer(size)), 0)).toThrow(TruncatedError);
    }
    try {
      struct.read(new DataView(new ArrayBuffer(9)), 0);
    } catch (error) {
      expect(error).toMatchObject({ details: { at: 0, field: "c", availableBytes: 9 } });
    }
  });

  test("a wrong name or type is refused at declaration", () => {
    expect(() => defineStruct({ "a-b": "u8" })).toThrow(StructDeclError);
    expect(() => defineStruct({ a: "u9" as "u8" })).toThrow(StructDeclError);
  });
});

type Step = readonly ["u8" | "u16" | "u32" | "u48", number] | readonly ["u64", bigint] | readonly ["bytes", Uint8Array];

const stepOf: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(fc.constant("u8" as const), fc.nat(0xff)),
  fc.tuple(fc.constant("u16" as const), fc.nat(0xffff)),
  fc.tuple(fc.constant("u32" as const), fc.nat(0xffff_ffff)),
  fc.tuple(
    fc.constant("u48" as const),
    fc.maxSafeNat().map((n) => n % 2 ** 48),
  ),
  fc.tuple(fc.constant("u64" as const), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
  fc.tuple(fc.constant("bytes" as const), fc.uint8Array({ maxLength: 400 })),
);

function write(writer: ByteWriter, step: Step): void {
  if (step[0] === "bytes") writer.bytes(step[1]);
  else if (step[0] === "u64") writer.u64(step[1]);
  else writer[step[0]](step[1]);
}

function read(reader: ByteReader, step: Step): unknown {
  return step[0] === "bytes" ? reader.bytes(step[1].length) : reader[step[0]]();
}

describe("reader and writer", () => {
  test("the reader gives back what the writer was given", () => {
    fc.assert(
      fc.property(fc.array(stepOf), (steps) => {
        const writer = new ByteWriter(1);
        for (const step of steps) write(writer, step);
        const reader = new ByteReader(writer.toBytes());
        for (const step of steps) expect(read(reader, step)).toEqual(step[1]);
        expect(reader.remaining).toBe(0);
      }),
    );
  });

  test("a message cut anywhere throws TruncatedError with the offset", () => {
    const bytes = new ByteWriter().u8(1).u16(2).u32(3).u48(4).u64(5n).toBytes();
    for (let length = 0; length < bytes.length; length++) {
      const reader = new ByteReader(bytes.slice(0, length));
      let thrown: unknown;
      try {
        reader.u8();
        reader.u16();
        reader.u32();
        reader.u48();
        reader.u64();
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(ProtocolError);
      expect((thrown as ProtocolError).details.at).toBeLessThanOrEqual(length);
    }
  });

  test("a sub-reader counts offsets from the whole message and cannot leave its part", () => {
    const reader = new ByteReader(Uint8Array.of(0, 1, 2, 3, 4, 5));
    reader.skip(2);
    const part = reader.sub(3);
    expect([part.at, part.remaining, reader.remaining]).toEqual([2, 3, 1]);
    part.u16();
    expect(() => part.u16()).toThrow("at offset 4: 1 are left");
  });

  test("alignment counts from the start, and integers have any width", () => {
    const bytes = new ByteWriter().u8(7).align(4).uint(0x010203n, 3).align(8).toBytes();
    expect([...bytes]).toEqual([7, 0, 0, 0, 1, 2, 3, 0]);
    const reader = new ByteReader(bytes);
    reader.u8();
    reader.align(4);
    expect(reader.peekU16()).toBe(0x0102);
    expect(reader.uint(3)).toBe(0x010203n);
  });

  test("a length is patched in afterwards, but not past the end", () => {
    const writer = new ByteWriter().u16(0).u32(9);
    writer.patchU16(0, writer.length);
    expect(new ByteReader(writer.toBytes()).u16()).toBe(6);
    expect(() => writer.patchU32(4, 1)).toThrow(RangeError);
  });
});

test("the example of the README holds", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const code = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
  const run = new Function("defineStruct", "ByteReader", "ByteWriter", `${code}; return { length, xid };`);
  expect(run(defineStruct, ByteReader, ByteWriter)).toEqual({ length: 8, xid: 7 });
});
