/** What the decoders of actions share: parts of fields, and actions that several forms on the wire become. */
import { fieldOnes } from "@tenet/net";
import type { Action, SubField } from "../action.ts";
import { toFieldWords } from "../match/field-words.ts";
import { type MatchField, matchField } from "../match/match-field.ts";
import { OpenFlowError } from "./openflow-error.ts";

/** Bits of a field. @throws OpenFlowError when they do not lie in it */
export function subField(field: MatchField, start: number, nBits: number, at: number): SubField {
  if (start === 0 && nBits === field.wireBits) return { field, start, nBits: field.nBits };
  if (nBits > 0 && start + nBits <= field.nBits) return { field, start, nBits };
  throw badArgument(`Bits ${start} to ${start + nBits - 1} do not lie in ${field.text}`, at);
}

/** The field. @throws OpenFlowError when it is read-only */
export function checkWritable(field: MatchField, at: number): MatchField {
  if (field.isWritable) return field;
  throw badArgument(`${field.text} is read-only`, at);
}

/** Sets a whole field, in the form of OpenFlow 1.0. */
export function setMod(name: string, value: bigint): Action {
  const field = matchField(name);
  return setField(field, value, fieldOnes(field), "mod");
}

/** Sets bits of a field. */
export function setField(field: MatchField, value: bigint, mask: bigint, form: "load" | "mod" | undefined): Action {
  const words = { value: toFieldWords(field, value), mask: toFieldWords(field, mask) };
  return form === undefined ? { type: "setField", field, ...words } : { type: "setField", field, ...words, form };
}

/** A number as two words. */
export function toWords64(value: bigint): Uint32Array {
  return Uint32Array.of(Number(value >> 32n), Number(value & 0xffff_ffffn));
}

/** An argument that cannot be. */
export function badArgument(problem: string, at: number): OpenFlowError {
  return new OpenFlowError("OFPBAC_BAD_ARGUMENT", problem, { details: { at } });
}

/** @throws OpenFlowError when a number is too large */
export function inRange(value: number, max: number, what: string, at: number): number {
  if (value <= max) return value;
  throw badArgument(`${value} is too large for ${what}`, at);
}

/** The EtherType of an MPLS label to push. @throws OpenFlowError when it is none */
export function mplsEtherType(ethType: number, at: number): number {
  if (ethType === 0x8847 || ethType === 0x8848) return ethType;
  throw badArgument(`0x${ethType.toString(16)} is not an MPLS EtherType`, at);
}
