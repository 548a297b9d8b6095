import fc from "fast-check";
import { expect, test } from "vitest";
import {
  composePacket,
  FIELDS,
  type FieldName,
  fieldOnes,
  getField,
  getFieldBig,
  getU16,
  getU32,
  makeFlowKey,
  putU16,
  putU32,
  setFieldBig,
} from "@tenet/net";
import { Rewriter } from "../src/packet/rewrite.ts";
import { sctpChecksum } from "../src/packet/sctp-checksum.ts";
import { completeFrame } from "../src/packet/vnet-header.ts";
import { keyOf } from "./frames.ts";

const HEADER = 10;
const bits = (n: number): fc.Arbitrary<bigint> => fc.bigInt({ min: 0n, max: (1n << BigInt(n)) - 1n });

/** Kinds of packets, and the fields that can be set in them. */
const KINDS: Record<string, { fixed: Partial<Record<FieldName, number>>; fields: readonly FieldName[] }> = {
  tcp4: { fixed: { eth_type: 0x0800, nw_proto: 6 }, fields: ["nw_src", "nw_dst", "nw_tos", "nw_ttl", "tp_src", "tp_dst"] },
  udp4: { fixed: { eth_type: 0x0800, nw_proto: 17 }, fields: ["nw_src", "nw_dst", "nw_tos", "nw_ttl", "tp_src", "tp_dst"] },
  icmp4: { fixed: { eth_type: 0x0800, nw_proto: 1 }, fields: ["nw_src", "nw_dst", "nw_tos", "nw_ttl", "tp_src", "tp_dst"] },
  tcp6: {
    fixed: { eth_type: 0x86dd, nw_proto: 6 },
    fields: ["ipv6_src", "ipv6_dst", "ipv6_label", "nw_tos", "nw_ttl", "tp_src", "tp_dst"],
  },
  udp6: {
    fixed: { eth_type: 0x86dd, nw_proto: 17 },
    fields: ["ipv6_src", "ipv6_dst", "ipv6_label", "nw_tos", "nw_ttl", "tp_src", "tp_dst"],
  },
  nd: {
    fixed: { eth_type: 0x86dd, nw_proto: 58, tp_src: 135, arp_sha: 1, arp_tha: 2, nd_options_type: 1 },
    fields: ["ipv6_src", "ipv6_dst", "nw_ttl", "nd_reserved", "nd_target", "arp_sha", "arp_tha"],
  },
  arp: { fixed: { eth_type: 0x0806, nw_proto: 1 }, fields: ["nw_src", "nw_dst", "arp_sha", "arp_tha"] },
  vlan: {
    fixed: { eth_type: 0x0800, nw_proto: 17, vlan_tci: 0x1005, vlan_tpid: 0x8100 },
    fields: ["nw_src", "vlan_tci", "tp_dst"],
  },
};

const kind = fc.constantFrom(...Object.keys(KINDS));
const bytes = fc.uint8Array({ maxLength: 21 });

/** A key of a kind with random values, and a random rewrite of some of its fields. */
const scene = fc
  .tuple(kind, fc.infiniteStream(bits(128)), fc.infiniteStream(bits(128)), fc.infiniteStream(fc.boolean()))
  .map(([name, values, masks, choices]) => {
    const { fixed = {}, fields = [] } = KINDS[name] ?? {};
    const key = makeFlowKey();
    const set = makeFlowKey();
    const mask = makeFlowKey();
    for (const fieldName of ["eth_src", "eth_dst", ...fields] as FieldName[]) {
      const field = FIELDS[fieldName];
      setFieldBig(key, field, nextOf(values) & fieldOnes(field));
      if (!nextOf(choices)) continue;
      setFieldBig(set, field, nextOf(values) & fieldOnes(field));
      setFieldBig(mask, field, nextOf(masks) & fieldOnes(field));
    }
    for (const [fieldName, value] of Object.entries(fixed)) {
      const field = FIELDS[fieldName as FieldName];
      setFieldBig(key, field, getFieldBig(key, field) || BigInt(value));
      if (["eth_type", "nw_proto", "vlan_tci"].includes(fieldName)) setFieldBig(key, field, BigInt(value));
    }
    if (name === "icmp4") key[FIELDS.tp_src.word] = (key[FIELDS.tp_src.word] ?? 0) & 0x00ff00ff;
    key[FIELDS.ipv6_label.word] = (key[FIELDS.ipv6_label.word] ?? 0) & 0xfffff;
    if (name === "nd") setFieldBig(key, FIELDS.tp_src, 135n);
    return { key, set, mask };
  });

