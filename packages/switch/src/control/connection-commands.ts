/** The commands of the switch that look at tracked connections, for `ovs-appctl`. */
import type { ConnectionInfo } from "@tenet/datapath";
import { ArgumentError, type Command, command } from "@tenet/ovsdb";
import { formatConnection, protocolName } from "../trace/format-connection.ts";
import type { VirtualSwitch } from "../virtual-switch.ts";

/** Names of protocols in statistics, in their order. */
const COUNTED = ["tcp", "udp", "icmp", "icmpv6", "sctp"] as const;

/** `dpctl/*conntrack` and `dpctl/ct-*`. */
export function connectionCommands({ datapath }: VirtualSwitch): Command[] {
  const { conntrack } = datapath;
  return [
    command("dpctl/dump-conntrack", "[-m] [-s] [dp] [zone=N]", [0, 4], (args) => {
      const format = { isVerbose: args.includes("-m"), showsTimeout: args.includes("-s") };
      return [...conntrack.connections(zoneIn(args))].map((each) => formatConnection(each, format)).join("\n");
    }),
    command("dpctl/flush-conntrack", "[dp] [zone=N]", [0, 2], (args) => {
      const zone = zoneIn(args);
      conntrack.flush(zone === undefined ? {} : { zone });
      return "";
    }),
    command("dpctl/ct-stats-show", "[dp] [zone=N]", [0, 2], (args) => showCounts([...conntrack.connections(zoneIn(args))])),
    command("dpctl/ct-get-nconns", "[dp]", [0, 1], () => String(conntrack.size)),
    command("dpctl/ct-get-maxconns", "[dp]", [0, 1], () => String(conntrack.maxConnections)),
    command("dpctl/ct-set-maxconns", "[dp] maxconns", [1, 2], (args) => {
      conntrack.maxConnections = parseNumber(args.at(-1) ?? "", "maxconns", 0xffffffff);
      return "setting maxconns successful";
    }),
    command("dpctl/ct-set-limits", "[dp] [zone=N,limit=L]...", [1, 99], (args) => {
      for (const arg of args) {
        const found = /^zone=(\d+),limit=(\d+)$/.exec(arg);
        if (found === null) {
          if (arg.includes("=")) throw new ArgumentError(`invalid argument ${arg} (expected zone=N,limit=L)`);
          continue;
        }
        conntrack.zoneLimits.set(parseNumber(found[1] ?? "", "zone", 0xffff), parseNumber(found[2] ?? "", "limit", 0xffffffff));
      }
      return "";
    }),
    command("dpctl/ct-del-limits", "[dp] zone=N1[,N2]...", [1, 2], (args) => {
      for (const zone of zonesIn(args)) conntrack.zoneLimits.delete(zone);
      return "";
    }),
    command("dpctl/ct-get-limits", "[dp] [zone=N1[,N2]...]", [0, 2], (args) => {
      const zones = args.some((arg) => arg.startsWith("zone=")) ? zonesIn(args) : [...conntrack.zoneLimits.keys()];
      const lines = zones.map((zone) => {
        const count = [...conntrack.connections(zone)].length;
        return `zone=${zone},limit=${conntrack.zoneLimits.get(zone) ?? 0},count=${count}`;
      });
      return ["default limit=0", ...lines].join("\n");
    }),
  ];
}

function zoneIn(args: readonly string[]): number | undefined {
  const text = args.find((arg) => arg.startsWith("zone="));
  return text === undefined ? undefined : parseNumber(text.slice("zone=".length), "zone", 0xffff);
}

function zonesIn(args: readonly string[]): number[] {
  const text = args.find((arg) => arg.startsWith("zone="));
  if (text === undefined) throw new ArgumentError("expected zone=N1[,N2]...");
  return text
    .slice("zone=".length)
    .split(",")
    .map((each) => parseNumber(each, "zone", 0xffff));
}

function parseNumber(text: string, name: string, max: number): number {
  if (!/^\d+$/.test(text) || Number(text) > max)
    throw new ArgumentError(`failed to parse ${name} "${text}" (expected 0 to ${max})`);
  return Number(text);
}

function showCounts(connections: readonly ConnectionInfo[]): string {
  const lines = ["Connections Stats:", `    Total: ${connections.length}`];
  for (const name of COUNTED) {
    const n = connections.filter(({ proto }) => protocolName(proto) === name).length;
    if (n > 0) lines.push(`  ${name.toUpperCase()}: ${n}`);
  }
  return lines.join("\n");
}
