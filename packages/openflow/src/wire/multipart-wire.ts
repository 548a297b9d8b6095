/** Multipart messages (OpenFlow 1.0: statistics): requests, and replies as a head and entries that may be split. */
import { type ByteReader, ByteWriter, defineStruct } from "@tenet/wire";
import { PORT } from "../action.ts";
import { type MultipartReply, type MultipartRequest, VERSION } from "../message.ts";
import {
  encodeFlowStats,
  isOf10Query,
  readFlowQuery,
  readFlowStats,
  readNiciraFlowQuery,
  writeFlowQuery,
  writeNiciraFlowQuery,
} from "./flow-stats-wire.ts";
import { encodeGroupFeatures, encodeGroupStats, readGroupFeatures, readGroupStats } from "./group-stats-wire.ts";
import { encodeGroupDesc, readGroupDesc } from "./group-wire.ts";
import { GROUP } from "../group.ts";
import {
  encodeMeterDesc,
  encodeMeterFeatures,
  encodeMeterStats,
  readMeterDesc,
  readMeterFeatures,
  readMeterStats,
} from "./meter-wire.ts";
import { checkRequestLength } from "./message-lengths.ts";
import { type MultipartKind, needsNicira, readHead, writeHead } from "./multipart-head.ts";
import { encodeOxs, readOxs } from "./oxs.ts";
import { readPort, writePort } from "./port-number.ts";
import { encodePortStats, readPortDesc, readPortStats, writePortDesc } from "./port-wire.ts";
import { encodeFlowMonitorRequest, encodeFlowUpdates, readFlowMonitorRequest, readFlowUpdate } from "./flow-monitor-wire.ts";
import { encodeQueueDesc, encodeQueueStats, readQueueDesc, readQueueStats } from "./queue-wire.ts";
import { encodeTableDesc, readTableDesc } from "./table-mod-wire.ts";
import { encodeTableStats, readTableStats } from "./table-stats-wire.ts";
import { encodeTableFeatures, readTableFeatures } from "./table-features-wire.ts";

/** ofp_desc. */
const descPart = defineStruct({
  manufacturer: "text:256",
  hardware: "text:256",
  software: "text:256",
  serial: "text:32",
  datapath: "text:256",
});

const MESSAGE_HEADER_SIZE = 8;
const aggregate10 = defineStruct({ nPackets: "u64", nBytes: "u64", nFlows: "u32", pad: "pad:4" });

/** The body of a request, after the message header. */
export function encodeMultipartRequest(request: MultipartRequest, version: number, isLast: boolean): Uint8Array {
  const writer = new ByteWriter(128);
  const isNicira =
    needsNicira(request.kind, version) ||
    (version === VERSION.OF10 &&
      (request.kind === "flow" || request.kind === "aggregate") &&
      (request.isNicira === true || !isOf10Query(request)));
  writeHead(writer, { kind: request.kind, isLast, isNicira }, version);
  switch (request.kind) {
    case "flow":
    case "aggregate":
      if (isNicira) writeNiciraFlowQuery(writer, request);
      else writeFlowQuery(writer, request, version);
      break;
    case "port":
      writePort(writer, request.port, version);
      writer.zeros(version === 1 ? 6 : 4);
      break;
    case "portDesc":
      if (version < 6) break;
      writePort(writer, request.port, version);
      writer.zeros(4);
      break;
    case "queue":
      // All ports have a number of their own here in OpenFlow 1.0.
      writePort(writer, version === 1 && request.port === PORT.NONE ? PORT.ALL : request.port, version);
      if (version === 1) writer.zeros(2);
      writer.u32(request.queue);
      break;
    case "queueDesc":
      writePort(writer, request.port, version);
      writer.u32(request.queue);
      break;
    case "flowMonitor":
      for (const each of request.requests) writer.bytes(encodeFlowMonitorRequest(each, version));
      break;
    case "tableFeatures":
      for (const each of request.tables ?? []) writer.bytes(encodeTableFeatures(each, version));
      break;
    case "group":
      writer.u32(request.group).zeros(4);
      break;
    case "meter":
    case "meterDesc":
      writer.u32(request.meter).zeros(4);
      break;
    case "groupDesc":
      if (version === 1 || version >= 6) writer.u32(request.group).zeros(4);
      break;
    default:
  }
  return writer.toBytes();
}

