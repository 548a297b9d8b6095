/** Sets fields as `Rewriter` does in this process, word by word of the packet's headers. */
import { asm } from "@tenet/bpf";
import { ETH_TYPE, FIELDS, IP_PROTO } from "@tenet/net";
import { STACK } from "../program/stack.ts";
import { SLOT } from "../slot.ts";
import { type ActionCode, type ActionOf, type KernelAction, loadArgument } from "./action-kind.ts";
import { type FrameLayout, isMpls } from "./frame-layout.ts";
import { SET_SCTP_ACTIONS, type SetSctpActionName, sctpArgument } from "./set-sctp.ts";
import { checksumOf, SET_WORD_ACTIONS, type SetWordActionName, wordArgument } from "./set-word.ts";

const ADDRESS_BYTES = 6;
const TCI_BITS = 0xefff;
const VLAN_TCI = FIELDS.vlan_tci.word;
const NW = FIELDS.nw_proto.word; //  | proto | tos | ttl | frag |
const MPLS_LSE = FIELDS.mpls_lse.word;
/** Says where the stack of labels ends, and is never set. */
const BOTTOM_OF_STACK = 0x100;
const TP = FIELDS.tp_src.word; //  | tp_src | tp_dst |

/** Actions of this file. */
export type SetFieldActionName = SetWordActionName | SetSctpActionName | "setMac";

/** What they do. */
export const SET_FIELD_ACTIONS: Readonly<Record<SetFieldActionName, ActionCode>> = {
  ...SET_WORD_ACTIONS,
  ...SET_SCTP_ACTIONS,
  /** Replaces an Ethernet address: where; its bytes, which go over the stack, since a helper must not read them from a slot. */
  setMac: () => [
    [asm.load(8, "r1", "r7", SLOT.actions + 8), asm.store(8, "r10", STACK.scratch, "r1")],
    [asm.mov("r1", "r6"), loadArgument("r2", "argument"), asm.mov("r3", "r10"), asm.add("r3", STACK.scratch)],
    [asm.mov("r4", ADDRESS_BYTES), asm.mov("r5", 0), asm.call("skb_store_bytes"), asm.jump("next")],
  ],
};

type Name = SetFieldActionName;
type SetMasked = ActionOf<"setMasked">;

/** Bits of 32 that are to become others, of a header that begins `at` bytes before. */
interface Change {
  readonly name: Name;
  readonly at: number;
  readonly value: number;
  readonly bits: number;
}

/**
 * What sets these fields. Fields that the flow's packets do not have are left out, as in this process; the program never sees
 * messages of neighbour discovery.
 *
 * @returns `undefined` when packets may differ in where or whether they have a field
 */
export function translateSetMasked(action: SetMasked, layout: FrameLayout): KernelAction<Name>[] | undefined {
  const out = [...setAddress(action, "eth_dst", 0), ...setAddress(action, "eth_src", ADDRESS_BYTES), ...setTag(action)];
  if (action.mask[MPLS_LSE] === 0 && action.mask.subarray(NW).every((bits) => bits === 0)) return out;
  const { networkType: ethType, networkAt } = layout;
  if (ethType === undefined || networkAt === undefined) return undefined;
  if (!layout.isNetworkRead && !isMpls(ethType)) return undefined;
  for (const change of networkChanges(action, ethType))
    out.push(toAction(change, wordArgument(networkAt + change.at, networkAt)));
  const family = ethType === ETH_TYPE.ip4 ? 4 : ethType === ETH_TYPE.ip6 ? 6 : undefined;
  if (family === undefined || action.mask[TP] === 0) return out;
  const proto = layout.known("nw_proto");
  if (proto === undefined) return undefined;
  if (proto === IP_PROTO.sctp) out.push(toAction(portChange("setSctpPorts", action), sctpArgument(networkAt, family)));
  const checksum = checksumOf(proto, family);
  if (checksum !== undefined) out.push(toAction(transportChange(action, proto), wordArgument(0, networkAt, checksum)));
  return out;
}

/** A whole address by one step, bits of one by two. */
function setAddress({ key, mask }: SetMasked, name: "eth_dst" | "eth_src", at: number): KernelAction<Name>[] {
  const { word } = FIELDS[name];
  const [upper, lower] = [mask[word] ?? 0, mask[word + 1] ?? 0];
  if (upper !== 0xffff || lower !== 0xffff_ffff) {
    return addressChanges("setWord", key, mask, word, at).map((change) => toAction(change, wordArgument(change.at, 0)));
  }
  const bytes = new DataView(new ArrayBuffer(8));
  bytes.setUint16(0, key[word] ?? 0);
  bytes.setUint32(2, key[word + 1] ?? 0);
  return [{ what: "setMac", argument: at, low: bytes.getUint32(0, true), high: bytes.getUint32(4, true) }];
}

