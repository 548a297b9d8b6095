/**
 * Which tracked connections a command is about: conditions `NAME=VALUE` on the original direction, all of which hold.
 *
 * Names are those that connections are shown with (`src=`, `dport=`, `zone=` …); the ones of `dpctl/flush-conntrack`
 * (`ct_nw_src=`, `ct_tp_dst=` …) mean the same.
 */
import type { ConnectionFilter, ConnectionInfo, ConnectionTuple } from "@tenet/datapath";
import { getU32, IP_PROTO, parseIp4, parseIp6 } from "@tenet/net";
import { ArgumentError } from "@tenet/ovsdb";
import { protocolName } from "../../trace/format-connection.ts";

/** Whether a connection meets one condition; `tuple` is the direction that it is about. */
type Condition = (connection: ConnectionInfo, tuple: ConnectionTuple) => boolean;

const OTHER_NAMES: Readonly<Record<string, string>> = {
  ct_nw_src: "src",
  ct_ipv6_src: "src",
  ct_nw_dst: "dst",
  ct_ipv6_dst: "dst",
  ct_nw_proto: "proto",
  ct_tp_src: "sport",
  ct_tp_dst: "dport",
  icmp_id: "id",
  icmp_type: "type",
  icmp_code: "code",
};

const MAKERS: Readonly<Record<string, (value: string, name: string) => Condition>> = {
  src: (value) => hasAddress(value, "src"),
  dst: (value) => hasAddress(value, "dst"),
  proto: (value) => {
    const proto = Object.entries(IP_PROTO).find(([, number]) => protocolName(number) === value)?.[1];
    const wanted = proto ?? parseNumber(value, "proto", 0xff);
    return (connection) => connection.proto === wanted;
  },
  sport: (value, name) => portIs(value, name, (tuple) => tuple.srcPort),
  dport: (value, name) => portIs(value, name, (tuple) => tuple.dstPort),
  id: (value, name) => portIs(value, name, (tuple) => tuple.srcPort),
  type: (value, name) => portIs(value, name, (tuple) => tuple.dstPort >>> 8),
  code: (value, name) => portIs(value, name, (tuple) => tuple.dstPort & 0xff),
  mark: (value) => {
    const mark = parseNumber(value, "mark", 0xffffffff);
    return (connection) => connection.mark === mark;
  },
};

/** Whether `dpctl/flush-conntrack` knows a field by this name. */
export function isTupleField(name: string): boolean {
  return OTHER_NAMES[name] !== undefined;
}

/**
 * A filter of conditions, each an argument of its own.
 *
 * @throws ArgumentError which names the condition that cannot be read
 */
export function parseConnectionFilter(conditions: readonly string[]): ConnectionFilter {
  const zones = conditions.filter((text) => text.startsWith("zone="));
  const rest = conditions.filter((text) => !text.startsWith("zone="));
  const matches = parseTuple(rest);
  const zone = zones.at(-1)?.slice("zone=".length);
  return {
    ...(zone === undefined ? {} : { zone: parseNumber(zone, "zone", 0xffff) }),
    ...(rest.length === 0 ? {} : { matches: (connection) => matches(connection, connection.original) }),
  };
}

/** Conditions on one direction of a connection. @throws ArgumentError */
export function parseTuple(conditions: readonly string[]): Condition {
  const parsed = conditions.map((text) => {
    const [name = "", value = ""] = text.split("=", 2);
    const make = MAKERS[OTHER_NAMES[name] ?? name];
    if (make === undefined) {
      throw new ArgumentError(`invalid condition ${text} (expected zone=, ${Object.keys(MAKERS).join("=, ")}=)`);
    }
    return make(value, name);
  });
  return (connection, tuple) => parsed.every((condition) => condition(connection, tuple));
}

/** A number in decimal or, behind 0x, in hexadecimal digits. @throws ArgumentError */
function parseNumber(text: string, name: string, max: number): number {
  if (!/^(\d+|0x[\da-f]+)$/i.test(text) || Number(text) > max) {
    throw new ArgumentError(`failed to parse ${name} "${text}" (expected 0 to ${max})`);
  }
  return Number(text);
}

function hasAddress(value: string, end: "src" | "dst"): Condition {
  const words = parseAddress(value);
  return (_, tuple) => tuple[end].length === words.length && tuple[end].every((word, i) => word === words[i]);
}

function parseAddress(text: string): Uint32Array {
  try {
    if (!text.includes(":")) return Uint32Array.of(parseIp4(text));
    const bytes = parseIp6(text);
    return Uint32Array.from({ length: 4 }, (_, i) => getU32(bytes, 4 * i));
  } catch (cause) {
    throw new ArgumentError(`failed to parse address "${text}"`, { cause });
  }
}

function portIs(value: string, name: string, read: (tuple: ConnectionTuple) => number): Condition {
  const wanted = parseNumber(value, name, 0xffff);
  return (_, tuple) => read(tuple) === wanted;
}