/** Reads the body of a request. @throws OpenFlowError, TruncatedError */
export function decodeMultipartRequest(reader: ByteReader, version: number): { request: MultipartRequest; isLast: boolean } {
  const length = reader.remaining + MESSAGE_HEADER_SIZE;
  const { kind, isLast: isLastPart, isNicira } = readHead(reader, version);
  // In OpenFlow 1.0 requests have no parts.
  const isLast = isLastPart || version === 1;
  if (!isNicira) checkRequestLength(kind, version, length);
  switch (kind) {
    case "flow":
    case "aggregate":
      return {
        request: { kind, ...(isNicira ? { ...readNiciraFlowQuery(reader), isNicira } : readFlowQuery(reader, version)) },
        isLast,
      };
    case "port":
      return { request: { kind, port: readPort(reader, version) }, isLast };
    case "portDesc":
      return { request: { kind, port: version >= 6 ? readPort(reader, version) : PORT.NONE }, isLast };
    case "queue": {
      const port = readPort(reader, version);
      if (version === 1) reader.skip(2);
      return { request: { kind, port: version === 1 && port === PORT.ALL ? PORT.NONE : port, queue: reader.u32() }, isLast };
    }
    case "queueDesc":
      return { request: { kind, port: readPort(reader, version), queue: reader.u32() }, isLast };
    case "flowMonitor":
      return { request: { kind, requests: readAll(reader, () => readFlowMonitorRequest(reader, version)) }, isLast };
    case "tableFeatures": {
      const tables = readAll(reader, () => readTableFeatures(reader));
      return { request: { kind, ...(tables.length === 0 ? {} : { tables }) }, isLast };
    }
    case "group":
      return { request: { kind, group: reader.u32() }, isLast };
    case "meter":
    case "meterDesc":
      return { request: { kind, meter: reader.u32() }, isLast };
    case "groupDesc":
      return { request: { kind, group: version === 1 || version >= 6 ? reader.u32() : GROUP.ALL }, isLast };
    default:
      return { request: { kind }, isLast };
  }
}

/** A reply in pieces: any number of entries may go into one message. */
export interface ReplyParts {
  readonly head: (isLast: boolean) => Uint8Array;
  readonly entries: readonly Uint8Array[];
}

/** The body of a reply in pieces. */
export function encodeMultipartReply(reply: MultipartReply, version: number): ReplyParts {
  const isNicira =
    needsNicira(reply.kind, version) ||
    (version === 1 && (reply.kind === "flow" || reply.kind === "aggregate") && reply.isNicira === true);
  const head = (isLast: boolean): Uint8Array => {
    const writer = ByteWriter.borrow();
    writeHead(writer, { kind: reply.kind, isLast, isNicira }, version);
    return writer.giveBack();
  };
  return { head, entries: encodeEntries(reply, version, isNicira) };
}

function encodeEntries(reply: MultipartReply, version: number, isNicira: boolean): Uint8Array[] {
  switch (reply.kind) {
    case "desc":
      return [new ByteWriter(descPart.size).struct(descPart, reply.desc).toBytes()];
    case "flow":
      return encodeFlowStats(reply.flows, version, isNicira ? "nicira" : "standard");
    case "aggregate":
      return [version >= 6 ? encodeOxs(reply) : new ByteWriter().struct(aggregate10, reply).toBytes()];
    case "table":
      return reply.tables.map((table) => encodeTableStats(table, version));
    case "tableFeatures":
      return reply.tables.map((table) => encodeTableFeatures(table, version));
    case "tableDesc":
      return reply.tables.map(encodeTableDesc);
    case "queueDesc":
      return reply.queues.map((queue) => encodeQueueDesc(queue, version));
    case "flowMonitor":
      return encodeFlowUpdates(reply.updates, version);
    case "port":
      return reply.ports.map((port) => encodePortStats(port, version));
    case "portDesc":
      return reply.ports.map((port) => {
        const writer = new ByteWriter(80);
        writePortDesc(writer, port, version);
        return writer.toBytes();
      });
    case "queue":
      return reply.queues.map((queue) => encodeQueueStats(queue, version));
    case "group":
      return reply.groups.map((group) => encodeGroupStats(group, version));
    case "groupDesc":
      return reply.groups.map((group) => encodeGroupDesc(group, version));
    case "groupFeatures":
      return [encodeGroupFeatures(reply.features)];
    case "meter":
      return reply.meters.map(encodeMeterStats);
    case "meterDesc":
      return reply.meters.map(encodeMeterDesc);
    case "meterFeatures":
      return [encodeMeterFeatures(reply.features)];
  }
}

