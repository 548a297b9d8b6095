/** The commands of the switch for `ovs-appctl`. */
import { AppError, type Clock } from "@tenet/kit";
import { FIELDS, formatMac, makeFlowKey, parseFlowKey } from "@tenet/net";
import { formatFlow, parseMatch, PORT } from "@tenet/openflow";
import type { Bridge } from "../bridge/bridge.ts";
import { everyRule } from "../table/every-rule.ts";
import { formatOdpFlow } from "../trace/format-odp-flow.ts";
import { formatTrace } from "../trace/format-trace.ts";
import { TraceTree } from "../trace/trace-tree.ts";
import { portNamesOf, tellStory } from "../trace/trace-story.ts";
import type { VirtualSwitch } from "../virtual-switch.ts";
import type { Command } from "./control-server.ts";

/** What `ovs-appctl version` prints; scripts look for the number of the Open vSwitch it stands in for. */
const VERSION_TEXT = "ovs-vswitchd (Open vSwitch) 3.1.0";

/** A command's argument that names nothing, or does not read. */
class ArgumentError extends AppError {
  static override readonly code: string = "CONTROL_ARGUMENT";
}

/** All commands over a switch; `exit` calls `requestExit`. */
export function switchCommands(vswitch: VirtualSwitch, clock: Clock, requestExit: () => void): Command[] {
  const command = (name: string, usage: string, [minArgs, maxArgs]: [number, number], run: Command["run"]): Command => ({
    name,
    usage,
    minArgs,
    maxArgs,
    run,
  });
  const findBridge = (name: string | undefined, problem = "no such bridge"): Bridge => {
    const bridge = vswitch.bridges.get(name ?? "");
    if (bridge === undefined) throw new ArgumentError(problem);
    return bridge;
  };
  return [
    command("version", "", [0, 0], () => VERSION_TEXT),
    command("exit", "[--cleanup]", [0, 1], () => {
      setImmediate(requestExit);
      return "";
    }),
    command("ofproto/list", "", [0, 0], () => [...vswitch.bridges.keys()].sort().join("\n")),
    command("ofproto/trace", "bridge flow [packet]", [2, 3], ([name, flow = "", packet]) => {
      const bridge = findBridge(name, `${name}: unknown bridge`);
      const key = traceKey(bridge, flow, packet);
      const tree = new TraceTree();
      return formatTrace(key, tree, vswitch.trace(bridge, key, tree));
    }),
    command("tenet/trace", "bridge flow|packet [packet]", [2, 3], ([name, flow = "", packet]) => {
      const bridge = findBridge(name, `${name}: unknown bridge`);
      const key = traceKey(bridge, flow, packet);
      const tree = new TraceTree();
      const translation = vswitch.trace(bridge, key, tree);
      return JSON.stringify(tellStory(bridge, key, tree, translation, (portNo) => vswitch.homeOf(portNo)));
    }),
    command("dpif/show", "", [0, 0], () => showDatapath(vswitch)),
    command("dpif/dump-flows", "[-m] [--names] bridge", [1, 3], (args) => {
      const bridge = findBridge(args.at(-1));
      const showsNames = args.includes("-m") || args.includes("--names");
      const label = (portNo: number): string => (showsNames ? vswitch.homeOf(portNo)?.port.name : undefined) ?? String(portNo);
      const flows = [...vswitch.datapath.flows()].filter(
        ({ key }) => vswitch.homeOf(key[FIELDS.in_port.word] ?? 0)?.bridge === bridge,
      );
      return flows.map((flow) => formatOdpFlow(flow, clock.monotonicMs(), label)).join("\n");
    }),
    command("fdb/show", "bridge", [1, 1], ([name]) => showMacs(findBridge(name), clock)),
    command("fdb/flush", "[bridge]", [0, 1], ([name]) => {
      for (const bridge of name === undefined ? vswitch.bridges.values() : [findBridge(name)]) vswitch.flushMacs(bridge);
      return "table successfully flushed";
    }),
    command("revalidator/wait", "", [0, 0], () => {
      vswitch.tick();
      return "";
    }),
    command("revalidator/purge", "", [0, 0], () => {
      vswitch.cache.purge();
      return "";
    }),
    command("bridge/dump-flows", "bridge", [1, 1], ([name]) => {
      const rules = findBridge(name, "Unknown bridge").pipeline.select(everyRule());
      return rules.map((rule) => `n_packets=${rule.nPackets}, n_bytes=${rule.nBytes}, ${formatFlow(rule)}`).join("\n");
    }),
  ];
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

function showDatapath(vswitch: VirtualSwitch): string {
  const { datapath } = vswitch;
  const { hits, misses } = datapath.stats();
  const kindByPortNo = new Map(datapath.ports().map(({ portNo, kind }) => [portNo, kind === "memory" ? "dummy" : kind]));
  const lines = [`${datapath.type}@ovs-${datapath.type}: hit:${hits} missed:${misses}`];
  for (const bridge of [...vswitch.bridges.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    lines.push(`  ${bridge.name}:`);
    for (const { name, ofport, link } of bridge.ports().sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (link.kind === "patch") lines.push(`    ${name} ${ofport}/none: (patch: peer=${link.peer})`);
      else if (link.kind === "datapath") {
        lines.push(`    ${name} ${ofport}/${link.portNo}: (${kindByPortNo.get(link.portNo) ?? "system"})`);
      }
    }
  }
  return lines.join("\n");
}

function showMacs(bridge: Bridge, clock: Clock): string {
  const lines = [" port  VLAN  MAC                Age"];
  for (const { port, vlan, mac, usedMs } of bridge.macs.entries()) {
    const label = port === PORT.LOCAL ? "LOCAL" : String(port);
    const age = Math.floor((clock.monotonicMs() - usedMs) / 1000);
    lines.push(`${label.padStart(5)}  ${String(vlan).padStart(4)}  ${formatMac(mac)}  ${String(age).padStart(3)}`);
  }
  return lines.join("\n");
}
