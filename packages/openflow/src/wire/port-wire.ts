/** Descriptions and counters of ports, in the layouts of each version. */
import { type ByteReader, ByteWriter, defineStruct } from "@tenet/wire";
import { PORT_CONFIG, type PortDesc, type PortStatsEntry, VERSION } from "../message.ts";
import { splitSeconds } from "../split-seconds.ts";
import { OpenFlowError } from "./openflow-error.ts";
import { readPort, writePort } from "./port-number.ts";

const FEATURES = { current: "u32", advertised: "u32", supported: "u32", peer: "u32" } as const;

/** ofp_phy_port, OpenFlow 1.0.0 section 5.2.1, after the port number. */
const port10 = defineStruct({ mac: "u48", name: "text:16", config: "u32", state: "u32", ...FEATURES });
/** ofp_port, OpenFlow 1.3.5 section 7.2.1, after the port number. */
const port13 = defineStruct({
  pad1: "pad:4",
  mac: "u48",
  pad2: "pad:2",
  name: "text:16",
  config: "u32",
  state: "u32",
  ...FEATURES,
  currentSpeed: "u32",
  maxSpeed: "u32",
});
/** ofp_port, OpenFlow 1.4.1 section 7.2.1, after port number and length; properties follow. */
const port14 = defineStruct({ pad1: "pad:2", mac: "u48", pad2: "pad:2", name: "text:16", config: "u32", state: "u32" });
/** ofp_port_desc_prop_ethernet, after type and length. */
const ethernet14 = defineStruct({ pad: "pad:4", ...FEATURES, currentSpeed: "u32", maxSpeed: "u32" });

const counters = {
  rxPackets: "u64",
  txPackets: "u64",
  rxBytes: "u64",
  txBytes: "u64",
  rxDropped: "u64",
  txDropped: "u64",
  rxErrors: "u64",
  txErrors: "u64",
} as const;
const details = { rxFrameErrors: "u64", rxOverErrors: "u64", rxCrcErrors: "u64", collisions: "u64" } as const;
const portCounters = defineStruct({ ...counters, ...details });
const portCounters14 = defineStruct(counters);
const ethernetCounters14 = defineStruct({ pad: "pad:4", ...details });

const UNKNOWN = 0xffff_ffff_ffff_ffffn;

/** What versions after 1.0 know of `PORT_CONFIG`. */
export const LATER_PORT_CONFIG: number =
  PORT_CONFIG.PORT_DOWN | PORT_CONFIG.NO_RECV | PORT_CONFIG.NO_FWD | PORT_CONFIG.NO_PACKET_IN;

/** Writes one port. */
export function writePortDesc(writer: ByteWriter, port: PortDesc, version: number): void {
  writePort(writer, port.port, version);
  if (version === 1) writer.struct(port10, toOf10Features({ ...port, state: port.state & 1 }));
  else if (version < 5) writer.struct(port13, { ...port, config: port.config & LATER_PORT_CONFIG });
  else {
    writer.u16(40 + 32).struct(port14, { ...port, config: port.config & LATER_PORT_CONFIG });
    writer.u16(0).u16(32).struct(ethernet14, port);
  }
}

/** Reads one port. @throws OpenFlowError, TruncatedError */
export function readPortDesc(reader: ByteReader, version: number): PortDesc {
  const { at } = reader;
  const port = readPort(reader, version);
  if (version === 1) return { port, ...fromOf10Features(reader.struct(port10)), currentSpeed: 0, maxSpeed: 0 };
  if (version < 5) return { port, ...reader.struct(port13) };
  const length = reader.u16();
  if (length < 40) throw new OpenFlowError("OFPBRC_BAD_LEN", `A port cannot have ${length} bytes`, { details: { at } });
  const body = reader.sub(length - 6);
  const desc = body.struct(port14);
  let ethernet = { current: 0, advertised: 0, supported: 0, peer: 0, currentSpeed: 0, maxSpeed: 0 };
  for (const { type, value } of properties(body)) if (type === 0) ethernet = value.struct(ethernet14);
  return { port, ...desc, ...ethernet };
}

