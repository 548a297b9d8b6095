/**
 * The commands that trace packets, for `ovs-appctl`.
 *
 * A packet is given as a bridge and an OpenFlow match, as a datapath and a flow in its syntax, or as such a flow alone.
 */
import { ETH_TYPE, FIELDS, getField, makeFlowKey, setField, STAGE_ENDS } from "@tenet/net";
import { type Action, parseActions, parseMatch, PORT } from "@tenet/openflow";
import { ArgumentError, type Command, command } from "@tenet/ovsdb";
import type { Bridge } from "../bridge/bridge.ts";
import { parseOdpFlow } from "../trace/parse-odp-flow.ts";
import { formatTrace } from "../trace/format-trace.ts";
import { traceForks } from "../trace/trace-forks.ts";
import { parseCtState } from "../trace/trace-states.ts";
import { portNamesOf, tellStory } from "../trace/trace-story.ts";
import { FIRST_HEADER_WORD } from "../translate/megaflow-mask.ts";
import type { FrozenState } from "../translate/frozen-state.ts";
import { toPipelineOptions } from "../tunnel/tunnel-options.ts";
import type { SlowPath } from "../slow-path.ts";
import type { VirtualSwitch } from "../virtual-switch.ts";
import { datapathNames, datapathPortNo } from "./dpctl/datapath-argument.ts";

/** A packet may go through the tracker many times. */
const MAX_ARGUMENTS = 99;
const [, L3_START = 0] = STAGE_ENDS;
const ETH_HEADER_BYTES = 14;
const USAGE = "{[dp_name] odp_flow | bridge br_flow} [OPTIONS...] [-generate|packet]";

/** `ofproto/trace`, `ofproto/trace-packet-out` and `tenet/trace`. */
export function traceCommands(vswitch: VirtualSwitch): Command[] {
  const trace = (args: readonly string[], hasActions: boolean): string => {
    const request = readRequest(vswitch, args, hasActions);
    return formatTrace(passesOf(vswitch, request), formatOf(vswitch, request));
  };
  const tell = (args: readonly string[]): string => {
    const passes = passesOf(vswitch, { ...readRequest(vswitch, args, false), teaches: false });
    return JSON.stringify(tellStory(passes, (portNo) => vswitch.ports.homeOf(portNo)));
  };
  return [
    command("ofproto/trace", USAGE, [1, MAX_ARGUMENTS], (args) => trace(args, false)),
    command("ofproto/trace-packet-out", `[-consistent] ${USAGE} actions`, [2, MAX_ARGUMENTS], (args) => trace(args, true)),
    command("tenet/trace", "bridge flow|packet [--ct-next flags]... [packet]", [2, MAX_ARGUMENTS], tell),
  ];
}

/** What is to be traced. */
interface TraceRequest {
  readonly bridge: Bridge;
  readonly key: Uint32Array;
  /** Where a packet goes on that was in the tables before. */
  readonly frozen: FrozenState | undefined;
  readonly ctStates: readonly number[];
  /** In the place of the flow tables. */
  readonly actions: readonly Action[] | undefined;
  readonly teaches: boolean;
  readonly showsNames: boolean;
}

/** The packet, and where it begins. */
type Start = Pick<TraceRequest, "bridge" | "key" | "frozen">;

function passesOf(
  vswitch: VirtualSwitch,
  { bridge, key, frozen, ctStates, actions, teaches, showsNames }: TraceRequest,
): ReturnType<typeof traceForks> {
  const names = showsNames ? { namesOf: portNamesOf } : {};
  const from = frozen === undefined ? {} : { frozen };
  return traceForks(vswitch, bridge, key, ctStates, {
    teaches,
    ...names,
    ...from,
    ...(actions === undefined ? {} : { actions }),
  });
}

function formatOf(vswitch: VirtualSwitch, { teaches, showsNames }: TraceRequest): Parameters<typeof formatTrace>[1] {
  if (!showsNames) return { teaches };
  const portName = (portNo: number): string => vswitch.ports.homeOf(portNo)?.port.name ?? String(portNo);
  return { teaches, portName, namesOf: portNamesOf };
}

