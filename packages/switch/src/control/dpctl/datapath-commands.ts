/**
 * The commands of the switch that look at the datapath, for `ovs-appctl`.
 *
 * There is one datapath for bridges of every `datapath_type`; each type is shown as a datapath of its own, as the
 * original has it.
 */
import type { Datapath, PortInfo } from "@tenet/datapath";
import type { Clock } from "@tenet/kit";
import { type Command, command } from "@tenet/ovsdb";
import type { Bridge } from "../../bridge/bridge.ts";
import { deviceCounters, readDeviceNumber } from "../../bridge/device-counters.ts";
import type { BridgePort } from "../../bridge/bridge-port.ts";
import type { PortHome } from "../../tunnel/tunnel-table.ts";
import type { Work } from "../../turns.ts";
import type { VirtualSwitch } from "../../virtual-switch.ts";
import { datapathName, datapathNames, datapathTypeOf, dpctlCommand } from "./datapath-argument.ts";
import { flowLines } from "./dump-flows.ts";
import { findBridge } from "../find-bridge.ts";
import { type AnswerText, inTurns } from "../in-turns.ts";

const MANY = 9;

/** `dpctl/*` and `dpif/*`, but for tracked connections. */
export function datapathCommands(vswitch: VirtualSwitch, clock: Clock): Command[] {
  return [
    command("dpctl/dump-dps", "", [0, 0], () => datapathNames(vswitch).join("\n")),
    dpctlCommand("show", "[-s] [dp...]", [0, MANY], ({ options, args }) =>
      inTurns(vswitch.turns, (answer) => showDatapaths(vswitch, args, options.has("statistics"), answer)),
    ),
    command("dpif/dump-dps", "", [0, 0], () => {
      const names = bridgesByName(vswitch).map(({ name, datapathType }) => `${datapathType}@${name}`);
      return names.sort().join("\n");
    }),
    command("dpif/dump-flows", "[-m] [--names | --no-names] bridge", [1, 4], (args) => {
      const bridge = findBridge(vswitch, args.at(-1));
      const names = args.includes("--names") || (args.includes("-m") && !args.includes("--no-names"));
      const format = { isVerbose: args.includes("-m"), showsNames: names, isOfBridge: true };
      return inTurns(vswitch.turns, function* (answer) {
        for (const line of flowLines(vswitch, clock, format, (_key, _mask, home) => home === bridge)) {
          if (line !== undefined) answer.line(line);
          yield;
        }
      });
    }),
    command("dpif/show", "", [0, 0], () => inTurns(vswitch.turns, (answer) => showBridges(vswitch, answer))),
    command("ofproto/list", "", [0, 0], () =>
      bridgesByName(vswitch)
        .map(({ name }) => name)
        .join("\n"),
    ),
  ];
}

