/**
 * Continuations on the wire: properties inside one property of NXT_PACKET_IN2 and NXT_RESUME.
 *
 *   | type u16 | length u16 | value ... | 0 up to 8 bytes |; nested ones have 4 zeros before their value
 */
import type { ByteReader, ByteWriter } from "@tenet/wire";
import type { Action } from "../action.ts";
import type { ActionsLeft, Continuation } from "../continuation.ts";
import { decodeActions } from "./decode-actions.ts";
import { encodeActions } from "./encode-actions.ts";
import { OpenFlowError } from "./openflow-error.ts";
import { properties } from "./port-wire.ts";

const PROPERTY = {
  BRIDGE: 0x8000,
  STACK: 0x8001,
  MIRRORS: 0x8002,
  IS_TRACKED: 0x8003,
  TABLE: 0x8004,
  COOKIE: 0x8005,
  ACTIONS: 0x8006,
  ACTION_SET: 0x8007,
} as const;
const BRIDGE_BYTES = 16;

/** Writes a property: its header, its value, zeros up to 8 bytes. */
export function writeProperty(writer: ByteWriter, type: number, writeValue: () => void): void {
  const start = writer.length;
  writer.u16(type).u16(0);
  writeValue();
  writer.patchU16(start + 2, writer.length - start);
  writer.align(8, start);
}

/** Writes the properties of a continuation. */
export function writeContinuation(writer: ByteWriter, continuation: Continuation, version: number): void {
  const { bridge, stack, mirrors, isTracked, lists, actionSet } = continuation;
  const property = (type: number, writeValue: () => void): void => writeProperty(writer, type, writeValue);
  const writeActions = (type: number, actions: readonly Action[]): void =>
    property(type, () => writer.zeros(4).bytes(encodeActions(actions, version)));
  property(PROPERTY.BRIDGE, () => writer.bytes(bridge));
  for (const value of stack.toReversed()) property(PROPERTY.STACK, () => writer.uint(value, sizeOf(value)));
  if (mirrors !== 0) property(PROPERTY.MIRRORS, () => writer.u32(mirrors));
  if (isTracked) property(PROPERTY.IS_TRACKED, () => undefined);
  let last: Pick<ActionsLeft, "table" | "cookie"> = { table: 0, cookie: 0n };
  for (const list of lists) {
    const { table, cookie } = list;
    if (table !== last.table) property(PROPERTY.TABLE, () => writer.u8(table));
    if (cookie !== last.cookie) property(PROPERTY.COOKIE, () => writer.zeros(4).u64(cookie));
    writeActions(PROPERTY.ACTIONS, list.actions);
    last = list;
  }
  if (actionSet.length > 0) writeActions(PROPERTY.ACTION_SET, actionSet);
}

/** Reads the properties of a continuation to the end of a reader. @throws OpenFlowError, TruncatedError */
export function readContinuation(reader: ByteReader, version: number): Continuation {
  const stack: bigint[] = [];
  const lists: ActionsLeft[] = [];
  let bridge: Uint8Array = new Uint8Array(BRIDGE_BYTES);
  let [mirrors, isTracked, table, cookie] = [0, false, 0, 0n];
  let actionSet: readonly Action[] = [];
  for (const { type, value } of properties(reader)) {
    if (type === PROPERTY.BRIDGE) bridge = value.bytes(BRIDGE_BYTES);
    else if (type === PROPERTY.STACK) stack.unshift(value.uint(value.remaining));
    else if (type === PROPERTY.MIRRORS) mirrors = value.u32();
    else if (type === PROPERTY.IS_TRACKED) isTracked = true;
    else if (type === PROPERTY.TABLE) table = value.u8();
    else if (type === PROPERTY.COOKIE) {
      value.skip(4);
      cookie = value.u64();
    } else if (type === PROPERTY.ACTIONS) lists.push({ table, cookie, actions: readActions(value, version) });
    else if (type === PROPERTY.ACTION_SET) actionSet = readActions(value, version);
    else if (type < PROPERTY.BRIDGE) throw new OpenFlowError("OFPBPC_BAD_TYPE", `Property ${type} is not known`);
  }
  return { bridge, stack, mirrors, isTracked, lists, actionSet };
}

function readActions(value: ByteReader, version: number): Action[] {
  value.skip(4);
  return decodeActions(value, version);
}

/** Bytes that hold a number; 1 at least. */
function sizeOf(value: bigint): number {
  return Math.max(1, Math.ceil(value.toString(16).length / 2));
}
