/**
 * Why a megaflow matches on what it matches on: each bit of its mask with the step of the translation that looked at it first.
 *
 * How: a translation only ever adds bits to its mask, so what is new since the step before belongs to the step that just
 * ended. A lookup may look at more than the rule that it finds: then the rules that it had to rule out are named.
 */
import { formatMatch, type Match, type PortNames } from "@tenet/openflow";
import { FIELDS, getField, STAGE_ENDS, setField } from "@tenet/net";
import type { Bridge } from "../bridge/bridge.ts";
import { everyRule } from "../table/every-rule.ts";
import type { Rule } from "../table/rule.ts";
import { maskedKey } from "../translate/megaflow-mask.ts";

/** What looked at bits of the packet. */
export type Looker =
  /** Every megaflow matches on them, whatever the tables hold. */
  | { readonly kind: "always" }
  | { readonly kind: "lookup"; readonly bridge: Bridge; readonly table: number; readonly rule: Rule | undefined }
  /** An OpenFlow action, as text. */
  | { readonly kind: "action"; readonly text: string };

/** Bits of a megaflow's mask and why they are in it. */
export interface MaskReason {
  /** The bits with the packet's values, as `ovs-ofctl` writes a match. */
  readonly match: string;
  readonly kind: Looker["kind"];
  readonly bridge?: string;
  readonly table?: number;
  /** The action that read them. */
  readonly action?: string;
  /** Whether the rule that the lookup found matches on some of them. */
  readonly isInRule?: boolean;
  /** The first rules that these bits alone kept from winning, as `priority=P,MATCH`. */
  readonly ruledOut?: readonly string[];
  /** How many those are in all. */
  readonly nRuledOut?: number;
}

const [, L3_START = 0, L4_START = 0] = STAGE_ENDS;
/** Rules named per reason. */
const MAX_NAMED = 2;

/** Follows a mask as it grows. */
export class MaskReasons {
  readonly #mask: Uint32Array;
  readonly #flow: Uint32Array;
  readonly #seen: Uint32Array;
  readonly #parts: { readonly looker: Looker; readonly bits: Uint32Array; readonly flow: Uint32Array }[] = [];

  /** @param mask, flow - of the translation that begins; they change under way */
  constructor(mask: Uint32Array, flow: Uint32Array) {
    this.#mask = mask;
    this.#flow = flow;
    this.#seen = new Uint32Array(mask.length);
  }

  /** Says that what is new in the mask is there because of `looker`. */
  attribute(looker: Looker): void {
    const bits = this.#mask.map((word, i) => word & ~(this.#seen[i] ?? 0));
    if (isEmpty(bits)) return;
    this.#parts.push({ looker, bits, flow: this.#flow.slice() });
    this.#seen.set(this.#mask);
  }

  /** The reasons in the order of the steps, for the mask as it is in the end; `key` is the packet. */
  tell(key: Uint32Array, names: PortNames): MaskReason[] {
    return this.#parts.flatMap(({ looker, bits: looked, flow }) => {
      const bits = looked.map((word, i) => word & (this.#mask[i] ?? 0));
      if (isEmpty(bits)) return [];
      const mask = withPrerequisites(bits);
      const match = formatMatch({ key: maskedKey(key, mask), mask }, names);
      return [{ match, ...describe(looker, bits, flow, names) }];
    });
  }
}

function describe(looker: Looker, bits: Uint32Array, flow: Uint32Array, names: PortNames): Omit<MaskReason, "match"> {
  if (looker.kind === "always") return { kind: "always" };
  if (looker.kind === "action") return { kind: "action", action: looker.text };
  const { bridge, table, rule } = looker;
  const rivals = bridge.pipeline
    .select({ ...everyRule(), table })
    .filter((rival) => rival !== rule && rival.priority >= (rule?.priority ?? 0) && differsOnlyIn(bits, rival.match, flow))
    .sort((a, b) => b.priority - a.priority);
  return {
    kind: "lookup",
    bridge: bridge.name,
    table,
    isInRule: rule?.match.mask.some((word, i) => (word & (bits[i] ?? 0)) !== 0) ?? false,
    ruledOut: rivals.slice(0, MAX_NAMED).map(({ priority, match }) => `priority=${priority},${formatMatch(match, names)}`),
    nRuledOut: rivals.length,
  };
}

/** Whether a packet is refused by some of these bits and by no other. */
function differsOnlyIn(bits: Uint32Array, { key, mask }: Match, flow: Uint32Array): boolean {
  const differs = mask.map((word, i) => ((key[i] ?? 0) ^ (flow[i] ?? 0)) & word);
  return !isEmpty(differs) && differs.every((word, i) => (word & ~(bits[i] ?? 0)) === 0);
}

/** Adds the Ethernet type and the protocol that say what bits of later headers are. */
function withPrerequisites(bits: Uint32Array): Uint32Array {
  const mask = bits.slice();
  if (!isEmpty(bits.subarray(L3_START))) setField(mask, FIELDS.eth_type, 0xffff);
  if (!isEmpty(bits.subarray(L4_START)) || getField(bits, FIELDS.nw_proto) !== 0) setField(mask, FIELDS.nw_proto, 0xff);
  return mask;
}

function isEmpty(bits: Uint32Array): boolean {
  return bits.every((word) => word === 0);
}
