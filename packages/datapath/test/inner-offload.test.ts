/** What is left undone of a packet out of a tunnel is found, and only that. */
import fc from "fast-check";
import { foldSum, getU16, pseudoSum4, pseudoSum6, putU16 } from "@tenet/net";
import { expect, test } from "vitest";
import { splitFrame } from "../src/packet/split-frame.ts";
import { noteOffload } from "../src/tunnel/inner-offload.ts";
import { tcpFrame, udpFrame } from "./frames.ts";

const HEADER = 10;

/** The frame with room for its virtio-net header, its checksum not begun if so wanted. */
function received(frame: Uint8Array, isUnfinished: boolean): Uint8Array {
  const bytes = new Uint8Array(HEADER + frame.length);
  bytes.set(frame, HEADER);
  if (!isUnfinished) return bytes;
  const l3 = HEADER + 14;
  const isIp4 = frame[12] === 8;
  const l4 = l3 + (isIp4 ? 20 : 40);
  const proto = bytes[isIp4 ? l3 + 9 : l3 + 6] ?? 0;
  const sum = (isIp4 ? pseudoSum4 : pseudoSum6)(bytes, l3, proto, bytes.length - l4);
  putU16(bytes, l4 + (proto === 6 ? 16 : 6), foldSum(sum));
  return bytes;
}

function finished(bytes: Uint8Array): Uint8Array[] {
  noteOffload(bytes, 0, HEADER, bytes.length - HEADER);
  return splitFrame(bytes, 0, HEADER, bytes.length - HEADER);
}

test("a checksum that is not begun is completed, and a finished one stays", () => {
  const payload = fc.uint8Array({ minLength: 1, maxLength: 300 });
  fc.assert(
    fc.property(payload, fc.constantFrom("udp", "tcp4", "tcp6"), fc.boolean(), (bytes, kind, isUnfinished) => {
      const frame = kind === "udp" ? udpFrame(53, bytes) : tcpFrame(kind === "tcp4" ? 4 : 6, bytes);
      expect(finished(received(frame, isUnfinished))).toEqual([frame]);
    }),
  );
});

test.each([2000, 9000, 20_000])("TCP that was never on a wire is cut, %i bytes of it", (length) => {
  for (const family of [4, 6] as const) {
    const payload = Uint8Array.from({ length }, (_, i) => i);
    const parts = finished(received(tcpFrame(family, payload), true));
    expect(parts.length).toBeGreaterThan(length / 1400);
    for (const part of parts) expect(part.length).toBeLessThanOrEqual(1414);
    const headers = family === 4 ? 54 : 74;
    expect(Buffer.concat(parts.map((part) => part.subarray(headers)))).toEqual(Buffer.from(payload));
  }
});

test("any bytes are taken, and asked no more than they have", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 14, maxLength: 120 }), fc.constantFrom(0x0800, 0x86dd), (frame, type) => {
      putU16(frame, 12, type);
      const bytes = received(frame, false);
      noteOffload(bytes, 0, HEADER, frame.length);
      const [flags = 0, gso = 0] = bytes;
      expect([flags & ~1, gso]).toEqual([0, 0]);
      if (flags === 1) expect((bytes[6] ?? 0) + (bytes[8] ?? 0) + 2).toBeLessThanOrEqual(frame.length);
      expect(getU16(bytes, HEADER + 12)).toBe(type);
    }),
  );
});