function bridgesByName({ bridges }: VirtualSwitch): Bridge[] {
  return [...bridges.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function* showBridges(vswitch: VirtualSwitch, answer: AnswerText): Work {
  const { datapath } = vswitch;
  const { hits, misses } = datapath.stats();
  for (const name of datapathNames(vswitch)) {
    answer.line(`${name}: hit:${hits} missed:${misses}`);
    for (const bridge of bridgesByName(vswitch).filter(({ datapathType }) => datapathName(datapathType) === name)) {
      answer.line(`  ${bridge.name}:`);
      for (const port of bridge.ports().sort((a, b) => (a.name < b.name ? -1 : 1))) {
        for (const line of portLine(port, bridge, datapath)) answer.line(line);
        yield;
      }
    }
  }
}

function portLine(port: BridgePort, bridge: Bridge, datapath: Datapath): string[] {
  const { name, ofport, link } = port;
  if (link.kind === "none") return [];
  if (link.kind === "patch") return [`    ${name} ${ofport}/none: (patch: peer=${link.peer})`];
  if (link.kind === "tunnel") return [`    ${name} ${ofport}/${link.portNo}: (${link.config.type}: ${link.config.text})`];
  const info = datapath.port(link.portNo);
  return [`    ${name} ${ofport}/${link.portNo}: (${info === undefined ? "system" : kindOf(info, { bridge, port })})`];
}

function* showDatapaths(vswitch: VirtualSwitch, wanted: readonly string[], showsStatistics: boolean, answer: AnswerText): Work {
  const types = wanted.length === 0 ? undefined : wanted.map((name) => datapathTypeOf(vswitch, name));
  const shown = datapathNames(vswitch).filter((name) => types?.includes(name.replace(/@.*/, "")) ?? true);
  for (const name of shown) yield* showDatapath(vswitch, name, showsStatistics, answer);
}

function* showDatapath(vswitch: VirtualSwitch, name: string, showsStatistics: boolean, answer: AnswerText): Work {
  const { datapath } = vswitch;
  const { hits, misses, lost, nFlows, nMasks } = datapath.stats();
  answer.line(`${name}:\n  lookups: hit:${hits} missed:${misses} lost:${lost}\n  flows: ${nFlows}`);
  if (name.startsWith("system@")) answer.line(`  masks: hit:${hits} total:${nMasks} hit/pkt:${hits === 0 ? "0.00" : "1.00"}`);
  for (const port of datapath.ports()) {
    const home = vswitch.ports.homeOf(port.portNo);
    if (home !== undefined && datapathName(home.bridge.datapathType) !== name) continue;
    const kind = kindOf(port, home);
    answer.line(`  port ${port.portNo}: ${port.name}${kind === "system" ? "" : ` (${kind})`}`);
    if (showsStatistics) for (const line of statisticsLines(port)) answer.line(line);
    yield;
  }
}

/** Counters that memory has none of are question marks. */
function statisticsLines({ name, kind, stats, upcalls }: PortInfo): string[] {
  const { rxPackets, rxBytes, rxErrors, rxDropped, txPackets, txBytes, txErrors, txDropped } = stats;
  const known = (n: number): string => (kind === "memory" ? "?" : String(n));
  const counters = kind === "system" || kind === "internal" ? deviceCounters(name) : undefined;
  const { rx_over_err: overruns = "?", rx_frame_err: frame = "?", collisions = "?" } = counters ?? {};
  const [aborted, carrier] = ["aborted", "carrier"].map((error) =>
    counters === undefined ? "?" : (readDeviceNumber(name, `statistics/tx_${error}_errors`) ?? 0),
  );
  return [
    `    RX packets:${rxPackets} errors:${known(rxErrors)} dropped:${known(rxDropped)} overruns:${overruns} frame:${frame}`,
    `    TX packets:${txPackets} errors:${known(txErrors)} dropped:${known(txDropped)} aborted:${aborted} carrier:${carrier}`,
    `    collisions:${collisions}`,
    `    RX bytes:${rxBytes}${inUnits(rxBytes)}  TX bytes:${txBytes}${inUnits(txBytes)}`,
    ...(upcalls === undefined ? [] : [`    UPCALL packets:${upcalls.nSent} errors:${upcalls.nLost}`]),
  ];
}

const UNITS = ["TiB", "GiB", "MiB", "KiB"] as const;

/** A size in the largest unit that it has one of, in parentheses; small ones need none. */
function inUnits(sizeBytes: number): string {
  const i = UNITS.findIndex((_, at) => sizeBytes >= 1024 ** (UNITS.length - at));
  return i < 0 ? "" : ` (${(sizeBytes / 1024 ** (UNITS.length - i)).toFixed(1)} ${UNITS[i]})`;
}

/** The type of a port. Devices that the switch makes are TAP devices on a user space datapath. */
export function kindOf({ kind, tunnel }: PortInfo, home: PortHome | undefined): string {
  if (tunnel !== undefined) return tunnel.type;
  if (kind === "memory") return home?.port.isInternal === true ? "dummy-internal" : "dummy";
  return kind === "internal" && home?.bridge.datapathType === "netdev" ? "tap" : kind;
}
