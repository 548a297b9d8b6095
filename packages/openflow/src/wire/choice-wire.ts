/**
 * `multipath` and `bundle` on the wire (NXAST_MULTIPATH, NXAST_BUNDLE, NXAST_BUNDLE_LOAD), behind Nicira's 10 bytes.
 *
 *   multipath: | fields u16 | basis u16 | 0 u16 | algorithm u16 | links - 1 u16 | argument u32 | 0 u16 | bits u16 | field u32 |
 *   bundle:    | algorithm u16 | fields u16 | basis u16 | kind of member u32 | members u16 | bits u16 | field u32 | 0 u32 | members ...
 */
import type { ByteReader, ByteWriter } from "@tenet/wire";
import {
  BUNDLE_ALGORITHMS,
  type BundleAction,
  HASH_FIELDS,
  type HashFields,
  LINK_ALGORITHMS,
  type MultipathAction,
  type SubField,
} from "../action.ts";
import { OpenFlowError } from "./openflow-error.ts";

/** Members are ports: the header of NXM_OF_IN_PORT. */
const PORT_MEMBERS = 0x0000_0002;
const MAX_MEMBERS = 2048;

/** Writes the bits and the field of a target. */
export type WriteTarget = (body: ByteWriter, target: SubField) => void;

/** Reads the bits (`start << 6 | width - 1`) and the field of a target. @throws OpenFlowError */
export type ReadTarget = (body: ByteReader) => SubField;

/** Writes the body of NXAST_MULTIPATH. */
export function writeMultipath(body: ByteWriter, action: MultipathAction, writeTarget: WriteTarget): void {
  body
    .u16(HASH_FIELDS.indexOf(action.fields))
    .u16(action.basis)
    .zeros(2)
    .u16(LINK_ALGORITHMS.indexOf(action.algorithm))
    .u16(action.nLinks - 1)
    .u32(action.argument)
    .zeros(2);
  writeTarget(body, action.target);
}

/** Reads the body of NXAST_MULTIPATH. @throws OpenFlowError */
export function readMultipath(body: ByteReader, at: number, readTarget: ReadTarget): MultipathAction {
  const fields = hashFields(body.u16(), at);
  const basis = body.u16();
  body.skip(2);
  const algorithm = LINK_ALGORITHMS[body.u16()];
  if (algorithm === undefined) throw bad("an unknown algorithm", at);
  const nLinks = body.u16() + 1;
  const argument = body.u32();
  body.skip(2);
  const target = readTarget(body);
  if (target.nBits < 16 && nLinks > 1 << target.nBits) throw bad(`${nLinks} links in ${target.nBits} bits`, at);
  return { type: "multipath", fields, basis, algorithm, nLinks, argument, target };
}

/** Writes the body of NXAST_BUNDLE or NXAST_BUNDLE_LOAD. */
export function writeBundle(body: ByteWriter, action: BundleAction, writeTarget: WriteTarget): void {
  const { target, members } = action;
  body
    .u16(BUNDLE_ALGORITHMS.indexOf(action.algorithm))
    .u16(HASH_FIELDS.indexOf(action.fields))
    .u16(action.basis)
    .u32(PORT_MEMBERS)
    .u16(members.length);
  if (target === undefined) body.zeros(6);
  else writeTarget(body, target);
  body.zeros(4);
  for (const member of members) body.u16(member);
}

/** Reads the body of NXAST_BUNDLE, or with `readTarget` of NXAST_BUNDLE_LOAD. @throws OpenFlowError */
export function readBundle(body: ByteReader, at: number, readTarget: ReadTarget | undefined): BundleAction {
  const algorithm = BUNDLE_ALGORITHMS[body.u16()];
  const fields = hashFields(body.u16(), at);
  const basis = body.u16();
  if (algorithm === undefined || body.u32() !== PORT_MEMBERS) throw bad("an unknown algorithm or kind of member", at);
  const nMembers = body.u16();
  if (nMembers > MAX_MEMBERS) throw bad(`${nMembers} members`, at);
  const target = readTarget?.(body);
  if (target === undefined && (body.u16() !== 0 || body.u32() !== 0)) throw bad("a field that it does not use", at);
  body.skip(4);
  if (body.remaining < 2 * nMembers) {
    throw new OpenFlowError("OFPBAC_BAD_LEN", `${nMembers} members do not lie in the action`, { details: { at } });
  }
  if (target !== undefined && target.nBits < 16) throw bad(`a port number in ${target.nBits} bits`, at);
  const members = Array.from({ length: nMembers }, () => body.u16());
  return { type: "bundle", fields, basis, algorithm, members, ...(target === undefined ? {} : { target }) };
}

function hashFields(number: number, at: number): HashFields {
  const fields = HASH_FIELDS[number];
  if (fields === undefined) throw bad("unknown fields", at);
  return fields;
}

function bad(what: string, at: number): OpenFlowError {
  return new OpenFlowError("OFPBAC_BAD_ARGUMENT", `An action cannot have ${what}`, { details: { at } });
}
