/**
 * Replaces bits of 32 that a header has, and keeps checksums true: complete ones, partial ones (which hold the sum of the pseudo-header
 * alone), and those that a device has summed up for us.
 *
 * The action's argument: | where 1 | where the network header begins 1 | checksum 1 | its flags 1 |; `where` is counted from the packet's
 * first byte, and for `setTransport` from its transport header. Then the bits to set, and those to keep, both as in the packet.
 */
import { asm, type Code } from "@tenet/bpf";
import { IP_PROTO } from "@tenet/net";
import { CONTEXT } from "../program/context.ts";
import { PROTO_AT, STACK } from "../program/stack.ts";
import { SLOT } from "../slot.ts";
import { type ActionCode, loadArgument } from "./action-kind.ts";

/** Flags of `l4_csum_replace`, over the size of what has changed. */
const CHECKSUM_FLAG = { isPseudo: 0x10, isZeroUnused: 0x20, isZeroUsed: 0x40 } as const;
/** Flag of `skb_store_bytes`: the sum of all bytes, when a device gave one, changes with them. */
export const RECOMPUTE = 1;

const WORD_BYTES = 4;
const ETHERNET_BYTES = 14;
/** Bytes of the argument. */
export const ARGUMENT = { where: 0, networkAt: 1, checksumAt: 2, flags: 3 } as const;
/** In an IPv4 header. */
export const IP4_CHECKSUM_AT = 10;
/** On the stack: the word before; all 8 bytes are written, so that the verifier forgets what was there. */
export const BEFORE: number = STACK.scratch;
/** Likewise: the word after, and where it is. */
export const AFTER: number = STACK.scratch + 8;
export const WHERE: number = STACK.scratch + 16;
/** Likewise: flags with which a word of the transport header is written. */
const STORE_FLAGS = STACK.scratch + 24;

const UDP_FLAGS = { 4: CHECKSUM_FLAG.isZeroUnused, 6: CHECKSUM_FLAG.isZeroUnused | CHECKSUM_FLAG.isZeroUsed } as const;

/** Where a transport header has its checksum, and how that is updated. */
interface Checksum {
  readonly at: number;
  readonly flags: number;
}

/** The checksum of a transport protocol whose first word can be set; `undefined` for others. */
export function checksumOf(proto: number, family: 4 | 6): Checksum | undefined {
  if (proto === IP_PROTO.tcp) return { at: 16, flags: 0 };
  if (proto === IP_PROTO.udp) return { at: 6, flags: UDP_FLAGS[family] };
  return proto === (family === 4 ? IP_PROTO.icmp : IP_PROTO.icmp6) ? { at: 2, flags: 0 } : undefined;
}

/** The action's argument. */
export function wordArgument(where: number, networkAt: number, { at, flags }: Checksum = { at: 0, flags: 0 }): number {
  return (where | (networkAt << 8) | (at << 16) | ((flags | WORD_BYTES) << 24)) >>> 0;
}

/** Actions of this file. */
export type SetWordActionName =
  | "setWord"
  | "setIp4"
  | "setIp4Address"
  | "setNetwork"
  | "setIp6Address"
  | "setTransport"
  | "setTag";

/** What they do. */
export const SET_WORD_ACTIONS: Readonly<Record<SetWordActionName, ActionCode>> = {
  /** Of Ethernet, which no sum covers. */
  setWord: () => [fromArgument(), replace(0), asm.jump("next")],
  /** Of IPv4, but no address. */
  setIp4: () => [fromArgument(), replace(0), updateIp4(), asm.jump("next")],
  setIp4Address: () => [fromArgument(), replace(0), updateIp4(), updatePseudo(4), asm.jump("next")],
  /** Of what only the sum of all bytes covers: ARP, and IPv6 but for addresses. */
  setNetwork: () => [fromArgument(), replace(RECOMPUTE), asm.jump("next")],
  setIp6Address: () => [fromArgument(), replace(RECOMPUTE), updatePseudo(6), asm.jump("next")],
  /** Of a transport header; nothing is done to a packet without one. */
  setTransport: () => [
    chooseStoreFlags(),
    transportAt(),
    loadByte("r1", ARGUMENT.where),
    [asm.add("r2", "r1"), asm.store(8, "r10", WHERE, "r2")],
    replaceBy(asm.load(8, "r5", "r10", STORE_FLAGS)),
    transportAt(),
    [loadByte("r1", ARGUMENT.checksumAt), asm.add("r2", "r1"), loadByte("r5", ARGUMENT.flags)],
    updateTransport(),
    asm.jump("next"),
  ],
  /** Of the tag beside the packet, as numbers. */
  setTag: () => [
    asm.load(4, "r1", "r6", CONTEXT.vlanPresent),
    asm.branch("r1", "==", 0, "next"),
    [asm.load(4, "r1", "r6", CONTEXT.vlanTci), combine(), asm.store(8, "r10", AFTER, "r1")],
    [asm.load(4, "r1", "r6", CONTEXT.vlanProto), asm.store(8, "r10", BEFORE, "r1")],
    [asm.mov("r1", "r6"), asm.call("skb_vlan_pop")],
    [asm.mov("r1", "r6"), asm.load(4, "r2", "r10", BEFORE), asm.load(4, "r3", "r10", AFTER), asm.call("skb_vlan_push")],
    asm.jump("next"),
  ],
};