/** Reads the body of a reply. @throws OpenFlowError, TruncatedError */
export function decodeMultipartReply(reader: ByteReader, version: number): { reply: MultipartReply; isLast: boolean } {
  const { kind, isLast, isNicira } = readHead(reader, version);
  return { reply: readReply(reader, kind, version, isNicira), isLast };
}

function readReply(reader: ByteReader, kind: MultipartKind, version: number, isNicira: boolean): MultipartReply {
  const form = isNicira ? "nicira" : "standard";
  const nicira = isNicira ? { isNicira } : {};
  switch (kind) {
    case "desc":
      return { kind, desc: reader.struct(descPart) };
    case "flow":
      return { kind, flows: readAll(reader, () => readFlowStats(reader, version, form)), ...nicira };
    case "aggregate": {
      const { nPackets, nBytes, nFlows } = version >= 6 ? readOxs(reader) : reader.struct(aggregate10);
      return { kind, nPackets, nBytes, nFlows, ...nicira };
    }
    case "table":
      return { kind, tables: readAll(reader, () => readTableStats(reader, version)) };
    case "tableFeatures":
      return { kind, tables: readAll(reader, () => readTableFeatures(reader)) };
    case "tableDesc":
      return { kind, tables: readAll(reader, () => readTableDesc(reader)) };
    case "queueDesc":
      return { kind, queues: readAll(reader, () => readQueueDesc(reader, version)) };
    case "flowMonitor":
      return { kind, updates: readAll(reader, () => readFlowUpdate(reader, version)) };
    case "port":
      return { kind, ports: readAll(reader, () => readPortStats(reader, version)) };
    case "portDesc":
      return { kind, ports: readAll(reader, () => readPortDesc(reader, version)) };
    case "queue":
      return { kind, queues: readAll(reader, () => readQueueStats(reader, version)) };
    case "group":
      return { kind, groups: readAll(reader, () => readGroupStats(reader, version)) };
    case "groupDesc":
      return { kind, groups: readAll(reader, () => readGroupDesc(reader, version)) };
    case "groupFeatures":
      return { kind, features: readGroupFeatures(reader) };
    case "meter":
      return { kind, meters: readAll(reader, () => readMeterStats(reader)) };
    case "meterDesc":
      return { kind, meters: readAll(reader, () => readMeterDesc(reader)) };
    case "meterFeatures":
      return { kind, features: readMeterFeatures(reader) };
  }
}

/** Joins the parts of a reply that came in several messages. */
export function joinReplies(parts: readonly MultipartReply[]): MultipartReply | undefined {
  const [first] = parts;
  if (first === undefined) return undefined;
  switch (first.kind) {
    case "flow":
      return { ...first, flows: parts.flatMap((part) => (part.kind === "flow" ? part.flows : [])) };
    case "table":
      return { ...first, tables: parts.flatMap((part) => (part.kind === "table" ? part.tables : [])) };
    case "tableFeatures":
      return { ...first, tables: parts.flatMap((part) => (part.kind === "tableFeatures" ? part.tables : [])) };
    case "tableDesc":
      return { ...first, tables: parts.flatMap((part) => (part.kind === "tableDesc" ? part.tables : [])) };
    case "queueDesc":
      return { ...first, queues: parts.flatMap((part) => (part.kind === "queueDesc" ? part.queues : [])) };
    case "flowMonitor":
      return { ...first, updates: parts.flatMap((part) => (part.kind === "flowMonitor" ? part.updates : [])) };
    case "port":
      return { ...first, ports: parts.flatMap((part) => (part.kind === "port" ? part.ports : [])) };
    case "portDesc":
      return { ...first, ports: parts.flatMap((part) => (part.kind === "portDesc" ? part.ports : [])) };
    case "queue":
      return { ...first, queues: parts.flatMap((part) => (part.kind === "queue" ? part.queues : [])) };
    case "group":
      return { ...first, groups: parts.flatMap((part) => (part.kind === "group" ? part.groups : [])) };
    case "groupDesc":
      return { ...first, groups: parts.flatMap((part) => (part.kind === "groupDesc" ? part.groups : [])) };
    case "meter":
      return { ...first, meters: parts.flatMap((part) => (part.kind === "meter" ? part.meters : [])) };
    case "meterDesc":
      return { ...first, meters: parts.flatMap((part) => (part.kind === "meterDesc" ? part.meters : [])) };
    default:
      return first;
  }
}

function readAll<T>(reader: ByteReader, read: () => T): T[] {
  const all: T[] = [];
  while (reader.remaining > 0) all.push(read());
  return all;
}
