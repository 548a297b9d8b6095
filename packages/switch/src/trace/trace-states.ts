/** States of connections in the options and headings of a trace: `trk|new` in text, bits in a key. */
import { CT_STATE } from "@tenet/datapath";

/** In the order in which the original lists them. */
const NAMES = ["trk", "new", "est", "rel", "rpl", "inv", "snat", "dnat"] as const;

/** `trk|new` of bits. */
export function formatCtState(state: number): string {
  const names = state === (CT_STATE.trk | CT_STATE.new) ? NAMES : BY_BIT;
  return names.filter((name) => (state & CT_STATE[name]) !== 0).join("|");
}

/** Names in the order of their bits. */
const BY_BIT = (Object.keys(CT_STATE) as (keyof typeof CT_STATE)[]).sort((a, b) => CT_STATE[a] - CT_STATE[b]);

/** Bits of `trk,new` or `trk|new`; `undefined` when a name is not known. Every state is also tracked. */
export function parseCtState(text: string): number | undefined {
  let state: number = CT_STATE.trk;
  for (const name of text.split(/[,|\s]+/)) {
    const bit = Object.entries(CT_STATE).find(([known]) => known === name)?.[1];
    if (bit === undefined) return undefined;
    state |= bit;
  }
  return state;
}
