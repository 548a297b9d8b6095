/** Frames of all protocols that the kernel's program reads, whole and not. */
import fc from "fast-check";
import { buildArp, buildEthernet, buildIcmp4, buildIcmp6, buildIp4, buildIp6, buildUdp, parseIp6 } from "@tenet/net";
import { tcpFrame, udpFrame } from "./frames.ts";

const ETHERNET = { dst: 0x0a0000000002, src: 0x0a0000000001 };
const IP = { src: 0x0a000001, dst: 0x0a000002 };
const IP6 = { src: parseIp6("fd00::1"), dst: parseIp6("fd00::2") };
const UDP = buildUdp({ srcPort: 7, dstPort: 9 }, new Uint8Array(20).fill(0x5a));
const ARP = { operation: 1, senderMac: 1, senderIp: 2, targetMac: 3, targetIp: 4 };

function ip4(payload: Uint8Array, proto: number, fields = {}): Uint8Array {
  return buildEthernet({ ...ETHERNET, type: 0x0800 }, buildIp4({ ...IP, proto, ...fields }, payload));
}

function ip6(payload: Uint8Array, proto: number, fields = {}): Uint8Array {
  return buildEthernet({ ...ETHERNET, type: 0x86dd }, buildIp6({ ...IP6, proto, ...fields }, payload));
}

/** One of each kind, without tags. */
export const BASES: readonly Uint8Array[] = [
  tcpFrame(4),
  tcpFrame(6),
  tcpFrame(4, new Uint8Array(600), 2),
  udpFrame(),
  withoutChecksum(udpFrame()),
  ip6(UDP, 17),
  ip4(buildIcmp4({ type: 8, code: 0, rest: 7 }), 1),
  ip6(buildIcmp6({ type: 128, code: 0, rest: 7 }, new Uint8Array(9)), 58),
  ip4(new Uint8Array(24).fill(3), 132),
  ip6(new Uint8Array(701).fill(6), 132),
  ip4(new Uint8Array(24).fill(4), 47),
  ip4(UDP, 17, { moreFragments: true }),
  ip4(UDP, 17, { fragmentOffset: 5 }),
  ip6(UDP, 17, { fragment: { offset: 0, more: true, id: 7 } }),
  ip6(UDP, 17, { fragment: { offset: 5, more: false, id: 7 } }),
  buildEthernet({ ...ETHERNET, type: 0x8847 }, Uint8Array.of(0, 1, 0x10, 64, 0, 2, 0x11, 64, ...new Uint8Array(40))),
  buildEthernet({ ...ETHERNET, type: 0x0806 }, buildArp(ARP)),
  buildEthernet({ ...ETHERNET, type: 0x88b5 }, new Uint8Array(50)),
];

/** UDP over IPv4, to which a checksum of zero says that there is none. */
function withoutChecksum(frame: Uint8Array): Uint8Array {
  frame.fill(0, 40, 42);
  return frame;
}

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
