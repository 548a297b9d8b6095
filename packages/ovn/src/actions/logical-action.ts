/**
 * Logical actions as data: what a logical flow does, before port names have numbers and tables have places.
 */
import type { Constant, Expression, Operand } from "../expression/syntax.ts";

/** The two halves of a logical datapath's pipeline. */
export type Pipeline = "ingress" | "egress";

/** Names of the lookups that store one bit. */
export type BitLookup = "check_in_port_sec" | "check_out_port_sec" | "lookup_fdb";

/** What happens to a packet that is logged; the index is its number in userdata. */
export const LOG_VERDICTS = ["allow", "drop", "reject"] as const;
/** See {@link LOG_VERDICTS}. */
export type LogVerdict = (typeof LOG_VERDICTS)[number];

/** How much a logged packet matters; the values are those of syslog. */
export const LOG_SEVERITIES = { alert: 1, warning: 4, notice: 5, info: 6, debug: 7 } as const;
/** See {@link LOG_SEVERITIES}. */
export type LogSeverity = keyof typeof LOG_SEVERITIES;

/** One logical action; `drop` is the empty list. */
export type LogicalAction =
  | { readonly type: "output" }
  /** Go on with a table of a pipeline; by default the one after this flow's table. */
  | { readonly type: "next"; readonly pipeline: Pipeline | undefined; readonly table: number | undefined }
  | { readonly type: "assign"; readonly target: Operand; readonly value: Constant }
  | { readonly type: "copy"; readonly target: Operand; readonly source: Operand }
  | { readonly type: "exchange"; readonly a: Operand; readonly b: Operand }
  | { readonly type: "push"; readonly source: Operand }
  | { readonly type: "pop"; readonly target: Operand }
  | { readonly type: "decrementTtl" }
  | { readonly type: "clone"; readonly actions: readonly LogicalAction[] }
  /** `R = check_in_port_sec();` and its like: another table answers in a flag. */
  | { readonly type: "lookupBit"; readonly lookup: BitLookup; readonly target: Operand }
  /** `outport = get_fdb(eth.dst);` */
  | { readonly type: "getFdb" }
  /** `put_fdb(inport, eth.src);` the controller remembers where the source is. */
  | { readonly type: "putFdb" }
  /** `nd_na { ... };` the controller makes a neighbour advertisement of the solicitation and runs the actions on it. */
  | { readonly type: "advertise"; readonly isRouter: boolean; readonly actions: readonly LogicalAction[] }
  /** `ct_next;` goes on with the next table when the tracker has looked at the packet; `ct_lb_mark;` translates it too. */
  | { readonly type: "track"; readonly translates: boolean }
  /** `ct_commit { ... }`: remembers the connection; the actions set its mark and label. */
  | { readonly type: "commit"; readonly actions: readonly LogicalAction[] }
  /** `ct_commit_nat;` remembers the connection, translates as it was set up, and goes on with the next table. */
  | { readonly type: "commitTranslated" }
  /** `ct_clear;` */
  | { readonly type: "untrack" }
  /** `log(...)`: the controller writes a line. */
  | { readonly type: "log"; readonly name: string; readonly verdict: LogVerdict; readonly severity: LogSeverity };

/** An action that is valid but that this controller does not carry out. */
export interface UnsupportedAction {
  readonly name: string;
  /** 0-based offset in the actions text. */
  readonly at: number;
}

/** The actions of one logical flow. */
export interface ParsedActions {
  /** Empty means drop. */
  readonly actions: readonly LogicalAction[];
  /** What the fields in use imply about the packet; it narrows the flow's match. */
  readonly prerequisite: Expression;
  /** Not empty: the flow must drop, because doing only part of it would be wrong. */
  readonly unsupported: readonly UnsupportedAction[];
}
