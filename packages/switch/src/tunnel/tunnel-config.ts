/** How an interface of a bridge uses tunnels: which of the packets that come out are its, and what goes in with which headers. */
import { isIPv4, isIPv6 } from "node:net";
import type { TunnelSpec } from "@tenet/datapath";
import { formatIp4, formatIp6, parseIp4, parseIp6 } from "@tenet/net";

/** An address as four words; IPv4 addresses are mapped (`::ffff:10.0.0.1`). */
export type TunnelAddress = readonly [number, number, number, number];

/** Settings of a tunnel interface, as the columns `type` and `options` say them. `flow`: the flow tables decide. */
export interface TunnelConfig {
  readonly type: TunnelSpec["type"];
  /**
   * Who sends and receives outer packets: the host's own stack, a bridge of ours (`native`), or a bridge of ours where the
   * route leads to one and else the host.
   */
  readonly carrier: "host" | "native" | "either";
  /** UDP port; 0 for GRE. */
  readonly dstPort: number;
  /** VXLAN: packets carry a group policy. */
  readonly hasPolicy: boolean;
  readonly remote: TunnelAddress | "flow";
  /** `undefined`: any address of this machine. */
  readonly local: TunnelAddress | "flow" | undefined;
  readonly inKey: bigint | "flow";
  /** `undefined`: no key is sent. */
  readonly outKey: bigint | "flow" | undefined;
  readonly ttl: number | "inherit";
  readonly tos: number | "inherit";
  readonly dontFragment: boolean;
  readonly hasChecksum: boolean;
  /** The options as they were given, for people. */
  readonly text: string;
}

/** No address at all, `::`. */
export const NO_ADDRESS: TunnelAddress = [0, 0, 0, 0];

/** Whether four words are an IPv4 address. */
export function isMapped(words: ArrayLike<number>, at = 0): boolean {
  return words[at] === 0 && words[at + 1] === 0 && words[at + 2] === 0xffff;
}

/** The name of the datapath port that tunnels of this kind share. */
export function tunnelPortName({ type, dstPort }: TunnelConfig): string {
  if (type === "gre" || type === "ip6gre") return `${type}_sys`;
  return `${type === "geneve" ? "genev" : type}_sys_${dstPort}`;
}

/** Four words from 4 or 16 bytes. */
export function addressOfBytes(bytes: Uint8Array): TunnelAddress {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  if (bytes.length === 4) return [0, 0, 0xffff, view.getUint32(0)];
  return [view.getUint32(0), view.getUint32(4), view.getUint32(8), view.getUint32(12)];
}

/** 4 bytes of an IPv4 address, 16 of another. */
export function bytesOfAddress(address: TunnelAddress): Uint8Array {
  const bytes = Uint8Array.from({ length: 16 }, (_, i) => (address[i >>> 2] ?? 0) >>> (24 - 8 * (i & 3)));
  return isMapped(address) ? bytes.subarray(12) : bytes;
}

/** Reads `10.0.0.1` or `fd00::1`; `undefined` when the text is neither. */
export function parseAddress(text: string): TunnelAddress | undefined {
  if (isIPv4(text)) return [0, 0, 0xffff, parseIp4(text)];
  return isIPv6(text) ? addressOfBytes(parseIp6(text)) : undefined;
}

/** `10.0.0.1`, or `fd00::1`. */
export function formatAddress(address: TunnelAddress): string {
  return isMapped(address) ? formatIp4(address[3]) : formatIp6(bytesOfAddress(address));
}

/** Whether the first `length` bits of two addresses are the same; IPv4 addresses have 96 before their own. */
export function isSamePrefix(a: TunnelAddress, b: TunnelAddress, length: number): boolean {
  return a.every((word, i) => ((word ^ (b[i] ?? 0)) & maskWord(length, i)) === 0);
}

/** The `i`-th word of the mask of a prefix. */
export function maskWord(length: number, i: number): number {
  const nBits = Math.min(32, Math.max(0, length - 32 * i));
  return nBits === 0 ? 0 : -1 << (32 - nBits);
}

/** The addresses of a tunnel block as one; {@link NO_ADDRESS} where it has none. */
export function addressAt(key: Uint32Array, word4: number, word6: number): TunnelAddress {
  const ip4 = key[word4] ?? 0;
  if (ip4 !== 0) return [0, 0, 0xffff, ip4];
  return [key[word6] ?? 0, key[word6 + 1] ?? 0, key[word6 + 2] ?? 0, key[word6 + 3] ?? 0];
}
