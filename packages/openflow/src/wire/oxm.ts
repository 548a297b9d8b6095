/**
 * Match fields as type-length-values: OXM of OpenFlow 1.2 and later, and NXM, its elder.
 *
 *   |     class (16)      | field (7) |M| length (8) | value ... | mask ... when M is set |
 *
 * Class 0xffff has an experimenter number (32 bits, counted in the length) after the header. Both sets of
 * headers may be mixed in one match; Open vSwitch uses NXM for what OXM does not have.
 */
import { FIELDS, fieldOnes, getField, getFieldBig } from "@tenet/net";
import { AppError } from "@tenet/kit";
import { type ByteReader, ByteWriter } from "@tenet/wire";
import type { Match } from "../action.ts";
import { clearMatch, makeMatch, setMatchField, setNarrowField, trimFields } from "../match/match.ts";
import {
  findExperimenterField,
  findHeader,
  isExperimenterHeader,
  MATCH_FIELDS,
  type MatchField,
  matchField,
} from "../match/match-field.ts";
import { meetsPrerequisite } from "../match/prerequisite.ts";
import { VERSION } from "../message.ts";
import { OF11_MATCH_SIZE, readOf11Match, writeOf11Match } from "./of11-match.ts";
import { type ErrorName, NICIRA, ONF, OpenFlowError } from "./openflow-error.ts";
import { narrowPort, widenPort } from "./port-number.ts";

/** A cookie and the bits of it that a query is about. */
export interface CookieMatch {
  readonly cookie: bigint;
  readonly mask: bigint;
}

const NXM_NX_COOKIE = ((1 << 16) | (30 << 9)) >>> 0;
const COOKIE_LENGTH = 8;
/** Of a header: a mask follows the value. */
const HAS_MASK = 0x100;
const MASKED_COOKIE = HAS_MASK | (2 * COOKIE_LENGTH);
const EXPERIMENTER_CLASS = 0xffff;
const VLAN_VID = matchField("vlan_vid");
const VLAN_PCP = matchField("vlan_pcp");
const VLAN_TCI = matchField("vlan_tci");

/** The priority in a tag control information. */
const PRIORITY_BITS = 0xe000;

/** Some bits have a name in NXM and others in OXM: each form writes its own, and what only one has in both. */
const NOT_IN_NXM: ReadonlySet<string> = new Set(["in_port_oxm", "vlan_vid", "vlan_pcp", "ip_dscp"]);
const NOT_IN_OXM: ReadonlySet<string> = new Set(["in_port", "vlan_tci", "nw_tos"]);
const WIRE_FIELDS = MATCH_FIELDS.filter(
  ({ text, nxm, oxm, option }) => (nxm ?? oxm) !== undefined && option === undefined && !/^x+reg/.test(text),
);
const NXM_FIELDS = WIRE_FIELDS.filter(({ text }) => !NOT_IN_NXM.has(text));
/** Fields that can be read and written without big integers: they have at most 32 bits, and those are the FlowKey's. */
const NARROW_FIELDS: ReadonlySet<MatchField> = new Set(
  MATCH_FIELDS.filter(
    ({ nBits, sizeBytes, format, text }) =>
      nBits <= 32 && [1, 2, 4].includes(sizeBytes) && format !== "port" && text !== "vlan_vid" && text !== "nw_tos",
  ),
);
const OXM_FIELDS = WIRE_FIELDS.filter(({ text }) => !NOT_IN_OXM.has(text));

/** What was written of the match in hand: as wide as a FlowKey, so it is made once. */
const bitsWritten: Match = makeMatch();

/** Words of a FlowKey where a switch puts what `Match.options` says. */
const OPTIONS_START = FIELDS.tun_options_present.word;
const OPTIONS_END = FIELDS.tun_options.word + FIELDS.tun_options.nWords;

/** A header as a version writes it. */
export interface WireHeader {
  /** class << 16 | field << 9, without mask bit and length. */
  readonly header: number;
  readonly experimenter: number | undefined;
}

/** The header by which a version knows a field; NXM where OXM has none. @throws AppError when there is neither */
export function headerFor(field: MatchField, version: number): WireHeader {
  if (version >= 3 && field.oxm !== undefined && version >= field.oxmSince) return { header: field.oxm, experimenter: undefined };
  if (field.onf !== undefined && (version >= 4 || field.nxm === undefined)) {
    return { header: ((EXPERIMENTER_CLASS << 16) | (field.onf << 9)) >>> 0, experimenter: ONF };
  }
  const header = field.nxm ?? field.oxm;
  if (header === undefined)
    throw new AppError(`Cannot put ${field.text} into an OpenFlow message`, { code: "OPENFLOW_NO_HEADER" });
  return { header, experimenter: isExperimenterHeader(header) ? NICIRA : undefined };
}

