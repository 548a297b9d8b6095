import fc from "fast-check";
import { expect, test } from "vitest";
import {
  buildArp,
  buildEthernet,
  buildIp4,
  buildIp6,
  buildNeighbor,
  buildTcp,
  buildUdp,
  buildVlan,
  composePacket,
  FIELDS,
  FLOW_WORDS,
  type FieldName,
  getField,
  getFieldBig,
  makeFlowKey,
  parseFlowKey,
  parseIp4,
  parseIp6,
  parseMac,
} from "@tenet/net";
import { packetKey } from "./arbitrary-key.ts";

const dst = parseMac("0a:00:00:00:00:02");
const src = parseMac("0a:00:00:00:00:01");

function keyOf(frame: Uint8Array, inPort = 1): Uint32Array {
  const key = makeFlowKey().fill(0xdeadbeef);
  parseFlowKey(frame, frame.length, inPort, key);
  return key;
}

/** The fields that are not zero, by name. */
function fieldsOf(key: Uint32Array): Partial<Record<FieldName, bigint>> {
  const set = Object.values(FIELDS).filter((field) => getFieldBig(key, field) !== 0n);
  return Object.fromEntries(set.map((field) => [field.name, getFieldBig(key, field)]));
}

test("a composed packet parses back to the key it was made from", () => {
  fc.assert(
    fc.property(packetKey, fc.uint8Array({ maxLength: 40 }), (key, payload) => {
      const isDiscovery = getField(key, FIELDS.nw_proto) === 58;
      const frame = composePacket(key, isDiscovery ? new Uint8Array(0) : payload);
      expect(fieldsOf(keyOf(frame, key[FIELDS.in_port.word]))).toEqual(fieldsOf(key));
    }),
    { numRuns: 2000 },
  );
});

test("tags are read up to a limit; beyond it the next one is the payload", () => {
  const tagged = (...tags: [tpid: number, vid: number][]): Uint8Array =>
    tags.reduceRight(
      (frame, [tpid, vid]) => buildVlan({ tpid, vid }, frame),
      buildEthernet({ dst, src, type: 0x88cc }, new Uint8Array(9)),
    );
  const tagsOf = (frame: Uint8Array, vlanLimit: number): (bigint | undefined)[] => {
    const key = makeFlowKey();
    parseFlowKey(frame, frame.length, 1, key, 0, vlanLimit);
    const { vlan_tpid, vlan_tci, vlan_tpid1, vlan_tci1, eth_type } = fieldsOf(key);
    return [vlan_tpid, vlan_tci, vlan_tpid1, vlan_tci1, eth_type];
  };
  const [outer, inner] = [0x1005n, 0x1007n];
  const two = tagged([0x88a8, 5], [0x8100, 7]);
  expect(tagsOf(two, 0)).toEqual([undefined, undefined, undefined, undefined, 0x88a8n]);
  expect(tagsOf(two, 1)).toEqual([0x88a8n, outer, undefined, undefined, 0x8100n]);
  expect(tagsOf(two, 2)).toEqual([0x88a8n, outer, 0x8100n, inner, 0x88ccn]);
  expect(tagsOf(tagged([0x8100, 5]), 2)).toEqual([0x8100n, outer, undefined, undefined, 0x88ccn]);
  expect(tagsOf(tagged([0x8100, 5], [0x88a8, 7], [0x8100, 9]), 2)).toEqual([0x8100n, outer, 0x88a8n, inner, 0x8100n]);
  const key = makeFlowKey();
  parseFlowKey(two, two.length, 1, key, 0, 2);
  expect(composePacket(key)).toEqual(two.subarray(0, 22));
});

