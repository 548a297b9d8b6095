/** The commands of the switch that look at tracked connections and end them, for `ovs-appctl`. */
import type { ConnectionFilter, ConnectionInfo } from "@tenet/datapath";
import { ArgumentError, type Command, command } from "@tenet/ovsdb";
import { formatConnection, protocolName, stateOf } from "../../trace/format-connection.ts";
import { describeConnection } from "./connection-description.ts";
import { isTupleField, parseConnectionFilter, parseTuple } from "./connection-match.ts";
import { dpctlCommand, dpctlError, withoutDatapath } from "./datapath-argument.ts";
import type { Work } from "../../turns.ts";
import type { VirtualSwitch } from "../../virtual-switch.ts";
import { type AnswerText, inTurns } from "../in-turns.ts";

/** Names of protocols in statistics, in their order. */
const COUNTED = ["tcp", "udp", "icmp", "icmpv6", "sctp"] as const;
/** Buckets in one line of a histogram. */
const BUCKETS_PER_LINE = 8;

/** In steps, of which some come to none. */
type Connections = Iterable<ConnectionInfo | undefined>;

/** `dpctl/*conntrack`, `dpctl/ct-stats-show`, `dpctl/ct-bkts` and `tenet/conntrack*`. */
export function connectionCommands(vswitch: VirtualSwitch): Command[] {
  const { conntrack } = vswitch.datapath;
  const { turns } = vswitch;
  /** The connections of the zone that arguments name besides a datapath, in steps. */
  const connectionsOf = (args: readonly string[]): Connections => {
    const zone = /^zone=(\d+)$/.exec(args.at(-1) ?? "")?.[1];
    withoutDatapath(vswitch, zone === undefined ? args : args.slice(0, -1), 1);
    return conntrack.connectionsInSteps(zone === undefined ? undefined : Number(zone));
  };
  return [
    dpctlCommand("dump-conntrack", "[-m] [-s] [dp] [zone=N]", [0, 2], ({ options, args }) => {
      const format = { isVerbose: options.has("more"), showsTimeout: options.has("statistics") };
      const connections = connectionsOf(args);
      return inTurns(turns, function* (answer) {
        for (const each of connections) {
          if (each !== undefined) answer.line(formatConnection(each, format));
          yield;
        }
      });
    }),
    dpctlCommand("flush-conntrack", "[dp] [zone=N] [ct-orig-tuple] [ct-reply-tuple]", [0, 4], ({ args }) => {
      const filter = filterOfTuples(withoutDatapath(vswitch, args, 4));
      return inTurns(turns, function* () {
        yield* conntrack.flushInSteps(filter);
      });
    }),
    dpctlCommand("ct-stats-show", "[dp] [zone=N]", [0, 3], ({ options, args }) => {
      const isVerbose = args.at(-1) === "verbose";
      const connections = connectionsOf(isVerbose ? args.slice(0, -1) : args);
      return inTurns(turns, (answer) => showCounts(connections, isVerbose || options.has("more"), answer));
    }),
    dpctlCommand("ct-bkts", "[dp] [gt=N]", [0, 2], ({ args }) => {
      const threshold = /^gt=(\d+)$/.exec(args.at(-1) ?? "")?.[1];
      withoutDatapath(vswitch, threshold === undefined ? args : args.slice(0, -1), 1);
      return showBuckets([conntrack.size], Number(threshold ?? 0));
    }),
    dpctlCommand("ct-get-nconns", "[dp]", [0, 1], ({ args }) => {
      withoutDatapath(vswitch, args, 1);
      return String(conntrack.size);
    }),
    command("tenet/conntrack", "[condition]...", [0, 99], (args) => {
      const { zone, matches = () => true } = parseConnectionFilter(args);
      return inTurns(turns, function* (answer) {
        let separator = "[";
        for (const each of conntrack.connectionsInSteps(zone)) {
          if (each !== undefined && matches(each)) {
            answer.write(separator + JSON.stringify(describeConnection(each)));
            separator = ",";
          }
          yield;
        }
        answer.write(separator === "[" ? "[]" : "]");
      });
    }),
    command("tenet/conntrack-flush", "[condition]...", [0, 99], (args) => {
      const filter = parseConnectionFilter(args);
      return inTurns(turns, function* (answer) {
        answer.line(String(yield* conntrack.flushInSteps(filter)));
      });
    }),
  ];
}

