import { type Json, ProtocolError } from "@tenet/kit";
import { JsonStream, stringifyExact } from "@tenet/ovsdb";
import fc from "fast-check";
import { expect, test } from "vitest";

function readAll(stream: JsonStream, chunks: Iterable<Uint8Array>): unknown[] {
  return [...chunks].flatMap((chunk) => [...stream.push(chunk)]);
}

/** Any text that a peer could hold. */
const TEXT = fc.string({ unit: "binary" }).map((text) => text.replaceAll("\0", "\\u0000"));

function split(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let at = 0;
  for (const size of sizes) {
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return [...chunks, bytes.subarray(at)];
}

test("messages come out whole however the bytes are split", () => {
  const objects = fc.array(fc.dictionary(TEXT, fc.jsonValue()), { maxLength: 5 });
  const sizes = fc.array(fc.nat(20), { maxLength: 40 });
  fc.assert(
    fc.property(objects, sizes, fc.constantFrom("", " ", "\n\r\t"), (messages, cuts, gap) => {
      const bytes = Buffer.from(messages.map((message) => JSON.stringify(message)).join(gap));
      // Large whole numbers come as bigints, which JSON.parse does not give.
      const found = readAll(new JsonStream(), split(bytes, cuts));
      expect(found.map((message) => stringifyExact(message as Json))).toEqual(messages.map((message) => JSON.stringify(message)));
    }),
  );
});

test("one message may come byte by byte", () => {
  const message = { method: "echo", params: ['}{"\\', "ü€😀"], id: 1 };
  const bytes = Buffer.from(JSON.stringify(message));
  const stream = new JsonStream();
  const found = readAll(
    stream,
    Array.from(bytes, (byte) => Uint8Array.of(byte)),
  );
  expect(found).toEqual([message]);
  expect(stream.isInside).toBe(false);
});

test.each([
  ["text", "hello", 0],
  ["an array at the top", "[1,2]", 0],
  ["a second message that is broken", '{"a":1} {"a":}', 13],
  ["unbalanced brackets", '{"a":[}', undefined],
  ["the character U+0000", '{"a":"\\u0000"', 13],
  ["half of a surrogate pair", '{"\\uD83dx":1', 12],
  ["a control character in a string", '{"a":"\u0001"}', 8],
])("%s is a protocol error with its place", (_name, text, at) => {
  const push = () => readAll(new JsonStream(), [Buffer.from(`${text}}`)]);
  expect(push).toThrow(ProtocolError);
  if (at !== undefined) expect(push).toThrow(expect.objectContaining({ details: { at } }));
});

test("bytes that are not UTF-8 are a protocol error", () => {
  const bytes = Buffer.concat([Buffer.from('{"a":"'), Buffer.of(0xff, 0xfe), Buffer.from('"}')]);
  expect(() => readAll(new JsonStream(), [bytes])).toThrow(ProtocolError);
});

test("size and nesting are bounded", () => {
  const limits = { sizeBytes: 100, depth: 5 };
  expect(() => readAll(new JsonStream(limits), [Buffer.from(`{"a":"${"x".repeat(200)}`)])).toThrow(/larger than 100/);
  const many = Array.from({ length: 20 }, () => Buffer.from('{"a":"0123456789'.slice(0, 10)));
  expect(() => readAll(new JsonStream(limits), many)).toThrow(ProtocolError);
  expect(() => readAll(new JsonStream(limits), [Buffer.from('{"a":[[[[[1]]]]]}')])).toThrow(/nested deeper than 5/);
  expect(readAll(new JsonStream(limits), [Buffer.from('{"a":[[[[1]]]]}')])).toEqual([{ a: [[[[1]]]] }]);
});

test("random and mutated bytes only ever give objects or protocol errors", () => {
  const valid = Buffer.from(
    JSON.stringify({ method: "transact", params: ["T", { op: "select", table: "Root", where: [] }], id: 3 }),
  );
  const mutated = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 6 }).map((changes) => {
    const bytes = Buffer.from(valid);
    for (const [at, byte] of changes) bytes[at] = byte;
    return bytes;
  });
  const bytes = fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated);
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 4 }), (chunks) => {
      try {
        for (const found of readAll(new JsonStream({ sizeBytes: 1000, depth: 20 }), chunks)) expect(typeof found).toBe("object");
      } catch (error) {
        expect(error).toBeInstanceOf(ProtocolError);
      }
    }),
    { numRuns: 2000 },
  );
});
