/** The verbs that change: flows in one transaction, groups, meters, ports, tunnel options; and packets that are sent. */
import { readFileSync } from "node:fs";
import { AppError } from "@tenet/kit";
import {
  ALL_TABLES,
  FLOW_FLAG,
  type FlowModCommand,
  type FlowSpec,
  formatActions,
  formatFlow,
  type GroupModCommand,
  makeMatch,
  parseActions,
  parseFlow,
  parseFlows,
  parseGroup,
  parseMeter,
  PORT_CONFIG,
  type TlvMapping,
} from "@tenet/openflow";
import type { OfctlContext, OfctlVerb } from "./ofctl.ts";

/** An argument does not read. */
class ArgumentError extends AppError {
  static override readonly code: string = "CLI_OFCTL_ARGUMENT";
}

type Purpose = "add" | "modify" | "delete";

const STANDARD_INPUT = 0;
/** What a port can be told (flooding is OpenFlow 1.0's alone), the bit that it is about, and whether the bit is set. */
const PORT_SETTINGS: Readonly<Record<string, readonly [bit: number, isSet: boolean]>> = {
  up: [PORT_CONFIG.PORT_DOWN, false],
  down: [PORT_CONFIG.PORT_DOWN, true],
  receive: [PORT_CONFIG.NO_RECV, false],
  "no-receive": [PORT_CONFIG.NO_RECV, true],
  forward: [PORT_CONFIG.NO_FWD, false],
  "no-forward": [PORT_CONFIG.NO_FWD, true],
  "packet-in": [PORT_CONFIG.NO_PACKET_IN, false],
  "no-packet-in": [PORT_CONFIG.NO_PACKET_IN, true],
};

/** By their names. */
export const CHANGES: readonly (readonly [name: string, verb: OfctlVerb])[] = [
  ["add-flow", { usage: "FLOW", about: "add a flow", nArgs: [1, 1], run: (context) => changeFlow(context, "add") }],
  ["add-flows", { usage: "FILE", about: "add the flows of a file, all or none", nArgs: [1, 1], run: addFlows }],
  [
    "mod-flows",
    { usage: "FLOW", about: "change the actions of flows", nArgs: [1, 1], run: (context) => changeFlow(context, "modify") },
  ],
  ["del-flows", { usage: "[FLOW]", about: "delete flows", nArgs: [0, 1], run: (context) => changeFlow(context, "delete") }],
  [
    "replace-flows",
    { usage: "FILE", about: "have the flows of a file and no others, in one step", nArgs: [1, 1], run: replaceFlows },
  ],
  ["diff-flows", { usage: "FILE", about: "what replace-flows would delete (-) and add (+)", nArgs: [1, 1], run: diffFlows }],
  ["add-group", { usage: "GROUP", about: "add a group", nArgs: [1, 1], run: (context) => changeGroup(context, "add") }],
  ["mod-group", { usage: "GROUP", about: "change a group", nArgs: [1, 1], run: (context) => changeGroup(context, "modify") }],
  ["del-groups", { usage: "[GROUP]", about: "delete groups", nArgs: [0, 1], run: (context) => changeGroup(context, "delete") }],
  [
    "insert-buckets",
    { usage: "GROUP", about: "add buckets to a group", nArgs: [1, 1], run: (context) => changeGroup(context, "insertBucket") },
  ],
  [
    "remove-buckets",
    {
      usage: "GROUP",
      about: "take buckets out of a group",
      nArgs: [1, 1],
      run: (context) => changeGroup(context, "removeBucket"),
    },
  ],
  ["add-meter", { usage: "METER", about: "add a meter", nArgs: [1, 1], run: (context) => changeMeter(context, "add") }],
  ["mod-meter", { usage: "METER", about: "change a meter", nArgs: [1, 1], run: (context) => changeMeter(context, "modify") }],
  ["del-meters", { usage: "[METER]", about: "delete meters", nArgs: [0, 1], run: (context) => changeMeter(context, "delete") }],
  [
    "mod-port",
    {
      usage: "PORT SETTING",
      about: "up, down, [no-]receive, [no-]forward, [no-]packet-in",
      nArgs: [2, 2],
      run: modPort,
    },
  ],
  [
    "add-tlv-map",
    { usage: "MAPPING", about: "{class=C,type=T,len=N}->tun_metadataK, several by commas", nArgs: [1, 1], run: addOptions },
  ],
  ["del-tlv-map", { usage: "", about: "forget all options of tunnel headers", nArgs: [0, 0], run: clearOptions }],
  ["packet-out", { usage: "PORT ACTIONS HEX", about: "send a packet as if it came in at PORT", nArgs: [3, 3], run: packetOut }],
];

async function changeFlow({ bridge, args, isStrict }: OfctlContext, purpose: Purpose): Promise<string> {
  const text = args[0] ?? "";
  const flow = parseFlow(text, { purpose, ...bridge.names });
  const command: FlowModCommand = isStrict && purpose !== "add" ? `${purpose}Strict` : purpose;
  await bridge.client.applyMods([
    { type: "flowMod", command, flow: purpose === "delete" && text === "" ? { ...flow, table: ALL_TABLES } : flow },
  ]);
  return "";
}

async function addFlows({ bridge, args }: OfctlContext): Promise<string> {
  await bridge.client.transactFlows(readFlows(args[0] ?? "", bridge.names));
  return "";
}

