/** The options of tunnel headers that a bridge's tables can see, and what controllers do to them. */
import { N_TLV_FIELDS, type TlvMapping, type TlvTableMod, type TlvTableReply } from "@tenet/openflow";
import { RefusedError } from "./refused-error.ts";

/** Bytes of options that can be mapped altogether, as in Open vSwitch. */
const MAX_SPACE_BYTES = 256;

/** Options by field number. */
export class TlvTable {
  #mappingByIndex: ReadonlyMap<number, TlvMapping> = new Map();

  /** Carries out a change whole. @throws RefusedError, and then nothing has changed */
  apply({ command, mappings }: TlvTableMod): void {
    if (command === "clear") this.#mappingByIndex = new Map();
    else this.#mappingByIndex = command === "add" ? this.#with(mappings) : this.#without(mappings);
  }

  /** What a controller is told. */
  describe(): TlvTableReply {
    const mappings = [...this.#mappingByIndex.values()].sort((a, b) => a.index - b.index);
    return { type: "tlvTableReply", maxSpaceBytes: MAX_SPACE_BYTES, maxFields: N_TLV_FIELDS, mappings };
  }

  #with(added: readonly TlvMapping[]): Map<number, TlvMapping> {
    const next = new Map(this.#mappingByIndex);
    let spaceBytes = [...next.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    for (const mapping of added) {
      const { index, optionClass, optionType } = mapping;
      if (next.has(index)) throw new RefusedError("NXTTMFC_ALREADY_MAPPED", `tun_metadata${index} has an option`);
      if ([...next.values()].some((other) => isSameOption(other, mapping))) {
        throw new RefusedError("NXTTMFC_DUP_ENTRY", `option ${optionClass}/${optionType} has a field`);
      }
      spaceBytes += mapping.sizeBytes;
      if (spaceBytes > MAX_SPACE_BYTES) throw new RefusedError("NXTTMFC_TABLE_FULL", `${MAX_SPACE_BYTES} bytes are mapped`);
      next.set(index, mapping);
    }
    return next;
  }

  #without(removed: readonly TlvMapping[]): Map<number, TlvMapping> {
    const kept = [...this.#mappingByIndex].filter(([, held]) => !removed.some((mapping) => isSameOption(held, mapping)));
    return new Map(kept);
  }
}

function isSameOption(a: TlvMapping, b: TlvMapping): boolean {
  return a.optionClass === b.optionClass && a.optionType === b.optionType;
}