/** Options, and what is left when they are taken away. */
interface Arguments {
  readonly plain: string[];
  readonly ctStates: number[];
  teaches: boolean;
  showsNames: boolean;
}

function readRequest(vswitch: VirtualSwitch, args: readonly string[], hasActions: boolean): TraceRequest {
  const { plain, ctStates, teaches, showsNames } = readOptions(args, hasActions);
  const actionText = hasActions ? plain.pop() : undefined;
  const [first = "", second, third] = plain;
  // A flow of the datapath says itself which bridge the packet comes in at.
  const isAlone = isOdpFlow(first);
  const isDatapath =
    second !== undefined &&
    isOdpFlow(second) &&
    datapathNames(vswitch).some((name) => name === first || name.endsWith(`@${first}`));
  const [flow, packet] = isAlone ? [first, second] : [second, third];
  if (flow === undefined) throw new ArgumentError(`syntax error at ${first} (or the bridge name was omitted)`);
  const start = isAlone || isDatapath ? fromDatapath(vswitch, flow) : fromBridge(vswitch, first, flow, packet);
  const { bridge, key, frozen } = start;
  if (packet !== undefined) fillFromPacket(vswitch, key, packet);
  const actions = actionText === undefined ? undefined : parseActions(actionText, portNamesOf(bridge));
  return { bridge, key, frozen, ctStates, actions, teaches: teaches || packet !== undefined, showsNames };
}

function readOptions(args: readonly string[], mayBeConsistent: boolean): Arguments {
  const read: Arguments = { plain: [], ctStates: [], teaches: false, showsNames: false };
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? "";
    const isNext = arg === "--ct-next" || arg === "-ct-next";
    if (isNext && i === args.length - 1) throw new ArgumentError("Missing argument for option --ct-next");
    const flags = isNext ? args[++i] : arg.startsWith("--ct-next=") ? arg.slice("--ct-next=".length) : undefined;
    if (isNext || flags !== undefined) read.ctStates.push(readCtState(flags ?? ""));
    else if (/^(--?)?(generate|consistent)$/.test(arg)) {
      if (arg.endsWith("consistent") && !mayBeConsistent) throw new ArgumentError(`${arg}: unknown option`);
      read.teaches ||= arg.endsWith("generate");
    } else if (arg === "--l7" || arg === "--l7-len")
      i++; // a trace does not look at what packets carry
    else if (arg === "--names") read.showsNames = true;
    else if (arg.startsWith("-")) throw new ArgumentError(`${arg}: unknown option`);
    else read.plain.push(arg);
  }
  return read;
}

function readCtState(flags: string): number {
  const state = parseCtState(flags);
  if (state === undefined) throw new ArgumentError(`${flags}: unknown connection tracking state flag`);
  return state;
}

