/** The commands of the switch for `ovs-appctl`. */
import type { Clock } from "@tenet/kit";
import { FIELDS, makeFlowKey, parseFlowKey } from "@tenet/net";
import { formatFlow, parseMatch, PORT } from "@tenet/openflow";
import { ArgumentError, type Command, command } from "@tenet/ovsdb";
import type { Controllers } from "../controller/controllers.ts";
import type { Bridge } from "../bridge/bridge.ts";
import type { Rule } from "../table/rule.ts";
import { everyRule } from "../table/every-rule.ts";
import { formatTrace } from "../trace/format-trace.ts";
import { traceForks } from "../trace/trace-forks.ts";
import { parseCtState } from "../trace/trace-states.ts";
import { portNamesOf, tellStory } from "../trace/trace-story.ts";
import type { VirtualSwitch } from "../virtual-switch.ts";
import { tunnelCommands } from "./tunnel-commands.ts";
import { addressCommands } from "./address-commands.ts";
import { bondCommands } from "./bond-commands.ts";
import { connectionCommands } from "./connection-commands.ts";
import { slowPathCommands } from "./slow-path-commands.ts";
import { underlayCommands } from "./underlay-commands.ts";
import { unconfiguredCommands } from "./unconfigured-commands.ts";
import { datapathCommands } from "./datapath-commands.ts";
import { findBridge } from "./find-bridge.ts";

/** What `ovs-appctl version` prints; scripts look for the number of the Open vSwitch it stands in for. */
const VERSION_TEXT = "ovs-vswitchd (Open vSwitch) 3.1.0";

/** Of a trace: a packet may go through the tracker many times. */
const MAX_ARGUMENTS = 99;

/** All commands over a switch; `exit` calls `requestExit`. */
export function switchCommands(
  vswitch: VirtualSwitch,
  controllers: Pick<Controllers, "reconnect">,
  clock: Clock,
  requestExit: () => void,
): Command[] {
  return [
    ...datapathCommands(vswitch, clock),
    ...slowPathCommands(vswitch),
    ...tunnelCommands(vswitch),
    ...underlayCommands(vswitch),
    ...connectionCommands(vswitch),
    ...unconfiguredCommands(vswitch),
    ...addressCommands(vswitch, clock),
    ...bondCommands(vswitch, clock),
    command("version", "", [0, 0], () => VERSION_TEXT),
    command("exit", "[--cleanup]", [0, 1], () => {
      setImmediate(requestExit);
      return "";
    }),
    command("ofproto/trace", "bridge flow [--ct-next flags]... [packet]", [2, MAX_ARGUMENTS], (args) =>
      formatTrace(tracePasses(vswitch, args)),
    ),
    command("tenet/trace", "bridge flow|packet [--ct-next flags]... [packet]", [2, MAX_ARGUMENTS], (args) =>
      JSON.stringify(tellStory(tracePasses(vswitch, args), (portNo) => vswitch.ports.homeOf(portNo))),
    ),
    command("bridge/reconnect", "[bridge]", [0, 1], ([name]) => {
      controllers.reconnect(name === undefined ? undefined : findBridge(vswitch, name, "Unknown bridge"));
      return "";
    }),
    command("bridge/dump-flows", "bridge", [1, 1], ([name]) => {
      vswitch.readStatistics();
      const rules = findBridge(vswitch, name, "Unknown bridge").pipeline.select(everyRule());
      return rules.map((rule) => flowLine(rule, clock.monotonicMs())).join("\n");
    }),
  ];
}

/** A flow as `bridge/dump-flows` shows it. */
function flowLine(rule: Rule, nowMs: number): string {
  const { table, cookie, nPackets, nBytes, createdMs } = rule;
  const flow = formatFlow({ ...rule, actions: rule.actions, table: 0, cookie: 0n }).replace(/ ?actions=/, ",actions=");
  return [
    ...(table === 0 ? [] : [`table_id=${table}`]),
    `duration=${Math.floor((nowMs - createdMs) / 1000)}s`,
    `n_packets=${nPackets}`,
    `n_bytes=${nBytes}`,
    ...(cookie === 0n ? [] : [`cookie=0x${cookie.toString(16)}`]),
    flow,
  ].join(", ");
}

/** Traces what the arguments of a trace command say. */
function tracePasses(vswitch: VirtualSwitch, args: readonly string[]): ReturnType<typeof traceForks> {
  const ctStates: number[] = [];
  const plain: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? "";
    const isNext = arg === "--ct-next" || arg === "-ct-next";
    const flags = isNext ? args[++i] : arg.startsWith("--ct-next=") ? arg.slice("--ct-next=".length) : undefined;
    if (!isNext && flags === undefined) {
      plain.push(arg);
      continue;
    }
    const state = parseCtState(flags ?? "");
    if (state === undefined) throw new ArgumentError(`${flags ?? ""}: unknown connection tracking state flag`);
    ctStates.push(state);
  }
  const [name, flow = "", packet] = plain;
  const bridge = findBridge(vswitch, name, `${name}: unknown bridge`);
  return traceForks(vswitch, bridge, traceKey(bridge, flow, packet), ctStates);
}

/** Reads `in_port=1,tcp,...`, or a packet in hexadecimal, alone or after a flow that gives its port. */
function traceKey(bridge: Bridge, flow: string, packet: string | undefined): Uint32Array {
  const isPacket = packet === undefined && /^([0-9a-fA-F]{2}){14,}$/.test(flow);
  const hex = isPacket ? flow : packet;
  const given = isPacket ? undefined : parseMatch(flow, { ...portNamesOf(bridge), file: "flow" }).key.slice();
  if (hex === undefined) return given ?? makeFlowKey();
  if (!/^([0-9a-fA-F]{2})+$/.test(hex)) throw new ArgumentError("packet is not hexadecimal");
  const frame = Uint8Array.from(Buffer.from(hex, "hex"));
  const key = makeFlowKey();
  parseFlowKey(frame, frame.length, given?.[FIELDS.in_port.word] ?? PORT.NONE, key);
  return key;
}
