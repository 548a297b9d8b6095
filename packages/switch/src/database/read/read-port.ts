/** Reads what Port rows say: VLANs, protection, bonds. */
import type { Row } from "@tenet/ovsdb";
import type { BondSettings } from "../../bridge/bond.ts";
import { type PortVlan, TRUNK_ALL } from "../../bridge/port-vlan.ts";
import { numberOf, numbersOf, optionOf, textOf } from "./row-values.ts";

const DEFAULT_REBALANCE_MS = 10_000;
const MIN_REBALANCE_MS = 1000;
const ETH_TYPE_8021Q = 0x8100;
const MAX_VLAN = 4095;
const NO_TRUNKS: readonly number[] = [];

/** Without `vlan_mode`, a port with a tag is an access port. */
export function readVlan(port: Row): PortVlan {
  const column = numberOf(port, "tag");
  const tag = column !== undefined && column >= 0 && column <= MAX_VLAN ? column : undefined;
  const trunks = numbersOf(port, "trunks");
  const priorityTags = readPriorityTags(port);
  const common = priorityTags === undefined ? {} : { priorityTags };
  const mode = textOf(port, "vlan_mode") || (tag === undefined ? "trunk" : "access");
  switch (mode) {
    case "access":
      return { mode, tag: tag ?? 0, trunks: NO_TRUNKS, ...common };
    case "native-tagged":
    case "native-untagged":
      return { mode, tag: tag ?? 0, trunks, ...common };
    case "dot1q-tunnel":
      return { mode, tag: tag ?? 0, trunks: [], ...common, ...readTunnel(port) };
    default:
      if (trunks.length === 0 && priorityTags === undefined) return TRUNK_ALL;
      return { mode: "trunk", tag: 0, trunks, ...common };
  }
}

function readTunnel(port: Row): Pick<PortVlan, "customerVlans" | "tunnelEthType"> {
  const customerVlans = numbersOf(port, "cvlans");
  const isPlain = optionOf(port, "other_config", "qinq-ethtype") === "802.1q";
  return {
    ...(customerVlans.length === 0 ? {} : { customerVlans }),
    ...(isPlain ? { tunnelEthType: ETH_TYPE_8021Q } : {}),
  };
}

function readPriorityTags(port: Row): PortVlan["priorityTags"] {
  const wanted = optionOf(port, "other_config", "priority-tags");
  if (wanted === "always") return wanted;
  return wanted === "if-nonzero" || wanted === "true" ? "if-nonzero" : undefined;
}

/** Of a port with several interfaces. */
export function readBond(port: Row): BondSettings {
  const mode = textOf(port, "bond_mode");
  const rebalanceMs = wholeNumber(optionOf(port, "other_config", "bond-rebalance-interval")) ?? DEFAULT_REBALANCE_MS;
  return {
    mode: mode === "balance-slb" || mode === "balance-tcp" ? mode : "active-backup",
    upDelayMs: Math.max(0, numberOf(port, "bond_updelay") ?? 0),
    downDelayMs: Math.max(0, numberOf(port, "bond_downdelay") ?? 0),
    rebalanceMs: rebalanceMs === 0 ? 0 : Math.max(MIN_REBALANCE_MS, rebalanceMs),
    basis: wholeNumber(optionOf(port, "other_config", "bond-hash-basis")) ?? 0,
    primary: optionOf(port, "other_config", "bond-primary"),
    areAllActive: optionOf(port, "other_config", "all-members-active") === "true",
  };
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}
