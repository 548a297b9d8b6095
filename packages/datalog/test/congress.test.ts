/**
 * Compares the language with recorded answers of Congress, where a recording lies beside the repository (or where the environment
 * variable CONGRESS_CASES says). `docs/reference/congress.md` tells the differences and their reasons.
 */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { compile, ProgramError, type RelationDecl, type RuleSyntax } from "@tenet/datalog";
import { expect, test } from "vitest";
import { canonical, type Case, printRule, rulesOf, type Step, World } from "./congress-model.ts";
import { simulate } from "./congress-simulate.ts";

const PATH = process.env["CONGRESS_CASES"] ?? fileURLToPath(new URL("../../../../shared/cases/congress.json", import.meta.url));
const cases = existsSync(PATH) ? (JSON.parse(readFileSync(PATH, "utf8")) as { cases: Case[] }).cases : [];

/** What is not the language: drivers' translators, remediation, and the bookkeeping of policies. */
const OTHER = [
  "translate",
  "abduce",
  "policy_names",
  "create_policy",
  "persistent_create_policy",
  "delete_policy",
  "find_subpolicy",
];
/** `insert[p(x) :- q(x)]` is a command that changes a policy's rules, not a rule. */
const COMMAND = /^(?:insert|delete)\[.*:-.*\]$/;
const recorded = cases.filter(({ query }) => !OTHER.includes(query.op) && !COMMAND.test(String(query["text"])));
const completed = recorded.map((one) => (isContradicted(one, recorded) ? withRowsOfAnswer(one) : one));
const language = completed.filter((one) => !isContradicted(one, completed));

test.skipIf(cases.length === 0)("the language agrees with Congress, save the differences that are documented", () => {
  const differing = language.filter((one) => !agrees(one)).map(({ id }) => id);
  const documented = readFileSync(new URL("../../../docs/reference/congress.md", import.meta.url), "utf8");
  const shown = `${language.length - differing.length} of ${language.length} agree; left out: ${recorded.length - language.length}`;
  const summary = `${shown} that contradict another recording, ${cases.length - recorded.length} that are not of the language`;
  console.log(`congress: ${summary}`);
  expect(differing.filter((id) => !documented.includes(id))).toEqual([]);
  expect(differing.length).toBeLessThanOrEqual(language.length * 0.05);
});
if (cases.length === 0) console.log("congress: skipped, there is no recording of cases");

/** The same steps are recorded with another answer as well: a step that changed something is missing from the recording. */
function isContradicted({ id, setup, query, expected }: Case, among: readonly Case[]): boolean {
  const key = JSON.stringify([setup, query]);
  const answer = answerOf(expected);
  return among.some(
    (other) => other.id !== id && JSON.stringify([other.setup, other.query]) === key && answerOf(other.expected) !== answer,
  );
}

/** One formula and a list of it are the same answer. */
function answerOf(expected: Case["expected"]): string {
  const formulas = expected["formulas"] ?? expected["value"];
  return formulas === undefined ? JSON.stringify(expected) : JSON.stringify([formulas].flat());
}

/**
 * The case with steps made up for those that were not recorded: an answer that lists a whole policy also lists the rows of tables without
 * rules, so these are put in, and what the rules derive from them is compared.
 */
function withRowsOfAnswer(one: Case): Case {
  const { setup = [], query, expected } = one;
  if (query.op !== "content" || !setup.some(({ kind }) => kind === "materialized")) return one;
  const rules = setup
    .flatMap((step) => (step.op === "insert" ? rulesOf(String(step["formula"])) : []))
    .filter(({ body }) => body);
  const derived = new Set(rules.map(({ name }) => name));
  if (derived.size === 0) return one;
  const policies = setup.filter(({ op }) => op === "create_policy");
  const rows = [expected["value"]].flat().map(String);
  const given = rows.filter((row) => !derived.has(rulesOf(row)[0]?.name ?? ""));
  const formulas = [...rules.map((rule) => printRule(rule)), ...given.toSorted()];
  return { ...one, setup: [...policies, ...formulas.map((formula) => ({ op: "insert", formula }))] };
}

function agrees(one: Case): boolean {
  try {
    return answers(one);
  } catch (error) {
    if (process.env["CONGRESS_DEBUG"] !== undefined) console.log(one.id, error);
    if (error instanceof ProgramError || error instanceof TypeError) return false;
    throw error;
  }
}

