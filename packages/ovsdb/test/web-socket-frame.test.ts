/** Frames of WebSockets: those of RFC 6455's examples, in any pieces, and nothing but errors for what is none. */
import { ProtocolError } from "@tenet/kit";
import fc from "fast-check";
import { expect, test } from "vitest";
import { BINARY, encodeFrame, FrameReader, PING, PONG, TEXT } from "../src/rpc/web-socket-frame.ts";

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));
const text = (parts: readonly Uint8Array[]): string => Buffer.concat(parts).toString();

/** What a reader hands on when it is given the pieces. */
function read(...pieces: readonly Uint8Array[]): { message: string; controls: [number, string][] } {
  const messages: Uint8Array[] = [];
  const controls: [number, string][] = [];
  const reader = new FrameReader({
    message: (part) => void messages.push(part),
    control: (opcode, payload) => void controls.push([opcode, text([payload])]),
  });
  for (const piece of pieces) reader.push(piece);
  return { message: text(messages), controls };
}

/** A frame as clients send them. */
function masked(opcode: number, payload: Uint8Array, isLast = true): Uint8Array {
  const frame = encodeFrame(opcode, payload);
  const headerLength = frame.length - payload.length;
  const key = [0x11, 0x22, 0x33, 0x44];
  const hidden = payload.map((byte, i) => byte ^ (key[i & 3] ?? 0));
  const header = Uint8Array.from(frame.subarray(0, headerLength));
  header[0] = (isLast ? 0x80 : 0) | opcode;
  header[1] = (header[1] ?? 0) | 0x80;
  return Uint8Array.from([...header, ...key, ...hidden]);
}

test("the RFC's masked Hello is read, byte for byte", () => {
  const hello = bytes("81 85 37 fa 21 3d 7f 9f 4d 51 58");
  expect(read(hello).message).toBe("Hello");
  expect(read(...Array.from(hello, (byte) => Uint8Array.of(byte))).message).toBe("Hello");
});

test("the RFC's frames of servers are written", () => {
  expect(encodeFrame(TEXT, Buffer.from("Hello"))).toEqual(bytes("81 05 48 65 6c 6c 6f"));
  expect(encodeFrame(PONG, Buffer.from("Hello"))).toEqual(bytes("8a 05 48 65 6c 6c 6f"));
  expect(encodeFrame(BINARY, new Uint8Array(256)).subarray(0, 4)).toEqual(bytes("82 7e 01 00"));
  expect(encodeFrame(BINARY, new Uint8Array(65536)).subarray(0, 10)).toEqual(bytes("82 7f 00 00 00 00 00 01 00 00"));
});

test("messages in parts, and pings between the parts, are handed on", () => {
  const [first, second] = [masked(TEXT, Buffer.from("Hel"), false), masked(0, Buffer.from("lo"))];
  expect(read(first, masked(PING, Buffer.from("?")), second)).toEqual({ message: "Hello", controls: [[PING, "?"]] });
  expect(read(masked(PING, new Uint8Array(0)), masked(TEXT, new Uint8Array(0)))).toEqual({ message: "", controls: [[PING, ""]] });
});

test.each([
  ["is not masked", "81 05 48 65 6c 6c 6f"],
  ["uses an extension", "c1 85 00 00 00 00"],
  ["unknown opcode 3", "83 85 00 00 00 00"],
  ["unknown opcode 11", "8b 85 00 00 00 00"],
  ["control frame is in parts", "09 85 00 00 00 00"],
  ["or too long", "89 fe 00 80 00 00 00 00"],
  ["is too long", "82 ff ff ff ff ff ff ff ff ff 00 00 00 00"],
])("a frame that %s is refused", (problem, frame) => {
  expect(() => read(bytes(frame))).toThrow(problem);
});

test("any payload survives, in any pieces", () => {
  const payload = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.constantFrom(65535, 65536, 70000).map((n) => new Uint8Array(n).fill(7)),
  );
  fc.assert(
    fc.property(payload, fc.array(fc.integer({ min: 1, max: 400 }), { maxLength: 8 }), (given, cuts) => {
      const frame = masked(TEXT, given);
      const pieces: Uint8Array[] = [];
      let at = 0;
      for (const cut of cuts) pieces.push(frame.subarray(at, (at += cut)));
      pieces.push(frame.subarray(at));
      expect(read(...pieces).message).toBe(text([given]));
    }),
  );
});

test("random bytes only ever throw ProtocolError", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 5 }), (pieces) => {
      try {
        read(...pieces);
      } catch (error) {
        expect(error).toBeInstanceOf(ProtocolError);
      }
    }),
  );
});
