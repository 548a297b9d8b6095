/** The commands that look at and change the limits of the connection tracker, and what it is strict about, for `ovs-appctl`. */
import type { ConnectionTracker } from "@tenet/datapath";
import type { Command } from "@tenet/ovsdb";
import { dpctlCommand, dpctlError, splitDatapath, withoutDatapath } from "./datapath-argument.ts";
import type { VirtualSwitch } from "../../virtual-switch.ts";

const MAX_COUNT = 0xffffffff;
const MAX_ZONE = 0xffff;
/** Arguments that name zones with their limits. */
const MANY = 100;

/** `dpctl/ct-*-limits`, `dpctl/ct-*-maxconns` and `dpctl/ct-*-tcp-seq-chk`. */
export function trackerCommands(vswitch: VirtualSwitch): Command[] {
  const { conntrack } = vswitch.datapath;
  return [
    dpctlCommand("ct-get-maxconns", "[dp]", [0, 1], ({ args }) => {
      withoutDatapath(vswitch, args, 1);
      return String(conntrack.maxConnections);
    }),
    dpctlCommand("ct-set-maxconns", "[dp] maxconns", [1, 2], ({ args }) => {
      const [text = ""] = withoutDatapath(vswitch, args, 2);
      conntrack.maxConnections = readCount(text, MAX_COUNT, "maxconns missing or malformed");
      return "setting maxconns successful";
    }),
    ...[true, false].map((isOn) =>
      dpctlCommand(`ct-${isOn ? "enable" : "disable"}-tcp-seq-chk`, "[dp]", [0, 1], ({ args }) => {
        withoutDatapath(vswitch, args, 1);
        conntrack.checksSequences = isOn;
        return `${isOn ? "enabling" : "disabling"} TCP sequence checking successful`;
      }),
    ),
    dpctlCommand("ct-get-tcp-seq-chk", "[dp]", [0, 1], ({ args }) => {
      withoutDatapath(vswitch, args, 1);
      return `TCP sequence checking: ${conntrack.checksSequences ? "enabled" : "disabled"}`;
    }),
    dpctlCommand("ct-set-limits", "[dp] [default=L] [zone=N,limit=L]...", [1, MANY], ({ args }) => {
      const [first = "", ...others] = splitDatapath(vswitch, args).rest;
      const overall = first.startsWith("default=") ? first.slice("default=".length) : undefined;
      if (overall !== undefined) conntrack.defaultZoneLimit = readCount(overall, MAX_COUNT, "invalid default limit");
      for (const { zone, limit } of (overall === undefined ? [first, ...others] : others).map(readZoneLimit)) {
        conntrack.zoneLimits.set(zone, limit);
      }
      return "";
    }),
    dpctlCommand("ct-del-limits", "[dp] zone=N1[,N2]...", [1, 2], ({ args }) => {
      const [text = ""] = withoutDatapath(vswitch, args, 2);
      for (const zone of readZones(text)) conntrack.zoneLimits.delete(zone);
      return "";
    }),
    dpctlCommand("ct-get-limits", "[dp] [zone=N1[,N2]...]", [0, 2], ({ args }) => {
      const [text] = withoutDatapath(vswitch, args, 2);
      return showLimits(conntrack, text === undefined ? [...conntrack.zoneLimits.keys()] : readZones(text));
    }),
  ];
}

function readCount(text: string, max: number, problem: string): number {
  if (!/^\d+$/.test(text) || Number(text) > max) throw dpctlError(problem);
  return Number(text);
}

/** `zone=N,limit=L`. */
function readZoneLimit(text: string): { readonly zone: number; readonly limit: number } {
  const limits: { zone?: number; limit?: number } = {};
  for (const field of text.split(",")) {
    const [name = "", value] = field.split("=", 2);
    if (value === undefined) throw dpctlError(`field ${field} missing value`);
    if (name !== "zone" && name !== "limit") throw dpctlError(`invalid zone limit field: ${name}`);
    limits[name] = readCount(value, name === "zone" ? MAX_ZONE : MAX_COUNT, `failed to parse field ${name}`);
  }
  const { zone, limit } = limits;
  if (zone === undefined || limit === undefined) throw dpctlError("failed to parse zone limit");
  return { zone, limit };
}

/** `zone=N1,N2`. */
function readZones(text: string): number[] {
  if (!text.startsWith("zone=")) throw dpctlError(`invalid argument ${text}`);
  const zones = text.slice("zone=".length).split(",");
  return zones.map((zone) => readCount(zone, MAX_ZONE, "invalid zone"));
}

function showLimits(conntrack: ConnectionTracker, zones: readonly number[]): string {
  const { zoneLimits, defaultZoneLimit } = conntrack;
  const lines = zones.map((zone) => {
    return `zone=${zone},limit=${zoneLimits.get(zone) ?? defaultZoneLimit},count=${conntrack.sizeOfZone(zone)}`;
  });
  return [`default limit=${defaultZoneLimit}`, ...lines].join("\n");
}
