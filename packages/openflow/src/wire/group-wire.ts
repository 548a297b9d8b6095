/**
 * Group-mods and group descriptions in the layouts of OpenFlow 1.1 to 1.4 and of 1.5.
 *
 * OpenFlow 1.5 gave buckets numbers and made weights, watched ports and the selection method properties.
 * Nicira's group-mod for OpenFlow 1.0 has the layout of 1.5.
 *
 * @see OpenFlow 1.5.1, section 7.3.4.3; 1.3.5, section 7.3.4.2
 */
import { type ByteReader, ByteWriter, defineStruct } from "@tenet/wire";
import { AppError } from "@tenet/kit";
import { PORT } from "../action.ts";
import {
  type Bucket,
  BUCKET,
  GROUP,
  GROUP_TYPES,
  type GroupMod,
  type GroupModCommand,
  type GroupSpec,
  type GroupType,
  type SelectionMethod,
} from "../group.ts";
import { decodeActions } from "./decode-actions.ts";
import { encodeActions } from "./encode-actions.ts";
import { readSelection, writeSelection } from "./group-selection-wire.ts";
import { OpenFlowError } from "./openflow-error.ts";
import { narrowPort, widenPort } from "./port-number.ts";
import { properties } from "./port-wire.ts";

const COMMANDS: ReadonlyMap<GroupModCommand, number> = new Map<GroupModCommand, number>([
  ["add", 0],
  ["modify", 1],
  ["delete", 2],
  ["insertBucket", 3],
  ["removeBucket", 5],
  ["addOrModify", 0x8000],
]);

/** ofp_group_mod before OpenFlow 1.5; buckets follow. */
const mod11 = defineStruct({ command: "u16", type: "u8", pad: "pad:1", id: "u32" });
/** ofp_group_mod of OpenFlow 1.5; buckets and properties follow. */
const mod15 = defineStruct({
  command: "u16",
  type: "u8",
  pad1: "pad:1",
  id: "u32",
  bucketsLength: "u16",
  pad2: "pad:2",
  bucketId: "u32",
});
/** ofp_group_desc before OpenFlow 1.5; buckets follow. */
const desc11 = defineStruct({ length: "u16", type: "u8", pad: "pad:1", id: "u32" });
/** ofp_group_desc of OpenFlow 1.5; buckets and properties follow. */
const desc15 = defineStruct({ length: "u16", type: "u8", pad1: "pad:1", id: "u32", bucketsLength: "u16", pad2: "pad:6" });
/** ofp_bucket before OpenFlow 1.5; actions follow. */
const bucket11 = defineStruct({ length: "u16", weight: "u16", watchPort: "u32", watchGroup: "u32", pad: "pad:4" });
/** ofp_bucket of OpenFlow 1.5; actions and properties follow. */
const bucket15 = defineStruct({ length: "u16", actionsLength: "u16", id: "u32" });

const PROPERTY = { WEIGHT: 0, WATCH_PORT: 1, WATCH_GROUP: 2 } as const;
const ANY = 0xffff_ffff;

/** Whether a version has the layout of OpenFlow 1.5: Nicira's messages of 1.0 have it too. */
function isNewLayout(version: number): boolean {
  return version === 1 || version >= 6;
}

/** The body of a group-mod, after the message header (OpenFlow 1.0: after the experimenter header). @throws AppError */
export function encodeGroupMod({ command, group, bucketId }: GroupMod, version: number): Uint8Array {
  const writer = new ByteWriter();
  const number = COMMANDS.get(command) ?? 0;
  const type = GROUP_TYPES.indexOf(group.groupType);
  if (isNewLayout(version)) {
    const buckets = encodeBuckets(group, version);
    writer.struct(mod15, {
      command: number,
      type,
      id: group.id,
      bucketsLength: buckets.length,
      bucketId: bucketId ?? BUCKET.ALL,
    });
    writer.bytes(buckets);
    writeSelection(writer, group.selection, version);
    return writer.toBytes();
  }
  if (command === "insertBucket" || command === "removeBucket") {
    throw new AppError("Cannot change single buckets in OpenFlow 1.1 to 1.4", {
      code: "OPENFLOW_NOT_ENCODABLE",
      hint: "Negotiate OpenFlow 1.5, or send the whole group",
    });
  }
  return writer.struct(mod11, { command: number, type, id: group.id }).bytes(encodeBuckets(group, version)).toBytes();
}

/** Reads the body of a group-mod. @throws OpenFlowError, TruncatedError */
export function decodeGroupMod(reader: ByteReader, version: number): GroupMod {
  const { at } = reader;
  const isNew = isNewLayout(version);
  const fixed = isNew ? reader.struct(mod15) : { ...reader.struct(mod11), bucketsLength: reader.remaining, bucketId: BUCKET.ALL };
  const command = commandOf(fixed.command, isNew, at);
  const groupType = typeOf(fixed.type, at);
  if (fixed.bucketsLength > reader.remaining) {
    throw new OpenFlowError("OFPBRC_BAD_LEN", `Buckets cannot have ${fixed.bucketsLength} bytes here`, { details: { at } });
  }
  const namesBucket = command === "insertBucket" || command === "removeBucket";
  if (!namesBucket && fixed.bucketId !== BUCKET.ALL) {
    throw new OpenFlowError("OFPGMFC_BAD_BUCKET", `The command names bucket ${fixed.bucketId}`, { details: { at } });
  }
  const buckets = readBuckets(reader.sub(fixed.bucketsLength), groupType, version);
  const selection = isNew ? readSelection(reader, groupType) : undefined;
  const group = makeGroup(fixed.id, groupType, buckets, selection);
  checkGroup(command, group, at);
  return { type: "groupMod", command, group, ...(namesBucket ? { bucketId: checkBucketId(fixed.bucketId, command, at) } : {}) };
}

