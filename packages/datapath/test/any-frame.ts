/** Frames of all protocols that the kernel's program reads, whole and not. */
import fc from "fast-check";
import { buildArp, buildEthernet, buildIcmp4, buildIp4 } from "@tenet/net";
import { tcpFrame, udpFrame } from "./frames.ts";

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
export function anyFrame(): fc.Arbitrary<Uint8Array> {
  const changes = fc.array(fc.tuple(fc.nat(75), fc.nat(255)), { maxLength: 4 });
  return fc
    .tuple(fc.constantFrom(...BASES), changes, fc.option(fc.integer({ min: 54, max: 80 }), { freq: 5 }))
    .map(([base, bytes, cut]) => {
      const frame = base.slice(0, cut ?? base.length);
      for (const [at, value] of bytes) if (at < frame.length) frame[at] = value;
      return frame;
    });
}
