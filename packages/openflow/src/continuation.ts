/** What a switch keeps of a packet that a controller holds (`controller(pause)`), and is given back with it (NXT_RESUME). */
import type { Action } from "./action.ts";

/** What was left of a list of actions, and whose it was. */
export interface ActionsLeft {
  readonly table: number;
  readonly cookie: bigint;
  readonly actions: readonly Action[];
}

/** Where to go on. Of no meaning to controllers. */
export interface Continuation {
  /** Identifies the bridge: 16 bytes. */
  readonly bridge: Uint8Array;
  /** The top comes last. */
  readonly stack: readonly bigint[];
  /** Bit N: mirror N has its copy. */
  readonly mirrors: number;
  /** Whether the tables see what the connection tracker said. */
  readonly isTracked: boolean;
  /** The innermost list comes first. */
  readonly lists: readonly ActionsLeft[];
  readonly actionSet: readonly Action[];
}
