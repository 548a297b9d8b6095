/** Reads the bodies of messages, everything after the header. */
import type { ByteReader } from "@tenet/wire";
import { type Envelope, type Message, VERSION } from "../message.ts";
import type { CodecOptions } from "./codec-options.ts";
import { readAsync, readAsyncProperties } from "./async-wire.ts";
import { readNicira } from "./decode-nicira-message.ts";
import { BUNDLE_KINDS, PORT_REASONS, ROLE_REASONS, ROLES } from "./encode-body.ts";
import { decodeFlowMod } from "./flow-mod-wire.ts";
import { decodeFlowRemoved } from "./flow-removed-wire.ts";
import { decodeGroupMod } from "./group-wire.ts";
import { NXT, ONF_SUBTYPE, type TypeName, typeNameOf } from "./message-numbers.ts";
import { decodeMeterMod } from "./meter-wire.ts";
import { decodeMultipartReply, decodeMultipartRequest } from "./multipart-wire.ts";
import { EXPERIMENTER_ERROR, NICIRA, NICIRA_VENDOR_ERROR, ONF, OpenFlowError } from "./openflow-error.ts";
import { decodePacketIn, decodePacketOut } from "./packet-wire.ts";
import { readPort } from "./port-number.ts";
import { LATER_PORT_CONFIG, properties, readPortDesc } from "./port-wire.ts";
import { checkMessageLength } from "./message-lengths.ts";
import { decodeQueueConfig } from "./queue-wire.ts";
import { decodeTableMod, decodeTableStatus } from "./table-mod-wire.ts";

/** The versions that are decoded in full; a hello is read in any. */
const VERSIONS: ReadonlySet<number> = new Set(Object.values(VERSION));

/** Of a message's header, which has been read. */
const HEADER_SIZE = 8;
/** Bits of a switch configuration: how fragments are handled, and before OpenFlow 1.3 what becomes of packets whose TTL ran out. */
const CONFIG_FLAGS = 3;
const CONFIG_FLAGS_12 = 7;

/** Decodes a whole message, for those inside a bundle. */
type DecodeInner = (reader: ByteReader, options: CodecOptions) => Envelope;

/** Decodes a body. @throws OpenFlowError, TruncatedError */
export function decodeBody(
  type: number,
  version: number,
  body: ByteReader,
  options: CodecOptions,
  decodeInner: DecodeInner,
): Message {
  const name = typeNameOf(type, version);
  if (name === "hello") return readHello(body);
  if (name === "error") return readError(body, version);
  if (!VERSIONS.has(version))
    throw new OpenFlowError("OFPBRC_BAD_VERSION", `OpenFlow version ${version} is not spoken here`, { details: { at: 0 } });
  if (name === undefined) throw new OpenFlowError("OFPBRC_BAD_TYPE", `Message type ${type} is not known`, { details: { at: 1 } });
  checkMessageLength(name, version, body.remaining + HEADER_SIZE);
  return readStandard(name, version, body, options, decodeInner);
}

function readStandard(
  name: Exclude<TypeName, "hello" | "error">,
  version: number,
  body: ByteReader,
  options: CodecOptions,
  decodeInner: DecodeInner,
): Message {
  switch (name) {
    case "echoRequest":
    case "echoReply":
      return { type: name, data: body.rest() };
    case "featuresRequest":
    case "getConfigRequest":
    case "barrierRequest":
    case "barrierReply":
      return { type: name };
    case "featuresReply":
      return readFeatures(body, version);
    case "getConfigReply":
      return { type: name, flags: body.u16(), missSendLength: body.u16() };
    case "setConfig":
      return readSetConfig(body, version);
    case "packetIn":
      return decodePacketIn(body, version);
    case "packetOut":
      return decodePacketOut(body, version);
    case "flowMod":
      return decodeFlowMod(body, version, options);
    case "flowRemoved":
      return decodeFlowRemoved(body, version);
    case "groupMod":
      return decodeGroupMod(body, version);
    case "meterMod":
      return decodeMeterMod(body);
    case "portStatus":
      return readPortStatus(body, version);
    case "portMod":
      return readPortMod(body, version);
    case "multipartRequest":
      return { type: name, ...decodeMultipartRequest(body, version) };
    case "multipartReply":
      return { type: name, ...decodeMultipartReply(body, version) };
    case "roleRequest":
    case "roleReply":
      return readRole(name, body);
    case "roleStatus":
      return readRoleStatus(body);
    case "requestForward":
      return readRequestForward(body, options, decodeInner);
    case "tableMod":
      return decodeTableMod(body, version);
    case "tableStatus":
      return decodeTableStatus(body);
    case "queueConfigRequest":
      return { type: name, port: readPort(body, version) };
    case "queueConfigReply":
      return { type: name, ...decodeQueueConfig(body, version) };
    case "getAsyncRequest":
      return { type: name };
    case "getAsyncReply":
    case "setAsync":
      return { type: name, ...(version >= 5 ? readAsyncProperties(body) : readAsync(body)) };
    case "bundleControl":
      return readBundleControl(body);
    case "bundleAdd":
      return readBundleAdd(body, version, options, decodeInner);
    case "experimenter":
      return readExperimenter(body, version, options, decodeInner);
  }
}

