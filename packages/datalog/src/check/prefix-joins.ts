/**
 * Lets joins of addresses with the prefixes that contain them use an index, not a scan.
 *
 * What: where a rule tests `ip_in_prefix(a, p)` and `p` is a column of type `prefix`, the literal `p in covering_prefixes(a)` is added.
 * Why: a prefix has one canonical value, so that the prefixes which contain an address are 33 (129 for IPv6) known values, and the table is
 * asked for each by its hash index; the planner takes that way when it is cheaper than the table's rows. The result is the same:
 * a pair that passes the test is met once.
 * Limits: when a prefix comes or goes, the addresses that it holds are found by walking over the addresses.
 */
import { COVERING_PREFIXES } from "../functions/covering-prefixes.ts";
import type { CoreExpr, CoreRelation, CoreRule, Literal } from "./core.ts";

const TESTS: ReadonlySet<string> = new Set(["ip_in_prefix", "ip_in_network"]);

/** The rule with a generator for each containment test over a typed column. */
export function withPrefixJoins(rule: CoreRule, relations: ReadonlyMap<string, CoreRelation>): CoreRule {
  const generators = rule.body.flatMap((literal) => generatorOf(literal, rule, relations));
  return generators.length === 0 ? rule : { ...rule, body: [...rule.body, ...generators] };
}

function generatorOf(literal: Literal, rule: CoreRule, relations: ReadonlyMap<string, CoreRelation>): Literal[] {
  const call = literal.kind === "test" ? literal.expr : undefined;
  if (call?.kind !== "call" || !TESTS.has(call.fn.name)) return [];
  const [address, prefix] = call.args;
  if (address?.kind !== "var" || prefix?.kind !== "var" || !isPrefixColumn(prefix.slot, rule, relations)) return [];
  const right: CoreExpr = { kind: "call", fn: COVERING_PREFIXES, args: [address] };
  return [{ kind: "member", left: prefix, right, span: literal.span }];
}

function isPrefixColumn(slot: number, rule: CoreRule, relations: ReadonlyMap<string, CoreRelation>): boolean {
  return rule.body.some(
    (literal) =>
      literal.kind === "atom" &&
      literal.terms.some((term, column) => {
        const { kind, columns } = relations.get(literal.relation) ?? {};
        return kind === "input" && term.kind === "var" && term.slot === slot && columns?.[column]?.type === "prefix";
      }),
  );
}
