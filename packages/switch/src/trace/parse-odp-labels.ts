/** Reads the MPLS labels of a flow in the datapath's syntax: `label=5,tc=1,ttl=64/0x0,bos=0,label=6,…`. @see ovs-dpctl(8) */
import { FIELDS, type FieldSpec } from "@tenet/net";

/** One entry of a label stack, and which bits of it count. */
export interface LabelMatch {
  readonly field: FieldSpec;
  readonly entry: number;
  readonly bits: number;
}

/** Where the entries of a stack are kept, the outermost first. */
const ENTRY_FIELDS = [FIELDS.mpls_lse, FIELDS.mpls_lse1, FIELDS.mpls_lse2];
/** Place and largest value of what an entry holds. */
const PARTS: Readonly<Record<string, { readonly shift: number; readonly ones: number }>> = {
  label: { shift: 12, ones: 0xfffff },
  tc: { shift: 9, ones: 7 },
  bos: { shift: 8, ones: 1 },
  ttl: { shift: 0, ones: 0xff },
};
const PART = /^(\w+)=(0x[\da-f]+|\d+)(?:\/(0x[\da-f]+|\d+))?$/i;

/** The entries that a text lists: a part that the last one has begins another. `undefined` when it is not of this form. */
export function parseLabels(content: string): LabelMatch[] | undefined {
  const labels: LabelMatch[] = [];
  let seen = new Set<string>();
  for (const text of content === "" ? [] : content.split(",")) {
    const [, name = "", value, mask] = PART.exec(text.trim()) ?? [];
    const part = PARTS[name];
    const bits = Number(mask ?? part?.ones);
    if (part === undefined || Number(value) > part.ones || bits > part.ones) return undefined;
    const last = seen.has(name) ? undefined : labels.pop();
    const field = last?.field ?? ENTRY_FIELDS[labels.length];
    if (field === undefined) return undefined;
    if (last === undefined) seen = new Set();
    seen.add(name);
    labels.push({
      field,
      entry: ((last?.entry ?? 0) | ((Number(value) & bits) << part.shift)) >>> 0,
      bits: ((last?.bits ?? 0) | (bits << part.shift)) >>> 0,
    });
  }
  return labels;
}
