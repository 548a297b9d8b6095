/** The command that tells what the datapath can do, for `ovs-appctl`. */
import { type Command, command } from "@tenet/ovsdb";
import type { VirtualSwitch } from "../../virtual-switch.ts";
import { findBridge } from "../find-bridge.ts";

/** What there is and what there is not, and how deep, by the original's names for it. */
const FEATURES: readonly (readonly [name: string, value: boolean | number | "vlanLimit"])[] = [
  ["Masked set action", true],
  ["Tunnel push pop", true],
  ["Ufid", true],
  ["Truncate action", true],
  ["Clone action", true],
  ["Sample nesting", 0],
  ["Conntrack eventmask", false],
  ["Conntrack clear", true],
  ["Max dp_hash algorithm", 0],
  ["Check pkt length action", true],
  ["Conntrack timeout policy", false],
  ["Explicit Drop action", false],
  ["Optimized Balance TCP mode", false],
  ["Conntrack all-zero IP SNAT", true],
  ["MPLS Label add", false],
  ["Max VLAN headers", "vlanLimit"],
  ["Max MPLS depth", 1],
  ["Recirc", true],
  ["CT state", true],
  ["CT zone", true],
  ["CT mark", true],
  ["CT label", true],
  ["CT state NAT", true],
  ["CT orig tuple", true],
  ["CT orig tuple for IPv6", true],
  ["IPv6 ND Extension", true],
];

/** `dpif/show-dp-features`. */
export function featureCommands(vswitch: VirtualSwitch): Command[] {
  const valueOf = (value: boolean | number | "vlanLimit"): string => {
    if (typeof value === "boolean") return value ? "Yes" : "No";
    return String(value === "vlanLimit" ? vswitch.slowPath.vlanLimit : value);
  };
  return [
    command("dpif/show-dp-features", "bridge", [1, 1], ([name]) => {
      findBridge(vswitch, name);
      return FEATURES.map(([feature, value]) => `${feature}: ${valueOf(value)}`).join("\n");
    }),
  ];
}
