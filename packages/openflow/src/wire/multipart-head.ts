/** The head of a multipart message (OpenFlow 1.0: statistics): which kind it is, and whether more parts follow. */
import type { ByteReader, ByteWriter } from "@tenet/wire";
import type { MultipartRequest } from "../message.ts";
import { NICIRA, ONF, OpenFlowError } from "./openflow-error.ts";

/** What a multipart message is about. */
export type MultipartKind = MultipartRequest["kind"];

/** A kind's number, and the first version that has it as a standard message. */
const STANDARD: Readonly<Record<MultipartKind, readonly [number: number, since: number]>> = {
  desc: [0, 1],
  flow: [1, 1],
  aggregate: [2, 1],
  table: [3, 1],
  port: [4, 1],
  queue: [5, 1],
  group: [6, 2],
  groupDesc: [7, 2],
  groupFeatures: [8, 3],
  meter: [9, 4],
  meterDesc: [10, 4],
  meterFeatures: [11, 4],
  tableFeatures: [12, 4],
  portDesc: [13, 1],
  tableDesc: [14, 5],
  queueDesc: [15, 5],
  flowMonitor: [16, 5],
};

/** Experimenters' statistics. */
interface Extension {
  readonly kind: MultipartKind;
  readonly experimenter: number;
  readonly subtype: number;
  /** First and last version that has it. */
  readonly versions: readonly [number, number];
}

const EXTENSIONS: readonly Extension[] = [
  { kind: "flow", experimenter: NICIRA, subtype: 0, versions: [1, 1] },
  { kind: "aggregate", experimenter: NICIRA, subtype: 1, versions: [1, 1] },
  { kind: "flowMonitor", experimenter: NICIRA, subtype: 2, versions: [1, 3] },
  { kind: "group", experimenter: NICIRA, subtype: 7, versions: [1, 1] },
  { kind: "groupDesc", experimenter: NICIRA, subtype: 8, versions: [1, 1] },
  { kind: "groupFeatures", experimenter: NICIRA, subtype: 9, versions: [1, 2] },
  { kind: "flowMonitor", experimenter: ONF, subtype: 1870, versions: [4, 4] },
];
/** Nicira's statistics of flow exporters, which are not here. */
const IPFIX_SUBTYPES: ReadonlySet<number> = new Set([3, 4]);

const EXPERIMENTER = 0xffff;
const MORE = 1;

/** The head of one message. */
export interface MultipartHead {
  readonly kind: MultipartKind;
  readonly isLast: boolean;
  /** Nicira's form, or the ONF's. */
  readonly isNicira: boolean;
}

/** Whether a version has a kind in an experimenter's form alone. */
export function needsNicira(kind: MultipartKind, version: number): boolean {
  return STANDARD[kind][1] > version && extensionOf(kind, version) !== undefined;
}

function extensionOf(kind: MultipartKind, version: number): Extension | undefined {
  return EXTENSIONS.find((extension) => extension.kind === kind && isOf(extension, version));
}

function isOf({ versions: [first, last] }: Extension, version: number): boolean {
  return version >= first && version <= last;
}

/** Writes a head. */
export function writeHead(writer: ByteWriter, { kind, isLast, isNicira }: MultipartHead, version: number): void {
  writer.u16(isNicira ? EXPERIMENTER : STANDARD[kind][0]).u16(isLast ? 0 : MORE);
  if (version > 1) writer.zeros(4);
  if (!isNicira) return;
  const { experimenter = NICIRA, subtype = 0 } = extensionOf(kind, version) ?? {};
  writer.u32(experimenter).u32(subtype);
  if (version === 1) writer.zeros(4);
}

/** Reads a head. @throws OpenFlowError when the kind is not known */
export function readHead(reader: ByteReader, version: number): MultipartHead {
  const { at } = reader;
  const type = reader.u16();
  const isLast = (reader.u16() & MORE) === 0;
  if (version > 1) reader.skip(4);
  if (type === EXPERIMENTER) return { kind: readExtension(reader, version, at), isLast, isNicira: true };
  for (const [kind, [number, since]] of Object.entries(STANDARD) as [MultipartKind, readonly [number, number]][]) {
    if (number === type && version >= since) return { kind, isLast, isNicira: false };
  }
  throw new OpenFlowError("OFPBRC_BAD_STAT", `Multipart type ${type} is not known`, { details: { at } });
}

function readExtension(reader: ByteReader, version: number, at: number): MultipartKind {
  const experimenter = reader.u32();
  const subtype = reader.u32();
  if (version === 1) reader.skip(4);
  if (experimenter !== NICIRA && experimenter !== ONF) {
    throw new OpenFlowError("OFPBRC_BAD_VENDOR", `Experimenter 0x${experimenter.toString(16)} is not known`, { details: { at } });
  }
  for (const each of EXTENSIONS) {
    if (each.experimenter === experimenter && each.subtype === subtype && isOf(each, version)) return each.kind;
  }
  if (experimenter === NICIRA && IPFIX_SUBTYPES.has(subtype)) {
    throw new OpenFlowError("NXST_NOT_CONFIGURED", "No flow exporter is configured", { details: { at } });
  }
  throw new OpenFlowError("OFPBRC_BAD_SUBTYPE", `Experimenter statistics ${subtype} are not known`, { details: { at } });
}