/** Whether a flow is in the datapath's syntax, `in_port(1),…`; that of OpenFlow has parentheses in values alone. */
function isOdpFlow(flow: string): boolean {
  return /(^|,)\w+\(/.test(flow);
}

/** A flow in the datapath's syntax; its port is one of the datapath. */
function fromDatapath(vswitch: VirtualSwitch, flow: string): Start {
  const match = parseOdpFlow(flow, (port) => datapathPortNo(vswitch, port));
  if (match === undefined) throw new ArgumentError(`syntax error at ${flow} (or the bridge name was omitted)`);
  const { key } = match;
  const { bridge, inPort, frozen } = placeOf(vswitch, key);
  toPipelineOptions(key, bridge.pipeline.tlvTable);
  if (vswitch.slowPath.vlanLimit === 1) hideInnerTag(key);
  setField(key, FIELDS.in_port, inPort);
  if (getField(key, FIELDS.eth_type) === 0) setField(key, FIELDS.eth_type, ETH_TYPE.none);
  return { bridge, key, frozen };
}

/** Where a packet of the datapath comes in, or goes on. */
function placeOf(
  { ports, slowPath }: VirtualSwitch,
  key: Uint32Array,
): { readonly bridge: Bridge; readonly inPort: number; readonly frozen: FrozenState | undefined } {
  const frozen = frozenStateOf(slowPath, key);
  if (frozen !== undefined) return { bridge: frozen.bridge, inPort: frozen.inPort, frozen };
  const home = ports.homeOfKey(key);
  if (home !== undefined) return { bridge: home.bridge, inPort: home.port.ofport, frozen: undefined };
  const portNo = getField(key, FIELDS.in_port);
  throw new ArgumentError(
    ports.tunnels.isShared(portNo) ? "no OpenFlow tunnel port for this packet" : `no OpenFlow port for datapath port ${portNo}`,
  );
}

/** Where a packet goes on that has a number of recirculation. */
function frozenStateOf(slowPath: SlowPath, key: Uint32Array): FrozenState | undefined {
  const recircId = getField(key, FIELDS.recirc_id);
  const frozen = recircId === 0 ? undefined : slowPath.frozenState(recircId);
  if (recircId === 0 || frozen !== undefined) return frozen;
  throw new ArgumentError(`no recirculation data for recirc_id 0x${recircId.toString(16)}`);
}

/** Of a packet of which the datapath reads one tag, what is beneath that is another kind of packet. */
function hideInnerTag(key: Uint32Array): void {
  if (getField(key, FIELDS.vlan_tci1) === 0) return;
  setField(key, FIELDS.eth_type, getField(key, FIELDS.vlan_tpid1) || ETH_TYPE.vlan);
  for (const field of [FIELDS.vlan_tci1, FIELDS.vlan_tpid1]) setField(key, field, 0);
  key.fill(0, L3_START);
}

/** `in_port=1,tcp,...`, or a packet in hexadecimal alone. */
function fromBridge(vswitch: VirtualSwitch, name: string, flow: string, packet: string | undefined): Start {
  if (name.includes("=")) throw new ArgumentError(`syntax error at ${name} (or the bridge name was omitted)`);
  if (isOdpFlow(flow)) throw new ArgumentError("Cannot find the datapath");
  const bridge = vswitch.bridges.get(name);
  if (bridge === undefined) throw new ArgumentError(`${name}: unknown bridge`);
  if (packet !== undefined || !/^([0-9a-fA-F]{2}){14,}$/.test(flow)) {
    const parsed = parseMatch(flow, { ...portNamesOf(bridge), file: "flow" });
    const { key, mask } = bridge.pipeline.tlvTable.placeMatch(parsed);
    const own = key.slice();
    if (getField(mask, FIELDS.in_port) === 0) setField(own, FIELDS.in_port, PORT.NONE);
    const frozen = frozenStateOf(vswitch.slowPath, own);
    return { bridge: frozen?.bridge ?? bridge, key: own, frozen };
  }
  const key = makeFlowKey();
  setField(key, FIELDS.in_port, PORT.NONE);
  fillFromPacket(vswitch, key, flow);
  return { bridge, key, frozen: undefined };
}

/** Takes the packet's headers in the place of those that a flow says. */
function fillFromPacket(vswitch: VirtualSwitch, key: Uint32Array, packet: string): void {
  const hex = packet.replaceAll(/\s/g, "");
  if (!/^([0-9a-fA-F]{2})+$/.test(hex)) throw new ArgumentError("Trailing garbage in packet data");
  if (hex.length < 2 * ETH_HEADER_BYTES) throw new ArgumentError("Packet data too short for Ethernet");
  const frame = Uint8Array.from(Buffer.from(hex, "hex"));
  const headers = vswitch.slowPath.keyOf(frame, key[FIELDS.in_port.word] ?? PORT.NONE);
  key.set(headers.subarray(FIRST_HEADER_WORD), FIRST_HEADER_WORD);
}
