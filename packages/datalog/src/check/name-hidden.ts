/**
 * Names hidden relations by what they compute.
 *
 * Rewriting numbers them as they come, so that a rule more or less would give all of them other names. Named by their definition they
 * keep their names from program to program, by which a change of rules finds what it may leave alone; and what a program
 * says twice in the same words is computed once.
 */
import { createHash } from "node:crypto";
import type { CoreAggregate, CoreRelation, CoreRule, Literal } from "./core.ts";
import { aggregateText, type RuleNames, ruleText } from "./rule-text.ts";

/** The parts of a program that mention relations. */
interface Parts<R extends CoreRelation> {
  readonly relations: Map<string, R>;
  readonly rules: readonly CoreRule[];
  readonly aggregates: readonly CoreAggregate[];
}

/** The program with other names for its hidden relations. They must not depend on themselves but through others. */
export function nameHidden<R extends CoreRelation>(parts: Parts<R>): Parts<R> {
  const names = new Namer(parts);
  const relations = new Map<string, R>();
  for (const [name, relation] of parts.relations) {
    const to = names.relation(name);
    if (!relations.has(to)) relations.set(to, { ...relation, name: to });
  }
  const isFirst = ({ relation }: { readonly relation: string }): boolean => names.isFirst(relation);
  const literal = (each: Literal): Literal =>
    each.kind === "atom" || each.kind === "not" ? { ...each, relation: names.relation(each.relation) } : each;
  return {
    relations,
    rules: parts.rules.filter(isFirst).map((rule) => ({
      ...rule,
      relation: names.relation(rule.relation),
      body: rule.body.map(literal),
    })),
    aggregates: parts.aggregates
      .filter(isFirst)
      .map((each) => ({ ...each, relation: names.relation(each.relation), body: names.relation(each.body) })),
  };
}

class Namer implements RuleNames {
  readonly #relations: ReadonlyMap<string, CoreRelation>;
  readonly #definitions = new Map<string, (CoreRule | CoreAggregate)[]>();
  readonly #nameOf = new Map<string, string>();
  /** By new name: the first relation that got it. */
  readonly #first = new Map<string, string>();
  /** New names by definition and by how the program says it. */
  readonly #known = new Map<string, string>();

  constructor({ relations, rules, aggregates }: Parts<CoreRelation>) {
    this.#relations = relations;
    for (const [name, { kind }] of relations) if (kind === "hidden") this.#definitions.set(name, []);
    for (const each of [...rules, ...aggregates]) this.#definitions.get(each.relation)?.push(each);
  }

  relation(name: string): string {
    const definition = this.#definitions.get(name);
    if (definition === undefined) return name;
    const known = this.#nameOf.get(name);
    if (known !== undefined) return known;
    const given = this.#give(name, definition);
    this.#nameOf.set(name, given);
    return given;
  }

  fn({ name }: { readonly name: string }): string {
    return name;
  }

  /** False for a relation whose name another one has got before. */
  isFirst(name: string): boolean {
    return !this.#definitions.has(name) || this.#first.get(this.relation(name)) === name;
  }

  #give(name: string, definition: readonly (CoreRule | CoreAggregate)[]): string {
    const { label = "", columns = [] } = this.#relations.get(name) ?? {};
    const texts = definition.map((each) => ("fn" in each ? aggregateText(each, this) : ruleText(each, this)));
    const content = [columns.length, ...texts].join("\n");
    const said = `${label.replace(/\s+/g, " ")}\n${content}`;
    const known = this.#known.get(said);
    if (known !== undefined) return known;
    const hash = createHash("sha256").update(content).digest("hex").slice(0, 20);
    let given = `$${hash}`;
    // Equal definitions in other words stay apart, so that proofs show the words of the rule.
    for (let n = 1; this.#first.has(given); n++) given = `$${hash}:${n}`;
    this.#first.set(given, name);
    this.#known.set(said, given);
    return given;
  }
}
