/** The trace of a packet as text, in the layout of the original's `ofproto/trace`. */
import { formatMatch, type PortNames } from "@tenet/openflow";
import type { Bridge } from "../bridge/bridge.ts";
import type { Rule } from "../table/rule.ts";
import { formatDatapathActions, formatFlowKey, formatMegaflow, formatPunt } from "./format-datapath.ts";
import { formatCtState } from "./trace-states.ts";
import type { TracePass } from "./trace-forks.ts";
import type { TraceNode } from "./trace-tree.ts";
import type { Miss } from "../translate/translation.ts";

/** How to write a trace. */
export interface TraceFormat {
  /** Whether the packet taught addresses and flows. */
  readonly teaches: boolean;
  /** Names of a bridge's ports, to be shown in the place of their numbers. */
  readonly namesOf?: (bridge: Bridge) => PortNames;
  /** Names of the datapath's ports. */
  readonly portName?: (portNo: number) => string;
}

/** Writes a trace from the first pass to the last. */
export function formatTrace(passes: readonly TracePass[], format: TraceFormat = { teaches: false }): string {
  return passes.map((pass) => `${headingOf(pass.cause)}${formatPass(pass, format)}`).join("\n");
}

const RULE = "=".repeat(79);

function headingOf(cause: TracePass["cause"]): string {
  if (cause === undefined) return "";
  const state = formatCtState(cause.ctState);
  const text = cause.isDefault ? `default ct_state=${state} (use --ct-next to customize)` : `ct_state=${state}`;
  return `${RULE}\nrecirc(0x${cause.recircId.toString(16)}) - resume conntrack with ${text}\n${natOf(cause)}${RULE}\n\n`;
}

function natOf({ nat }: NonNullable<TracePass["cause"]>): string {
  if (nat === undefined) return "";
  return `Replacing src/dst IP/ports to simulate NAT:\n Initial flow: ${nat.initial}\n Modified flow: ${nat.modified}\n`;
}

function formatPass({ bridge, key, tree, translation, punts }: TracePass, { teaches, namesOf, portName }: TraceFormat): string {
  const ports = namesOf?.(bridge);
  const puntText = (userdata: number): string => formatPunt(userdata, punts[userdata - 1], !teaches);
  const { tlvTable } = bridge.pipeline;
  const [initial, final] = [key, translation.finalFlow].map((flow) => formatFlowKey(flow, tlvTable, ports)) as [string, string];
  const lines = [`Flow: ${initial}`];
  appendNodes(lines, tree.roots, 0, bridge, namesOf);
  lines.push(
    "",
    `Final flow: ${final === initial ? "unchanged" : final}`,
    `Megaflow: ${formatMegaflow(key, translation.mask, tlvTable, ports)}`,
    `Datapath actions: ${formatDatapathActions(translation.actions, key, portName, puntText)}`,
  );
  if (translation.failure !== undefined) {
    lines.push(`Translation failed (${FAILURES[translation.failure]}), packet is dropped.`);
  }
  return `${lines.join("\n")}\n`;
}

/** What a lookup came to; `first` is the bridge that the packet came in at. */
function formatFound({ found, bridge }: TableNode, first: Bridge, names: PortNames | undefined): string {
  if (typeof found !== "string") return formatRuleLine(found, names);
  return bridge === first ? MISSES[found] : OWN_FLOWS[found];
}

type TableNode = Extract<TraceNode, { kind: "table" }>;

const MISSES: Readonly<Record<Miss, string>> = {
  drop: "No match.",
  fragment: 'Packets are IP fragments and the fragment handling mode is "drop".',
  controller: 'No match, and a "packet-in" is called for.',
};
/** At other bridges the original shows the flows of its own by which it does this. */
const OWN_FLOWS: Readonly<Record<Miss, string>> = {
  drop: "reg0=0x2, priority 0",
  fragment: "reg0=0x3, priority 0",
  controller: "reg0=0x1, priority 0",
};

/** A rule's line: match, priority, cookie when there is one. */
function formatRuleLine(rule: Rule, names: PortNames | undefined): string {
  const match = formatMatch(rule.match, names);
  const cookie = rule.cookie === 0n ? "" : `, cookie 0x${rule.cookie.toString(16)}`;
  return `${match === "" ? "" : `${match}, `}priority ${rule.priority}${cookie}`;
}

const FAILURES = { depth: "Recursion too deep", resubmits: "Too many resubmits", stack: "Stack too deep" } as const;

/**
 * A node that something follows, and every action, is indented one step more than its list; what is inside a
 * node that is indented more goes two steps in. So a table reached last stays at its parent's margin.
 */
function appendNodes(
  lines: string[],
  nodes: readonly TraceNode[],
  level: number,
  first: Bridge,
  namesOf: TraceFormat["namesOf"],
): void {
  for (const [i, node] of nodes.entries()) {
    const isContainer = CONTAINERS.has(node.kind);
    const more = i < nodes.length - 1 || !isContainer ? 1 : 0; // a bucket is one step in, as the action that ran it
    const margin = " ".repeat((level + more) * 4);
    switch (node.kind) {
      case "bridge":
        lines.push("", ...underlined(node.bridge).map((line) => margin + line));
        break;
      case "table":
        lines.push(`${margin}${String(node.table).padStart(2)}. ${formatFound(node, first, namesOf?.(node.bridge))}`);
        break;
      case "actionSet":
        lines.push(`${margin}--. Executing action set:`);
        break;
      case "bucket":
        lines.push(`${margin}bucket ${node.id}`);
        break;
      case "thaw":
        lines.push(`${margin}thaw`, `${margin}    Resuming from table ${node.table}`);
        break;
      case "action":
        lines.push(margin + node.text);
        break;
      case "note":
        lines.push(`${margin} -> ${node.text}`);
        break;
      case "warning":
        lines.push(`${margin} >> ${node.text}`);
        break;
      case "failure":
        lines.push(`${margin} >>>> ${node.text} <<<<`);
    }
    if ("children" in node) appendNodes(lines, node.children, level + 2 * more, first, namesOf);
  }
}

const CONTAINERS: ReadonlySet<TraceNode["kind"]> = new Set(["bridge", "table", "actionSet"]);

function underlined(bridge: Bridge): string[] {
  const title = `bridge("${bridge.name}")`;
  return [title, "-".repeat(title.length)];
}