function setTag({ key, mask }: SetMasked): KernelAction<Name>[] {
  const bits = (mask[VLAN_TCI] ?? 0) & TCI_BITS;
  return bits === 0 ? [] : [{ what: "setTag", argument: 0, low: (key[VLAN_TCI] ?? 0) & bits, high: ~bits & 0xffff }];
}

function networkChanges({ key, mask }: SetMasked, ethType: number): readonly Change[] {
  const [nw, nwMask] = [key[NW] ?? 0, mask[NW] ?? 0];
  const words = (name: Name, at: number, word: number, n: number): Change[] =>
    Array.from({ length: n }, (_, i) => changed(name, at + 4 * i, key[word + i] ?? 0, mask[word + i] ?? 0)).flat();
  switch (ethType) {
    case ETH_TYPE.ip4:
      return [
        ...changed("setIp4", 0, nw, nwMask & 0x00ff_0000), // version, IHL | tos | length
        ...changed("setIp4", 8, nw << 16, (nwMask & 0xff00) << 16), // ttl | proto | checksum
        ...words("setIp4Address", 12, FIELDS.nw_src.word, 2),
      ];
    case ETH_TYPE.ip6: {
      const label = FIELDS.ipv6_label.word;
      const traffic = ((nw >>> 16) & 0xff) << 20; // version | traffic class | label
      const trafficMask = ((nwMask >>> 16) & 0xff) << 20;
      return [
        ...changed("setNetwork", 0, traffic | ((key[label] ?? 0) & 0xfffff), trafficMask | ((mask[label] ?? 0) & 0xfffff)),
        ...changed("setNetwork", 4, nw >>> 8, (nwMask >>> 8) & 0xff), // length | next header | hop limit
        ...words("setIp6Address", 8, FIELDS.ipv6_src.word, 8),
      ];
    }
    case ETH_TYPE.arp:
    case ETH_TYPE.rarp:
      return [
        ...changed("setNetwork", 4, nw >>> 24, nwMask >>> 24), // sizes | operation
        ...addressChanges("setNetwork", key, mask, FIELDS.arp_sha.word, 8),
        ...words("setNetwork", 14, FIELDS.nw_src.word, 1),
        ...addressChanges("setNetwork", key, mask, FIELDS.arp_tha.word, 18),
        ...words("setNetwork", 24, FIELDS.nw_dst.word, 1),
      ];
    case ETH_TYPE.mpls:
    case ETH_TYPE.mplsMulticast:
      return changed("setNetwork", 0, key[MPLS_LSE] ?? 0, (mask[MPLS_LSE] ?? 0) & ~BOTTOM_OF_STACK);
    default:
      return [];
  }
}

/** Ports, or type and code. */
function transportChange(action: SetMasked, proto: number): Change {
  const change = portChange("setTransport", action);
  if (proto === IP_PROTO.tcp || proto === IP_PROTO.udp) return change;
  const { value, bits } = change;
  const asMessage = (ports: number): number => ((ports & 0xff_0000) << 8) | ((ports & 0xff) << 16);
  return { ...change, value: asMessage(value), bits: asMessage(bits) };
}

function portChange(name: Name, { key, mask }: SetMasked): Change {
  return { name, at: 0, value: key[TP] ?? 0, bits: mask[TP] ?? 0 };
}

/** An Ethernet address, which two words of a packet have. */
function addressChanges(name: Name, key: Uint32Array, mask: Uint32Array, word: number, at: number): readonly Change[] {
  const [upper, lower] = [key[word] ?? 0, key[word + 1] ?? 0];
  const [upperMask, lowerMask] = [mask[word] ?? 0, mask[word + 1] ?? 0];
  return [
    ...changed(name, at, (upper << 16) | (lower >>> 16), (upperMask << 16) | (lowerMask >>> 16)),
    ...changed(name, at + 2, lower, lowerMask & 0xffff),
  ];
}

function changed(name: Name, at: number, value: number, bits: number): readonly Change[] {
  return bits === 0 ? [] : [{ name, at, value, bits }];
}

function toAction({ name, value, bits }: Change, argument: number): KernelAction<Name> {
  return { what: name, argument, low: swap32(value & bits), high: swap32(~bits) };
}

function swap32(value: number): number {
  return (((value & 0xff) << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0;
}
