/** Declares the tables that bodies mention and nothing else knows, as inputs that may stay empty. */
import type { Argument, Expr, Formula, SourceText } from "../language/ast.ts";
import { type CheckContext, qualify } from "./context.ts";
import type { ParsedSource } from "./declare.ts";

/** Says which tables may be declared by their mention. */
export type MayMention = (table: string) => boolean;

/** Enters every allowed table of a body that is neither declared nor derived; its first mention gives the number of columns. */
export function declareMentioned(context: CheckContext, sources: readonly ParsedSource[], mayMention: MayMention): void {
  for (const { source, statements } of sources) {
    const mentions = new Mentions(context, source, mayMention);
    for (const statement of statements) {
      if (statement.kind === "rule" && statement.body !== undefined) mentions.enterAll(statement.body);
    }
  }
}

class Mentions {
  readonly #context: CheckContext;
  readonly #source: SourceText;
  readonly #mayMention: MayMention;

  constructor(context: CheckContext, source: SourceText, mayMention: MayMention) {
    this.#context = context;
    this.#source = source;
    this.#mayMention = mayMention;
  }

  enterAll(formula: Formula): void {
    switch (formula.kind) {
      case "and":
      case "or":
        for (const item of formula.items) this.enterAll(item);
        break;
      case "not":
        this.enterAll(formula.body);
        break;
      case "test":
        if (formula.expr.kind === "call") this.#enter(formula.expr.name, formula.expr.args);
        else if (formula.expr.kind === "name") this.#enter(formula.expr.name, []);
        else this.#inside(formula.expr);
        break;
      default:
        this.#inside(formula.left);
        this.#inside(formula.right);
    }
  }

  #inside(expr: Expr): void {
    if (expr.kind === "aggregate") this.enterAll(expr.body);
    else if (expr.kind === "binary") {
      this.#inside(expr.left);
      this.#inside(expr.right);
    }
  }

  #enter(written: string, args: readonly Argument[]): void {
    const context = this.#context;
    const name = qualify(this.#source, written);
    const isPositional = args.every((arg) => arg.name === undefined);
    const isKnown = context.relations.has(name) || context.functionNamed(written) !== undefined;
    if (!isPositional || isKnown || !this.#mayMention(name)) return;
    const columns = args.map((_, i) => ({ name: `c${i}` }));
    context.relations.set(name, { name, columns, kind: "input", isOutput: false, label: name, hasNamedColumns: false });
  }
}
