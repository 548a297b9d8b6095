/** What a policy finds wrong. */
import { formatValue, type Proof, type Tuple, type Value } from "@tenet/datalog";

/** `error` and `warning` rows are monitored; `deny` rows also keep a change from being made. */
export type ViolationKind = "error" | "warning" | "deny";

/** The tables of a policy that mean violations. */
const VIOLATION_KINDS: readonly ViolationKind[] = ["error", "warning", "deny"];

/** A row of `error`, `warning` or `deny`. */
export interface ViolationRow {
  readonly policy: string;
  readonly kind: ViolationKind;
  readonly row: Tuple;
  readonly columns: readonly string[];
}

/** A violation with its reason. */
export interface Violation extends ViolationRow {
  /** The rule that derived it. */
  readonly rule: { readonly file: string; readonly line: number; readonly text: string };
  /** The rows that prove it: as data, and as text of several lines. */
  readonly proof: Proof | undefined;
  readonly proofText: string;
}

/** What came and went in one step. */
export interface ViolationChange {
  readonly appeared: readonly ViolationRow[];
  readonly gone: readonly ViolationRow[];
}

/** `{policy, kind}` of a relation that means violations, `undefined` for every other. */
export function violationRelation(relation: string): { policy: string; kind: ViolationKind } | undefined {
  const colon = relation.lastIndexOf(":");
  const kind = VIOLATION_KINDS.find((name) => name === relation.slice(colon + 1));
  return colon === -1 || kind === undefined ? undefined : { policy: relation.slice(0, colon), kind };
}

/** A value for people: strings bare, UUIDs cut to 8 digits, everything else as rules write it. */
export function shortValue(value: Value): string {
  if (typeof value !== "string") return formatValue(value);
  return /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/.test(value) ? value.slice(0, 8) : value;
}