/** Loads a byte of the argument. */
export function loadByte(to: "r1" | "r2" | "r5", at: number): Code {
  return asm.load(1, to, "r7", SLOT.actions + 4 + at);
}

function fromArgument(): Code {
  return [loadByte("r2", ARGUMENT.where), asm.store(8, "r10", WHERE, "r2")];
}

/** Sets `r1` to what it becomes. */
function combine(): Code {
  return [loadArgument("r2", "high"), asm.and("r1", "r2"), loadArgument("r2", "low"), asm.or("r1", "r2")];
}

/** Without a checksum, which UDP over IPv4 need not have, nothing makes up for what changes in the sum of all bytes. */
function chooseStoreFlags(): Code {
  return [
    [transportAt(), asm.store(8, "r10", STORE_FLAGS, 0), loadByte("r5", ARGUMENT.flags)],
    [asm.and("r5", UDP_FLAGS[6]), asm.branch("r5", "!=", UDP_FLAGS[4], "transport-summed")],
    [loadByte("r1", ARGUMENT.checksumAt), asm.add("r2", "r1"), asm.store(8, "r10", BEFORE, 0)],
    [asm.mov("r1", "r6"), asm.mov("r3", "r10"), asm.add("r3", BEFORE), asm.mov("r4", 2), asm.call("skb_load_bytes")],
    [
      asm.load(8, "r1", "r10", BEFORE),
      asm.branch("r1", "!=", 0, "transport-summed"),
      asm.store(8, "r10", STORE_FLAGS, RECOMPUTE),
    ],
    asm.label("transport-summed"),
  ];
}

/** Replaces the word at `WHERE`, and leaves what it was and is. */
export function replace(flags: number): Code {
  return replaceBy(asm.mov("r5", flags));
}

function replaceBy(setFlags: Code): Code {
  return [[loadWord(), asm.load(4, "r1", "r10", BEFORE), combine(), asm.store(8, "r10", AFTER, "r1")], storeWord(setFlags)];
}

/** Copies the word at `WHERE` to `BEFORE`. */
export function loadWord(): Code {
  return [
    [asm.store(8, "r10", BEFORE, 0), asm.mov("r1", "r6"), asm.load(4, "r2", "r10", WHERE), asm.mov("r3", "r10")],
    [asm.add("r3", BEFORE), asm.mov("r4", WORD_BYTES), asm.call("skb_load_bytes")],
  ];
}

/** Copies it from `AFTER`; with flags in `r5`. */
export function storeWord(setFlags: Code): Code {
  return [
    [asm.mov("r1", "r6"), asm.load(4, "r2", "r10", WHERE), asm.mov("r3", "r10"), asm.add("r3", AFTER)],
    [asm.mov("r4", WORD_BYTES), setFlags, asm.call("skb_store_bytes")],
  ];
}

function updateIp4(): Code {
  return [
    [loadByte("r2", ARGUMENT.networkAt), asm.add("r2", IP4_CHECKSUM_AT), asm.mov("r5", WORD_BYTES)],
    [asm.mov("r1", "r6"), asm.load(4, "r3", "r10", BEFORE), asm.load(4, "r4", "r10", AFTER), asm.call("l3_csum_replace")],
  ];
}

/** Sets `r2` to where the transport header begins now, or goes to `next`. */
export function transportAt(): Code {
  return [
    asm.load(8, "r2", "r10", STACK.transportAt),
    asm.branch("r2", "==", 0, "next"),
    [loadByte("r1", ARGUMENT.networkAt), asm.add("r2", "r1"), asm.sub("r2", ETHERNET_BYTES)],
  ];
}

/** Updates the transport checksum, which covers addresses, of whatever protocol the packet is. */
function updatePseudo(family: 4 | 6): Code {
  const protos = [IP_PROTO.tcp, IP_PROTO.udp, ...(family === 6 ? [IP_PROTO.icmp6] : [])];
  const place = (proto: number): string => `pseudo-${family}-${proto}`;
  return [
    [transportAt(), asm.load(1, "r1", "r10", PROTO_AT)],
    protos.map((proto) => asm.branch("r1", "==", proto, place(proto))),
    asm.jump("next"),
    protos.map((proto) => {
      const { at = 0, flags = 0 } = checksumOf(proto, family) ?? {};
      const update = [
        asm.add("r2", at),
        asm.mov("r5", CHECKSUM_FLAG.isPseudo | flags | WORD_BYTES),
        asm.jump(`pseudo-${family}`),
      ];
      return [asm.label(place(proto)), update];
    }),
    [asm.label(`pseudo-${family}`), updateTransport()],
  ];
}

/** Updates the checksum at `r2`, with the flags in `r5`. */
function updateTransport(): Code {
  return [asm.mov("r1", "r6"), asm.load(4, "r3", "r10", BEFORE), asm.load(4, "r4", "r10", AFTER), asm.call("l4_csum_replace")];
}
