/** What a sequence of updates and actions would do, in the words of Congress's cases. */
import type { Engine, RuleSyntax } from "@tenet/datalog";
import { canonical, printRow, printRule, rulesOf, type Step, type World } from "./congress-model.ts";

/** Runs a sequence on a world that is thrown away afterwards; gives the answers, or the changes of the answers. */
export function simulate(world: World, query: Step): string[] {
  const [theory, actions] = [String(query["theory"]), String(query["action_theory"])];
  const before = world.select(String(query["query"]), theory);
  const actionRules = [...(world.policies.get(actions)?.rules.values() ?? [])];
  world.policies.delete(actions);
  let results: string[] = [];
  for (const step of stepsOf(String(query["sequence"]))) {
    const extra = new Map([[theory, [...actionRules, ...results]]]);
    const add = (policy: string, rule: string): void => void extra.set(policy, [...(extra.get(policy) ?? []), rule]);
    for (const rule of step) {
      const [owner = "", table = ""] = rule.name.split(":");
      if (!isUpdate(rule))
        for (const fact of evaluate(world, theory, [...actionRules, ...results, printRule(rule)], rule.name)) add(theory, fact);
      else if (rule.name.includes(":")) add(owner, printRule({ ...rule, name: table }));
      else add(theory, printRule(rule));
    }
    const engine = world.engine(extra);
    apply(world, theory, engine);
    results = rowsOf(world, engine, theory, "result");
  }
  const after = world.select(String(query["query"]), theory);
  if (query["delta"] !== true) return after;
  const change = (rows: readonly string[], other: readonly string[], sign: string): string[] =>
    rows.filter((row) => !other.includes(row)).map((row) => row.replace("(", `${sign}(`));
  return [...change(after, before, "+"), ...change(before, after, "-")];
}

/** The elements of a sequence; `q(1), r(2) :- body` does both at once. */
function stepsOf(sequence: string): RuleSyntax[][] {
  const together = /^(\w+\([^)]*\)), (\w+\([^)]*\)) :- (.*)$/.exec(sequence);
  if (together === null) return rulesOf(sequence).map((rule) => [rule]);
  const [, first, second, body] = together;
  return [rulesOf(`${first} :- ${body}\n${second} :- ${body}`)];
}

function isUpdate(rule: RuleSyntax): boolean {
  return /[+-]$/.test(rule.name);
}

/** The facts that a call with a body stands for. */
function evaluate(world: World, theory: string, rules: readonly string[], table: string): string[] {
  const engine = world.engine(new Map([[theory, rules]]));
  return rowsOf(world, engine, theory, table);
}

function rowsOf(world: World, engine: Engine, theory: string, table: string): string[] {
  const name = `${world.namespaceOf(theory)}:${table}`;
  if (!engine.relations().some((relation) => relation.name === name)) return [];
  return engine.rows(name).map((row) => printRow(table, row));
}

/** Takes what is in `t-` out of `t`, then puts in what is in `t+`. */
function apply(world: World, theory: string, engine: Engine): void {
  for (const sign of ["-", "+"]) {
    for (const { name } of engine.relations()) {
      if (!name.endsWith(sign)) continue;
      const [owner = "", table = ""] = name.slice(0, -1).split(":");
      const policy = [...world.policies.keys()].find((key) => world.namespaceOf(key) === owner) ?? theory;
      for (const row of engine.rows(name)) {
        const [fact] = rulesOf(printRow(table, row));
        if (fact === undefined) continue;
        if (sign === "-") world.policies.get(policy)?.rules.delete(canonical(fact));
        else world.policies.get(policy)?.rules.set(canonical(fact), printRule(fact));
      }
    }
  }
}
