/** The commands that tell what the datapath can do, for `ovs-appctl`. */
import { ArgumentError, type Command, command } from "@tenet/ovsdb";
import type { VirtualSwitch } from "../../virtual-switch.ts";
import { findBridge } from "../find-bridge.ts";

/** Whether outer packets go through bridges of ours. */
const NATIVE_TUNNELS = "tnl_push_pop";

type Value = boolean | number;

/** What there is and what there is not, and how deep, by the original's names for it. */
const FEATURES: readonly (readonly [field: string, name: string, value: Value | "vlanLimit"])[] = [
  ["masked_set_action", "Masked set action", true],
  ["tnl_push_pop", "Tunnel push pop", true],
  ["ufid", "Ufid", true],
  ["trunc", "Truncate action", true],
  ["clone", "Clone action", true],
  ["sample_nesting", "Sample nesting", 0],
  ["ct_eventmask", "Conntrack eventmask", false],
  ["ct_clear", "Conntrack clear", true],
  ["max_hash_alg", "Max dp_hash algorithm", 1],
  ["check_pkt_len", "Check pkt length action", true],
  ["ct_timeout", "Conntrack timeout policy", false],
  ["explicit_drop_action", "Explicit Drop action", false],
  ["lb_output_action", "Optimized Balance TCP mode", false],
  ["ct_zero_snat", "Conntrack all-zero IP SNAT", true],
  ["add_mpls", "MPLS Label add", false],
  ["max_vlan_headers", "Max VLAN headers", "vlanLimit"],
  ["max_mpls_depth", "Max MPLS depth", 1],
  ["recirc", "Recirc", true],
  ["ct_state", "CT state", true],
  ["ct_zone", "CT zone", true],
  ["ct_mark", "CT mark", true],
  ["ct_label", "CT label", true],
  ["ct_state_nat", "CT state NAT", true],
  ["ct_orig_tuple", "CT orig tuple", true],
  ["ct_orig_tuple6", "CT orig tuple for IPv6", true],
  ["nd_ext", "IPv6 ND Extension", true],
];

/** `dpif/show-dp-features` and `dpif/set-dp-features`, which turns native tunnels off and on; the rest is no matter of choice. */
export function featureCommands(vswitch: VirtualSwitch): Command[] {
  const { slowPath, underlay } = vswitch;
  const atStart = (value: Value | "vlanLimit"): Value => (value === "vlanLimit" ? slowPath.vlanLimit : value);
  const now = (field: string, value: Value | "vlanLimit"): Value => (field === NATIVE_TUNNELS ? underlay.isUsed : atStart(value));
  const set = (field: string, is: Value, text: string): string => {
    const wanted = readValue(is, text);
    if (wanted === undefined) return `${typeof is === "number" ? "Integer number" : "Boolean value"} expected`;
    if (field === NATIVE_TUNNELS) {
      underlay.isUsed = wanted === true;
      vswitch.underlayChanged();
    } else if (wanted !== is) throw new ArgumentError("What the datapath can do cannot be changed here");
    return "";
  };
  return [
    command("dpif/show-dp-features", "bridge", [1, 1], ([bridge]) => {
      findBridge(vswitch, bridge);
      return FEATURES.map(([field, name, value]) => {
        const is = now(field, value);
        return `${name}: ${typeof is === "number" ? is : is ? "Yes" : "No"}`;
      }).join("\n");
    }),
    command("dpif/set-dp-features", "bridge", [1, 3], ([bridge, field, value]) => {
      findBridge(vswitch, bridge);
      const meant = FEATURES.filter(([each]) => field === undefined || each === field);
      const [first] = meant;
      if (first === undefined) return "Unexpected support field";
      if (value !== undefined) return set(first[0], now(first[0], first[2]), value);
      return meant
        .map(([each, name, is]) => `${each} (${name}) : [run time]:${now(each, is)}, [boot time]:${atStart(is)}`)
        .join("\n");
    }),
  ];
}

/** A value of the type of the one that a feature has. */
function readValue(is: Value, text: string): Value | undefined {
  if (typeof is === "number") return /^\d+$/.test(text) ? Number(text) : undefined;
  return /^(true|false)$/i.test(text) ? text.toLowerCase() === "true" : undefined;
}
