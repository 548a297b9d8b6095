/**
 * The commands that show what this switch does not do: they answer as the original does where it is not configured, so
 * that scripts which ask for everything go on. Each goes to a file of its own when there is something to show.
 */
import { ArgumentError, type Command, command } from "@tenet/ovsdb";
import type { VirtualSwitch } from "../virtual-switch.ts";
import { findBridge } from "./find-bridge.ts";

/** `qos/*`, `lacp/*`, `bfd/show`, `cfm/show`, `stp/show`, `rstp/show`, `mdb/*`. */
export function unconfiguredCommands(vswitch: VirtualSwitch): Command[] {
  const hasInterface = (name: string): boolean =>
    [...vswitch.bridges.values()].some((bridge) => bridge.portNamed(name) !== undefined);
  /** Shows nothing, or says that what is named is not there. */
  const nothing = (name: string, argument: string, problem: string): Command =>
    command(name, `[${argument}]`, [0, 1], ([wanted]) => {
      if (wanted !== undefined) throw new ArgumentError(problem);
      return "";
    });
  const perBridge = (name: string, problem: string): Command =>
    command(name, "[bridge]", [0, 1], ([wanted]) => {
      if (wanted === undefined) return "";
      findBridge(vswitch, wanted);
      throw new ArgumentError(problem);
    });
  return [
    nothing("bfd/show", "interface", "no such bfd object"),
    nothing("cfm/show", "interface", "no such CFM object"),
    nothing("lacp/show", "port", "no such lacp object"),
    nothing("lacp/show-stats", "port", "no such lacp object"),
    perBridge("stp/show", "STP is not enabled"),
    perBridge("rstp/show", "RSTP is not enabled"),
    command("mdb/show", "bridge", [1, 1], ([name]) => {
      findBridge(vswitch, name);
      return "multicast snooping is disabled";
    }),
    command("qos/show", "interface", [1, 1], ([name = ""]) => {
      if (!hasInterface(name)) throw new ArgumentError("no such interface");
      return `QoS not configured on ${name}`;
    }),
    command("qos/show-types", "interface", [1, 1], ([name = ""]) => {
      if (!hasInterface(name)) throw new ArgumentError("no such interface");
      return `No QoS types supported for interface: ${name}`;
    }),
  ];
}
