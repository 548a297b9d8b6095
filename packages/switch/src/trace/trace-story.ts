/** The trace of a packet as data: what `why` tells the story from. */
import { type DatapathAction, nestedActions } from "@tenet/datapath";
import { FIELDS, getField } from "@tenet/net";
import { formatActions, formatFlow, formatMatch, type PortNames } from "@tenet/openflow";
import type { Bridge } from "../bridge/bridge.ts";
import type { BridgePort } from "../bridge/bridge-port.ts";
import type { Rule } from "../table/rule.ts";
import { formatDatapathActions, formatFlowKey, formatMegaflow } from "./format-datapath.ts";
import type { MaskReason } from "./mask-reasons.ts";
import type { TracePass } from "./trace-forks.ts";
import type { TraceNode } from "./trace-tree.ts";

/** One table that the packet went through. */
export interface TraceStep {
  readonly bridge: string;
  readonly table: number;
  /** Resubmits around it. */
  readonly depth: number;
  /** `0x`-hexadecimal; absent on a table miss, like all that follows. */
  readonly cookie?: string;
  readonly priority?: number;
  readonly match?: string;
  readonly actions?: string;
  /** The flow as `ovs-ofctl dump-flows --no-stats` prints it. */
  readonly flowText?: string;
  /** What NORMAL, outputs and limits had to say. */
  readonly notes: readonly string[];
}

/** Where the packet went and why. */
export interface TraceStory {
  readonly bridge: string;
  readonly inPort: number;
  readonly flow: string;
  readonly finalFlow: string;
  readonly verdict: "forwarded" | "dropped";
  /** OpenFlow port and interface of each copy that left. */
  readonly outputs: readonly { readonly bridge: string; readonly port: number; readonly name: string }[];
  readonly megaflow: {
    readonly match: string;
    readonly actions: string;
    /** Why it matches on each of its bits. */
    readonly reasons: readonly MaskReason[];
  };
  readonly steps: readonly TraceStep[];
}

/** Tells the story of a traced packet from its first pass to its last; `homeOf` finds the bridge port of a datapath port. */
export function tellStory(
  passes: readonly [TracePass, ...TracePass[]],
  homeOf: (portNo: number) => { readonly bridge: Bridge; readonly port: BridgePort } | undefined,
): TraceStory {
  const [{ bridge, key, translation, tree }] = passes;
  const last = passes.at(-1)?.translation ?? translation;
  const outputs = passes.flatMap((pass) => outputsIn(pass.translation.actions, homeOf));
  const { mask, actions } = translation;
  const names = portNamesOf(bridge);
  const { tlvTable } = bridge.pipeline;
  const nameOf = (portNo: number): string => homeOf(portNo)?.port.name ?? String(portNo);
  return {
    bridge: bridge.name,
    inPort: getField(key, FIELDS.in_port),
    flow: formatFlowKey(key, tlvTable, names),
    finalFlow: formatFlowKey(last.finalFlow, tlvTable, names),
    verdict: outputs.length > 0 ? "forwarded" : "dropped",
    outputs,
    megaflow: {
      match: formatMegaflow(key, mask, tlvTable, names),
      actions: formatDatapathActions(actions, key, nameOf),
      reasons: tree.maskReasons(key, names),
    },
    steps: passes.flatMap((pass) => stepsOf(pass.tree.roots)),
  };
}

/** Copies that leave, also from within clones. */
function outputsIn(
  actions: readonly DatapathAction[],
  homeOf: (portNo: number) => { readonly bridge: Bridge; readonly port: BridgePort } | undefined,
): TraceStory["outputs"][number][] {
  return actions.flatMap((action) => {
    const inner = nestedActions(action).flatMap((list) => outputsIn(list, homeOf));
    if (inner.length > 0) return inner;
    const home = action.type === "output" ? homeOf(action.port) : undefined;
    return home === undefined ? [] : [{ bridge: home.bridge.name, port: home.port.ofport, name: home.port.name }];
  });
}

/** Names of a bridge's ports both ways, for text. */
export function portNamesOf(bridge: Bridge): Required<PortNames> {
  const ports = bridge.ports();
  return {
    portByName: new Map(ports.map(({ name, ofport }) => [name, ofport])),
    nameByPort: new Map(ports.filter(({ name }) => name !== bridge.name).map(({ name, ofport }) => [ofport, name])),
  };
}

/** Tables in the order in which they were entered. */
function stepsOf(nodes: readonly TraceNode[]): TraceStep[] {
  return nodes.flatMap((node) => {
    if (node.kind !== "table" && "children" in node) return stepsOf(node.children);
    if (node.kind !== "table") return [];
    const notes = node.children.flatMap((child) => ("text" in child && child.kind !== "action" ? [child.text] : []));
    const step = { bridge: node.bridge.name, table: node.table, depth: node.depth };
    const found = typeof node.found === "string" ? {} : describeRule(node.found);
    return [{ ...step, ...found, notes }, ...stepsOf(node.children)];
  });
}

function describeRule(rule: Rule): Pick<TraceStep, "cookie" | "priority" | "match" | "actions" | "flowText"> & object {
  return {
    cookie: `0x${rule.cookie.toString(16)}`,
    priority: rule.priority,
    match: formatMatch(rule.match),
    actions: formatActions(rule.actions),
    flowText: formatFlow(rule),
  };
}
