/**
 * What a translation leaves off with when the packet goes into the connection tracker, has to be parsed or hashed by the
 * datapath or waits for a controller, and takes up when it comes back: everything of the pipeline that the datapath does not keep.
 *
 * Pipeline bits that a translation wrote are part of it (their values follow from bits that its megaflow matches);
 * the others are zero or come with the packet.
 */
import { type Action, formatActions } from "@tenet/openflow";
import type { Bridge } from "../bridge/bridge.ts";
import type { Mirror } from "../bridge/mirror.ts";
import type { FrozenPacket } from "./packet/packet-state.ts";

/** What was left of a list of actions. */
export interface FrozenFrame {
  readonly table: number;
  /** Of the rule whose actions they are. */
  readonly cookie: bigint;
  readonly actions: readonly Action[];
}

/** Where and with what to go on. */
export interface FrozenState {
  readonly bridge: Bridge;
  /** Lists of actions to execute, the innermost first; without any, a table is looked up. */
  readonly frames: readonly FrozenFrame[];
  readonly table: number;
  /** OpenFlow port of `bridge` that the packet came in at. */
  readonly inPort: number;
  readonly packet: FrozenPacket;
  readonly stack: readonly bigint[];
  readonly actionSet: readonly Action[];
  /** Whether the tables see what the connection tracker said. */
  readonly isTracked: boolean;
  /** Mirrors that have their copy of the packet. */
  readonly mirrored: readonly Mirror[];
}

/** A text that is the same for equal states; `bridgeId` tells bridges apart. */
export function contentOfState(state: FrozenState, bridgeId: number | string): string {
  const { frames, table, inPort, packet, stack, actionSet, isTracked, mirrored } = state;
  const { metadata, written, hiddenTags } = packet;
  return [
    bridgeId,
    frames.map(({ table: of, cookie, actions }) => `${of}/${cookie}/${formatActions(actions)}`).join("+"),
    table,
    inPort,
    isTracked,
    textOfWords(metadata),
    textOfWords(written),
    hiddenTags.join("."),
    stack.join("."),
    formatActions(actionSet),
    mirrored.map(({ spec }) => spec.name).join(),
  ].join("|");
}

/** Words that are not zero, with their places. */
function textOfWords(words: Uint32Array): string {
  let text = "";
  for (let i = 0; i < words.length; i++) if (words[i] !== 0) text += `${i}:${words[i]}.`;
  return text;
}
