/** The cases of Congress's behaviour, brought to this language: policies as sources, formulas as statements. */
import {
  compile,
  Engine,
  parseProgram,
  ProgramError,
  type RuleSyntax,
  type Expr,
  type Formula,
  type Value,
} from "@tenet/datalog";

/** A step or query of a case, as recorded. */
export type Step = Readonly<Record<string, unknown>> & { readonly op: string };

export interface Case {
  readonly id: string;
  readonly category: string;
  readonly setup?: readonly Step[];
  readonly query: Step;
  readonly expected: Readonly<Record<string, unknown>>;
}

/** Statements of a text; throws ProgramError if it has faults. */
export function rulesOf(text: string): RuleSyntax[] {
  const errors: ConstructorParameters<typeof ProgramError>[0][number][] = [];
  const statements = parseProgram({ name: "case", text: text.replaceAll("true()", "true") }, errors);
  if (errors.length > 0) throw new ProgramError(errors);
  return statements.map((statement) => {
    if (statement.kind !== "rule") throw new TypeError(`${statement.kind} in ${text}`);
    return statement;
  });
}

/** A rule as text, its variables renamed in the order in which they occur, named columns in order. */
export function canonical(rule: RuleSyntax): string {
  const names = new Map<string, string>();
  return printRule(rule, (name) => {
    if (!names.has(name)) names.set(name, `v${names.size}`);
    return names.get(name) ?? name;
  });
}

export function printRule(rule: RuleSyntax, rename: (name: string) => string = (name) => name): string {
  const expr = (e: Expr): string => {
    if (e.kind === "name") return rename(e.name);
    if (e.kind === "wildcard") return rename("_");
    if (e.kind === "literal") return JSON.stringify(e.value);
    if (e.kind === "call") return atom(e.name, e.args);
    throw new TypeError(`a case has no ${e.kind}`);
  };
  const atom = (name: string, args: RuleSyntax["args"]): string => {
    const positional = args.filter((arg) => arg.name === undefined);
    const named = args.filter((arg) => arg.name !== undefined).sort((a, b) => ((a.name ?? "") < (b.name ?? "") ? -1 : 1));
    const shown = [...positional, ...named].map((arg) => (arg.name === undefined ? "" : `${arg.name}=`) + expr(arg.term));
    const action = /^(.*)\[(.*)\]$/.exec(name);
    return action === null ? `${name}(${shown.join(", ")})` : `${action[1]}[${action[2]}(${shown.join(", ")})]`;
  };
  const literal = (f: Formula): string => {
    if (f.kind === "and") return f.items.map(literal).join(", ");
    if (f.kind === "not") return `not ${literal(f.body)}`;
    if (f.kind !== "test") throw new TypeError(`a case has no ${f.kind}`);
    if (f.expr.kind === "literal") return String(f.expr.value);
    return f.expr.kind === "name" ? `${f.expr.name}()` : expr(f.expr);
  };
  const head = atom(rule.name, rule.args);
  return rule.body === undefined ? head : `${head} :- ${literal(rule.body)}`;
}

/** A theory that belongs to no policy. */
const LONE = "theory";

interface Policy {
  readonly kind: unknown;
  readonly rules: Map<string, string>;
}

/** Policies under change. */
export class World {
  readonly policies: Map<string, Policy> = new Map();
  readonly schemas: Map<string, readonly string[]> = new Map();

  /** Does a step; `false` if it is refused. */
  step(step: Step): boolean {
    const text = String(step["formula"] ?? "");
    switch (step.op) {
      case "create_policy":
        this.policies.set(String(step["name"]), { kind: step["kind"], rules: new Map() });
        return true;
      case "delete_policy":
        return this.policies.delete(String(step["name_or_id"]));
      case "set_schema":
        return this.#setSchema(String(step["name"]), String(step["schema"]));
      case "insert":
      case "delete":
        return this.#change(this.#target(step), text, step.op === "insert");
      case "empty":
        return this.#empty(step);
      default:
        throw new TypeError(`no step ${step.op}`);
    }
  }

