/** How an interface of a bridge uses tunnels: which of the packets that come out are its, and what goes in with which headers. */
import type { TunnelSpec } from "@tenet/datapath";

/** An address as four words; IPv4 addresses are mapped (`::ffff:10.0.0.1`). */
export type TunnelAddress = readonly [number, number, number, number];

/** Settings of a tunnel interface, as the columns `type` and `options` say them. `flow`: the flow tables decide. */
export interface TunnelConfig {
  readonly type: TunnelSpec["type"];
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

/** Whether four words are an IPv4 address. */
export function isMapped(words: ArrayLike<number>, at = 0): boolean {
  return words[at] === 0 && words[at + 1] === 0 && words[at + 2] === 0xffff;
}

/** The name of the datapath port that tunnels of this kind share. */
export function tunnelPortName({ type, dstPort }: TunnelConfig): string {
  if (type === "gre" || type === "ip6gre") return `${type}_sys`;
  return `${type === "geneve" ? "genev" : type}_sys_${dstPort}`;
}