/** Writes one field; the mask is written when it is not all ones. */
export function writeOxm(writer: ByteWriter, field: MatchField, value: bigint, mask: bigint, version: number): void {
  const { header, experimenter } = headerFor(field, version);
  const isMasked = mask !== fieldOnes(field);
  const size = field.option === undefined ? wireSize(field, header) : optionSize(value | (isMasked ? mask : 0n));
  const length = size * (isMasked ? 2 : 1) + (experimenter === undefined ? 0 : 4);
  writer.u32((header | (isMasked ? 0x100 : 0) | length) >>> 0);
  if (experimenter !== undefined) writer.u32(experimenter);
  writer.uint(toWire(field, header, value), size);
  if (isMasked) writer.uint(mask, size);
}

/** Writes a header alone, as field names in `move`, `push` and `pop`. */
export function writeOxmHeader(writer: ByteWriter, field: MatchField, version: number): void {
  const { header, experimenter } = headerFor(field, version);
  writer.u32((header | (wireSize(field, header) + (experimenter === undefined ? 0 : 4))) >>> 0);
  if (experimenter !== undefined) writer.u32(experimenter);
}

/** A field as read: `mask` is all ones when there was none. */
export interface ReadField {
  readonly field: MatchField;
  readonly value: bigint;
  readonly mask: bigint;
}

/** Names of the errors that a bad field causes: matches and set-field actions have their own. */
export interface OxmErrors {
  readonly badField: ErrorName;
  readonly badLength: ErrorName;
  readonly badValue: ErrorName;
  readonly badMask: ErrorName;
}

/** Errors of a match. */
const MATCH_ERRORS: OxmErrors = {
  badField: "OFPBMC_BAD_FIELD",
  badLength: "OFPBMC_BAD_FIELD", // a header of another length is one that nobody knows
  badValue: "OFPBMC_BAD_VALUE",
  badMask: "OFPBMC_BAD_MASK",
};

/** Errors of an action that sets a field. */
const SET_ERRORS: OxmErrors = {
  badField: "OFPBAC_BAD_SET_TYPE",
  badLength: "OFPBAC_BAD_SET_LEN",
  badValue: "OFPBAC_BAD_SET_ARGUMENT",
  badMask: "OFPBAC_BAD_SET_ARGUMENT",
};

/** Reads one field with value. @throws OpenFlowError when it is not known or its value cannot be */
export function readOxm(reader: ByteReader, errors: OxmErrors = MATCH_ERRORS): ReadField {
  const { at } = reader;
  const header = reader.u32();
  const isMasked = (header & 0x100) !== 0;
  const { field, base, nBytesBefore } = findField(reader, header, errors, at);
  const size = field.option === undefined ? wireSize(field, base) : Math.floor((header & 0xff) / (isMasked ? 2 : 1));
  checkLength(field, header, size, nBytesBefore, errors, at);
  const value = fromWire(field, base, reader.uint(size));
  const ones = fieldOnes(field);
  const mask = isMasked ? reader.uint(size) & ones : ones;
  if (value === undefined || value > ones) throw badValue(field, errors, at);
  if (mask !== ones && !field.isMaskable && !field.isWritable) throw badMask(field, errors, at);
  return { field, value, mask };
}

/** As {@link readOxm}, of an action that sets the field. @throws OpenFlowError also for a value with bits outside its mask */
export function readOxmToSet(reader: ByteReader): ReadField {
  const header = reader.remaining < 4 ? 0 : reader.peekU32();
  if (4 + (header & 0xff) <= reader.remaining) checkWildcards(reader, header);
  return readOxm(reader, SET_ERRORS);
}

function checkLength(field: MatchField, header: number, size: number, nBefore: number, errors: OxmErrors, at: number): void {
  const isWhole = (header & 0xff) === size * ((header & 0x100) === 0 ? 1 : 2) + nBefore;
  if (isWhole && size <= field.sizeBytes) return;
  throw new OpenFlowError(errors.badLength, `${field.text} has a length of ${header & 0xff}`, { details: { at } });
}

function badValue(field: MatchField, errors: OxmErrors, at: number): OpenFlowError {
  return new OpenFlowError(errors.badValue, `${field.text} has a value out of range`, { details: { at } });
}