  /** The program of all policies; tables without rules are empty, save those of a policy with a schema. */
  engine(extra: ReadonlyMap<string, readonly string[]> = new Map()): Engine {
    const sources = [...this.policies].map(([name, { rules }]) => ({
      name,
      ...(name === LONE ? {} : { namespace: this.namespaceOf(name) }),
      text: [...rules.values(), ...(extra.get(name) ?? [])].join("\n"),
    }));
    const relations = [...this.schemas].map(([name, columns]) => ({
      name,
      columns: columns.map((column) => ({ name: column })),
    }));
    const complete = new Set([...this.schemas.keys()].map((name) => name.split(":")[0]));
    const isImplicitInput = (table: string) => !complete.has(table.split(":")[0] ?? "");
    return new Engine(compile(sources, { relations, isImplicitInput }));
  }

  /** Included databases share the namespace of the policy that includes them. */
  namespaceOf(name: string): string {
    const first = [...this.policies].find(([, { kind }]) => kind !== "database")?.[0];
    const owner = this.policies.get(name)?.kind === "database" ? (first ?? name) : name;
    return owner.replace(/\W/g, "_");
  }

  /** Rows that answer an atom, as text. */
  select(query: string, target: string, engine: Engine = this.engine()): string[] {
    const [atom, more] = rulesOf(query);
    if (atom === undefined || more !== undefined || atom.body !== undefined) throw new TypeError(`no atom: ${query}`);
    const own = atom.name.includes(":") && !atom.name.includes("[") ? atom.name : `${this.namespaceOf(target)}:${atom.name}`;
    if (!engine.relations().some(({ name }) => name === own)) return [];
    return engine.rows(own).flatMap((row) => {
      const bound = new Map<string, Value>();
      const isMatch = atom.args.every(({ term }, i) => {
        const value = row[i] ?? null;
        if (term.kind !== "name") return term.kind === "literal" && term.value === value;
        if (bound.has(term.name)) return bound.get(term.name) === value;
        return bound.set(term.name, value);
      });
      return isMatch ? [printRow(atom.name, row)] : [];
    });
  }

  #target(step: Step): string {
    const [first = ""] = this.policies.keys();
    if (this.policies.size === 0) this.policies.set(LONE, { kind: undefined, rules: new Map() });
    return String(step["target"] ?? (first === "" ? LONE : first));
  }

  #change(target: string, text: string, isInsert: boolean): boolean {
    const policy = this.policies.get(target);
    if (policy === undefined) throw new TypeError(`no policy ${target}`);
    const before = new Map(policy.rules);
    try {
      const rules = rulesOf(text);
      const check = new Map([[target, rules.map((rule) => printRule(rule))]]);
      if (!isInsert) this.engine(check);
      for (const rule of rules) {
        if (isInsert) policy.rules.set(canonical(rule), printRule(rule));
        else policy.rules.delete(canonical(rule));
      }
      this.engine();
      return true;
    } catch (error) {
      if (!(error instanceof ProgramError)) throw error;
      policy.rules.clear();
      for (const [key, rule] of before) policy.rules.set(key, rule);
      return false;
    }
  }

  #setSchema(policy: string, schema: string): boolean {
    for (const [, table = "", columns = ""] of schema.replace(/^schema\[|\]$/g, "").matchAll(/(\w+)\(([^)]*)\)/g)) {
      if (this.schemas.has(`${policy}:${table}`)) return false;
      this.schemas.set(`${policy}:${table}`, columns.split(","));
    }
    return true;
  }

  #empty(step: Step): boolean {
    const tables = step["tablenames"] as string[] | undefined;
    for (const { rules } of this.policies.values()) {
      for (const [key, text] of rules) {
        const isNamed = tables?.includes(rulesOf(text)[0]?.name ?? "") ?? true;
        if (isNamed !== (step["invert"] === true)) rules.delete(key);
      }
    }
    return true;
  }
}

export function printRow(name: string, row: readonly Value[]): string {
  const args = row.map((value) => JSON.stringify(value)).join(", ");
  const action = /^(.*)\[(.*)\]$/.exec(name);
  return action === null ? `${name}(${args})` : `${action[1]}[${action[2]}(${args})]`;
}