function nextOf<T>(stream: Iterator<T>): T {
  return stream.next().value as T;
}

/** The key that a rewrite should give. */
function rewritten(key: Uint32Array, set: Uint32Array, mask: Uint32Array): Uint32Array {
  return key.map((word, i) => (word & ~(mask[i] ?? 0)) | ((set[i] ?? 0) & (mask[i] ?? 0)));
}

/** Keeps the packet of its kind: the tag present, label of 20 bits, ICMP type of 8. */
function tame(key: Uint32Array, mask: Uint32Array): void {
  mask[FIELDS.ipv6_label.word] = (mask[FIELDS.ipv6_label.word] ?? 0) & 0xfffff;
  const tci = FIELDS.vlan_tci;
  mask[tci.word] = (mask[tci.word] ?? 0) & ~(0x1000 << tci.shift);
  if (getField(key, FIELDS.nw_proto) === 1) mask[FIELDS.tp_src.word] = (mask[FIELDS.tp_src.word] ?? 0) & 0x00ff00ff;
}

test("the first link-layer option of a neighbour message gets another type, and its checksum stays right", () => {
  const [key, set, mask] = [makeFlowKey(), makeFlowKey(), makeFlowKey()];
  const fields = { eth_type: 0x86dd, nw_proto: 58, nw_ttl: 255, tp_src: 136, arp_tha: 7, nd_options_type: 2 } as const;
  for (const [name, value] of Object.entries(fields)) setFieldBig(key, FIELDS[name as FieldName], BigInt(value));
  setFieldBig(set, FIELDS.nd_options_type, 1n);
  setFieldBig(mask, FIELDS.nd_options_type, 0xffn);
  const frame = composePacket(key);
  const memory = new Uint8Array(HEADER + frame.length);
  memory.set(frame, HEADER);
  new Rewriter().apply(memory, 0, HEADER, frame.length, set, mask);
  const wanted = key.slice();
  setFieldBig(wanted, FIELDS.nd_options_type, 1n);
  setFieldBig(wanted, FIELDS.arp_tha, 0n);
  setFieldBig(wanted, FIELDS.arp_sha, 7n);
  expect(memory.slice(HEADER)).toEqual(composePacket(wanted));
});

test("a rewritten packet equals the packet composed from the rewritten key, checksums and all", () => {
  fc.assert(
    fc.property(scene, bytes, ({ key, set, mask }, payload) => {
      tame(key, mask);
      const body = getField(key, FIELDS.nw_proto) === 58 ? new Uint8Array(0) : payload;
      const wanted = rewritten(key, set, mask);
      const frame = composePacket(key, body);
      const at = HEADER;
      const memory = new Uint8Array(HEADER + frame.length);
      memory.set(frame, at);
      new Rewriter().apply(memory, 0, at, frame.length, set, mask);
      expect(keyOf(memory.slice(at), 0)).toEqual(wanted);
      const composed = composePacket(wanted, body);
      if (composed.length === frame.length) expect(memory.slice(at)).toEqual(composed);
    }),
    { numRuns: 2000 },
  );
});

test("a packet whose checksum is partial stays right after a rewrite", () => {
  fc.assert(
    fc.property(scene, bytes, ({ key, set, mask }, payload) => {
      const proto = getField(key, FIELDS.nw_proto);
      if (getField(key, FIELDS.vlan_tci) !== 0 || (proto !== 6 && proto !== 17)) return;
      const wanted = rewritten(key, set, mask);
      const frame = composePacket(key, payload);
      const memory = new Uint8Array(HEADER + frame.length);
      memory.set(frame, HEADER);
      const l4At = getField(key, FIELDS.eth_type) === 0x0800 ? 34 : 54;
      const field = proto === 6 ? 16 : 6;
      // Partial: only the pseudo-header is summed. Take the sum of the message out of the complete checksum.
      let sum = ~(((frame[l4At + field] ?? 0) << 8) | (frame[l4At + field + 1] ?? 0)) & 0xffff;
      for (let i = l4At; i < frame.length; i += 2) {
        if (i !== l4At + field) sum += ~(((frame[i] ?? 0) << 8) | (frame[i + 1] ?? 0)) & 0xffff;
      }
      while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
      putU16(memory, HEADER + l4At + field, sum);
      memory.set([1, 0, 0, 0, 0, 0, l4At, 0, field, 0]);
      new Rewriter().apply(memory, 0, HEADER, frame.length, set, mask);
      expect(completeFrame(memory, 0, HEADER, frame.length)).toEqual(composePacket(wanted, payload));
    }),
    { numRuns: 1000 },
  );
});

