/**
 * The story of a packet, as plain JSON: what `why` returns and the console shows.
 *
 * Verdict, cause and both layers; each element names the row or flow it speaks of, so that a reader can follow the
 * links by hand.
 */

/** Any JSON value, as columns of rows hold them. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** The fate of one packet, from the verdict back to the row and the transaction that decided it. */
export interface Story {
  readonly question: string;
  readonly verdict: "forwarded" | "dropped";
  /** One or two sentences. */
  readonly summary: string;
  readonly cause?: Cause;
  /** What the switch would cache for packets like this one. */
  readonly megaflow?: { readonly match: string; readonly actions: string };
  readonly layers: { readonly logical: readonly LogicalStep[]; readonly physical: readonly PhysicalStep[] };
  /** Why there is no story; the other fields are then empty and the verdict means nothing. */
  readonly error?: string;
}

/** The configuration row that decided, and who wrote it. */
export interface Cause {
  readonly table: string;
  readonly uuid: string;
  readonly summary: string;
  /** Columns that are not empty. */
  readonly columns: { readonly [column: string]: JsonValue };
  /** The latest transaction that wrote what decided; absent when the database does not remember it. */
  readonly transaction?: {
    readonly id: string;
    /** Ms since 1970-01-01 UTC. */
    readonly at: number;
    /** Who sent it, e.g. `ovn-nbctl (pid 4711, uid 0)`. */
    readonly client: string;
    readonly comment: string;
  };
}

/** A logical flow the packet met. */
export interface LogicalStep {
  /** Stage name, e.g. `ls_in_acl`. */
  readonly stage: string;
  readonly pipeline: "ingress" | "egress";
  readonly table: number;
  readonly priority: number;
  readonly match: string;
  readonly actions: string;
  /** Of the Logical_Flow. */
  readonly uuid: string;
  /** First 8 hex digits of the northbound row it was made for. */
  readonly hint?: string;
  /** Logical switch it belongs to. */
  readonly datapath?: string;
}

/** An OpenFlow flow the packet met. */
export interface PhysicalStep {
  readonly table: number;
  /** Hexadecimal, `0x…`. */
  readonly cookie: string;
  readonly priority: number;
  readonly match: string;
  readonly actions: string;
  /** UUID of the logical flow that it implements. */
  readonly lflow?: string;
}
