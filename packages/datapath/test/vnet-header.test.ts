import fc from "fast-check";
import { expect, test } from "vitest";
import { addToSum, dissect, foldSum, getU16, internetChecksum, pseudoSum4, pseudoSum6, putU16 } from "@tenet/net";
import { splitFrame } from "../src/packet/split-frame.ts";
import { completeFrame } from "../src/packet/vnet-header.ts";
import { tcpFrame, udpFrame } from "./frames.ts";
import { buildVlan } from "@tenet/net";

const HEADER = 10;

/** A frame as the kernel hands it over: header in front, the checksum field holding the pseudo-header's sum. */
function offloaded(frame: Uint8Array, gsoType: number, gsoSize: number): Uint8Array {
  const bytes = new Uint8Array(HEADER + frame.length);
  const view = new DataView(bytes.buffer);
  const l3At = frame[12] === 0x81 ? 18 : 14;
  const family = (frame[l3At] ?? 0) >>> 4;
  const l4At = l3At + (family === 4 ? 20 : 40);
  const proto = frame[family === 4 ? l3At + 9 : l3At + 6] ?? 0;
  const field = proto === 6 ? 16 : 6;
  bytes.set(frame, HEADER);
  bytes[0] = 1;
  bytes[1] = gsoType;
  view.setUint16(4, gsoSize, true);
  view.setUint16(6, l4At, true);
  view.setUint16(8, field, true);
  const pseudo = family === 4 ? pseudoSum4 : pseudoSum6;
  putU16(bytes, HEADER + l4At + field, foldSum(pseudo(frame, l3At, proto, frame.length - l4At)));
  return bytes;
}

function hasGoodChecksums(frame: Uint8Array): boolean {
  const l3At = frame[12] === 0x81 ? 18 : 14;
  const isIp4 = (frame[l3At] ?? 0) >>> 4 === 4;
  const l4At = l3At + (isIp4 ? 20 : 40);
  const proto = frame[isIp4 ? l3At + 9 : l3At + 6] ?? 0;
  const pseudo = isIp4 ? pseudoSum4 : pseudoSum6;
  const l4Length = frame.length - l4At;
  const isWhole = foldSum(addToSum(pseudo(frame, l3At, proto, l4Length), frame, l4At, l4Length)) === 0xffff;
  return isWhole && (!isIp4 || (internetChecksum(frame, l3At, 20) === 0 && getU16(frame, l3At + 2) === frame.length - l3At));
}

test("a partial checksum completes to that of the frame built whole", () => {
  for (const frame of [tcpFrame(4), tcpFrame(6), udpFrame()]) {
    const bytes = offloaded(frame, 0, 0);
    expect(completeFrame(bytes, 0, HEADER, frame.length)).toEqual(frame);
    expect(splitFrame(bytes, 0, HEADER, frame.length)).toEqual([frame]);
  }
});

test("a bundle of TCP segments splits into frames that carry the same stream", () => {
  const family = fc.constantFrom<4 | 6>(4, 6);
  const vlan = fc.boolean();
  fc.assert(
    fc.property(
      family,
      vlan,
      fc.uint8Array({ minLength: 1, maxLength: 5000 }),
      fc.integer({ min: 1, max: 1448 }),
      (ip, isTagged, data, size) => {
        const plain = tcpFrame(ip, data, 0x99); // CWR ACK PSH FIN
        const frame = isTagged ? buildVlan({ vid: 5 }, plain) : plain;
        const parts = splitFrame(offloaded(frame, ip === 4 ? 1 : 4, size), 0, HEADER, frame.length);
        const read = parts.map((part) => dissect(part));
        expect(Uint8Array.from(read.flatMap((part) => [...part.payload]))).toEqual(data);
        expect(parts.every(hasGoodChecksums)).toBe(true);
        read.forEach((part, i) => {
          expect(part.tcp?.seq).toBe(100 + i * size);
          expect((part.tcp?.flags ?? 0) & 0x09).toBe(i === read.length - 1 ? 0x09 : 0);
          expect((part.tcp?.flags ?? 0) & 0x80).toBe(i === 0 ? 0x80 : 0);
          expect(part.payload.length).toBeLessThanOrEqual(size);
          if (ip === 4) expect(part.ip4?.id).toBe(i);
        });
      },
    ),
    { numRuns: 200 },
  );
});

test("a bundle of UDP datagrams splits into datagrams", () => {
  const frame = udpFrame(53, new Uint8Array(1000).fill(7));
  const parts = splitFrame(offloaded(frame, 5, 300), 0, HEADER, frame.length);
  expect(parts.map((part) => dissect(part).payload.length)).toEqual([300, 300, 300, 100]);
  expect(parts.every(hasGoodChecksums)).toBe(true);
});

test("headers that contradict themselves give nothing and never throw", () => {
  const frame = tcpFrame(4, new Uint8Array(300));
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 10, maxLength: 10 }), fc.nat(frame.length), (header, length) => {
      const bytes = offloaded(frame, 1, 100);
      bytes.set(header);
      bytes[4] = Math.max(bytes[4] ?? 0, 16);
      for (const part of splitFrame(bytes, 0, HEADER, length)) expect(part.length).toBeLessThan(70_000);
    }),
    { numRuns: 1000 },
  );
  const bytes = offloaded(frame, 1, 0);
  expect(splitFrame(bytes, 0, HEADER, frame.length)).toEqual([]);
});