/** Refuses a value that has bits outside its mask, whatever the field is. */
function checkWildcards(reader: ByteReader, header: number): void {
  if ((header & HAS_MASK) === 0) return;
  const start = isExperimenterHeader(header) ? 8 : 4;
  const size = (4 + (header & 0xff) - start) >> 1;
  for (let i = start; i < start + size; i++) {
    if ((reader.peekU8(i) & ~reader.peekU8(i + size)) === 0) continue;
    throw new OpenFlowError("OFPBMC_BAD_WILDCARDS", "A value has bits outside its mask", { details: { at: reader.at } });
  }
}

function badMask(field: MatchField, errors: OxmErrors, at: number): OpenFlowError {
  return new OpenFlowError(errors.badMask, `${field.text} cannot be masked`, { details: { at } });
}

/** Reads a header alone. @throws OpenFlowError when it is not known */
export function readOxmHeader(reader: ByteReader): MatchField {
  const { at } = reader;
  const header = reader.u32();
  return findField(reader, header, SET_ERRORS, at).field;
}

/** Writes a match as NXM fields, and a cookie to look for where one is given. */
export function encodeNxm(match: Match, cookie?: CookieMatch): Uint8Array {
  const writer = ByteWriter.borrow();
  writeFields(writer, match, NXM_FIELDS, 1);
  if (cookie !== undefined && cookie.mask !== 0n) {
    const isExact = cookie.mask === 0xffff_ffff_ffff_ffffn;
    writer.u32((NXM_NX_COOKIE | (isExact ? COOKIE_LENGTH : MASKED_COOKIE)) >>> 0).u64(cookie.cookie);
    if (!isExact) writer.u64(cookie.mask);
  }
  return writer.giveBack();
}

/** Writes an `ofp_match` of OpenFlow 1.1 and later; since 1.2: type 1, length without padding, fields, padding to 8 bytes. */
export function writeMatch(writer: ByteWriter, match: Match, version: number): void {
  if (version === VERSION.OF11) return writeOf11Match(writer, match);
  const start = writer.length;
  writer.u16(1).u16(0);
  writeFields(writer, match, OXM_FIELDS, version);
  writer.patchU16(start + 2, writer.length - start);
  writer.align(8, start);
}

/** Reads NXM or OXM fields to the end of a reader, into `match`, which must be empty. @throws OpenFlowError */
export function decodeFields(
  reader: ByteReader,
  match: Match = makeMatch(),
): { readonly match: Match; readonly cookie: CookieMatch | undefined } {
  const seen: MatchField[] = [];
  /** Those of which some bit is matched. */
  const matched: MatchField[] = [];
  let cookie: CookieMatch | undefined;
  while (reader.remaining > 0) {
    const { at } = reader;
    const header = reader.remaining < 4 ? 0 : reader.peekU32();
    if (4 + (header & 0xff) > reader.remaining) {
      throw new OpenFlowError("OFPBMC_BAD_LEN", "A field reaches past the end of its match", { details: { at } });
    }
    if (header === (NXM_NX_COOKIE | COOKIE_LENGTH) || header === (NXM_NX_COOKIE | MASKED_COOKIE)) {
      reader.skip(4);
      const value = reader.u64();
      cookie = { cookie: value, mask: (header & HAS_MASK) !== 0 ? reader.u64() : 0xffff_ffff_ffff_ffffn };
      continue;
    }
    checkWildcards(reader, header);
    const field = findHeader(header);
    const added =
      field !== undefined && NARROW_FIELDS.has(field) ? readNarrowInto(match, reader, field) : readWideInto(match, reader);
    if (seen.includes(added.field)) {
      throw new OpenFlowError("OFPBMC_DUP_FIELD", `${added.field.text} is matched twice`, { details: { at } });
    }
    seen.push(added.field);
    if (added.isMatched) matched.push(added.field);
  }
  for (const field of matched) {
    if (meetsPrerequisite(match, field.prerequisite)) continue;
    throw new OpenFlowError("OFPBMC_BAD_PREREQ", `${field.text} is matched without its prerequisite`, {
      details: { at: reader.at },
    });
  }
  trimFields(match);
  return { match, cookie };
}

