/**
 * The commands that show what this switch does not do: they answer as the original does where it is not configured, so
 * that scripts which ask for everything go on. Each goes to a file of its own when there is something to show.
 */
import { ArgumentError, type Command, command } from "@tenet/ovsdb";
import type { VirtualSwitch } from "../virtual-switch.ts";
import { findBridge } from "./find-bridge.ts";

const FAULTS: readonly string[] = ["normal", "false", "true"];
const NO_SNOOPING = "multicast snooping is disabled";

/** `qos/*`, `lacp/*`, `bfd/*`, `cfm/*`, `stp/*`, `rstp/*`, `mdb/*`, `autoattach/*`. */
export function unconfiguredCommands(vswitch: VirtualSwitch): Command[] {
  const hasInterface = (name: string): boolean =>
    [...vswitch.bridges.values()].some((bridge) => bridge.portNamed(name) !== undefined);
  /** Shows nothing, or does what has nothing to do, or says that what is named is not there. */
  const nothing = (name: string, argument: string, problem: string, done = ""): Command =>
    command(name, `[${argument}]`, [0, 1], ([wanted]) => {
      if (wanted !== undefined) throw new ArgumentError(problem);
      return done;
    });
  const noFault = (name: string, problem: string): Command =>
    command(name, "[interface] normal|false|true", [1, 2], (args) => {
      if (!FAULTS.includes(args.at(-1) ?? "")) throw new ArgumentError("unknown fault string");
      if (args.length === 2) throw new ArgumentError(problem);
      return "OK";
    });
  return [
    nothing("bfd/show", "interface", "no such bfd object"),
    noFault("bfd/set-forwarding", "no such BFD object"),
    nothing("cfm/show", "interface", "no such CFM object"),
    noFault("cfm/set-fault", "no such CFM object"),
    nothing("lacp/show", "port", "no such lacp object"),
    nothing("lacp/show-stats", "port", "no such lacp object"),
    nothing("stp/show", "bridge", "no such stp object"),
    nothing("stp/tcn", "bridge", "no such stp object", "OK"),
    nothing("rstp/show", "bridge", "No such RSTP object"),
    nothing("rstp/tcn", "bridge", "No such RSTP object", "OK"),
    ...["show-isid", "statistics", "status"].map((name) => command(`autoattach/${name}`, "[bridge]", [0, 1], () => "")),
    command("mdb/show", "bridge", [1, 1], ([name]) => {
      findBridge(vswitch, name);
      throw new ArgumentError(NO_SNOOPING);
    }),
    command("mdb/flush", "[bridge]", [0, 1], ([name]) => {
      if (name === undefined) return "table successfully flushed";
      findBridge(vswitch, name);
      throw new ArgumentError(NO_SNOOPING);
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
