/** The commands that look at and change the addresses of bridges, for `ovs-appctl`. */
import { formatMac, parseMac } from "@tenet/net";
import type { Clock } from "@tenet/kit";
import { PORT } from "@tenet/openflow";
import { ArgumentError, type Command, command } from "@tenet/ovsdb";
import type { Bundle } from "../bridge/bridge-port.ts";
import type { Bridge } from "../bridge/bridge.ts";
import type { Work } from "../turns.ts";
import type { VirtualSwitch } from "../virtual-switch.ts";
import { findBridge } from "./find-bridge.ts";
import { type AnswerText, inTurns } from "./in-turns.ts";

/** `fdb/*`. */
export function addressCommands(vswitch: VirtualSwitch, clock: Clock): Command[] {
  const bridgesNamed = (name: string | undefined): Iterable<Bridge> =>
    name === undefined ? vswitch.bridges.values() : [findBridge(vswitch, name)];
  return [
    command("fdb/add", "bridge port vlan mac", [4, 4], ([name, portName = "", vlan = "", mac = ""]) => {
      const bridge = findBridge(vswitch, name);
      const port = bridge.portNamed(portName) ?? bridge.port(Number(portName));
      if (port === undefined) throw new ArgumentError("software error, odp port is present but no ofp port");
      const [vid, address] = [readVlan(vlan), readMac(mac)];
      const { macs } = bridge;
      const known = macs.lookup(vid, address);
      const kind = macs.staticHome(vid, address) === undefined ? "dynamic" : "static";
      vswitch.addStaticMac(bridge, vid, address, port.bundle);
      return known === undefined ? "" : `Overriding already existing ${kind} entry on ${labelOf(known)}`;
    }),
    command("fdb/del", "bridge vlan mac", [3, 3], ([name, vlan = "", mac = ""]) => {
      const wasThere = vswitch.removeStaticMac(findBridge(vswitch, name), readVlan(vlan), readMac(mac));
      if (!wasThere) throw new ArgumentError("could not find static mac entry");
      return "";
    }),
    command("fdb/flush", "[bridge]", [0, 1], ([name]) => {
      for (const bridge of bridgesNamed(name)) vswitch.flushMacs(bridge);
      return "table successfully flushed";
    }),
    command("fdb/show", "bridge", [1, 1], ([name]) => {
      const bridge = findBridge(vswitch, name);
      return inTurns(vswitch.turns, (answer) => showMacs(bridge, clock, answer));
    }),
    command("fdb/stats-clear", "[bridge]", [0, 1], ([name]) => {
      for (const { macs } of bridgesNamed(name)) macs.clearStatistics();
      return "statistics successfully cleared";
    }),
    command("fdb/stats-show", "bridge", [1, 1], ([name]) => showStatistics(findBridge(vswitch, name))),
  ];
}

function readVlan(text: string): number {
  if (!/^\d+$/.test(text)) throw new ArgumentError("bad VLAN");
  return Number(text);
}

function readMac(text: string): number {
  if (!/^([0-9a-f]{1,2}:){5}[0-9a-f]{1,2}$/i.test(text)) throw new ArgumentError("bad MAC address");
  return parseMac(text);
}

/** The number of a bundle's first interface. */
function labelOf({ members: [first] }: Bundle): string {
  return first?.ofport === PORT.LOCAL ? "LOCAL" : String(first?.ofport ?? "");
}

function* showMacs({ macs }: Bridge, clock: Clock, answer: AnswerText): Work {
  answer.line(" port  VLAN  MAC                Age");
  for (const { bundle, vlan, mac, usedMs } of macs.entries()) {
    const age = usedMs === undefined ? "static" : String(Math.floor((clock.monotonicMs() - usedMs) / 1000));
    answer.line(`${labelOf(bundle).padStart(5)}  ${String(vlan).padStart(4)}  ${formatMac(mac)}  ${age.padStart(3)}`);
    yield;
  }
}

function showStatistics({ name, macs }: Bridge): string {
  const { size, nStatic, maxEntries, statistics } = macs;
  const { nLearned, nExpired, nEvicted, nMoved } = statistics;
  return [
    `Statistics for bridge "${name}":`,
    `  Current/maximum MAC entries in the table: ${size}/${maxEntries}`,
    `  Current static MAC entries in the table : ${nStatic}`,
    `  Total number of learned MAC entries     : ${nLearned}`,
    `  Total number of expired MAC entries     : ${nExpired}`,
    `  Total number of evicted MAC entries     : ${nEvicted}`,
    `  Total number of port moved MAC entries  : ${nMoved}`,
  ].join("\n");
}
