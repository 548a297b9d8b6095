/** The commands that look at the megaflows of the datapath and change them, for `ovs-appctl`. */
import { readFileSync } from "node:fs";
import type { Megaflow } from "@tenet/datapath";
import { AppError, type Clock, messageOf } from "@tenet/kit";
import { type Match, parseMatch } from "@tenet/openflow";
import { type Answer, ArgumentError, type Command } from "@tenet/ovsdb";
import { formatFlowStatistics } from "../../trace/format-odp-flow.ts";
import type { Work } from "../../turns.ts";
import type { VirtualSwitch } from "../../virtual-switch.ts";
import { type AnswerText, inTurns } from "../in-turns.ts";
import {
  datapathNames,
  datapathTypeOf,
  dpctlCommand,
  dpctlError,
  type DpctlOption,
  type DpctlRequest,
  splitDatapath,
  withoutDatapath,
} from "./datapath-argument.ts";
import { DatapathFlows } from "./datapath-flows.ts";
import { type DumpFormat, flowFormatter, flowLines } from "./dump-flows.ts";
import { type FlowLine, type LineChange, readFlowLine } from "./flow-file.ts";

/** Whether flows of a kind are shown; none is in hardware. */
const FLOW_TYPES: Readonly<Record<string, boolean>> = {
  all: true,
  ovs: true,
  "non-offloaded": true,
  tc: false,
  dpdk: false,
  offloaded: false,
  "partially-offloaded": false,
};
/** The processor of the only thread there is. */
const MAIN_THREAD = "-1";

/** `dpctl/*-flow` and `dpctl/*-flows`. */
export function flowCommands(vswitch: VirtualSwitch, clock: Clock): Command[] {
  const flows = new DatapathFlows(vswitch);
  /** The counters that a flow had, if they are asked for. */
  const countersIf = (options: ReadonlySet<DpctlOption>, flow: Megaflow): string =>
    options.has("statistics") ? formatFlowStatistics(flow, clock.monotonicMs()) : "";
  const fromFile = (how: LineChange, { options, args }: DpctlRequest): Answer => {
    const lines = readLines(withoutDatapath(vswitch, args, 2)[0] ?? "");
    return inTurns(vswitch.turns, (answer) => changeByLines(flows, how, lines, (flow) => countersIf(options, flow), answer));
  };
  return [
    dpctlCommand("add-flow", "[dp] flow actions", [2, 3], ({ options, args }) => {
      const [flow = "", actions = ""] = withoutDatapath(vswitch, args, 3);
      return countersIf(options, flows.add(flow, actions));
    }),
    dpctlCommand("mod-flow", "[dp] flow actions", [2, 3], ({ options, args }) => {
      const [flow = "", actions = ""] = withoutDatapath(vswitch, args, 3);
      const modified = flows.modify(flow, actions, options.has("may-create"));
      if (options.has("clear")) throw dpctlError("updating flow table", "Operation not supported"); // its actions are changed, though
      return countersIf(options, modified);
    }),
    dpctlCommand("get-flow", "[dp] ufid", [1, 2], ({ options, args }) => {
      const [name = ""] = withoutDatapath(vswitch, args, 2);
      return inTurns(vswitch.turns, function* (answer) {
        answer.line(flowFormatter(vswitch, clock, formatOf(options))(yield* flows.getting(name)));
      });
    }),
    dpctlCommand("del-flow", "[dp] flow", [1, 2], ({ options, args }) => {
      const [flow = ""] = withoutDatapath(vswitch, args, 2);
      return inTurns(vswitch.turns, function* (answer) {
        answer.line(countersIf(options, yield* flows.removing(flow)));
      });
    }),
    dpctlCommand("add-flows", "[dp] file", [1, 2], (request) => fromFile("add", request)),
    dpctlCommand("mod-flows", "[dp] file", [1, 2], (request) => fromFile("modify", request)),
    dpctlCommand("del-flows", "[dp] [file]", [0, 2], (request) => {
      if (splitDatapath(vswitch, request.args).rest.length > 0) return fromFile("delete", request);
      return inTurns(vswitch.turns, () => flows.clearing());
    }),
    dpctlCommand("dump-flows", "[-m] [--names] [dp] [filter=..] [type=..] [pmd=..]", [0, 4], ({ options, args }) =>
      inTurns(vswitch.turns, (answer) => showFlows(vswitch, clock, formatOf(options), readChoice(args), answer)),
    ),
  ];
}

