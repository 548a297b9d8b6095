/** What the Open_vSwitch database asks for, read into plain objects. */
import type { MeterConfig } from "@tenet/datapath";
import { isMulticastMac, parseMac } from "@tenet/net";
import { type Version, VERSION } from "@tenet/openflow";
import { isMap, type Row } from "@tenet/ovsdb";
import { ALL_VERSIONS, type BridgeLabel, NO_LABEL } from "../../bridge/bridge.ts";
import type { BondSettings } from "../../bridge/bond.ts";
import { type ControllerSpec, whyRefused } from "../../controller/controller-spec.ts";
import type { InBandSpec } from "../../controller/in-band.ts";
import type { DummyOptions } from "../../dummy/dummy-ports.ts";
import type { MirrorSpec } from "../../bridge/mirror.ts";
import type { PortVlan } from "../../bridge/port-vlan.ts";
import type { TableSettings } from "../../table/table-settings.ts";
import type { NewPort } from "../../bridge/port-directory.ts";
import type { TunnelConfig } from "../../tunnel/tunnel-config.ts";
import { finish, inSteps, type Work } from "../../turns.ts";
import { readController, readInBand } from "./read-controller.ts";
import { readFlowTables } from "./read-flow-table.ts";
import { readPolicing } from "./read-policing.ts";
import { readMirror } from "./read-mirror.ts";
import { readBond, readVlan } from "./read-port.ts";
import { readTunnel, TUNNEL_TYPES, unknownOptions } from "./read-tunnel.ts";
import { numberOf, numbersOf, optionOf, rowsByName, textOf, textsOf } from "./row-values.ts";

/** The tables that the switch follows. */
export type TableReader = (table: string) => ReadonlyMap<string, Row>;

/** An interface to be. */
export interface WantedInterface {
  readonly uuid: string;
  readonly name: string;
  /** How to open it, or why it cannot be; `ofport` is the number that the row requests. */
  readonly port: NewPort | { readonly problem: string };
  /** The number it had when this was last written, to be kept over a restart. */
  readonly lastOfport: number | undefined;
  /** The address it should have; for devices that the switch makes. */
  readonly mac: number | undefined;
  /** What may come in; none: everything. */
  readonly policing: readonly MeterConfig[];
  /** Whether the host is at its other end. */
  readonly isInternal: boolean;
  /** Of a dummy. */
  readonly dummyOptions: DummyOptions;
  /** The MTU it should have; its own when absent. */
  readonly mtu: number | undefined;
  /** What its row says that is not heeded, for the log. */
  readonly problems: readonly string[];
}

/** A port to be: a bundle of interfaces. */
export interface WantedPort {
  readonly uuid: string;
  readonly name: string;
  readonly vlan: PortVlan;
  readonly isProtected: boolean;
  /** Set when it has several interfaces. */
  readonly bond: BondSettings | undefined;
  readonly interfaces: readonly WantedInterface[];
}

/** A mirror to be, and its row. */
export interface WantedMirror {
  readonly uuid: string;
  readonly spec: MirrorSpec;
}

/** A bridge to be. */
export interface WantedBridge {
  readonly uuid: string;
  readonly name: string;
  /** Whether an empty bridge forwards as a learning switch until a controller takes over. */
  readonly isStandalone: boolean;
  /** 16 hexadecimal digits, when the row asks for them. */
  readonly datapathId: bigint | undefined;
  readonly versions: readonly Version[];
  readonly label: BridgeLabel;
  readonly forwardsReserved: boolean;
  readonly macAgeingMs: number;
  readonly maxMacs: number;
  /** Without those that are refused: whoever may write the database may not choose which files of the host are their sockets. */
  readonly controllers: readonly ControllerSpec[];
  /** Controllers and managers that are reached through the bridge itself. */
  readonly inBand: InBandSpec;
  readonly datapathType: string;
  /** VLANs in which nothing is learned. */
  readonly floodVlans: readonly number[];
  readonly flowTables: ReadonlyMap<number, TableSettings>;
  readonly mirrors: readonly WantedMirror[];
  /** Why controllers are refused. */
  readonly refusals: readonly string[];
  /** What its row, and those of its mirrors, say that is not heeded, for the log. */
  readonly problems: readonly string[];
  readonly ports: readonly WantedPort[];
}

const VERSION_BY_NAME: ReadonlyMap<string, Version> = new Map<string, Version>([
  ["OpenFlow10", VERSION.OF10],
  ["OpenFlow11", VERSION.OF11],
  ["OpenFlow12", VERSION.OF12],
  ["OpenFlow13", VERSION.OF13],
  ["OpenFlow14", VERSION.OF14],
  ["OpenFlow15", VERSION.OF15],
]);
const DUMMY_OPTIONS: readonly (keyof DummyOptions)[] = ["pcap", "rxq_pcap", "tx_pcap", "stream", "pstream"];
/** Of most interfaces, of which there may be thousands. */
const NO_PROBLEMS: readonly string[] = [];
const NO_OPTIONS: DummyOptions = {};
/** What an option may be; what is outside becomes the nearest. */
interface Range {
  readonly otherwise: number;
  readonly min: number;
  readonly max: number;
}
const MAC_AGEING_S: Range = { otherwise: 300, min: 15, max: 3600 };
const MAC_TABLE_SIZE: Range = { otherwise: 8192, min: 10, max: 1_000_000 };
/** Types of interfaces whose devices the switch makes, and of all that have devices. */
const MADE_TYPES: readonly string[] = ["internal", "tap"];
const DEVICE_TYPES: readonly string[] = ["", "system", ...MADE_TYPES];

