import { expect, test } from "vitest";
import {
  buildArp,
  buildEthernet,
  buildIcmp4,
  buildIcmp6,
  buildIp4,
  buildIp6,
  buildTcp,
  buildUdp,
  buildVlan,
  dissect,
  foldSum,
  addToSum,
  internetChecksum,
  parseIp4,
  parseIp6,
  parseMac,
  pseudoSum4,
  pseudoSum6,
} from "@tenet/net";

const dst = parseMac("0a:00:00:00:00:02");
const src = parseMac("0a:00:00:00:00:01");
const ip4 = { src: parseIp4("10.0.0.1"), dst: parseIp4("10.0.0.2") };
const ip6 = { src: parseIp6("fd00::1"), dst: parseIp6("fd00::2") };

test("an ICMP echo has the bytes that ping sends", () => {
  const echo = buildIcmp4({ type: 8, rest: 0x1234_0001 }, new TextEncoder().encode("abc"));
  const packet = buildIp4({ ...ip4, proto: 1, id: 0x42, dontFragment: true }, echo);
  expect(Buffer.from(packet).toString("hex")).toBe("4500001f004240004001269a0a0000010a0000020800216812340001616263");
});

test.each([
  ["TCP", 6, buildTcp({ srcPort: 1, dstPort: 2, seq: 9 }, Uint8Array.of(1, 2, 3))],
  ["UDP", 17, buildUdp({ srcPort: 1, dstPort: 2 }, Uint8Array.of(1, 2, 3, 4))],
])("the checksum of %s covers the pseudo-header of both families", (_name, proto, message) => {
  const four = buildIp4({ ...ip4, proto }, message);
  expect(internetChecksum(four, 0, 20)).toBe(0);
  expect(foldSum(addToSum(pseudoSum4(four, 0, proto, message.length), four, 20, message.length))).toBe(0xffff);
  const six = buildIp6({ ...ip6, proto }, message);
  expect(foldSum(addToSum(pseudoSum6(six, 0, proto, message.length), six, 40, message.length))).toBe(0xffff);
});

test("the checksum of ICMPv6 covers the pseudo-header", () => {
  const six = buildIp6({ ...ip6, proto: 58 }, buildIcmp6({ type: 128, rest: 7 }, Uint8Array.of(1)));
  expect(foldSum(addToSum(pseudoSum6(six, 0, 58, 9), six, 40, 9))).toBe(0xffff);
});

test("what was built is what dissect reads", () => {
  const tcp = buildTcp(
    { srcPort: 1000, dstPort: 80, seq: 7, ack: 8, flags: 0x12, options: Uint8Array.of(2, 4, 5, 180) },
    Uint8Array.of(42),
  );
  const frame = buildVlan({ vid: 9, pcp: 1 }, buildEthernet({ dst, src, type: 0x0800 }, buildIp4({ ...ip4, proto: 6 }, tcp)));
  const read = dissect(frame);
  expect(read.ethernet).toEqual({ dst, src, type: 0x0800 });
  expect(read.vlan).toEqual({ tpid: 0x8100, vid: 9, pcp: 1 });
  expect(read.ip4).toMatchObject({ ...ip4, proto: 6, ttl: 64 });
  expect(read.tcp).toEqual({ srcPort: 1000, dstPort: 80, seq: 7, ack: 8, flags: 0x12, window: 0xffff });
  expect([...read.payload]).toEqual([42]);
});

test("dissect reads ARP, UDP over IPv6 and ICMP", () => {
  const arp = { operation: 2, senderMac: src, senderIp: ip4.src, targetMac: dst, targetIp: ip4.dst };
  expect(dissect(buildEthernet({ dst, src, type: 0x0806 }, buildArp(arp))).arp).toEqual(arp);
  const udp = dissect(
    buildEthernet({ dst, src, type: 0x86dd }, buildIp6({ ...ip6, proto: 17 }, buildUdp({ srcPort: 3, dstPort: 4 }))),
  );
  expect(udp.udp).toEqual({ srcPort: 3, dstPort: 4 });
  expect(udp.ip6?.dst).toEqual(ip6.dst);
  const icmp = dissect(
    buildEthernet({ dst, src, type: 0x0800 }, buildIp4({ ...ip4, proto: 1 }, buildIcmp4({ type: 8, rest: 5 }))),
  );
  expect(icmp.icmp).toEqual({ type: 8, code: 0, rest: 5 });
});

test("dissect of a frame cut anywhere gives the layers that are whole", () => {
  const frame = buildEthernet({ dst, src, type: 0x0800 }, buildIp4({ ...ip4, proto: 17 }, buildUdp({ srcPort: 3, dstPort: 4 })));
  for (let length = 0; length <= frame.length; length++) {
    const read = dissect(frame.subarray(0, length));
    expect(read.udp !== undefined).toBe(length === frame.length);
    expect(read.ethernet !== undefined).toBe(length >= 14);
  }
});
