/** What the kernel's program says of a packet that it sends up arrives here. */
import { FRAME_OFFSET, FrameArena, VNET_HEADER_BYTES } from "@tenet/linux";
import { FIELDS, type FieldName, makeFlowKey } from "@tenet/net";
import { expect, test } from "vitest";
import { KEY_WORDS, METADATA_BYTES, toKernel } from "../src/ebpf/key-layout.ts";
import { takeUpcallHeader, UPCALL_HEADER_BYTES } from "../src/ebpf/upcall-header.ts";
import { Packet } from "../src/packet/packet.ts";
import { PacketMemory } from "../src/packet/packet-memory.ts";
import { udpFrame } from "./frames.ts";

const TAG_BYTES = 4;
const FRAME = udpFrame();
const IPV4: readonly FieldName[] = ["ct_nw_src", "ct_nw_dst", "tun_src", "tun_dst"];
const IPV6: readonly FieldName[] = ["ct_ipv6_src", "ct_ipv6_dst", "tun_ipv6_src", "tun_ipv6_dst"];
const ICMP = 1;

/** A packet in a slot of its own, behind a header that says what `key` has in the words that the program knows. */
function sentUp(key: Uint32Array): Packet {
  const arena = new FrameArena(1);
  const packet = new Packet(arena);
  const nBytes = UPCALL_HEADER_BYTES + TAG_BYTES;
  new PacketMemory().adopt(packet, arena, FRAME_OFFSET, nBytes + FRAME.length);
  for (const [i, layout] of KEY_WORDS.slice(0, METADATA_BYTES / 4).entries()) {
    arena.view.setUint32(FRAME_OFFSET + nBytes - METADATA_BYTES + 4 * i, toKernel(key[layout.word] ?? 0, layout), true);
  }
  arena.bytes.set(FRAME, FRAME_OFFSET + nBytes);
  arena.bytes[packet.headerAt] = 1;
  arena.view.setUint16(packet.headerAt + 6, nBytes + 34, true);
  return packet;
}

/** A key with something of its own in every word that the program knows, of one family. */
function fullKey(absent: readonly FieldName[], proto: number): Uint32Array {
  const key = makeFlowKey();
  for (const [i, { word }] of KEY_WORDS.slice(0, METADATA_BYTES / 4).entries()) key[word] = 0x1122_3300 + i;
  for (const name of absent) key.fill(0, FIELDS[name].word, FIELDS[name].word + FIELDS[name].nWords);
  key[FIELDS.ct_zone.word] = 0xfffe;
  key[FIELDS.ct_nw_proto.word] = proto << 24;
  key[FIELDS.ct_tp_src.word] = proto === ICMP ? 0x0008_0005 : 0x1234_5678;
  key[FIELDS.tun_options_present.word + 1] = 8;
  return key;
}

test.each([
  ["IPv4", IPV6, 6],
  ["IPv6", IPV4, 17],
  ["ICMP", IPV6, ICMP],
] as const)("all that is known of a packet, with a connection and a tunnel of %s, is what it was", (_, absent, proto) => {
  const key = fullKey(absent, proto);
  const packet = sentUp(key);
  expect(takeUpcallHeader(packet)).toBe(true);
  const read = makeFlowKey();
  packet.writeMetadata(read);
  read[FIELDS.in_port.word] = packet.inPort;
  expect([...read]).toEqual([...key]);
});

test("the packet is as it was, with the place of its checksum", () => {
  const packet = sentUp(makeFlowKey());
  takeUpcallHeader(packet);
  const { arena, at, length, headerAt } = packet;
  expect(arena.bytes.slice(at, at + length)).toEqual(FRAME);
  expect(headerAt).toBe(at - VNET_HEADER_BYTES);
  expect([arena.bytes[headerAt], arena.view.getUint16(headerAt + 6, true)]).toEqual([1, 34]);
});

test("a header that is cut is refused", () => {
  const packet = sentUp(makeFlowKey());
  packet.length = UPCALL_HEADER_BYTES + TAG_BYTES - 1;
  expect(takeUpcallHeader(packet)).toBe(false);
});
