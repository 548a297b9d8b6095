/**
 * The options of tunnel headers that a bridge's tables can see, and where in a FlowKey their values lie.
 *
 * Each mapped option takes whole words of `tun_options`, one after the other; what a flow says of `tun_metadataN` is
 * put into those words when the flow comes. So a mapping that a flow uses stays until the flow goes.
 *
 * Limits: a mapping needs words that are neighbours. Where many came and went, none may be free although enough are.
 */
import { FIELDS, type FieldSpec, getFieldBig, setFieldBig } from "@tenet/net";
import {
  type FlowSpec,
  type Match,
  type MatchField,
  MAX_OPTION_SIZE,
  N_TLV_FIELDS,
  type OptionMatch,
  placedOption,
  setMatchField,
  type SubField,
  type TlvMapping,
  type TlvTableMod,
  type TlvTableReply,
} from "@tenet/openflow";
import { mapFields } from "./map-fields.ts";
import { RefusedError } from "./refused-error.ts";

/** Bytes of options that can be mapped altogether, as in Open vSwitch. */
const MAX_SPACE_BYTES = 256;
/** The mask of an option that is matched exactly, whatever its size. */
const WHOLE_OPTION = (1n << BigInt(8 * MAX_OPTION_SIZE)) - 1n;
const FIRST_WORD = FIELDS.tun_options.word;
const PRESENT = FIELDS.tun_options_present;
const END_WORD = FIRST_WORD + FIELDS.tun_options.nWords;

/** A mapping and the field that it made. */
export interface PlacedOption {
  readonly mapping: TlvMapping;
  readonly field: MatchField;
}

/** Options by field number. */
export class TlvTable {
  #placedByIndex: ReadonlyMap<number, PlacedOption> = new Map();

  /**
   * Carries out a change whole.
   *
   * @param isUsed - whether a flow or group refers to the field of this number
   * @throws RefusedError, and then nothing has changed
   */
  apply({ command, mappings }: TlvTableMod, isUsed: (index: number) => boolean): void {
    if (command === "add") this.#placedByIndex = this.#with(mappings);
    else this.#placedByIndex = this.#without(command === "clear" ? this.describe().mappings : mappings, isUsed);
  }