function readSetConfig(body: ByteReader, version: number): Message {
  const flags = body.u16();
  if ((flags & ~(version < VERSION.OF13 ? CONFIG_FLAGS_12 : CONFIG_FLAGS)) !== 0) {
    throw new OpenFlowError("OFPSCFC_BAD_FLAGS", `A switch cannot be configured to ${flags}`, { details: { at: body.at } });
  }
  return { type: "setConfig", flags, missSendLength: body.u16() };
}

/** Elements that cannot be read are passed over, as the peer may know more than we do. */
function readHello(body: ByteReader): Message {
  while (body.remaining >= 4) {
    const type = body.u16();
    const length = body.u16();
    if (length < 4) break;
    const element = body.sub(Math.min(length - 4, body.remaining));
    body.skip(Math.min((8 - (length % 8)) % 8, body.remaining));
    if (type === 1 && element.remaining >= 4) return { type: "hello", versions: element.u32() };
  }
  return { type: "hello" };
}

function readError(body: ByteReader, version: number): Message {
  const errorType = body.u16();
  const code = body.u16();
  if (version < VERSION.OF12 && errorType === NICIRA_VENDOR_ERROR) {
    const experimenter = body.u32();
    return { type: "error", errorType: body.u16(), code: body.u16(), experimenter, data: body.rest() };
  }
  if (version >= VERSION.OF12 && errorType === EXPERIMENTER_ERROR) {
    return { type: "error", errorType, code, experimenter: body.u32(), data: body.rest() };
  }
  return { type: "error", errorType, code, data: body.rest() };
}

function readFeatures(body: ByteReader, version: number): Message {
  const fixed = { datapathId: body.u64(), nBuffers: body.u32(), nTables: body.u8() };
  const auxiliaryId = body.u8();
  body.skip(2);
  const capabilities = body.u32();
  const actions = body.u32();
  if (version >= VERSION.OF13) return { type: "featuresReply", ...fixed, auxiliaryId, capabilities, actions: 0, ports: [] };
  const ports = [];
  while (body.remaining > 0) ports.push(readPortDesc(body, version));
  return {
    type: "featuresReply",
    ...fixed,
    auxiliaryId: 0,
    capabilities,
    actions: version === VERSION.OF10 ? actions : 0,
    ports,
  };
}

function readPortStatus(body: ByteReader, version: number): Message {
  const number = body.u8();
  const reason = PORT_REASONS[number];
  if (reason === undefined) throw new OpenFlowError("OFPBRC_BAD_TYPE", `Port status reason ${number} is not known`);
  body.skip(7);
  return { type: "portStatus", reason, port: readPortDesc(body, version) };
}

function readPortMod(body: ByteReader, version: number): Message {
  const port = readPort(body, version);
  if (version > 1) body.skip(4);
  const mac = body.u48();
  if (version > 1) body.skip(2);
  const known = version > 1 ? LATER_PORT_CONFIG : 0xffff_ffff;
  const config = (body.u32() & known) >>> 0;
  const mask = (body.u32() & known) >>> 0;
  let advertise = 0;
  if (version < 5) advertise = body.u32();
  else for (const { type, value } of properties(body)) if (type === 0) advertise = value.u32();
  return { type: "portMod", port, mac, config, mask, advertise };
}

function readRole(type: "roleRequest" | "roleReply", body: ByteReader): Message {
  const number = body.u32();
  const role = ROLES[number];
  if (role === undefined) throw new OpenFlowError("OFPRRFC_BAD_ROLE", `Role ${number} is not known`);
  body.skip(4);
  return { type, role, generationId: body.u64() };
}

