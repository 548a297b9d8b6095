/** Which options of tunnel headers (Geneve) are seen as which of the fields `tun_metadata0` to `tun_metadata63`. */

/** One option and its field. */
export interface TlvMapping {
  readonly optionClass: number;
  readonly optionType: number;
  /** 0 to 124, a multiple of 4. */
  readonly sizeBytes: number;
  /** Number of the `tun_metadata` field, 0-63. */
  readonly index: number;
}

/** A match on the option of a `tun_metadata` field; a mask of all 992 bits means all that the option has. */
export interface OptionMatch {
  readonly index: number;
  readonly value: bigint;
  readonly mask: bigint;
}

/** Number of `tun_metadata` fields. */
export const N_TLV_FIELDS = 64;

/** The most bytes that an option's value has. */
export const MAX_OPTION_SIZE = 124;

/** A change of the table. */
export interface TlvTableMod {
  readonly type: "tlvTableMod";
  /** `clear` takes no mappings. */
  readonly command: "add" | "delete" | "clear";
  readonly mappings: readonly TlvMapping[];
}

/** The table. */
export interface TlvTableReply {
  readonly type: "tlvTableReply";
  /** Bytes of options that can be mapped altogether. */
  readonly maxSpaceBytes: number;
  readonly maxFields: number;
  readonly mappings: readonly TlvMapping[];
}
