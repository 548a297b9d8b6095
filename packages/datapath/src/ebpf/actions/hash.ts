/**
 * Computes the hash of the packet's connection, as `hashConnection` does in this process: MurmurHash3 over words that are the same for
 * both directions, each made of two words of the key.
 */
import { asm, type Code } from "@tenet/bpf";
import { FIELDS, IP_PROTO, NW_FRAG } from "@tenet/net";
import { placeOf, type WordGroup } from "../key-layout.ts";
import { PROTO_AT, STACK } from "../program/stack.ts";
import { unlearn } from "../program/unlearn.ts";
import { type ActionCode, type ActionOf, type KernelAction, loadArgument, type TranslationContext } from "./action-kind.ts";

/** Actions of this file. */
export type HashActionName = "hash";

/** What has to be read of packets before they are hashed. */
export const HASH_GROUPS: readonly WordGroup[] = ["ethernet", "type", "ip", "ip4", "ip6", "transport"];

/** What it does. */
export const HASH_ACTIONS: Readonly<Record<HashActionName, ActionCode>> = {
  /** Notes the hash: its basis. */
  hash: () => [loadArgument("r1", "argument"), hashKey(), asm.jump("next")],
};

/** Where the low byte of the word with the protocol lies, which tells of fragments. */
const FRAG_AT = PROTO_AT - 3;

/** Changes that the key does not show. */
const CHANGES: ReadonlySet<string> = new Set(["setMasked", "pushMpls", "popMpls"]);

/** @returns `undefined` when actions before have changed what is hashed */
export function translateHash(
  { basis }: ActionOf<"hash">,
  { before }: Pick<TranslationContext, "before">,
): KernelAction<HashActionName>[] | undefined {
  if (before.some(({ type }) => CHANGES.has(type))) return undefined;
  return [{ what: "hash", argument: basis, low: 0, high: 0 }];
}

/** Notes the hash of the key in the key, by the basis in `r1`; uses `r2` to `r5`. */
export function hashKey(): Code {
  return [
    asm.mov("r5", "r1"),
    asm.load(1, "r4", "r10", PROTO_AT),
    asm.branch("r4", "!=", 0, "hash-ip"),
    [mixPair(FIELDS.eth_src.word, FIELDS.eth_dst.word, 16), mixPair(FIELDS.eth_src.word + 1, FIELDS.eth_dst.word + 1, 32)],
    asm.jump("hash-proto"),
    [asm.label("hash-ip"), mixPair(FIELDS.nw_src.word, FIELDS.nw_dst.word, 32)],
    [0, 1, 2, 3].map((i) => mixPair(FIELDS.ipv6_src.word + i, FIELDS.ipv6_dst.word + i, 32)),
    [asm.label("hash-proto"), asm.mov("r2", "r4"), mix()],
    [IP_PROTO.tcp, IP_PROTO.udp, IP_PROTO.sctp].map((proto) => asm.branch("r4", "==", proto, "hash-ports")),
    asm.jump("hash-end"),
    [asm.label("hash-ports"), asm.load(1, "r2", "r10", FRAG_AT), asm.branch("r2", "&", NW_FRAG.later, "hash-end")],
    [
      load("r2", FIELDS.tp_src.word),
      asm.mov("r3", "r2"),
      asm.rsh("r3", 16),
      asm.xor("r2", "r3"),
      asm.toBigEndian(16, "r2"),
      mix(),
    ],
    [asm.label("hash-end"), finish(), asm.branch("r1", "!=", 0, "hashed"), asm.mov("r1", 1)],
    [asm.label("hashed"), asm.store(4, "r10", at(FIELDS.dp_hash.word), "r1"), unlearn(at(FIELDS.dp_hash.word))],
  ];
}

/** Continues the hash in `r1` with what two words of the packet differ in, of which so many bits are used. */
function mixPair(a: number, b: number, bits: 16 | 32): Code {
  return [load("r2", a), load("r3", b), asm.xor("r2", "r3"), asm.toBigEndian(bits, "r2"), mix()];
}

/** Continues the hash in `r1` with `r2`: `hashWord`. */
function mix(): Code {
  return [
    [asm.mul32("r2", 0xcc9e_2d51 | 0), rotate("r2", 15), asm.mul32("r2", 0x1b87_3593)],
    [asm.xor32("r1", "r2"), rotate("r1", 13), asm.mul32("r1", 5), asm.add32("r1", 0xe654_6b64 | 0)],
  ];
}

/** Ends the hash in `r1`, with the basis in `r5`: `finishHash`. */
function finish(): Code {
  const shift = (bits: number): Code => [asm.mov32("r3", "r1"), asm.rsh32("r3", bits), asm.xor32("r1", "r3")];
  return [
    [asm.xor32("r1", "r5"), shift(16), asm.mul32("r1", 0x85eb_ca6b | 0)],
    [shift(13), asm.mul32("r1", 0xc2b2_ae35 | 0), shift(16)],
  ];
}

function rotate(register: "r1" | "r2", bits: number): Code {
  return [asm.mov32("r3", register), asm.lsh32(register, bits), asm.rsh32("r3", 32 - bits), asm.or32(register, "r3")];
}

function load(to: "r2" | "r3", word: number): Code {
  return asm.load(4, to, "r10", at(word));
}

function at(word: number): number {
  return STACK.key + 4 * (placeOf(word) ?? 0);
}