  /** What a controller is told. */
  describe(): TlvTableReply {
    const mappings = [...this.#placedByIndex.values()].map(({ mapping }) => mapping).sort((a, b) => a.index - b.index);
    return { type: "tlvTableReply", maxSpaceBytes: MAX_SPACE_BYTES, maxFields: N_TLV_FIELDS, mappings };
  }

  /** The field that holds an option's value; `undefined` for one that is not mapped. */
  fieldOfOption(optionClass: number, optionType: number): MatchField | undefined {
    for (const { mapping, field } of this.#placedByIndex.values()) {
      if (mapping.optionClass === optionClass && mapping.optionType === optionType) return field;
    }
    return undefined;
  }

  /** The options that are mapped, and their fields. */
  placed(): Iterable<PlacedOption> {
    return this.#placedByIndex.values();
  }

  /** The match with its options in the words of its key. @throws RefusedError when one is not mapped */
  placeMatch(match: Match): Match {
    if (match.options === undefined) return match;
    const placed: Match & { options: OptionMatch[] } = { key: match.key.slice(), mask: match.mask.slice(), options: [] };
    for (const { index, value, mask } of match.options) {
      const field = this.#fieldOf(index);
      placed.options.push({ index, value, mask: field.nBits === 0 ? 0n : mask });
      const ones = (1n << BigInt(field.nBits)) - 1n;
      if (value > ones) throw new RefusedError("OFPBMC_BAD_VALUE", `tun_metadata${index} has ${field.nBits} bits`);
      setMatchField(placed, field, value, mask & ones);
      // Whatever is said of its value, only packets that have the option match.
      for (const words of [placed.key, placed.mask])
        setFieldBig(words, PRESENT, getFieldBig(words, PRESENT) | (1n << BigInt(index)));
    }
    return placed;
  }

  /** The options that a packet has, as a match on them. */
  optionsOf(key: Uint32Array): OptionMatch[] {
    if (this.#placedByIndex.size === 0) return []; // as with most packet-ins
    const present = getFieldBig(key, PRESENT);
    const there = [...this.#placedByIndex.values()].filter(({ mapping }) => ((present >> BigInt(mapping.index)) & 1n) === 1n);
    return there
      .map(({ mapping: { index }, field }) => ({
        index,
        value: getFieldBig(key, field),
        mask: field.nBits === 0 ? 0n : WHOLE_OPTION,
      }))
      .sort((a, b) => a.index - b.index);
  }

  /** Whether a flow says anything of options. */
  concerns({ match, actions }: FlowSpec): boolean {
    let isConcerned = match.options !== undefined;
    mapFields(actions, (field) => {
      isConcerned ||= isOption(field);
      return field;
    });
    return isConcerned;
  }

  /** The flow with its options where they are. @throws RefusedError when one is not mapped */
  placeFlow(flow: FlowSpec): FlowSpec {
    const match = this.placeMatch(flow.match);
    const actions = this.placeFields(flow.actions);
    return match === flow.match && actions === flow.actions ? flow : { ...flow, match, actions };
  }

  /** Actions, or what holds them, with options' fields where they are. @throws RefusedError when one is not mapped */
  placeFields<T>(actions: T): T {
    return mapFields(actions, (field, holder) => this.#place(field, holder));
  }

  #place(field: FieldSpec, holder: object): FieldSpec {
    if (!isOption(field)) return field;
    const placed = this.#fieldOf(field.option);
    if (!isPart(holder) || holder.start + holder.nBits <= placed.nBits) return placed;
    throw new RefusedError("OFPBAC_BAD_SET_LEN", `tun_metadata${field.option} has ${placed.nBits} bits`);
  }

  #fieldOf(index: number): MatchField {
    const field = this.#placedByIndex.get(index)?.field;
    if (field !== undefined) return field;
    throw new RefusedError("NXFMFC_INVALID_TLV_FIELD", `tun_metadata${index} is no option`, "Map it first: add-tlv-map");
  }

  #with(added: readonly TlvMapping[]): Map<number, PlacedOption> {
    const next = new Map(this.#placedByIndex);
    for (const mapping of added) {
      const { index, optionClass, optionType, sizeBytes } = mapping;
      if (next.has(index)) throw new RefusedError("NXTTMFC_ALREADY_MAPPED", `tun_metadata${index} has an option`);
      if ([...next.values()].some((other) => isSameOption(other.mapping, mapping))) {
        throw new RefusedError("NXTTMFC_DUP_ENTRY", `option ${optionClass}/${optionType} has a field`);
      }
      const nWords = sizeBytes / 4;
      const word = freeWords(next, nWords);
      if (word === undefined) throw new RefusedError("NXTTMFC_TABLE_FULL", `no room is left for ${sizeBytes} bytes`);
      next.set(index, { mapping, field: placedOption(index, word, nWords) });
    }
    return next;
  }

  #without(removed: readonly TlvMapping[], isUsed: (index: number) => boolean): Map<number, PlacedOption> {
    const next = new Map(this.#placedByIndex);
    for (const { mapping } of this.#placedByIndex.values()) {
      if (!removed.some((each) => isSameOption(each, mapping))) continue;
      if (isUsed(mapping.index)) {
        throw new RefusedError("NXTTMFC_INVALID_TLV_DEL", `tun_metadata${mapping.index} is used`, "Delete the flows first");
      }
      next.delete(mapping.index);
    }
    return next;
  }
}

/** The first of `nWords` neighbouring words that no option has. */
function freeWords(placed: ReadonlyMap<number, PlacedOption>, nWords: number): number | undefined {
  const taken = [...placed.values()].map(({ field }) => field).sort((a, b) => a.word - b.word);
  let start = FIRST_WORD;
  for (const field of taken) {
    if (field.word - start >= nWords) return start;
    start = Math.max(start, field.word + field.nWords);
  }
  return END_WORD - start >= nWords ? start : undefined;
}

function isOption(field: FieldSpec): field is FieldSpec & { readonly option: number } {
  return "option" in field && typeof field.option === "number";
}

function isPart(holder: object): holder is SubField {
  return "start" in holder && "nBits" in holder;
}

function isSameOption(a: TlvMapping, b: TlvMapping): boolean {
  return a.optionClass === b.optionClass && a.optionType === b.optionType;
}
