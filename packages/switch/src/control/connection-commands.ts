/** The commands of the switch that look at tracked connections, for `ovs-appctl`. */
import type { ConnectionFilter, ConnectionInfo } from "@tenet/datapath";
import { ArgumentError, type Command, command } from "@tenet/ovsdb";
import { formatConnection, protocolName } from "../trace/format-connection.ts";
import { describeConnection } from "./connection-description.ts";
import { checkDatapath, dpctlError, isDatapath } from "./datapath-argument.ts";
import { parseConnectionFilter, parseNumber, parseTuple } from "./connection-match.ts";
import type { VirtualSwitch } from "../virtual-switch.ts";

/** Names of protocols in statistics, in their order. */
const COUNTED = ["tcp", "udp", "icmp", "icmpv6", "sctp"] as const;

/** `dpctl/*conntrack` and `dpctl/ct-*`. */
export function connectionCommands(vswitch: VirtualSwitch): Command[] {
  const { conntrack } = vswitch.datapath;
  /** Looks whether the datapath is there that arguments name besides options. */
  const checkNamed = (args: readonly string[]): void =>
    checkDatapath(
      vswitch,
      args.find((arg) => !arg.startsWith("-") && !arg.startsWith("zone=")),
    );
  /** The same where anything else in its place is meant for another argument. */
  const checkFirst = ([first = "="]: readonly string[], problemOf: (arg: string) => string): void => {
    if (!first.includes("=") && !isDatapath(vswitch, first)) throw dpctlError(problemOf(first));
  };
  return [
    command("dpctl/dump-conntrack", "[-m] [-s] [dp] [zone=N]", [0, 4], (args) => {
      checkNamed(args);
      const format = { isVerbose: args.includes("-m"), showsTimeout: args.includes("-s") };
      return [...conntrack.connections(zoneIn(args))].map((each) => formatConnection(each, format)).join("\n");
    }),
    command("dpctl/flush-conntrack", "[dp] [zone=N] [ct-origin-tuple [ct-reply-tuple]]", [0, 4], (args) => {
      checkFirst(args, (arg) => `field ${arg} missing value`);
      conntrack.flush(filterOfTuples(args));
      return "";
    }),
    command("tenet/conntrack", "[condition]...", [0, 99], (args) => {
      const { zone, matches = () => true } = parseConnectionFilter(args);
      return JSON.stringify([...conntrack.connections(zone)].filter(matches).map(describeConnection));
    }),
    command("tenet/conntrack-flush", "[condition]...", [0, 99], (args) => String(conntrack.flush(parseConnectionFilter(args)))),
    command("dpctl/ct-stats-show", "[dp] [zone=N]", [0, 2], (args) => {
      checkNamed(args);
      return showCounts([...conntrack.connections(zoneIn(args))]);
    }),
    command("dpctl/ct-get-nconns", "[dp]", [0, 1], (args) => {
      checkNamed(args);
      return String(conntrack.size);
    }),
    command("dpctl/ct-get-maxconns", "[dp]", [0, 1], (args) => {
      checkNamed(args);
      return String(conntrack.maxConnections);
    }),
    command("dpctl/ct-set-maxconns", "[dp] maxconns", [1, 2], (args) => {
      if (!/^\d+$/.test(args.at(-1) ?? "")) throw dpctlError("maxconns missing or malformed");
      if (args.length === 2) checkNamed(args);
      conntrack.maxConnections = parseNumber(args.at(-1) ?? "", "maxconns", 0xffffffff);
      return "setting maxconns successful";
    }),
    command("dpctl/ct-set-limits", "[dp] [default=L] [zone=N,limit=L]...", [1, 99], (args) => {
      checkFirst(args, (arg) => `invalid argument ${arg}`);
      for (const arg of args) {
        const [, overall] = /^default=(\d+)$/.exec(arg) ?? [];
        if (overall !== undefined) {
          conntrack.defaultZoneLimit = parseNumber(overall, "default", 0xffffffff);
          continue;
        }
        const found = /^zone=(\d+),limit=(\d+)$/.exec(arg);
        if (found === null) {
          if (arg.includes("=")) throw new ArgumentError(`invalid argument ${arg} (expected default=L or zone=N,limit=L)`);
          continue;
        }
        conntrack.zoneLimits.set(parseNumber(found[1] ?? "", "zone", 0xffff), parseNumber(found[2] ?? "", "limit", 0xffffffff));
      }
      return "";
    }),
    command("dpctl/ct-del-limits", "[dp] zone=N1[,N2]...", [1, 2], (args) => {
      checkFirst(args, (arg) => `invalid argument ${arg}`);
      for (const zone of zonesIn(args)) conntrack.zoneLimits.delete(zone);
      return "";
    }),
    command("dpctl/ct-get-limits", "[dp] [zone=N1[,N2]...]", [0, 2], (args) => {
      checkFirst(args, (arg) => `invalid argument ${arg}`);
      const zones = args.some((arg) => arg.startsWith("zone=")) ? zonesIn(args) : [...conntrack.zoneLimits.keys()];
      const lines = zones.map((zone) => {
        const count = [...conntrack.connections(zone)].length;
        return `zone=${zone},limit=${conntrack.zoneLimits.get(zone) ?? conntrack.defaultZoneLimit},count=${count}`;
      });
      return [`default limit=${conntrack.defaultZoneLimit}`, ...lines].join("\n");
    }),
  ];
}

/** The filter of `dpctl/flush-conntrack`; with a tuple and without a zone it is zone 0. */
function filterOfTuples(args: readonly string[]): ConnectionFilter {
  const zone = zoneIn(args);
  const [original = "", reply = ""] = args.filter((arg) => arg === "" || /^(ct_|icmp_)/.test(arg));
  if (original === "" && reply === "") return zone === undefined ? {} : { zone };
  const isOriginal = parseTuple(original.split(",").filter(Boolean));
  const isReply = parseTuple(reply.split(",").filter(Boolean));
  return {
    zone: zone ?? 0,
    matches: (connection) => isOriginal(connection, connection.original) && isReply(connection, connection.reply),
  };
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

function showCounts(connections: readonly ConnectionInfo[]): string {
  const lines = ["Connections Stats:", `    Total: ${connections.length}`];
  for (const name of COUNTED) {
    const n = connections.filter(({ proto }) => protocolName(proto) === name).length;
    if (n > 0) lines.push(`  ${name.toUpperCase()}: ${n}`);
  }
  return lines.join("\n");
}
