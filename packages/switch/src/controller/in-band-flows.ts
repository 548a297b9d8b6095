/**
 * The flows that let control connections through a bridge whatever its controllers say: in-band control.
 *
 * What: addresses are resolved and TCP is carried between the bridge's own port and its controllers, or for others whose controllers
 * are the same, by NORMAL. Why: a controller behind the bridge cannot give it the flows by which it is to be reached. Numbers
 * are the original's, above all that a controller can give.
 *
 * @see ovs-vswitchd.conf.db(5), `connection_mode`; "In-Band Control" in Open vSwitch's design documentation
 */
import { formatIp4, formatMac } from "@tenet/net";
import { type Action, type FlowSpec, parseMatch, PORT } from "@tenet/openflow";

/** A controller that is to be reached through the bridge. */
export interface Remote {
  /** IPv4. */
  readonly address: number;
  readonly port: number;
  /** Who packets to it are sent to; `undefined` as long as that is not known. */
  readonly nextHopMac: number | undefined;
}

/** Priority of the first of nine kinds. */
const FIRST_PRIORITY = 180_000;

/**
 * All flows, none when there are no remotes.
 *
 * @param localMac - of the bridge's own port
 * @param queue - that packets go through; absent: the default one
 */
export function inBandFlows(localMac: number, remotes: readonly Remote[], queue?: number): FlowSpec[] {
  if (remotes.length === 0) return [];
  const local = formatMac(localMac);
  const macs = unique(remotes.map(({ nextHopMac }) => nextHopMac)).map(formatMac);
  const addresses = unique(remotes.map(({ address }) => address)).map(formatIp4);
  const ends = unique(remotes.map(({ address, port }) => `${formatIp4(address)},${port}`)).map((end) => end.split(","));
  const matchesByKind = [
    [`in_port=LOCAL,udp,dl_src=${local},tp_src=68,tp_dst=67`],
    [`arp,dl_dst=${local},arp_op=2`],
    [`arp,dl_src=${local},arp_op=1`],
    macs.map((mac) => `arp,dl_dst=${mac},arp_op=2`),
    macs.map((mac) => `arp,dl_src=${mac},arp_op=1`),
    addresses.map((address) => `arp,arp_tpa=${address},arp_op=2`),
    addresses.map((address) => `arp,arp_spa=${address},arp_op=1`),
    ends.map(([address, port]) => `tcp,nw_dst=${address},tp_dst=${port}`),
    ends.map(([address, port]) => `tcp,nw_src=${address},tp_src=${port}`),
  ];
  return matchesByKind.flatMap((matches, kind) => matches.map((match) => flowOf(match, FIRST_PRIORITY + kind, queue)));
}

function flowOf(match: string, priority: number, queue: number | undefined): FlowSpec {
  const normal: Action = { type: "output", port: PORT.NORMAL };
  const actions: Action[] = queue === undefined ? [normal] : [{ type: "setQueue", queue }, normal];
  const forever = { idleTimeout: 0, hardTimeout: 0, flags: 0, importance: 0 };
  return { ...forever, table: 0, priority, cookie: 0n, match: parseMatch(match), actions };
}

function unique<T>(values: readonly (T | undefined)[]): T[] {
  return [...new Set(values)].filter((value) => value !== undefined);
}
