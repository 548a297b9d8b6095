/**
 * The way of a packet through a logical switch: one ingress pipeline, then one copy per output port.
 *
 * Which port a copy is for is read from the flow that made it: the flow of a multicast group loads one port key after
 * the other and resubmits each, the flow of a port has its key in the match.
 */
import { parseActions } from "@tenet/openflow";
import { TABLE } from "@tenet/ovn";
import type { Row } from "@tenet/ovsdb";
import type { TraceStory } from "@tenet/switch";
import type { LinkedStep } from "../links/link-steps.ts";
import { keyOf, type SouthboundLinks } from "../links/southbound.ts";
import { textOf } from "../rows.ts";

/** A copy of the packet on its way to one port. */
export interface Copy {
  /** Name of the logical port it is for; absent when its key belongs to no port. */
  readonly port: string | undefined;
  /** From the check for loops to the end. */
  readonly steps: readonly LinkedStep[];
  /** Whether it left through an interface. */
  readonly isDelivered: boolean;
}

/** The way of a packet. */
export interface Journey {
  /** Datapath of the logical switch that it came into; absent when its port belongs to none. */
  readonly datapath: Row | undefined;
  /** Name of the logical port it came in at. */
  readonly inport: string | undefined;
  /** Up to where copies part. */
  readonly ingress: readonly LinkedStep[];
  readonly copies: readonly Copy[];
  /** The multicast group that the copies are for. */
  readonly group: string | undefined;
}

/** Reads the way of a packet from its steps. */
export function journeyOf(steps: readonly LinkedStep[], story: TraceStory, links: SouthboundLinks): Journey {
  const own = steps.filter(({ trace }) => trace.bridge === story.bridge);
  const starts = own.flatMap(({ trace }, i) => (trace.table === TABLE.checkLoopback ? [i] : []));
  const metadata = own.map(({ trace }) => keyOf(trace, "metadata")).find((key) => key !== undefined);
  const datapath = links.datapath(metadata);
  const keys = own.flatMap((step) => outputKeys(step));
  const entry = own[0]?.trace;
  const inport = entry === undefined || entry.table !== TABLE.physicalToLogical ? undefined : links.bindingOf(entry);
  const copies = starts.map((start, i): Copy => {
    const ofCopy = own.slice(start, starts[i + 1]);
    const binding = links.binding(datapath, keys[i]);
    return {
      port: binding === undefined ? undefined : textOf(binding, "logical_port"),
      steps: ofCopy,
      isDelivered: ofCopy.some((step) => isDelivery(step, story)),
    };
  });
  const groups = own.filter(({ trace }) => trace.table === TABLE.localOutput).map(({ trace }) => keyOf(trace, "reg15"));
  const group = groups.map((key) => links.multicastGroup(datapath, key)).find((row) => row !== undefined);
  return {
    datapath,
    inport: inport === undefined ? undefined : textOf(inport, "logical_port"),
    ingress: own.slice(0, starts[0]),
    copies,
    group: group === undefined ? undefined : textOf(group, "name"),
  };
}

/** The last step that decides something: lookups on the side only answer. */
export function lastStep(steps: readonly LinkedStep[]): LinkedStep | undefined {
  return steps.findLast(({ trace }) => trace.table < TABLE.getFdb);
}

/** Keys of the ports that the local output table makes a copy for, in order. */
function outputKeys({ trace }: LinkedStep): (number | undefined)[] {
  if (trace.table !== TABLE.localOutput || trace.actions === undefined) return [];
  const keys: (number | undefined)[] = [];
  let key = keyOf(trace, "reg15");
  for (const action of parseActions(trace.actions)) {
    if (action.type === "setField" && action.field.name === "reg15") key = action.value[0];
    if (action.type === "resubmit" && action.table === TABLE.checkLoopback) keys.push(key);
  }
  return keys;
}

function isDelivery({ trace }: LinkedStep, story: TraceStory): boolean {
  if (trace.table !== TABLE.logicalToPhysical || trace.actions === undefined) return false;
  const ports = parseActions(trace.actions).flatMap((action) => (action.type === "output" ? [action.port] : []));
  return ports.some((port) => story.outputs.some((output) => output.bridge === story.bridge && output.port === port));
}
