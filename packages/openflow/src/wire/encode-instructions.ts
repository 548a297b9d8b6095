/**
 * Writes the instructions of a flow.
 *
 * One list goes in. OpenFlow 1.0 has no instructions: it gets `goto_table` as a resubmit and loses what it
 * cannot say. Later versions get the list split into instructions,
 * of which meters are one in OpenFlow 1.3 and 1.4 alone.
 */
import { FIELDS } from "@tenet/net";
import { ByteWriter } from "@tenet/wire";
import type { Action, Match } from "../action.ts";
import { VERSION } from "../message.ts";
import { encodeActions, words64 } from "./encode-actions.ts";

/** Writes the instructions (OpenFlow 1.0: the actions) of a flow. */
export function encodeInstructions(actions: readonly Action[], version: number, match?: Match): Uint8Array {
  if (version === VERSION.OF10) return encodePlainActions(actions, version, match);
  const writer = ByteWriter.borrow();
  const applied: Action[] = [];
  const hasMeters = version === VERSION.OF13 || version === VERSION.OF14;
  const meters = hasMeters ? actions.filter((action) => action.type === "meter") : [];
  for (const { meter } of meters) writer.u16(6).u16(8).u32(meter);
  for (const action of actions)
    if (!INSTRUCTIONS.has(action.type) && !(action.type === "meter" && version < VERSION.OF15)) applied.push(action);
  if (applied.length > 0) writeActionInstruction(writer, 4, encodeActions(applied, version, match));
  for (const action of actions) writeInstruction(writer, action, version, match);
  return writer.giveBack();
}

/** Writes instructions as the actions that come nearest: for OpenFlow 1.0, and for Nicira's messages of 1.1 and 1.2. */
export function encodePlainActions(actions: readonly Action[], version: number, match?: Match): Uint8Array {
  return encodeActions(toPlainActions(actions), version, match);
}

/** OpenFlow 1.0 reads a resubmit after `write_metadata` as out of order: before a `goto_table` it becomes a load. */
function toPlainActions(actions: readonly Action[]): readonly Action[] {
  if (!actions.some(({ type }) => type === "gotoTable")) return actions;
  return actions.map((action) =>
    action.type === "writeMetadata"
      ? { type: "setField", field: FIELDS.metadata, value: action.value, mask: action.mask, form: "load" }
      : action,
  );
}

const INSTRUCTIONS: ReadonlySet<Action["type"]> = new Set(["clearActions", "writeActions", "writeMetadata", "gotoTable"]);

function writeInstruction(writer: ByteWriter, action: Action, version: number, match: Match | undefined): void {
  if (action.type === "clearActions") writer.u16(5).u16(8).zeros(4);
  else if (action.type === "writeActions") writeActionInstruction(writer, 3, encodeActions(action.actions, version, match));
  else if (action.type === "writeMetadata") {
    const [value, mask] = [words64(action.value), words64(action.mask)];
    writer.u16(2).u16(24).zeros(4).u64(value).u64(mask);
  } else if (action.type === "gotoTable") writer.u16(1).u16(8).u8(action.table).zeros(3);
}

function writeActionInstruction(writer: ByteWriter, type: number, actions: Uint8Array): void {
  writer
    .u16(type)
    .u16(8 + actions.length)
    .zeros(4)
    .bytes(actions);
}