test("MPLS labels are read from the outermost to the bottom of the stack, three at most", () => {
  const labels = (...entries: number[]): Uint8Array => {
    const body = Uint8Array.from(entries.flatMap((entry) => [entry >>> 24, entry >>> 16, entry >>> 8, entry]));
    return buildEthernet({ dst, src, type: 0x8847 }, body);
  };
  const lse = (frame: Uint8Array): (bigint | undefined)[] => {
    const { mpls_lse, mpls_lse1, mpls_lse2 } = fieldsOf(keyOf(frame));
    return [mpls_lse, mpls_lse1, mpls_lse2];
  };
  expect(lse(labels(0x11040, 0x22140, 0x33040))).toEqual([0x11040n, 0x22140n, undefined]);
  expect(lse(labels(0x11040, 0x22040, 0x33040, 0x44140))).toEqual([0x11040n, 0x22040n, 0x33040n]);
  const key = keyOf(labels(0x11040, 0x22140));
  expect(fieldsOf(keyOf(composePacket(key)))).toEqual(fieldsOf(key));
});

test("a frame that does not say what is in it says how long it is", () => {
  const frame = composePacket(keyOf(buildEthernet({ dst, src, type: 14 }, new Uint8Array(0))), new Uint8Array(3));
  expect(frame).toEqual(buildEthernet({ dst, src, type: 17 }, new Uint8Array(3)));
});

test("a segment that is made of its key has no window, of which the key says nothing", () => {
  const ends = { src: 0x0a000001, dst: 0x0a000002 };
  const tcp = buildTcp({ srcPort: 1000, dstPort: 80, flags: 0x10, window: 512 }, new Uint8Array(0));
  const frame = composePacket(keyOf(buildEthernet({ dst, src, type: 0x0800 }, buildIp4({ ...ends, proto: 6 }, tcp))));
  expect([...frame.subarray(14 + 20 + 12, 14 + 20 + 16)]).toEqual([0x50, 0x10, 0, 0]);
});

test("any key composes to a frame that keeps its Ethernet addresses", () => {
  const words = fc.array(fc.integer({ min: 0, max: 0xffffffff }), { minLength: FLOW_WORDS, maxLength: FLOW_WORDS });
  fc.assert(
    fc.property(words, fc.constantFrom(0x0800, 0x86dd, 0x0806, 0x8035, 0, 0x9000), (values, type) => {
      const key = makeFlowKey();
      key.set(values);
      key[FIELDS.eth_type.word] = type << 16;
      const parsed = keyOf(composePacket(key));
      expect(getFieldBig(parsed, FIELDS.eth_src)).toBe(getFieldBig(key, FIELDS.eth_src) & 0xffffffffffffn);
    }),
    { numRuns: 500 },
  );
});

test("a frame cut anywhere never throws, and never shows bytes that are not there", () => {
  fc.assert(
    fc.property(packetKey, fc.nat(120), (key, cut) => {
      const frame = composePacket(key, new Uint8Array(20).fill(0xab));
      const length = Math.min(cut, frame.length);
      const inside = makeFlowKey();
      parseFlowKey(frame, length, 7, inside); // the bytes are in the buffer, but not in the packet
      const exact = makeFlowKey();
      parseFlowKey(frame.slice(0, length), length, 7, exact);
      expect(inside).toEqual(exact);
    }),
    { numRuns: 1000 },
  );
});

test("random bytes never throw", () => {
  const types = [0x0800, 0x86dd, 0x0806, 0x8100, 0x0003];
  const out = makeFlowKey();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 150 }), fc.constantFrom(...types), fc.nat(200), (bytes, type, length) => {
      if (bytes.length > 14) bytes.set([type >> 8, type & 255, type === 0x86dd ? 0x60 : 0x45], 12);
      parseFlowKey(bytes, length, 1, out);
    }),
    { numRuns: 3000 },
  );
});

test("the frame may lie anywhere in a larger buffer", () => {
  const frame = buildEthernet(
    { dst, src, type: 0x0800 },
    buildIp4({ src: 1, dst: 2, proto: 17 }, buildUdp({ srcPort: 5, dstPort: 6 })),
  );
  const arena = new Uint8Array(300).fill(0xff);
  arena.set(frame, 100);
  const key = makeFlowKey();
  parseFlowKey(arena, frame.length, 1, key, 100);
  expect(key).toEqual(keyOf(frame));
});