/** One entry of a group description. */
export function encodeGroupDesc(group: GroupSpec, version: number): Uint8Array {
  const writer = new ByteWriter();
  const type = GROUP_TYPES.indexOf(group.groupType);
  const buckets = encodeBuckets(group, version);
  if (isNewLayout(version)) {
    writer.struct(desc15, { length: 0, type, id: group.id, bucketsLength: buckets.length }).bytes(buckets);
    writeSelection(writer, group.selection, version);
  } else writer.struct(desc11, { length: 0, type, id: group.id }).bytes(buckets);
  writer.patchU16(0, writer.length);
  return writer.toBytes();
}

/** Reads one entry of a group description. @throws OpenFlowError, TruncatedError */
export function readGroupDesc(reader: ByteReader, version: number): GroupSpec {
  const { at } = reader;
  const isNew = isNewLayout(version);
  const size = isNew ? desc15.size : desc11.size;
  const length = reader.peekU16();
  if (length < size) throw new OpenFlowError("OFPBRC_BAD_LEN", `A group cannot have ${length} bytes`, { details: { at } });
  const body = reader.sub(length);
  const fixed = isNew ? body.struct(desc15) : { ...body.struct(desc11), bucketsLength: body.remaining };
  const groupType = typeOf(fixed.type, at);
  const buckets = readBuckets(body.sub(fixed.bucketsLength), groupType, version);
  return makeGroup(fixed.id, groupType, buckets, isNew ? readSelection(body, groupType) : undefined);
}

function makeGroup(
  id: number,
  groupType: GroupType,
  buckets: readonly Bucket[],
  selection: SelectionMethod | undefined,
): GroupSpec {
  return { id, groupType, buckets, ...(selection === undefined ? {} : { selection }) };
}

function commandOf(number: number, isNew: boolean, at: number): GroupModCommand {
  for (const [command, other] of COMMANDS) {
    if (other === number && (isNew || (other !== 3 && other !== 5))) return command;
  }
  throw new OpenFlowError("OFPGMFC_BAD_COMMAND", `Group-mod command ${number} is not known`, { details: { at } });
}

function typeOf(number: number, at: number): GroupType {
  const type = GROUP_TYPES[number];
  if (type === undefined) throw new OpenFlowError("OFPGMFC_BAD_TYPE", `Group type ${number} is not known`, { details: { at } });
  return type;
}

/** What no switch could hold. */
function checkGroup(command: GroupModCommand, { id, groupType, buckets, selection }: GroupSpec, at: number): void {
  const invalid = (problem: string): OpenFlowError => new OpenFlowError("OFPGMFC_INVALID_GROUP", problem, { details: { at } });
  if (command === "delete") {
    if (id > GROUP.MAX && id !== GROUP.ALL) throw invalid(`No group has the number ${id}`);
    return;
  }
  if (id > GROUP.MAX) throw invalid(`A group cannot have the number ${id}`);
  if (selection !== undefined && (command === "insertBucket" || command === "removeBucket")) {
    throw new OpenFlowError("OFPBPC_BAD_VALUE", "A change of single buckets has no selection method", { details: { at } });
  }
  if (command === "removeBucket") {
    if (buckets.length > 0) throw new OpenFlowError("OFPGMFC_BAD_BUCKET", "A removal holds no buckets", { details: { at } });
    return;
  }
  if (groupType === "indirect" && buckets.length !== 1 && command !== "insertBucket") {
    throw invalid(`An indirect group has one bucket, not ${buckets.length}`);
  }
  const ids = new Set<number>();
  for (const bucket of buckets) {
    if (ids.has(bucket.id)) throw new OpenFlowError("OFPGMFC_BAD_BUCKET", `Bucket ${bucket.id} is given twice`);
    ids.add(bucket.id);
    const isWatched = bucket.watchPort !== undefined || bucket.watchGroup !== undefined;
    if (groupType === "fastFailover" && !isWatched && command !== "insertBucket") {
      throw invalid(`Bucket ${bucket.id} of a fast failover group watches nothing`);
    }
    if ((groupType === "all" || groupType === "indirect") && isWatched) {
      const problem = `Bucket ${bucket.id} is used whether what it watches is live or not`;
      throw new OpenFlowError("OFPGMFC_WATCH_UNSUPPORTED", problem, { details: { at } });
    }
  }
}

