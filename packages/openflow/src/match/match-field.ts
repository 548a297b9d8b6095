/**
 * The fields that OpenFlow names, as views on the words of a FlowKey.
 *
 * Several names may share bits of a FlowKey: `tcp_dst`, `udp_dst` and `icmp_code` all live in `tp_dst`,
 * `vlan_vid` is the low part of `vlan_tci`, `xreg0` is `reg0` and `reg1`. Each name has its own text
 * format, prerequisite and wire headers, so each is an object of its own; the bits are found by the
 * FieldSpec that it extends.
 *
 * @see ovs-fields(7)
 */
import { FIELDS, type FieldName, type FieldSpec } from "@tenet/net";
import { FIELD_TABLE, type FieldFormat, type FieldRow, type Prerequisite } from "./field-table.ts";

/** A named field: bits of a FlowKey, and how text and wire know them. `name` is the FlowKey field that holds the bits. */
export interface MatchField extends FieldSpec {
  /** The name that ovs-ofctl prints, e.g. `tcp_dst`. */
  readonly text: string;
  readonly aliases: readonly string[];
  readonly format: FieldFormat;
  readonly isMaskable: boolean;
  readonly isWritable: boolean;
  readonly prerequisite: Prerequisite;
  /** Bytes of a value on the wire. */
  readonly sizeBytes: number;
  /** Bits that the whole field has on the wire and in text: a port has fewer there than in a FlowKey, `arp_op` more. */
  readonly wireBits: number;
  /** NXM header (class << 16 | field << 9), or `undefined`. */
  readonly nxm: number | undefined;
  /** OXM header (class << 16 | field << 9), or `undefined`. */
  readonly oxm: number | undefined;
  /** Name of the NXM or OXM header in `load` and `move`, e.g. `NXM_NX_REG0`. */
  readonly nxmName: string | undefined;
  readonly oxmName: string | undefined;
  /** Number in the ONF's experimenter class, in versions before `oxmSince`. */
  readonly onf: number | undefined;
  /**
   * For `tun_metadataN` as long as no switch has given the option a place: N. The field then has the width of the
   * largest option, and its words are not those of a FlowKey.
   */
  readonly option: number | undefined;
  /** First version whose OXM header may be used (wire number); an experimenter header serves earlier ones. */
  readonly oxmSince: number;
}

/** Every named field, in the order in which OXM wants them (prerequisites first). */
export const MATCH_FIELDS: readonly MatchField[] = FIELD_TABLE.map(makeField);

const byText = new Map<string, MatchField>();
const byHeaderName = new Map<string, MatchField>();
/** By class and field number: numbers as small as these are held in place. */
const byHeader = new Map<number, MatchField>();
for (const field of MATCH_FIELDS) {
  for (const name of [field.text, ...field.aliases]) if (!byText.has(name)) byText.set(name, field);
  for (const name of [field.nxmName, field.oxmName]) {
    if (name !== undefined && !byHeaderName.has(name)) byHeaderName.set(name, field);
  }
  for (const header of [field.nxm, field.oxm]) {
    if (header !== undefined && !isExperimenterHeader(header) && !byHeader.has(header >>> 9)) byHeader.set(header >>> 9, field);
  }
}

/** The field that a match names `name` (`tcp_dst`, also an alias such as `dl_src`). */
export function findMatchField(name: string): MatchField | undefined {
  return byText.get(name);
}

/** As {@link findMatchField}, for names that this package itself knows to exist. */
export function matchField(name: string): MatchField {
  const field = byText.get(name);
  if (field === undefined) throw new RangeError(`No OpenFlow field is called "${name}"`);
  return field;
}

/** The field of an NXM or OXM header name such as `NXM_NX_REG0`. */
export function findHeaderName(name: string): MatchField | undefined {
  return byHeaderName.get(name);
}

/** The field of a wire header, whose mask bit and length are ignored (class << 16 | field << 9). */
export function findHeader(header: number): MatchField | undefined {
  return byHeader.get(header >>> 9);
}

/** Whether a header is of the class whose fields have an experimenter's number before their value. */
export function isExperimenterHeader(header: number): boolean {
  return header >>> 16 === 0xffff;
}

/** The field of an experimenter's header. */
export function findExperimenterField(owner: "nicira" | "onf", header: number): MatchField | undefined {
  const base = (header & 0xfffffe00) >>> 0;
  const number = (header >>> 9) & 0x7f;
  return MATCH_FIELDS.find(({ nxm, onf }) => (owner === "onf" ? onf === number : nxm === base));
}

/** The field of an option of tunnel headers that a switch put at words `word .. word+nWords-1` of a FlowKey. */
export function placedOption(index: number, word: number, nWords: number): MatchField {
  const field = matchField(`tun_metadata${index}`);
  const nBits = 32 * nWords;
  return { ...field, word, nWords, nBits, wireBits: nBits, sizeBytes: 4 * nWords, option: undefined, presentBit: index };
}

/** All names that a match may use, for suggestions. */
export function matchFieldNames(): IterableIterator<string> {
  return byText.keys();
}

/** All NXM and OXM header names, for suggestions. */
export function headerNames(): IterableIterator<string> {
  return byHeaderName.keys();
}

/** The named field for plain FlowKey bits: itself, or the one that has the FlowKey field's own name. */
export function asMatchField(spec: FieldSpec): MatchField {
  if ("text" in spec) return spec as MatchField;
  return matchField(FLOW_KEY_TEXT[spec.name] ?? spec.name);
}

/** FlowKey fields whose OpenFlow name differs. */
const FLOW_KEY_TEXT: Partial<Record<FieldName, string>> = { nw_src: "ip_src", nw_dst: "ip_dst", nw_frag: "ip_frag" };

function makeField(row: FieldRow): MatchField {
  const base = FIELDS[row.bits];
  const nBits = row.nBits ?? base.nBits;
  const sizeBytes = row.sizeBytes ?? Math.ceil(nBits / 8);
  return {
    name: row.bits,
    nBits,
    word: base.word,
    nWords: Math.ceil(nBits / 32),
    shift: base.shift + (row.lsb ?? 0),
    text: row.text,
    aliases: row.aliases ?? [],
    format: row.format,
    isMaskable: row.isMaskable ?? false,
    isWritable: row.isWritable ?? false,
    prerequisite: row.prerequisite ?? "none",
    sizeBytes,
    wireBits: row.wireBits ?? nBits,
    nxm: row.nxm === undefined ? undefined : headerOf(row.nxm),
    oxm: row.oxm === undefined ? undefined : headerOf(row.oxm),
    nxmName: row.nxm?.[0],
    oxmName: row.oxm?.[0],
    onf: row.onf,
    option: row.option,
    oxmSince: row.oxmSince ?? 3,
  };
}

function headerOf([, oxmClass, field]: readonly [string, number, number]): number {
  return ((oxmClass << 16) | (field << 9)) >>> 0;
}
