/** Everything that a verdict is found from, and what is found. */
import type { TraceStory } from "@tenet/switch";
import type { LinkedRow, NorthboundLinks } from "../links/northbound.ts";
import { type SouthboundLinks, switchOf } from "../links/southbound.ts";
import type { Network } from "../packet/network.ts";
import type { Packet } from "../packet/packet.ts";
import { textOf } from "../rows.ts";
import type { Journey } from "./journey.ts";

/** A traced packet with all its links. */
export interface Scene {
  /** Absent when a flow was asked about. */
  readonly packet: Packet | undefined;
  readonly trace: TraceStory;
  readonly journey: Journey;
  readonly network: Network;
  readonly southbound: SouthboundLinks;
  readonly northbound: NorthboundLinks;
}

/** Why the packet, or a copy of it, fared as it did. */
export interface Finding {
  /** A clause that follows a colon: `ACL "x" (…) dropped it in ls_out_acl`. */
  readonly reason: string;
  readonly cause?: LinkedRow;
  /** The columns of the cause that decided; the transaction that wrote one of them last is the one to show. */
  readonly because?: readonly string[];
}

/** The logical switch that the packet came into. */
export function switchRow({ journey, northbound }: Scene): LinkedRow | undefined {
  return journey.datapath === undefined ? undefined : northbound.row("Logical_Switch", switchOf(journey.datapath));
}

/** Whether the port that the packet was meant for got it. */
export function hasArrived({ packet, journey }: Scene): boolean {
  const meant = packet?.to.port?.name;
  return meant !== undefined && journey.copies.some(({ isDelivered, port }) => isDelivered && port === meant);
}

/** `switch prod`. */
export function switchName(scene: Scene): string {
  const linked = switchRow(scene);
  return linked === undefined ? "the logical switch" : `switch ${textOf(linked.row, "name")}`;
}

/** A port by the name that the question or its host gives it: `db1`, or `db1 (port db1-port)`. */
export function portLabel({ network }: Scene, name: string | undefined): string {
  if (name === undefined) return "an unknown port";
  const host = network.named(name).find((port) => port.name === name)?.host ?? name;
  return host === name ? name : `${host} (port ${name})`;
}
