/** The head of a multipart message (OpenFlow 1.0: statistics): which kind it is, and whether more parts follow. */
import type { ByteReader, ByteWriter } from "@tenet/wire";
import type { MultipartRequest } from "../message.ts";
import { NICIRA, OpenFlowError } from "./openflow-error.ts";

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
  group: [6, 4],
  groupDesc: [7, 4],
  groupFeatures: [8, 4],
  meter: [9, 4],
  meterDesc: [10, 4],
  meterFeatures: [11, 4],
  tableFeatures: [12, 4],
  portDesc: [13, 1],
};

/** Subtypes of Nicira's statistics, and the last version that needs them. */
const EXTENSIONS: Partial<Record<MultipartKind, readonly [subtype: number, until: number]>> = {
  flow: [0, 1],
  aggregate: [1, 1],
  group: [7, 1],
  groupDesc: [8, 1],
  groupFeatures: [9, 1],
};

const EXPERIMENTER = 0xffff;
const MORE = 1;

/** The head of one message. */
export interface MultipartHead {
  readonly kind: MultipartKind;
  readonly isLast: boolean;
  /** Nicira's form. */
  readonly isNicira: boolean;
}

/** Whether a version has a kind in Nicira's form alone. */
export function needsNicira(kind: MultipartKind, version: number): boolean {
  return STANDARD[kind][1] > version && EXTENSIONS[kind] !== undefined;
}

/** Writes a head. */
export function writeHead(writer: ByteWriter, { kind, isLast, isNicira }: MultipartHead, version: number): void {
  writer.u16(isNicira ? EXPERIMENTER : STANDARD[kind][0]).u16(isLast ? 0 : MORE);
  if (version > 1) writer.zeros(4);
  if (!isNicira) return;
  writer.u32(NICIRA).u32(EXTENSIONS[kind]?.[0] ?? 0);
  if (version === 1) writer.zeros(4);
}

/** Reads a head. @throws OpenFlowError when the kind is not known */
export function readHead(reader: ByteReader, version: number): MultipartHead {
  const { at } = reader;
  const type = reader.u16();
  const isLast = (reader.u16() & MORE) === 0;
  if (version > 1) reader.skip(4);
  if (type === EXPERIMENTER) return { kind: readNiciraKind(reader, version, at), isLast, isNicira: true };
  for (const [kind, [number, since]] of Object.entries(STANDARD) as [MultipartKind, readonly [number, number]][]) {
    if (number === type && version >= since) return { kind, isLast, isNicira: false };
  }
  throw new OpenFlowError("OFPBRC_BAD_STAT", `Multipart type ${type} is not known`, { details: { at } });
}

function readNiciraKind(reader: ByteReader, version: number, at: number): MultipartKind {
  const experimenter = reader.u32();
  const subtype = reader.u32();
  if (version === 1) reader.skip(4);
  if (experimenter !== NICIRA) {
    throw new OpenFlowError("OFPBRC_BAD_VENDOR", `Experimenter 0x${experimenter.toString(16)} is not known`, { details: { at } });
  }
  for (const [kind, [number, until]] of Object.entries(EXTENSIONS) as [MultipartKind, readonly [number, number]][]) {
    if (number === subtype && version <= until) return kind;
  }
  throw new OpenFlowError("OFPBRC_BAD_SUBTYPE", `Nicira statistics ${subtype} are not known`, { details: { at } });
}