function checkBucketId(id: number, command: GroupModCommand, at: number): number {
  const isReserved = id === BUCKET.FIRST || id === BUCKET.LAST || (id === BUCKET.ALL && command === "removeBucket");
  if (id <= BUCKET.MAX || isReserved) return id;
  throw new OpenFlowError("OFPGMFC_UNKNOWN_BUCKET", `There can be no bucket ${id}`, { details: { at } });
}

function encodeBuckets(group: GroupSpec, version: number): Uint8Array {
  const writer = new ByteWriter();
  for (const bucket of group.buckets) {
    if (isNewLayout(version)) writeBucket15(writer, bucket, group.groupType, version);
    else writeBucket11(writer, bucket, version);
  }
  return writer.toBytes();
}

function writeBucket11(writer: ByteWriter, bucket: Bucket, version: number): void {
  const actions = encodeActions(bucket.actions, version);
  writer.struct(bucket11, {
    length: bucket11.size + actions.length,
    weight: bucket.weight,
    watchPort: bucket.watchPort === undefined ? ANY : widenPort(bucket.watchPort),
    watchGroup: bucket.watchGroup ?? ANY,
  });
  writer.bytes(actions);
}

function writeBucket15(writer: ByteWriter, bucket: Bucket, groupType: GroupType, version: number): void {
  const start = writer.length;
  const actions = encodeActions(bucket.actions, version);
  writer.struct(bucket15, { length: 0, actionsLength: actions.length, id: bucket.id }).bytes(actions);
  if (groupType === "select" || bucket.weight !== 0) writer.u16(PROPERTY.WEIGHT).u16(8).u16(bucket.weight).zeros(2);
  if (bucket.watchPort !== undefined) writer.u16(PROPERTY.WATCH_PORT).u16(8).u32(widenPort(bucket.watchPort));
  if (bucket.watchGroup !== undefined) writer.u16(PROPERTY.WATCH_GROUP).u16(8).u32(bucket.watchGroup);
  writer.patchU16(start, writer.length - start);
}

function readBuckets(reader: ByteReader, groupType: GroupType, version: number): Bucket[] {
  const buckets: Bucket[] = [];
  while (reader.remaining > 0) {
    buckets.push(isNewLayout(version) ? readBucket15(reader, groupType, version) : readBucket11(reader, buckets.length, version));
  }
  return buckets;
}

function bodyOf(reader: ByteReader, size: number): ByteReader {
  const { at } = reader;
  const length = reader.peekU16();
  if (length < size || length % 8 !== 0 || length > reader.remaining) {
    throw new OpenFlowError("OFPGMFC_BAD_BUCKET", `A bucket cannot have ${length} bytes here`, { details: { at } });
  }
  return reader.sub(length);
}

function readBucket11(reader: ByteReader, position: number, version: number): Bucket {
  const body = bodyOf(reader, bucket11.size);
  const { weight, watchPort, watchGroup } = body.struct(bucket11);
  return makeBucket(position, weight, watchPort, watchGroup, decodeBucketActions(body, version));
}

function readBucket15(reader: ByteReader, groupType: GroupType, version: number): Bucket {
  const { at } = reader;
  const body = bodyOf(reader, bucket15.size);
  const { actionsLength, id } = body.struct(bucket15);
  if (id > BUCKET.MAX)
    throw new OpenFlowError("OFPGMFC_BAD_BUCKET", `A bucket cannot have the number ${id}`, { details: { at } });
  if (actionsLength > body.remaining) {
    throw new OpenFlowError("OFPGMFC_BAD_BUCKET", `Actions cannot have ${actionsLength} bytes here`, { details: { at } });
  }
  const actions = decodeBucketActions(body.sub(actionsLength), version);
  let weight = groupType === "select" ? 1 : 0;
  let [watchPort, watchGroup] = [ANY, ANY];
  for (const { type, value } of properties(body)) {
    if (type === PROPERTY.WEIGHT) weight = value.u16();
    else if (type === PROPERTY.WATCH_PORT) watchPort = value.u32();
    else if (type === PROPERTY.WATCH_GROUP) watchGroup = value.u32();
    else throw new OpenFlowError("OFPBPC_BAD_TYPE", `Bucket property ${type} is not known`, { details: { at } });
  }
  return makeBucket(id, weight, watchPort, watchGroup, actions);
}

/** A bucket's actions make up an action set of their own; instructions have no place in it. */
function decodeBucketActions(body: ByteReader, version: number): Bucket["actions"] {
  return decodeActions(body, version);
}

function makeBucket(id: number, weight: number, watchPort: number, watchGroup: number, actions: Bucket["actions"]): Bucket {
  const port = narrowPort(watchPort);
  if (port === undefined) throw new OpenFlowError("OFPGMFC_BAD_WATCH", `No port can have the number ${watchPort}`);
  if (watchGroup > GROUP.MAX && watchGroup !== ANY) {
    throw new OpenFlowError("OFPGMFC_BAD_WATCH", `No group can have the number ${watchGroup}`);
  }
  return {
    id,
    weight,
    ...(port === PORT.NONE ? {} : { watchPort: port }),
    ...(watchGroup === ANY ? {} : { watchGroup }),
    actions,
  };
}