test("a TCP segment in a tagged frame shows every layer", () => {
  const tcp = buildTcp({ srcPort: 1000, dstPort: 80, flags: 0x112 }, new Uint8Array(3));
  const ip = buildIp4({ src: parseIp4("10.0.0.1"), dst: parseIp4("10.0.0.2"), proto: 6, ttl: 7, tos: 4 }, tcp);
  const frame = buildVlan({ vid: 5, pcp: 3 }, buildEthernet({ dst, src, type: 0x0800 }, ip));
  expect(fieldsOf(keyOf(frame))).toEqual({
    in_port: 1n,
    eth_dst: BigInt(dst),
    eth_src: BigInt(src),
    eth_type: 0x0800n,
    vlan_tci: 0x7005n,
    vlan_tpid: 0x8100n,
    nw_proto: 6n,
    nw_ttl: 7n,
    nw_tos: 4n,
    nw_src: 0x0a000001n,
    nw_dst: 0x0a000002n,
    tp_src: 1000n,
    tp_dst: 80n,
    tcp_flags: 0x112n,
  });
});

test("Ethernet padding is not taken for payload", () => {
  const ip = buildIp4({ src: 1, dst: 2, proto: 17 }, new Uint8Array(4)); // too short for UDP
  const frame = new Uint8Array(60).fill(0xee);
  frame.set(buildEthernet({ dst, src, type: 0x0800 }, ip));
  expect(fieldsOf(keyOf(frame))).toMatchObject({ nw_proto: 17n });
  expect(fieldsOf(keyOf(frame)).tp_src).toBeUndefined();
});

test("an ARP request shows opcode, addresses and targets", () => {
  const arp = buildArp({ operation: 1, senderMac: src, senderIp: 0x0a000001, targetMac: 0, targetIp: 0x0a000002 });
  expect(fieldsOf(keyOf(buildEthernet({ dst, src, type: 0x0806 }, arp)))).toMatchObject({
    nw_proto: 1n,
    nw_src: 0x0a000001n,
    nw_dst: 0x0a000002n,
    arp_sha: BigInt(src),
  });
});

test("extension headers are walked to the transport header", () => {
  const udp = buildUdp({ srcPort: 1, dstPort: 2 });
  const hopByHop = Uint8Array.from([60, 0, 1, 4, 0, 0, 0, 0]);
  const destination = Uint8Array.from([17, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  const body = Uint8Array.from([...hopByHop, ...destination, ...udp]);
  const ip = buildIp6({ src: parseIp6("fd00::1"), dst: parseIp6("fd00::2"), proto: 0 }, body);
  expect(fieldsOf(keyOf(buildEthernet({ dst, src, type: 0x86dd }, ip)))).toMatchObject({ nw_proto: 17n, tp_src: 1n, tp_dst: 2n });
});

test("a neighbour solicitation with the same option twice shows type and code only", () => {
  const target = parseIp6("fd00::2");
  const good = buildNeighbor({ kind: "solicitation", target, sourceMac: src });
  const option = good.subarray(24);
  const twice = Uint8Array.from([...good, ...option]);
  const frameOf = (body: Uint8Array) =>
    buildEthernet({ dst, src, type: 0x86dd }, buildIp6({ src: parseIp6("fd00::1"), dst: target, proto: 58 }, body));
  expect(fieldsOf(keyOf(frameOf(good)))).toMatchObject({ arp_sha: BigInt(src), tp_src: 135n });
  const fields = fieldsOf(keyOf(frameOf(twice)));
  expect(fields).toMatchObject({ tp_src: 135n });
  expect(fields.nd_target).toBeUndefined();
});

test("SNAP frames show the type inside, other 802.3 frames 0x05ff", () => {
  const snap = Uint8Array.from([0xaa, 0xaa, 3, 0, 0, 0, 0x08, 0x06, ...new Uint8Array(20)]);
  expect(getField(keyOf(buildEthernet({ dst, src, type: snap.length }, snap)), FIELDS.eth_type)).toBe(0x0806);
  const stp = Uint8Array.from([0x42, 0x42, 3, ...new Uint8Array(30)]);
  expect(getField(keyOf(buildEthernet({ dst, src, type: stp.length }, stp)), FIELDS.eth_type)).toBe(0x05ff);
});