function answers({ setup = [], query, expected }: Case): boolean {
  const world = new World();
  for (const step of setup) if (world.step(step) !== (step["permitted"] ?? true)) return false;
  const target = String(query["target"] ?? [...world.policies.keys()][0] ?? "");
  const formulas = expected["formulas"] ?? expected["value"];
  switch (query.op) {
    case "parse":
      if (expected["raises"] !== undefined) return isRefused(() => rulesOf(String(query["text"])));
      return sameRules(rulesOf(String(query["text"])), [formulas].flat() as string[]);
    case "select":
      return sameTexts(world.select(String(query["query"]), target), formulas as string[]);
    case "simulate":
      return sameTexts(simulate(world, query), formulas as string[]);
    case "content":
      return sameTexts(contentOf(world, target, query), formulas as string[]);
    case "insert":
    case "delete":
    case "set_schema":
      return !world.step(query) === (expected["rejected"] === true);
    case "arity":
      return (arityOf(world, query) ?? null) === expected["value"];
    case "eliminate_column_references":
      return sameRules([withoutNames(query)], [withoutHead(String(expected["value"]))]);
    case "is_stratified":
      return isAccepted((query["item"] as string[]).map(boundBy).join("\n"), query) === expected["value"];
    case "reorder_for_safety":
      return isAccepted(String(query["item"]), query) === (expected["value"] !== undefined);
    case "rule_errors":
    case "fact_errors":
      return isAccepted(String(query["item"]), query) === ((expected["value"] as unknown[]).length === 0);
    default:
      return false;
  }
}

function isRefused(run: () => unknown): boolean {
  try {
    run();
    return false;
  } catch (error) {
    if (error instanceof ProgramError) return true;
    throw error;
  }
}

function sameRules(rules: readonly RuleSyntax[], expected: readonly string[]): boolean {
  return sameTexts(
    rules.map(canonical),
    expected.flatMap((text) => rulesOf(text).map(canonical)),
  );
}

function sameTexts(texts: readonly string[], expected: readonly string[]): boolean {
  const plain = (all: readonly string[]): string[] => [...new Set(all.map((text) => text.replace(/\s/g, "")))].sort();
  return JSON.stringify(plain(texts)) === JSON.stringify(plain(expected));
}

/** Rows of a materialized policy, rules of another. */
function contentOf(world: World, target: string, query: Step): string[] {
  const policy = world.policies.get(target);
  const tables = query["tablenames"] as string[] | undefined;
  const own = `${world.namespaceOf(target)}:`;
  if (policy?.kind !== "materialized") return [...(policy?.rules.values() ?? [])];
  const engine = world.engine();
  return engine.relations().flatMap(({ name, columns }) => {
    const table = name.slice(own.length);
    if (!name.startsWith(own) || tables?.includes(table) === false) return [];
    return world.select(`${table}(${columns.map((_, i) => `x${i}`).join(", ")})`, target, engine);
  });
}

function arityOf(world: World, query: Step): number | undefined {
  const table = String(query["table"]);
  const [first = ""] = world.policies.keys();
  const own = world.namespaceOf(String(query["theory"] ?? first));
  const modal = query["modal"] === undefined ? table : `${String(query["modal"])}[${table}]`;
  const isWhole = world.policies.has("theory") || (table.includes(":") && modal === table);
  const name = isWhole ? modal : `${own}:${modal}`;
  return world
    .engine()
    .relations()
    .find((relation) => relation.name === name)?.columns.length;
}

function schemasOf(query: Step): RelationDecl[] {
  const schemas = (query["schemas"] ?? {}) as Record<string, Record<string, (string | number)[]>>;
  return Object.entries(schemas).flatMap(([policy, tables]) =>
    Object.entries(tables).map(([table, columns]) => ({
      name: `${policy}:${table}`,
      columns: columns.map((column) => ({ name: `${column}` })),
    })),
  );
}

function isAccepted(text: string, query: Step): boolean {
  const relations = schemasOf(query);
  const complete = new Set(relations.map(({ name }) => name.split(":")[0]));
  const theory = query["theory"] === undefined ? {} : { namespace: String(query["theory"]) };
  // A fact of a table with a schema is a row; as a condition its table and columns are checked the same.
  const body = query.op === "fact_errors" ? `fact() :- ${String(query["theory"])}:${text}` : text;
  const source = { name: "case", text: body, ...theory };
  return !isRefused(() => compile([source], { relations, isImplicitInput: (name) => !complete.has(name.split(":")[0] ?? "") }));
}

/** The rule with its variable bound, so that only its cycles count. */
function boundBy(rule: string): string {
  return `${rule}, domain(x)`;
}

/** The rule's body as its core form has it, columns in their places. */
function withoutNames(query: Step): RuleSyntax {
  const text = withoutHead(String(query["item"]));
  const [rule] = compile([{ name: "case", text }], { relations: schemasOf(query) }).rules;
  let nAny = 0;
  const atoms = (rule?.body ?? []).map((literal) => {
    if (literal.kind !== "atom") throw new TypeError(literal.kind);
    const terms = literal.terms.map((term) => {
      if (term.kind === "var") return rule?.slots[term.slot] ?? "";
      return term.kind === "const" ? JSON.stringify(term.value) : `any${nAny++}`;
    });
    return `${literal.relation}(${terms.join(", ")})`;
  });
  const [parsed] = rulesOf(`p() :- ${atoms.join(", ")}`);
  if (parsed === undefined) throw new TypeError(text);
  return parsed;
}

function withoutHead(rule: string): string {
  return rule.replace(/^.*:-/, "p() :-");
}