/** What flows are asked for, and what is left of the arguments. */
interface Choice {
  readonly filter?: string;
  readonly type?: string;
  readonly pmd?: string;
  readonly names: readonly string[];
}

function* showFlows(
  vswitch: VirtualSwitch,
  clock: Clock,
  format: DumpFormat,
  { filter, type, pmd, names }: Choice,
  answer: AnswerText,
): Work {
  withoutDatapath(vswitch, names, 1);
  const [name] = names;
  const wanted = name === undefined ? undefined : datapathTypeOf(vswitch, name);
  if (pmd !== undefined && !/^-?\d+$/.test(pmd)) throw dpctlError(`Failed to parse pmd (${pmd})`);
  const isWanted = filter === undefined ? () => true : yield* readFilter(vswitch, filter);
  if (!isShownKind(type ?? "all") || (pmd !== undefined && pmd !== MAIN_THREAD)) return;
  const isUserSpace = wanted !== "system" && !datapathNames(vswitch).includes("system@ovs-system");
  let head = isUserSpace && pmd === undefined ? "flow-dump from the main thread:\n" : "";
  const lines = flowLines(vswitch, clock, format, (key, mask, home) => {
    return (wanted === undefined || home?.datapathType === wanted) && isWanted(key, mask);
  });
  for (const line of lines) {
    if (line !== undefined) {
      answer.line(head + line);
      head = "";
    }
    yield;
  }
}

/** Whether flows of one of these kinds are shown. @throws ArgumentError */
function isShownKind(types: string): boolean {
  return types.split(",").some((type) => {
    const isShown = FLOW_TYPES[type];
    if (isShown === undefined) throw dpctlError(`Failed to parse type (${types})`);
    return isShown;
  });
}

/** Carries out changes, one a line. The answer is what there is to tell of their flows, and what was wrong with lines. */
function* changeByLines(
  flows: DatapathFlows,
  how: LineChange,
  lines: readonly string[],
  tell: (flow: Megaflow) => string,
  answer: AnswerText,
): Work {
  for (const [i, line] of lines.entries()) {
    try {
      const asked = readFlowLine(line, how, i + 1);
      const told = asked === undefined ? "" : tell(yield* changing(flows, asked));
      if (told !== "") answer.line(told);
    } catch (error) {
      if (!(error instanceof ArgumentError)) throw error;
      answer.line(error.message);
    }
    yield;
  }
}

/** Carries out one change. @returns the flow as it was, or is when it was added */
function* changing(flows: DatapathFlows, { change, flow, actions }: FlowLine): Work<Megaflow> {
  if (change === "delete") return yield* flows.removing(flow);
  return change === "add" ? flows.add(flow, actions) : flows.modify(flow, actions, false);
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n");
  } catch (error) {
    const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
    throw dpctlError(`Opening file "${file}" failed`, isMissing ? "No such file or directory" : messageOf(error));
  }
}

function readChoice(args: readonly string[]): Choice {
  const choice: { filter?: string; type?: string; pmd?: string; names: string[] } = { names: [] };
  for (const arg of args) {
    const [, name, value = ""] = /^(filter|type|pmd)=(.*)$/.exec(arg) ?? [];
    if (name === "filter" || name === "type" || name === "pmd") choice[name] = value;
    else choice.names.push(arg);
  }
  return choice;
}

function formatOf(options: ReadonlySet<DpctlOption>): DumpFormat {
  const isVerbose = options.has("more");
  return { isVerbose, showsNames: (isVerbose || options.has("names")) && !options.has("no-names") };
}

/** Whether packets of a flow may match an OpenFlow match; ports are those of the datapath. */
function* readFilter({ datapath }: VirtualSwitch, text: string): Work<(key: Uint32Array, mask: Uint32Array) => boolean> {
  const portByName = new Map<string, number>();
  for (const { name, portNo } of datapath.ports()) {
    portByName.set(name, portNo);
    yield;
  }
  const wanted = parseMatchOf(text.replace(/\bin_port\((\w+)\)/, "in_port=$1"), portByName);
  return (key, mask) => key.every((word, i) => ((word ^ (wanted.key[i] ?? 0)) & (wanted.mask[i] ?? 0) & (mask[i] ?? 0)) === 0);
}

function parseMatchOf(text: string, portByName: ReadonlyMap<string, number>): Match {
  try {
    return parseMatch(text, { portByName, file: "filter" });
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new ArgumentError(`ovs-vswitchd: Failed to parse filter (${error.message})`, { cause: error });
  }
}