test("the checksum of an SCTP packet follows its ports, and stays wrong when it was", () => {
  expect(sctpChecksum(new Uint8Array(32), 0, 32)).toBe(0xaa36918a); // RFC 3720, B.4
  const key = makeFlowKey();
  setFieldBig(key, FIELDS.eth_type, 0x0800n);
  setFieldBig(key, FIELDS.nw_proto, 132n);
  setFieldBig(key, FIELDS.tp_src, 5000n);
  const frame = composePacket(key, Uint8Array.of(1, 2, 3));
  const memory = new Uint8Array(HEADER + frame.length + 4); // and padding
  memory.set(frame, HEADER);
  const l4At = HEADER + 34;
  const end = HEADER + frame.length;
  const set = makeFlowKey();
  setFieldBig(set, FIELDS.tp_dst, 77n);
  const mask = makeFlowKey();
  setFieldBig(mask, FIELDS.tp_dst, 0xffffn);
  for (const fault of [0, 0x10]) {
    putU32(memory, l4At + 8, sctpChecksum(memory, l4At, end) ^ fault);
    putU16(memory, l4At + 2, 0);
    putU32(memory, l4At + 8, sctpChecksum(memory, l4At, end) ^ fault);
    new Rewriter().apply(memory, 0, HEADER, frame.length + 4, set, mask);
    expect(getU16(memory, l4At + 2)).toBe(77);
    expect(getU32(memory, l4At + 8)).toBe((sctpChecksum(memory, l4At, end) ^ fault) >>> 0);
  }
});

test.each([
  ["shorter than its transport header", 20 + 4, false],
  ["shorter than its own header", 19, true],
  ["longer than the frame", 20 + 8 + 1, true],
])("an IP packet %s gets no field that it does not have", (_name, totalLength, isMalformed) => {
  const key = makeFlowKey();
  setFieldBig(key, FIELDS.eth_type, 0x0800n);
  setFieldBig(key, FIELDS.nw_proto, 17n);
  const frame = composePacket(key);
  const memory = new Uint8Array(HEADER + frame.length);
  memory.set(frame, HEADER);
  putU16(memory, HEADER + 16, totalLength);
  const before = memory.slice();
  const set = makeFlowKey();
  const mask = makeFlowKey();
  for (const name of ["nw_dst", "tp_src"] as const) {
    setFieldBig(set, FIELDS[name], 0x1234n);
    setFieldBig(mask, FIELDS[name], name === "nw_dst" ? 0xffffffffn : 0xffffn);
  }
  new Rewriter().apply(memory, 0, HEADER, frame.length, set, mask);
  expect(memory.slice(HEADER + 34)).toEqual(before.slice(HEADER + 34));
  expect(getU32(memory, HEADER + 30)).toBe(isMalformed ? 0 : 0x1234);
});

test("a UDP datagram without a checksum keeps none", () => {
  const key = makeFlowKey();
  setFieldBig(key, FIELDS.eth_type, 0x0800n);
  setFieldBig(key, FIELDS.nw_proto, 17n);
  const frame = composePacket(key);
  const memory = new Uint8Array(HEADER + frame.length);
  memory.set(frame, HEADER);
  putU16(memory, HEADER + 40, 0);
  const set = makeFlowKey();
  setFieldBig(set, FIELDS.nw_dst, 0x01020304n);
  const mask = makeFlowKey();
  setFieldBig(mask, FIELDS.nw_dst, 0xffffffffn);
  new Rewriter().apply(memory, 0, HEADER, frame.length, set, mask);
  expect(getU16(memory, HEADER + 40)).toBe(0);
});