function readRoleStatus(body: ByteReader): Message {
  const [number, code] = [body.u32(), body.u8()];
  const [role, reason] = [ROLES[number], ROLE_REASONS[code]];
  if (role === undefined || reason === undefined) {
    throw new OpenFlowError("OFPRRFC_BAD_ROLE", `Role ${number} for reason ${code} is not known`);
  }
  body.skip(3);
  return { type: "roleStatus", role, reason, generationId: body.u64() };
}

function readRequestForward(body: ByteReader, options: CodecOptions, decodeInner: DecodeInner): Message {
  const { at } = body;
  const { message, xid } = decodeInner(body.sub(body.remaining), options);
  if (message.type === "groupMod" || message.type === "meterMod") return { type: "requestForward", message, xid };
  throw new OpenFlowError("OFPBRC_BAD_TYPE", `A message "${message.type}" is not forwarded`, { details: { at } });
}

function readBundleControl(body: ByteReader): Message {
  const bundleId = body.u32();
  const number = body.u16();
  const kind = BUNDLE_KINDS[number];
  if (kind === undefined) throw new OpenFlowError("OFPBFC_BAD_TYPE", `Bundle control ${number} is not known`);
  return { type: "bundleControl", bundleId, kind, flags: body.u16() };
}

function readBundleAdd(body: ByteReader, version: number, options: CodecOptions, decodeInner: DecodeInner): Message {
  const bundleId = body.u32();
  body.skip(2);
  const flags = body.u16();
  const { at } = body;
  const length = body.peekU16(2);
  if (length < 8 || length > body.remaining) {
    throw new OpenFlowError("OFPBFC_MSG_BAD_LEN", `A bundled message cannot have ${length} bytes here`, { details: { at } });
  }
  const innerVersion = body.peekU8();
  if (innerVersion !== version) {
    throw new OpenFlowError("OFPBFC_BAD_VERSION", `A bundled message is of version ${innerVersion}`, { details: { at } });
  }
  const { message, xid } = decodeInner(body.sub(length), options);
  if (!isBundled(message)) {
    throw new OpenFlowError("OFPBFC_MSG_UNSUP", `A message "${message.type}" cannot be bundled`, { details: { at } });
  }
  return { type: "bundleAdd", bundleId, flags, message, xid };
}

function isBundled({ type }: Message): boolean {
  return type === "flowMod" || type === "portMod" || type === "groupMod" || type === "packetOut";
}

function readExperimenter(body: ByteReader, version: number, options: CodecOptions, decodeInner: DecodeInner): Message {
  const { at } = body;
  const number = body.u32();
  const subtype = body.u32();
  if (number === ONF && version === 4) {
    if (subtype === ONF_SUBTYPE.bundleControl) return readBundleControl(body);
    if (subtype === ONF_SUBTYPE.bundleAdd) return readBundleAdd(body, version, options, decodeInner);
    if (subtype === ONF_SUBTYPE.roleStatus) return readRoleStatus(body);
    if (subtype === ONF_SUBTYPE.requestForward) return readRequestForward(body, options, decodeInner);
    if (subtype === ONF_SUBTYPE.flowMonitorCancel) return { type: "flowMonitorCancel", id: body.u32() };
    if (subtype === ONF_SUBTYPE.flowMonitorPaused) return { type: "flowMonitorPaused" };
    if (subtype === ONF_SUBTYPE.flowMonitorResumed) return { type: "flowMonitorResumed" };
  }
  if (number === NICIRA) {
    if (subtype === NXT.requestForward && version < VERSION.OF13) return readRequestForward(body, options, decodeInner);
    const message = readNicira(subtype, version, body, options);
    if (message !== undefined && body.remaining > 0) {
      throw new OpenFlowError("OFPBRC_BAD_LEN", `${body.remaining} bytes are left of a message`, { details: { at: body.at } });
    }
    if (message !== undefined) return message;
  }
  if (number === NICIRA || number === ONF) {
    throw new OpenFlowError("OFPBRC_BAD_SUBTYPE", `Experimenter message ${subtype} is not known`, { details: { at } });
  }
  throw new OpenFlowError("OFPBRC_BAD_VENDOR", `Experimenter 0x${number.toString(16)} is not known`, { details: { at } });
}