async function replaceFlows({ bridge, args }: OfctlContext): Promise<string> {
  const { adds, deletes } = differenceOf(await bridge.client.flows(), readFlows(args[0] ?? "", bridge.names));
  await bridge.client.transactFlows(adds, deletes);
  return `${adds.length} added, ${deletes.length} deleted`;
}

async function diffFlows({ bridge, args }: OfctlContext): Promise<string> {
  const { adds, deletes } = differenceOf(await bridge.client.flows(), readFlows(args[0] ?? "", bridge.names));
  return [
    ...deletes.map((flow) => `-${formatFlow(flow, bridge.names)}`),
    ...adds.map((flow) => `+${formatFlow(flow, bridge.names)}`),
  ].join("\n");
}

/** What makes the flows of a switch those of a file: a flow that only changes is added again, which keeps its place. */
function differenceOf(there: readonly FlowSpec[], wanted: readonly FlowSpec[]): { adds: FlowSpec[]; deletes: FlowSpec[] } {
  const placeOf = ({ table, priority, match }: FlowSpec): string => formatFlow({ ...plain(0n), table, priority, match });
  const textOf = (flow: FlowSpec): string => formatFlow({ ...flow, flags: flow.flags & FLOW_FLAG.SEND_FLOW_REM });
  const thereByPlace = new Map(there.map((flow) => [placeOf(flow), flow]));
  const wantedPlaces = new Set(wanted.map(placeOf));
  const adds = wanted.filter((flow) => {
    const held = thereByPlace.get(placeOf(flow));
    return held === undefined || textOf(specOf(held)) !== textOf(flow);
  });
  return { adds, deletes: there.filter((flow) => !wantedPlaces.has(placeOf(flow))).map(specOf) };
}

function plain(cookie: bigint): FlowSpec {
  const match = makeMatch();
  return { table: 0, priority: 0, cookie, match, actions: [], idleTimeout: 0, hardTimeout: 0, flags: 0, importance: 0 };
}

/** A flow without the counters that a switch tells with it. */
function specOf({ table, priority, cookie, match, actions, idleTimeout, hardTimeout, flags, importance }: FlowSpec): FlowSpec {
  return { table, priority, cookie, match, actions, idleTimeout, hardTimeout, flags, importance };
}

function readFlows(file: string, names: OfctlContext["bridge"]["names"]): FlowSpec[] {
  const text = readFileSync(file === "-" ? STANDARD_INPUT : file, "utf8");
  return parseFlows(text, { file: file === "-" ? "standard input" : file, ...names });
}

async function changeGroup({ bridge, args }: OfctlContext, command: GroupModCommand): Promise<string> {
  await bridge.tell(parseGroup(args[0] ?? "", { command, ...bridge.names }));
  return "";
}

async function changeMeter({ bridge, args }: OfctlContext, command: "add" | "modify" | "delete"): Promise<string> {
  await bridge.tell(parseMeter(args[0] ?? "", { command }));
  return "";
}

async function modPort({ bridge, args }: OfctlContext): Promise<string> {
  const [name = "", setting = ""] = args;
  const port = bridge.ports.find((each) => each.name === name || String(each.port) === name);
  if (port === undefined) throw new ArgumentError(`There is no port "${name}"`, { hint: "tenet ofctl show BRIDGE lists them" });
  const known = PORT_SETTINGS[setting];
  if (known === undefined) {
    throw new ArgumentError(`A port cannot be told "${setting}"`, { hint: `Use ${Object.keys(PORT_SETTINGS).join(", ")}` });
  }
  const [bit, isSet] = known;
  await bridge.tell({ type: "portMod", port: port.port, mac: port.mac, config: isSet ? bit : 0, mask: bit, advertise: 0 });
  return "";
}

async function addOptions({ bridge, args }: OfctlContext): Promise<string> {
  const text = args[0] ?? "";
  const mappings = [...text.matchAll(/\{class=(\w+),type=(\w+),len=(\w+)\}->tun_metadata(\d+)(?:,|$)/g)].map(
    ([, optionClass, optionType, size, index]): TlvMapping => ({
      optionClass: Number(optionClass),
      optionType: Number(optionType),
      sizeBytes: Number(size),
      index: Number(index),
    }),
  );
  const isWhole = mappings.length > 0 && mappings.every((each) => Object.values(each).every(Number.isInteger));
  if (!isWhole)
    throw new ArgumentError(`Cannot read the mapping "${text}"`, { hint: "Write {class=0x102,type=0x80,len=4}->tun_metadata0" });
  await bridge.tell({ type: "tlvTableMod", command: "add", mappings });
  return "";
}

async function clearOptions({ bridge }: OfctlContext): Promise<string> {
  await bridge.tell({ type: "tlvTableMod", command: "clear", mappings: [] });
  return "";
}

async function packetOut({ bridge, args }: OfctlContext): Promise<string> {
  const [portText = "", actionsText = "", hex = ""] = args;
  const [action] = parseActions(`output:${portText}`, bridge.names);
  if (action?.type !== "output") throw new ArgumentError(`There is no port "${portText}"`);
  if (!/^(?:[0-9a-fA-F]{2})+$/.test(hex)) throw new ArgumentError("A packet is written in pairs of hexadecimal digits");
  const actions = parseActions(actionsText, bridge.names);
  await bridge.tell({ type: "packetOut", inPort: action.port, actions, data: Uint8Array.from(Buffer.from(hex, "hex")) });
  return `sent ${hex.length / 2} bytes: ${formatActions(actions, bridge.names)}`;
}
