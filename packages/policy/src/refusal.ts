/**
 * The text with which a change is refused: what is wrong first, then the rows that prove it, then what to do.
 *
 * One line, because clients print the error object as JSON: a line break would come out as `\n`. For the same reason
 * quotes are single ones. Rows that one rule denies share one proof: the others differ from it in their values only.
 */
import type { Refusal, RowChange } from "@tenet/ovsdb";
import { type Evidence, formatEvidence } from "./evidence.ts";
import { shortValue, type Violation } from "./violation.ts";

/** A violation that a change would bring, with the rows that prove it. */
export interface Denial {
  readonly violation: Violation;
  readonly evidence: readonly Evidence[];
}

/** What a change would bring: the first violations, proven, and how many there are. */
export interface Denials {
  readonly proven: readonly Denial[];
  readonly nDenied: number;
}

const MOST_ROWS = 12;

/** What the client is told: each violated rule with its rows and a proof, and what to do. */
export function refusalOf({ proven, nDenied }: Denials, prefix: string, changes: readonly RowChange[]): Refusal {
  const denialsByRule = new Map<string, Denial[]>();
  for (const denial of proven) {
    const place = placeOf(denial);
    denialsByRule.set(place, [...(denialsByRule.get(place) ?? []), denial]);
  }
  const nMore = nDenied - proven.length;
  const more = nMore === 0 ? [] : [`And ${nMore} more rows like these`];
  const parts = [...Array.from(denialsByRule.values(), describe).flat(), ...more, hintFor(proven, prefix, changes)];
  return { error: "policy violation", details: withSingleQuotes(parts.join(". ")) };
}

/** The refusal for a change that a guarding policy cannot judge, because a rule fails on it. */
export function unjudgedRefusal(problem: string): Refusal {
  const text = `a guarding policy cannot judge this change, so it is refused: ${problem}; correct or remove the policy`;
  return { error: "policy violation", details: withSingleQuotes(oneLine(text)) };
}

/** Denials by one rule. */
function describe(denials: readonly Denial[]): string[] {
  const [first, ...others] = denials;
  if (first === undefined) return [];
  const rows = first.evidence.slice(0, MOST_ROWS).map(formatEvidence);
  if (first.evidence.length > rows.length) rows.push(`and ${first.evidence.length - rows.length} more rows`);
  return [
    `policy '${first.violation.policy}' (rule ${placeOf(first)}) forbids it: ${headline(first)}`,
    ...(rows.length === 0 ? [] : [`Because ${rows.join("; ")}`]),
    ...(others.length === 0 ? [] : [`The same rule says: ${others.map(headline).join("; ")}`]),
  ];
}

function placeOf({ violation: { rule } }: Denial): string {
  return `${rule.file}:${rule.line}`;
}

/** The sentence that the rule itself makes in its column `why`; a rule without one gives its row. */
function headline({ violation: { kind, row, columns } }: Denial): string {
  const why = row[columns.indexOf("why")];
  if (typeof why === "string" && why !== "") return why;
  const values = row.map((value, i) => `${columns[i] ?? i}=${quote(shortValue(value))}`);
  return `${kind}(${values.join(", ")})`;
}

/** Names the changed rows among the evidence: the inserted ones when there are some, as the others only refer to them. */
function hintFor(denials: readonly Denial[], prefix: string, changes: readonly RowChange[]): string {
  const changed = new Map(changes.map((change) => [`${prefix}:${change.table} ${change.uuid}`, change]));
  const involved = new Set(
    denials.flatMap(({ evidence }) => evidence.flatMap(({ table, uuid }) => changed.get(`${table} ${uuid}`) ?? [])),
  );
  const inserted = [...involved].filter(({ old }) => old === undefined);
  const named = (inserted.length > 0 ? inserted : [...involved]).map(
    (change) => `${prefix}:${change.table} ${change.uuid.slice(0, 8)} (${verbOf(change)})`,
  );
  const policies = [...new Set(denials.map(({ violation }) => `${violation.policy}.dl`))].join(", ");
  const what = named.length === 0 ? "Leave this change out" : `Alter or leave out ${named.join(", ")}`;
  return `${what}, or change the policy in ${policies}`;
}

function verbOf({ old, new: row }: RowChange): string {
  if (old === undefined) return "inserted here";
  return row === undefined ? "deleted here" : "modified here";
}

function withSingleQuotes(text: string): string {
  return text.replace(/\\?"/g, "'");
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

function quote(text: string): string {
  return /^[\w.:/-]+$/.test(text) ? text : `'${text}'`;
}