/** Writes the counters of one port. */
export function encodePortStats(stats: PortStatsEntry, version: number): Uint8Array {
  const writer = new ByteWriter(128);
  const raw = { ...stats };
  for (const key of [...Object.keys(counters), ...Object.keys(details)] as (keyof typeof counters)[]) {
    if (raw[key] < 0n) raw[key] = UNKNOWN;
  }
  const [seconds, nanoseconds] = splitSeconds(stats.durationSec);
  if (version < 5) {
    writePort(writer, stats.port, version);
    writer.zeros(version === 1 ? 6 : 4).struct(portCounters, raw);
    if (version >= VERSION.OF13) writer.u32(seconds).u32(nanoseconds);
    return writer.toBytes();
  }
  writer.u16(80 + 40).zeros(2);
  writePort(writer, stats.port, version);
  writer.u32(seconds).u32(nanoseconds).struct(portCounters14, raw);
  writer.u16(0).u16(40).struct(ethernetCounters14, raw);
  return writer.toBytes();
}

/** Reads the counters of one port. @throws OpenFlowError, TruncatedError */
export function readPortStats(reader: ByteReader, version: number): PortStatsEntry {
  if (version < 5) {
    const port = readPort(reader, version);
    reader.skip(version === 1 ? 6 : 4);
    const raw = reader.struct(portCounters);
    return known({ port, ...raw, durationSec: version < VERSION.OF13 ? 0 : readSeconds(reader) });
  }
  const { at } = reader;
  const length = reader.u16();
  if (length < 80) throw new OpenFlowError("OFPBRC_BAD_LEN", `Port statistics cannot have ${length} bytes`, { details: { at } });
  const body = reader.sub(length - 2);
  body.skip(2);
  const port = readPort(body, version);
  const durationSec = readSeconds(body);
  const raw = body.struct(portCounters14);
  let ethernet = { rxFrameErrors: UNKNOWN, rxOverErrors: UNKNOWN, rxCrcErrors: UNKNOWN, collisions: UNKNOWN };
  for (const { type, value } of properties(body)) if (type === 0) ethernet = value.struct(ethernetCounters14);
  return known({ port, ...raw, ...ethernet, durationSec });
}

/** Properties of OpenFlow 1.4 and later: type, length, value, padding to 8 bytes. @throws OpenFlowError */
export function* properties(reader: ByteReader): Generator<{ type: number; value: ByteReader }> {
  while (reader.remaining > 0) {
    const { at } = reader;
    const length = reader.remaining < 4 ? 0 : reader.peekU16(2);
    if (length < 4 || length > reader.remaining) {
      throw new OpenFlowError("OFPBPC_BAD_LEN", `A property cannot have ${length} bytes here`, { details: { at } });
    }
    const type = reader.u16();
    reader.skip(2);
    const value = reader.sub(length - 4);
    reader.skip(Math.min((8 - (length % 8)) % 8, reader.remaining));
    yield { type, value };
  }
}

/** Reads seconds and nanoseconds. */
export function readSeconds(reader: ByteReader): number {
  return reader.u32() + reader.u32() / 1e9;
}

function known(raw: PortStatsEntry): PortStatsEntry {
  const stats = { ...raw };
  for (const key of [...Object.keys(counters), ...Object.keys(details)] as (keyof typeof counters)[]) {
    if (stats[key] === UNKNOWN) stats[key] = -1n;
  }
  return stats;
}

interface Features {
  readonly current: number;
  readonly advertised: number;
  readonly supported: number;
  readonly peer: number;
}

/** OpenFlow 1.0 has bits 7 to 11 where later versions have 11 to 15 (copper, fiber, autoneg, pause). */
function toOf10Features<T extends Features>(port: T): T {
  const narrow = (bits: number): number => (bits & 0x7f) | ((bits >>> 4) & 0xf80);
  return mapFeatures(port, narrow);
}

function fromOf10Features<T extends Features>(port: T): T {
  const widen = (bits: number): number => (bits & 0x7f) | ((bits & 0xf80) << 4);
  return mapFeatures(port, widen);
}

function mapFeatures<T extends Features>(port: T, map: (bits: number) => number): T {
  return {
    ...port,
    current: map(port.current),
    advertised: map(port.advertised),
    supported: map(port.supported),
    peer: map(port.peer),
  };
}