/** Reads an `ofp_match` of OpenFlow 1.1 and later with its padding, into `empty` if that is given. @throws OpenFlowError */
export function readMatch(reader: ByteReader, empty?: Match): Match {
  const { at } = reader;
  if (reader.remaining < 4) throw new OpenFlowError("OFPBMC_BAD_LEN", "The match is missing", { details: { at } });
  const type = reader.u16();
  const length = reader.u16();
  if (type > 1) throw new OpenFlowError("OFPBMC_BAD_TYPE", `Match type ${type} is not OXM`, { details: { at } });
  if (type === 0 && length === OF11_MATCH_SIZE) return readOf11Match(reader, empty ?? makeMatch());
  if (type === 0 || length < 4 || length - 4 > reader.remaining)
    throw new OpenFlowError("OFPBMC_BAD_LEN", `A match cannot have ${length} bytes`, { details: { at } });
  const { match } = decodeFields(reader.sub(length - 4), empty);
  reader.skip((8 - (length % 8)) % 8);
  return match;
}

/** A field that was added to a match, and whether any bit of it is matched. */
interface AddedField {
  readonly field: MatchField;
  readonly isMatched: boolean;
}

function readWideInto(match: Match, reader: ByteReader): AddedField {
  const { at } = reader;
  const read = readOxm(reader);
  const { field, mask } = read;
  if (mask !== fieldOnes(field) && !field.isMaskable) throw badMask(field, MATCH_ERRORS, at);
  addToMatch(match, read);
  return { field, isMatched: mask !== 0n };
}

function readNarrowInto(match: Match, reader: ByteReader, field: MatchField): AddedField {
  const { at } = reader;
  const header = reader.u32();
  const size = field.sizeBytes;
  checkLength(field, header, size, 0, MATCH_ERRORS, at);
  const ones = 0xffff_ffff >>> (32 - field.nBits);
  const value = readNumber(reader, size);
  if (value > ones) throw badValue(field, MATCH_ERRORS, at);
  const mask = (header & 0x100) === 0 ? ones : (readNumber(reader, size) & ones) >>> 0;
  if (mask !== ones && !field.isMaskable) throw badMask(field, MATCH_ERRORS, at);
  setNarrowField(match, field, value, mask);
  return { field, isMatched: mask !== 0 };
}

function readNumber(reader: ByteReader, size: number): number {
  return size === 4 ? reader.u32() : size === 2 ? reader.u16() : reader.u8();
}

function addToMatch(match: Match, { field, value, mask }: ReadField): void {
  if (field === VLAN_VID && mask === fieldOnes(field) && value === 0n) setMatchField(match, VLAN_TCI, 0n, 0x1fffn);
  else setMatchField(match, field, value & mask, field.text === "nw_tos" ? mask & 0xfcn : mask);
}

function writeFields(writer: ByteWriter, match: Match, fields: readonly MatchField[], version: number): void {
  const written = bitsWritten;
  clearMatch(written);
  const isRawTci = fields === OXM_FIELDS && !hasOxmTci(match);
  for (const each of fields) {
    if (isRawTci && each === VLAN_PCP) continue;
    const field = isRawTci && each === VLAN_VID ? VLAN_TCI : each;
    if (!hasBits(match.mask, field) || !meetsPrerequisite(match, field.prerequisite)) continue;
    if (NARROW_FIELDS.has(field) && writeNarrow(writer, field, match, version)) {
      setNarrowField(written, field, 0, getField(match.mask, field));
      continue;
    }
    const mask = getFieldBig(match.mask, field);
    setMatchField(written, field, 0n, mask);
    if (version === 1 && field.text === "nw_tos") writeTos(writer, match, field);
    else writeOxm(writer, field, getFieldBig(match.key, field), mask, version);
  }
  checkAllWritten(match, written);
  for (const { index, value, mask } of match.options ?? []) {
    writeOxm(writer, matchField(`tun_metadata${index}`), value, mask, version);
  }
}

/** Writes a field of {@link NARROW_FIELDS} that a version has a plain header for. @returns whether it has */
function writeNarrow(writer: ByteWriter, field: MatchField, match: Match, version: number): boolean {
  const { header, experimenter } = headerFor(field, version);
  if (experimenter !== undefined) return false;
  const size = field.sizeBytes;
  const mask = getField(match.mask, field);
  const isMasked = mask !== 0xffff_ffff >>> (32 - field.nBits);
  writer.u32((header | (isMasked ? 0x100 | (2 * size) : size)) >>> 0);
  writeNumber(writer, getField(match.key, field), size);
  if (isMasked) writeNumber(writer, mask, size);
  return true;
}

function writeNumber(writer: ByteWriter, value: number, size: number): void {
  if (size === 4) writer.u32(value);
  else if (size === 2) writer.u16(value);
  else writer.u8(value);
}