const ADDRESSES: readonly string[] = ["ct_nw_proto", "ct_nw_src", "ct_nw_dst"];
const PORTS: readonly string[] = ["ct_tp_src", "ct_tp_dst"];
const ECHO: readonly string[] = ["icmp_id", "icmp_type", "icmp_code"];

/** The filter of `dpctl/flush-conntrack`; a tuple that is that of packets is of zone 0 when none is given. */
function filterOfTuples([first = "", ...rest]: readonly string[]): ConnectionFilter {
  const zone = first.startsWith("zone=") ? readZone(first.slice("zone=".length)) : undefined;
  const [original = "", reply = ""] = zone === undefined ? [first, ...rest] : rest;
  if (original === "" && reply === "") return zone === undefined ? {} : { zone };
  const [isOriginal, isReply] = [readTuple(original), readTuple(reply)];
  const findsPackets = reply === "" && isOfPacket(original);
  const meantZone = zone ?? (findsPackets ? 0 : undefined);
  return {
    ...(meantZone === undefined ? {} : { zone: meantZone }),
    matches: (connection) =>
      (isOriginal(connection, connection.original) && isReply(connection, connection.reply)) ||
      (findsPackets && isOriginal(connection, connection.reply)),
  };
}

/** Whether a tuple says all that a packet says of its connection: then it is that of packets of either direction. */
function isOfPacket(tuple: string): boolean {
  const names = new Set(tuple.split(",").map((field) => field.replace(/=.*/, "").replace("ct_ipv6_", "ct_nw_")));
  return [PORTS, ECHO].some((fields) => [...ADDRESSES, ...fields].every((name) => names.has(name)));
}

function readZone(text: string): number {
  if (!/^\d+$/.test(text) || Number(text) > 0xffff) throw dpctlError("failed to parse zone");
  return Number(text);
}

/** As `parseTuple`, with the original's problems. */
function readTuple(text: string): ReturnType<typeof parseTuple> {
  const fields = text.split(",").filter(Boolean);
  for (const field of fields) {
    const [name = "", value] = field.split("=", 2);
    if (value === undefined) throw dpctlError(`field ${field} missing value`);
    if (!isTupleField(name)) throw dpctlError(`invalid conntrack tuple field: ${name}`);
    try {
      parseTuple([field]);
    } catch (error) {
      if (error instanceof ArgumentError) throw dpctlError(`failed to parse field ${name}`);
      throw error;
    }
  }
  return parseTuple(fields);
}

function* showCounts(connections: Connections, showsStates: boolean, answer: AnswerText): Work {
  const nByProto = new Map<string, number>();
  const nByState = new Map<string, number>();
  let n = 0;
  for (const each of connections) {
    if (each !== undefined) {
      n++;
      count(nByProto, protocolName(each.proto));
      if (each.tcpStates !== undefined) count(nByState, stateOf(each.tcpStates));
    }
    yield;
  }
  answer.line(`Connections Stats:\n    Total: ${n}`);
  for (const name of COUNTED) {
    const nOfProto = nByProto.get(name);
    if (nOfProto === undefined) continue;
    answer.line(`  ${name.toUpperCase()}: ${nOfProto}`);
    if (name !== "tcp" || !showsStates) continue;
    answer.line("    Conn per TCP states:");
    for (const [state, nInState] of nByState) answer.line(`\t  [${state}]=${nInState}`);
  }
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

/** How connections are spread over the buckets of their table; a dot stands for those with `threshold` or less. */
function showBuckets(sizes: readonly number[], threshold: number): string {
  const n = sizes.reduce((sum, size) => sum + size, 0);
  const lines = [`Total Buckets: ${sizes.length}`, `Current Connections: ${n}`, ""];
  if (n === 0) return `${lines.join("\n")}\n`;
  const rule = "+-----------+-----------------------------------------+";
  lines.push(rule, "|  Buckets  |         Connections per Buckets         |", rule);
  for (let from = 0; from < sizes.length; from += BUCKETS_PER_LINE) {
    const range = `${String(from).padStart(3)}..${String(from + BUCKETS_PER_LINE - 1).padStart(3)}`;
    const cells = sizes.slice(from, from + BUCKETS_PER_LINE).map((size) => (size > threshold ? String(size) : ".").padStart(5));
    lines.push(` ${range}   | ${cells.join("")}`);
  }
  return `${lines.join("\n")}\n\n`;
}
