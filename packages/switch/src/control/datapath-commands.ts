/** The commands of the switch that look at the datapath and its cache, for `ovs-appctl`. */
import type { PortInfo } from "@tenet/datapath";
import type { Clock } from "@tenet/kit";
import { type Command, command } from "@tenet/ovsdb";
import { formatOdpFlow } from "../trace/format-odp-flow.ts";
import { finish } from "../turns.ts";
import type { VirtualSwitch } from "../virtual-switch.ts";
import { findBridge } from "./find-bridge.ts";

/** `dpctl/*`, `dpif/*`, `upcall/*`, `revalidator/*` and `memory/show`. */
export function datapathCommands(vswitch: VirtualSwitch, clock: Clock): Command[] {
  const name = `${vswitch.datapath.type}@ovs-${vswitch.datapath.type}`;
  return [
    command("dpctl/dump-dps", "", [0, 0], () => name),
    command("dpctl/dump-flows", "[-m] [--names] [dp]", [0, 3], (args) => dumpFlows(vswitch, clock, args, () => true)),
    command("dpctl/show", "[-s] [dp...]", [0, 9], (args) => `${name}:\n${showPorts(vswitch, args.includes("-s"))}`),
    command("dpif/dump-dps", "", [0, 0], () => sortedNames(vswitch, `${vswitch.datapath.type}@`)),
    command("dpif/dump-flows", "[-m] [--names | --no-names] bridge", [1, 4], (args) => {
      const bridge = findBridge(vswitch, args.at(-1));
      return dumpFlows(vswitch, clock, args, (key) => vswitch.homeOfKey(key)?.bridge === bridge);
    }),
    command("dpif/show", "", [0, 0], () => showBridges(vswitch, name)),
    command("memory/show", "", [0, 0], () => showSizes(vswitch)),
    command("ofproto/list", "", [0, 0], () => sortedNames(vswitch)),
    command("revalidator/purge", "", [0, 0], () => {
      finish(vswitch.cache.purging());
      return "";
    }),
    command("revalidator/wait", "", [0, 0], () => {
      vswitch.tick();
      return "";
    }),
    command("upcall/show", "", [0, 0], () => {
      const { size, limit } = vswitch.cache;
      return `${name}:\n  flows         : (current ${size}) (limit ${limit.maxFlows})`;
    }),
  ];
}

function sortedNames({ bridges }: VirtualSwitch, prefix = ""): string {
  return [...bridges.keys()]
    .sort()
    .map((name) => prefix + name)
    .join("\n");
}

function dumpFlows(
  vswitch: VirtualSwitch,
  clock: Clock,
  args: readonly string[],
  isShown: (key: Uint32Array) => boolean,
): string {
  const showsNames = (args.includes("-m") || args.includes("--names")) && !args.includes("--no-names");
  const nameByPortNo = new Map(vswitch.datapath.ports().map((port) => [port.portNo, port.name]));
  const label = (portNo: number): string => (showsNames ? nameByPortNo.get(portNo) : undefined) ?? String(portNo);
  const flows = [...vswitch.datapath.flows()].filter(({ key }) => isShown(key));
  return flows.map((flow) => formatOdpFlow(flow, clock.monotonicMs(), label)).join("\n");
}

function showBridges(vswitch: VirtualSwitch, datapathName: string): string {
  const { datapath } = vswitch;
  const { hits, misses } = datapath.stats();
  const kindByPortNo = new Map(datapath.ports().map((port) => [port.portNo, kindOf(port)]));
  const lines = [`${datapathName}: hit:${hits} missed:${misses}`];
  for (const bridge of [...vswitch.bridges.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    lines.push(`  ${bridge.name}:`);
    for (const { name, ofport, link } of bridge.ports().sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (link.kind === "patch") lines.push(`    ${name} ${ofport}/none: (patch: peer=${link.peer})`);
      else if (link.kind === "tunnel") {
        lines.push(`    ${name} ${ofport}/${link.portNo}: (${link.config.type}: ${link.config.text})`);
      } else if (link.kind === "datapath") {
        lines.push(`    ${name} ${ofport}/${link.portNo}: (${kindByPortNo.get(link.portNo) ?? "system"})`);
      }
    }
  }
  return lines.join("\n");
}

function showPorts({ datapath }: VirtualSwitch, showsStatistics: boolean): string {
  const { hits, misses, lost, nFlows, nMasks } = datapath.stats();
  const lines = [`  lookups: hit:${hits} missed:${misses} lost:${lost}`, `  flows: ${nFlows}`, `  masks: ${nMasks}`];
  for (const port of datapath.ports()) {
    const kind = kindOf(port);
    lines.push(`  port ${port.portNo}: ${port.name}${kind === "system" ? "" : ` (${kind})`}`);
    if (!showsStatistics) continue;
    const { rxPackets, rxBytes, rxErrors, rxDropped, txPackets, txBytes, txErrors, txDropped } = port.stats;
    lines.push(
      `    RX packets:${rxPackets} errors:${rxErrors} dropped:${rxDropped} overruns:? frame:?`,
      `    TX packets:${txPackets} errors:${txErrors} dropped:${txDropped} aborted:? carrier:?`,
      `    RX bytes:${rxBytes}  TX bytes:${txBytes}`,
    );
  }
  return lines.join("\n");
}

function showSizes({ bridges, cache, datapath }: VirtualSwitch): string {
  let nRules = 0;
  let nMacs = 0;
  for (const { pipeline, macs } of bridges.values()) {
    nRules += pipeline.nRules;
    nMacs += macs.size;
  }
  return `bridges:${bridges.size} macs:${nMacs} megaflows:${cache.size} ports:${datapath.ports().length} rules:${nRules}`;
}

function kindOf({ kind, tunnel }: PortInfo): string {
  return tunnel?.type ?? (kind === "memory" ? "dummy" : kind);
}