/** Whether OXM can say what is matched of a tag: it has no priority that counts in part, nor one without a tag. */
function hasOxmTci(match: Match): boolean {
  const priority = getField(match.mask, FIELDS.vlan_tci) & PRIORITY_BITS;
  const isUntagged = getField(match.mask, FIELDS.vlan_tci) === 0xffff && getField(match.key, FIELDS.vlan_tci) === 0;
  return priority === 0 || isUntagged || (priority === PRIORITY_BITS && meetsPrerequisite(match, "vlan"));
}

/** The bytes that a value of an option takes, as the original writes it: none for zero. */
function optionSize(value: bigint): number {
  return value === 0n ? 0 : Math.ceil(value.toString(2).length / 8);
}

/** Whether any bit of a field is set; most fields of a match have none, so this comes before any bigint. */
function hasBits(mask: Uint32Array, field: MatchField): boolean {
  if (field.nWords === 1) return getField(mask, field) !== 0;
  for (let i = 0; i < field.nWords; i++) if (mask[field.word + i] !== 0) return true;
  return false;
}

/** NXM's TOS is the DSCP bits alone, written as an exact match. */
function writeTos(writer: ByteWriter, match: Match, field: MatchField): void {
  if ((getField(match.mask, field) & 0xfc) === 0) return;
  writeOxm(writer, field, BigInt(getField(match.key, field) & 0xfc), fieldOnes(field), 1);
}

/** A match must never become broader on its way: whatever has no header is an error. */
function checkAllWritten(match: Match, written: Match): void {
  const untaggedExact = getField(match.mask, FIELDS.vlan_tci) === 0xffff && getField(match.key, FIELDS.vlan_tci) === 0;
  if (untaggedExact) setMatchField(written, VLAN_TCI, 0n);
  if (match.options !== undefined) written.mask.fill(0xffff_ffff, OPTIONS_START, OPTIONS_END);
  if (isCovered(match.mask, written.mask)) return;
  for (const field of MATCH_FIELDS) {
    const missing = getFieldBig(match.mask, field) & ~getFieldBig(written.mask, field);
    if (missing === 0n) continue;
    throw new AppError(`Cannot encode the match on ${field.text}: these bits have no OpenFlow field here`, {
      code: "OPENFLOW_MATCH_NOT_ENCODABLE",
      hint: "Match the field's prerequisite too (ip, tcp, arp, ...)",
      details: { field: field.text, mask: `0x${missing.toString(16)}` },
    });
  }
}

/** Whether all bits of a mask are in another. */
function isCovered(mask: Uint32Array, other: Uint32Array): boolean {
  for (let i = 0; i < mask.length; i++) if (((mask[i] ?? 0) & ~(other[i] ?? 0)) !== 0) return false;
  return true;
}

function findField(
  reader: ByteReader,
  header: number,
  errors: OxmErrors,
  at: number,
): { field: MatchField; base: number; nBytesBefore: number } {
  const base = (header & 0xffff_fe00) >>> 0;
  if (header >>> 16 === EXPERIMENTER_CLASS) {
    const experimenter = reader.u32();
    const owner = experimenter === ONF ? "onf" : experimenter === NICIRA ? "nicira" : undefined;
    const field = owner === undefined ? undefined : findExperimenterField(owner, header);
    if (field !== undefined) return { field, base, nBytesBefore: 4 };
    throw new OpenFlowError(errors.badField, `No field is known for experimenter 0x${experimenter.toString(16)}`, {
      details: { at },
    });
  }
  const field = findHeader(base);
  if (field !== undefined) return { field, base, nBytesBefore: 0 };
  throw new OpenFlowError(errors.badField, `No field has the header 0x${(header >>> 0).toString(16).padStart(8, "0")}`, {
    details: { at },
  });
}

/** Some fields are wider under one header than under the other: ports and nothing else here. */
function wireSize(field: MatchField, header: number): number {
  if (field.format === "port") return header >>> 16 === 0 ? 2 : 4;
  return field.sizeBytes;
}

function toWire(field: MatchField, header: number, value: bigint): bigint {
  return field.format === "port" && wireSize(field, header) === 4 ? BigInt(widenPort(Number(value))) : value;
}

function fromWire(field: MatchField, header: number, value: bigint): bigint | undefined {
  if (field.format !== "port" || wireSize(field, header) === 2) return value;
  const port = narrowPort(Number(value));
  return port === undefined ? undefined : BigInt(port);
}
