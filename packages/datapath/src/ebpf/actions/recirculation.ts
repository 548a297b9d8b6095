/** Looks packets up again, and forgets what is known of them. */
import { asm, type Code } from "@tenet/bpf";
import { FIELDS } from "@tenet/net";
import { placeOf } from "../key-layout.ts";
import { keepMetadata } from "../program/metadata.ts";
import { STACK } from "../program/stack.ts";
import { unlearn } from "../program/unlearn.ts";
import { type ActionCode, type ActionOf, type KernelAction, loadArgument, type TranslationContext } from "./action-kind.ts";

/** Actions of this file. */
export type RecirculationActionName = "recirc" | "ctClear";

/** Fields of the connection, which lie side by side. */
const CONNECTION = { first: FIELDS.ct_state, last: FIELDS.ct_tp_src };

/** What they do. */
export const RECIRCULATION_ACTIONS: Readonly<Record<RecirculationActionName, ActionCode>> = {
  /** Goes on with the program of the later pass: `recirc_id`. Where there is none, or after too many look-ups, the packet goes up. */
  recirc: (maps) => [
    [loadArgument("r1", "argument"), asm.store(4, "r10", keyAt(FIELDS.recirc_id.word), "r1")],
    keepMetadata(maps),
    [asm.mov("r1", "r6"), asm.mapAddress("r2", maps.later), asm.mov("r3", 0), asm.call("tail_call")],
    asm.jump("slow-again"),
  ],
  /** Forgets the connection. */
  ctClear: () => {
    const n = CONNECTION.last.word - CONNECTION.first.word + 1;
    const words = Array.from({ length: n }, (_, i) => asm.store(4, "r10", keyAt(CONNECTION.first.word + i), 0));
    return [words, unlearnConnection(), asm.jump("next")];
  },
};

/**
 * Of a packet that nobody needs behind it.
 *
 * @returns `undefined` when the packet has outer headers for a tunnel, which do not go along
 */
export function translateRecirc({ id }: ActionOf<"recirc">, { outer }: TranslationContext): KernelAction<"recirc">[] | undefined {
  return outer === undefined ? [{ what: "recirc", argument: id, low: 0, high: 0 }] : undefined;
}

/** As {@link unlearn}, what the key says of the connection. */
export function unlearnConnection(): Code {
  return unlearn(keyAt(CONNECTION.first.word), keyAt(CONNECTION.last.word));
}

function keyAt(word: number): number {
  return STACK.key + 4 * (placeOf(word) ?? 0);
}