/** What a bridge's `datapath_type` means for its interfaces. */
interface DatapathKind {
  /** Types whose interfaces are dummies. */
  readonly dummyTypes: readonly string[];
  /** Of its tunnels. */
  readonly carrier: TunnelConfig["carrier"];
}

/** What decides beside the database. */
export interface ReadSettings {
  /** Whether interfaces of every type that has a device are dummies. */
  readonly isAllDummy: boolean;
  /** Where sockets of controllers are that the switch may use. */
  readonly runDir: string;
}

/** Reads every bridge that the root row holds, by name. */
export function* readWanted(table: TableReader, settings: ReadSettings): Work<WantedBridge[]> {
  const bridges: WantedBridge[] = [];
  for (const root of table("Open_vSwitch").values()) {
    for (const uuid of textsOf(root, "bridges")) {
      const row = table("Bridge").get(uuid);
      if (row !== undefined) bridges.push(yield* readBridge(row, settings, table));
    }
  }
  return bridges.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function* readBridge(row: Row, { isAllDummy, runDir }: ReadSettings, table: TableReader): Work<WantedBridge> {
  const name = textOf(row, "name");
  const isDummyDatapath = textOf(row, "datapath_type") === "dummy";
  const dummyTypes = isAllDummy ? DEVICE_TYPES : isDummyDatapath ? MADE_TYPES : [];
  const carrier = dummyTypes.length > 0 ? "native" : textOf(row, "datapath_type") === "netdev" ? "either" : "host";
  const ports = yield* rowsByName(table("Port"), textsOf(row, "ports"));
  const kind: DatapathKind = { dummyTypes, carrier };
  const controllers = readControllers(row, table);
  const hwaddr = readMac(optionOf(row, "other_config", "hwaddr"));
  const readOne = (port: Row): WantedPort => readPort(port, kind, table, (each) => withBridgeMac(each, name, hwaddr));
  return {
    uuid: row._uuid,
    name,
    isStandalone: textOf(row, "fail_mode") !== "secure",
    datapathId: readDatapathId(row),
    versions: readVersions(row),
    label: {
      description: optionOf(row, "other_config", "dp-desc") ?? NO_LABEL.description,
      serialNumber: optionOf(row, "other_config", "dp-sn") ?? NO_LABEL.serialNumber,
    },
    forwardsReserved: optionOf(row, "other_config", "forward-bpdu") === "true",
    macAgeingMs: 1000 * within(MAC_AGEING_S, optionOf(row, "other_config", "mac-aging-time")),
    maxMacs: within(MAC_TABLE_SIZE, optionOf(row, "other_config", "mac-table-size")),
    controllers: controllers.filter(({ target }) => whyRefused(target, name, runDir) === undefined),
    inBand: readInBand(row, table),
    datapathType: textOf(row, "datapath_type") || "system",
    floodVlans: numbersOf(row, "flood_vlans"),
    flowTables: readFlowTables(row, (uuid) => table("Flow_Table").get(uuid)),
    mirrors: textsOf(row, "mirrors").flatMap((uuid) => readMirrorRow(uuid, table)),
    refusals: refusalsOf(name, controllers, runDir),
    problems: problemsOf(name, row, table),
    ports: yield* inSteps(ports, readOne),
  };
}

function readControllers(row: Row, table: TableReader): ControllerSpec[] {
  return textsOf(row, "controller").flatMap((uuid) => {
    const controller = table("Controller").get(uuid);
    return controller === undefined ? [] : [readController(controller)];
  });
}

function refusalsOf(name: string, controllers: readonly ControllerSpec[], runDir: string): string[] {
  return controllers.flatMap(({ target }) => {
    const reason = whyRefused(target, name, runDir);
    return reason === undefined ? [] : [`bridge ${name}: ${reason}`];
  });
}

function readMirrorRow(uuid: string, table: TableReader): WantedMirror[] {
  const row = table("Mirror").get(uuid);
  const spec = row === undefined ? undefined : readMirror(row, (port) => nameOf(table("Port").get(port)));
  return spec === undefined ? [] : [{ uuid, spec }];
}

/** Mirrors that copy nothing. */
function problemsOf(name: string, row: Row, table: TableReader): string[] {
  return textsOf(row, "mirrors").flatMap((uuid) => {
    const mirror = table("Mirror").get(uuid);
    if (mirror === undefined || readMirrorRow(uuid, table).length > 0) return [];
    return [`bridge ${name}: mirror ${textOf(mirror, "name")} does not specify output; ignoring`];
  });
}

function nameOf(row: Row | undefined): string | undefined {
  return row === undefined ? undefined : textOf(row, "name");
}

function readPort(
  row: Row,
  kind: DatapathKind,
  table: TableReader,
  withMac: (wanted: WantedInterface) => WantedInterface,
): WantedPort {
  const rows = finish(rowsByName(table("Interface"), textsOf(row, "interfaces")));
  return {
    uuid: row._uuid,
    name: textOf(row, "name"),
    vlan: readVlan(row),
    isProtected: row["protected"] === true,
    bond: rows.length > 1 ? readBond(row) : undefined,
    interfaces: rows.map((each) => withMac(readInterface(each, kind))),
  };
}

function readInterface(row: Row, kind: DatapathKind): WantedInterface {
  const name = textOf(row, "name");
  const type = textOf(row, "type");
  const asked = type === "internal" ? readMac(textOf(row, "mac")) : undefined;
  const isGroup = asked !== undefined && isMulticastMac(asked);
  return {
    uuid: row._uuid,
    name,
    port: readDevice(row, name, kind),
    problems: isGroup ? [`interface ${name}: cannot set MAC to multicast address`] : problemsOfTunnel(row, name, type),
    lastOfport: atLeastOne(numberOf(row, "ofport")),
    policing: readPolicing(row),
    isInternal: MADE_TYPES.includes(type),
    mac: isGroup ? undefined : asked,
    mtu: numberOf(row, "mtu_request"),
    dummyOptions: readDummyOptions(row),
  };
}

function problemsOfTunnel(row: Row, name: string, type: string): readonly string[] {
  if (!TUNNEL_TYPES.includes(type)) return NO_PROBLEMS;
  return unknownOptions(row).map((key) => `${name}: unknown ${type} argument '${key}'`);
}

function readDummyOptions(row: Row): DummyOptions {
  const { options } = row;
  if (!isMap(options) || options.size === 0) return NO_OPTIONS;
  return Object.fromEntries(
    DUMMY_OPTIONS.flatMap((key) => {
      const value = optionOf(row, "options", key);
      return value === undefined ? [] : [[key, value]];
    }),
  );
}

function readDevice(row: Row, name: string, { dummyTypes, carrier }: DatapathKind): WantedInterface["port"] {
  const ofport = atLeastOne(numberOf(row, "ofport_request"));
  const common = { name, ...(ofport === undefined ? {} : { ofport }) };
  const type = textOf(row, "type");
  if (dummyTypes.includes(type)) return { kind: "memory", ...common, ...(MADE_TYPES.includes(type) ? { isInternal: true } : {}) };
  switch (type) {
    case "":
    case "system":
      return { kind: "system", ...common };
    case "internal":
    case "tap":
      return { kind: "internal", ...common };
    case "dummy":
      return { kind: "memory", ...common };
    case "patch": {
      const peer = optionOf(row, "options", "peer");
      if (peer === undefined) return { problem: `${name}: patch type requires valid 'peer' argument` };
      return peer === name ? { problem: `${name}: patch peer must not be self` } : { kind: "patch", peer, ...common };
    }
    default:
      if (TUNNEL_TYPES.includes(type)) {
        const tunnel = readTunnel(row, carrier);
        return "problem" in tunnel ? tunnel : { kind: "tunnel", tunnel, ...common };
      }
      return { problem: `could not open network device ${name} (Address family not supported by protocol)` };
  }
}

function readDatapathId(row: Row): bigint | undefined {
  const wanted = optionOf(row, "other_config", "datapath-id");
  const isId = wanted !== undefined && /^(0x[0-9a-f]{1,16}|[0-9a-f]{16})$/i.test(wanted) && /[1-9a-f]/i.test(wanted.slice(2));
  if (isId) return BigInt(`0x${wanted.replace(/^0x/i, "")}`);
  const hwaddr = readMac(optionOf(row, "other_config", "hwaddr"));
  return hwaddr === undefined ? undefined : BigInt(hwaddr);
}

/** The bridge's own address is that of its local port. */
function withBridgeMac(wanted: WantedInterface, bridgeName: string, hwaddr: number | undefined): WantedInterface {
  return wanted.name === bridgeName && hwaddr !== undefined ? { ...wanted, mac: hwaddr } : wanted;
}

function readMac(text: string | undefined): number | undefined {
  return text !== undefined && /^([0-9a-fA-F]{1,2}:){5}[0-9a-fA-F]{1,2}$/.test(text) ? parseMac(text) : undefined;
}

/** The `protocols` column; empty, or naming none that is spoken, means all. */
function readVersions(row: Row): readonly Version[] {
  const versions = textsOf(row, "protocols").flatMap((name) => VERSION_BY_NAME.get(name) ?? []);
  return versions.length === 0 ? ALL_VERSIONS : versions;
}

function atLeastOne(value: number | undefined): number | undefined {
  return value === undefined || value < 1 ? undefined : value;
}

function within({ otherwise, min, max }: Range, text: string | undefined): number {
  if (text === undefined || !/^-?\d+$/.test(text)) return otherwise;
  return Math.min(max, Math.max(min, Number(text)));
}
