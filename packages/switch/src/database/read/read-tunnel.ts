/** Reads the settings of a tunnel from the `type` and `options` of an Interface row. */
import { isMap, type Row } from "@tenet/ovsdb";
import { isMapped, parseAddress, type TunnelAddress, type TunnelConfig } from "../../tunnel/tunnel-config.ts";
import { optionOf, textOf } from "./row-values.ts";

const DEFAULT_PORT: Readonly<Record<TunnelConfig["type"], number>> = { geneve: 6081, vxlan: 4789, gre: 0, ip6gre: 0 };
/** Bits of a key. */
const KEY_BITS: Readonly<Record<TunnelConfig["type"], bigint>> = { geneve: 24n, vxlan: 24n, gre: 32n, ip6gre: 32n };
const DEFAULT_TTL = 64;

/** Types of interfaces that are tunnels. */
export const TUNNEL_TYPES: readonly string[] = Object.keys(DEFAULT_PORT);

/** All options that are read. */
const OPTIONS: readonly string[] =
  "remote_ip local_ip key in_key out_key ttl tos dst_port csum df_default exts packet_type".split(" ");

/** What is wrong with an option. */
interface Problem {
  readonly problem: string;
}

/**
 * The settings of an interface whose type is one of {@link TUNNEL_TYPES}, or what is wrong with them.
 *
 * @param carrier - of tunnels on datapaths of its bridge's type
 */
export function readTunnel(row: Row, carrier: TunnelConfig["carrier"]): TunnelConfig | Problem {
  const type = textOf(row, "type") as TunnelConfig["type"];
  const name = textOf(row, "name");
  const option = (key: string): string | undefined => optionOf(row, "options", key);
  try {
    const remoteText = option("remote_ip");
    const remote = remoteText === "flow" ? "flow" : parseAddress(remoteText ?? "");
    if (remote === undefined) {
      const bad = remoteText === undefined ? "" : `${name}: bad ${type} 'remote_ip'\n`;
      return { problem: `${bad}${name}: ${type} type requires valid 'remote_ip' argument` };
    }
    if (remote !== "flow" && isMulticast(remote)) return { problem: `${name}: multicast remote_ip=${remoteText} not allowed` };
    const local = readAddress(option("local_ip"), "local_ip");
    if (local === "flow" && remote !== "flow")
      return { problem: `${name}: ${type} type requires 'remote_ip=flow' with 'local_ip=flow'` };
    if (local !== undefined && local !== "flow" && remote !== "flow" && isMapped(local) !== isMapped(remote)) {
      return { problem: `${name}: 'remote_ip' and 'local_ip' has to be of the same address family` };
    }
    const key = option("key");
    const packetType = option("packet_type") ?? "legacy_l2";
    if (packetType !== "legacy_l2") return { problem: `${name}: packet_type=${packetType} is not supported: leave it out` };
    const extensions = (option("exts") ?? "").split(",").filter((each) => each !== "");
    const unknown = extensions.find((each) => type !== "vxlan" || each !== "gbp");
    if (unknown !== undefined) return { problem: `${name}: exts=${unknown} is not supported` };
    const outKey = readKey(option("out_key") ?? key, type);
    return {
      type,
      carrier,
      dstPort: readNumber(option("dst_port"), "dst_port", 65535) ?? DEFAULT_PORT[type],
      hasPolicy: extensions.includes("gbp"),
      remote,
      local,
      inKey: readKey(option("in_key") ?? key, type) ?? 0n,
      outKey: outKey === 0n ? undefined : outKey,
      ttl: option("ttl") === "inherit" ? "inherit" : (readNumber(option("ttl"), "ttl", 255) ?? DEFAULT_TTL),
      tos: option("tos") === "inherit" ? "inherit" : (readNumber(option("tos"), "tos", 255) ?? 0) & 0xfc,
      dontFragment: option("df_default") !== "false",
      hasChecksum: option("csum") === "true" || (option("csum") === undefined && isIp6(remote) && DEFAULT_PORT[type] !== 0),
      text: optionsText(row, DEFAULT_PORT[type]),
    };
  } catch (error) {
    if (error instanceof OptionError) return { problem: `${name}: ${error.message}` };
    throw error;
  }
}

/** Names of options that mean nothing to a tunnel. */
export function unknownOptions(row: Row): string[] {
  const options = row["options"];
  return isMap(options) ? [...options.keys()].map(String).filter((key) => !OPTIONS.includes(key)) : [];
}

/** An option that cannot be read; caught above. */
class OptionError extends Error {}

function readAddress(text: string | undefined, option: string): TunnelAddress | "flow" | undefined {
  if (text === undefined || text === "flow") return text;
  const address = parseAddress(text);
  if (address !== undefined) return address;
  throw new OptionError(`bad ${option} '${text}': write an address like 10.0.0.1 or fd00::1, or "flow"`);
}

function readKey(text: string | undefined, type: TunnelConfig["type"]): bigint | "flow" | undefined {
  if (text === undefined || text === "flow") return text;
  const value = /^(0x[0-9a-fA-F]+|\d+)$/.test(text) ? BigInt(text) : -1n;
  if (value >= 0n && value < 1n << KEY_BITS[type]) return value;
  throw new OptionError(`bad key '${text}': write a number of ${KEY_BITS[type]} bits, or "flow"`);
}

function readNumber(text: string | undefined, option: string, max: number): number | undefined {
  if (text === undefined) return undefined;
  const value = /^(0x[0-9a-fA-F]+|\d+)$/.test(text) ? Number(text) : -1;
  if (value >= 0 && value <= max) return value;
  throw new OptionError(`bad ${option} '${text}': write a number from 0 to ${max}`);
}

function isMulticast(address: TunnelAddress): boolean {
  const [first, , , last] = address;
  return isMapped(address) ? last >>> 28 === 0xe : first >>> 24 === 0xff;
}

function isIp6(address: TunnelAddress | "flow"): boolean {
  return address !== "flow" && !isMapped(address);
}

/** `key=flow, remote_ip=10.0.0.2`; a UDP port and a type of packets that go without saying are left out. */
function optionsText(row: Row, defaultPort: number): string {
  const options = row["options"];
  if (!isMap(options)) return "";
  const isUsual = (key: unknown, value: unknown): boolean =>
    key === "packet_type" || (key === "dst_port" && Number(value) === defaultPort);
  const told = [...options].filter(([key, value]) => !isUsual(key, value));
  const pairs = told.map(([key, value]) => `${String(key)}=${String(value)}`);
  return pairs.sort().join(", ");
}
