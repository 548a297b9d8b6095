/** Random rule files: everything that the grammar allows, in any layout, with comments anywhere. They parse; they need not make sense. */
import fc from "fast-check";

const NAMES = ["p", "q", "host", "nb:ACL", "nb:Logical_Switch.ports", "sum", "input", "test", "a.b", "count"];
const VARIABLES = ["x", "y", "port", "_z", "_"];
const VALUES = [
  "0",
  "7",
  "0x1f",
  "2.5",
  "1e6",
  "9007199254740993",
  "90s",
  "1.5h",
  "true",
  "false",
  "null",
  '"a b"',
  "'it'",
  '"say \\"hi\\""',
  '"n: ${x + 1}!"',
];
const INFIX = ["+", "-", "*", "/", "%", "&&", "||"];
const COMPARISON = ["==", "!=", "<", "<=", ">", ">=", "in", "not in"];
const TYPES = ["int", "string", "uuid", "any", "null"];
const GAPS = [
  " ",
  "  ",
  "\n  ",
  " /* c */ ",
  " // end of line\n  ",
  "\n  # own line\n  ",
  "\n  /* own */\n  ",
  "\t",
  "\n\n  // far\n\n  ",
];
const BETWEEN = [
  "\n",
  "\n\n",
  "\n\n\n\n",
  " // trailing\n",
  "\n# above\n",
  "\n/* two\n   lines */\n",
  ".\n",
  " ;\n",
  " . // after the dot\n",
  "\n\n// section\n\n",
];

/** A source text of statements in random layout. */
export const programText: fc.Arbitrary<string> = fc.gen().map((g) => new TextGenerator(g).program());

class TextGenerator {
  readonly #g: fc.GeneratorValue;

  constructor(g: fc.GeneratorValue) {
    this.#g = g;
  }

  program(): string {
    const statements = Array.from({ length: this.#int(1, 5) }, () => this.#laidOut(this.#statement()));
    return statements.map((text) => `${this.#isRare() ? "// before\n" : ""}${text}${this.#pick(BETWEEN)}`).join("");
  }

  /** Tokens with gaps between; a gap may be missing where the tokens stay apart without it. */
  #laidOut(tokens: readonly string[]): string {
    let text = "";
    for (const token of tokens) {
      const last = text.at(-1) ?? "";
      const first = token[0] ?? "";
      const isApart = /[([{,)\]}]/.test(last) || /[([{,)\]}]/.test(first);
      const mayJoin = isApart && token !== "," && this.#int(0, 2) > 0;
      text += text === "" || mayJoin ? token : `${this.#int(0, 4) > 0 ? " " : this.#pick(GAPS)}${token}`;
    }
    return text;
  }

  #statement(): string[] {
    const kind = this.#int(0, 9);
    if (this.#int(0, 9) === 0) return this.#block();
    if (kind === 0) return [this.#pick(["input", "relation", "output"]), this.#pick(NAMES), ...this.#columns()];
    if (kind <= 3) return this.#atom(2);
    return [...this.#head(), ":-", ...this.#formula(3)];
  }

  #head(): string[] {
    if (!this.#isRare()) return this.#atom(2);
    if (this.#isRare()) return [`p${this.#pick(["+", "-"])}(`, "x", ")"];
    return [`${this.#pick(["execute", "insert"])}[`, "nova:pause", "(", "x", ")", "]"];
  }

  #block(): string[] {
    if (this.#isRare()) return ["import", '"other.dl"'];
    if (this.#isRare()) return [this.#pick(["module", "program"]), "mine"];
    if (this.#isRare()) return ["function", "f", "(", ...separated([["a"], ["b"]]), ")", ...(this.#isRare() ? [":", "set"] : [])];
    const parts = Array.from({ length: this.#int(0, 4) }, () =>
      this.#isRare()
        ? [...this.#atom(1), this.#pick([";", "."])]
        : this.#int(0, 1) === 0
          ? ["expect", ...this.#formula(2), ";"]
          : this.#head(),
    );
    return ["test", '"it works"', "{", ...parts.flat(), "}"];
  }

  #columns(): string[] {
    const columns = Array.from({ length: this.#int(0, 4) }, (_, i) =>
      this.#isRare() ? [`c${i}`] : this.#isRare() ? [`c${i}:${this.#pick(TYPES)}`] : [`c${i}`, ":", this.#pick(TYPES)],
    );
    return ["(", ...separated(columns), ")"];
  }

  #atom(depth: number): string[] {
    const name = this.#pick(NAMES);
    if (this.#isRare()) return [name];
    const args = Array.from({ length: this.#int(0, 4) }, () => [
      ...(this.#isRare() ? [this.#pick(["column", "column", "1"]), "="] : []),
      ...this.#expression(depth - 1),
    ]);
    return [name, "(", ...separated(args), ")"];
  }

  #formula(depth: number): string[] {
    const alternatives = Array.from({ length: this.#isRare() ? this.#int(2, 3) : 1 }, () => this.#conjunction(depth));
    return separated(alternatives, "or");
  }

  #conjunction(depth: number): string[] {
    const literals = Array.from({ length: this.#int(1, 4) }, () => this.#literal(depth));
    return separated(literals, this.#isRare() ? "and" : ",");
  }

  #literal(depth: number): string[] {
    const kind = this.#int(0, 9);
    if (kind === 3 && this.#isRare()) return ["x+(", "y", ")", ...(this.#isRare() ? ["==", "z"] : [])];
    if (kind <= 3) return this.#atom(depth);
    if (kind === 4) return ["not", ...this.#atom(depth)];
    if (kind === 5 && depth > 0) return [...(this.#isRare() ? ["not"] : []), "(", ...this.#formula(depth - 1), ")"];
    if (kind === 6) return [this.#pick(["!", "NOT"]), ...(this.#isRare() ? ["q-(", "x", ")"] : this.#atom(depth))];
    if (kind === 7) return [this.#pick(VARIABLES), "=", ...this.#expression(depth)];
    if (kind === 8) return ["[", this.#pick(VARIABLES), ",", this.#pick(VARIABLES), "]", "in", ...this.#expression(1)];
    return [...this.#expression(depth), this.#pick(["==", "!=", "<"]), ...this.#expression(1)];
  }

  #expression(depth: number): string[] {
    const kind = depth <= 0 ? this.#int(0, 1) : this.#int(0, 9);
    if (kind === 0) return [this.#pick(VARIABLES)];
    if (kind === 1) return [this.#pick(VALUES)];
    if (kind <= 4) return [...this.#operand(depth), this.#pick(INFIX), ...this.#operand(depth)];
    if (kind === 5) return this.#atom(depth);
    if (kind === 6) return ["[", ...separated(Array.from({ length: this.#int(0, 3) }, () => this.#expression(depth - 1))), "]"];
    if (kind === 7 && this.#isRare()) return ["{", '"k"', ":", ...this.#expression(depth - 1), ",", '"l"', ":", "x", "}"];
    if (kind === 7 && this.#isRare()) return [this.#pick(['x["k"]', 'x["k"].a', "xs[0][1].b"])];
    if (kind === 7) return [this.#pick(["-", "!"]), ...this.#operand(depth)];
    if (kind === 8) {
      const [a, b, c] = [this.#comparison(depth), this.#expression(depth - 1), this.#expression(depth - 1)];
      return ["(", "if", ...a, "then", ...b, "else", ...c, ")"];
    }
    const fn = this.#pick(["count", "sum", "min", "max", "collect"]);
    return [fn, "{", ...this.#expression(depth - 1), ":", ...this.#formula(depth - 1), "}"];
  }

  #comparison(depth: number): string[] {
    const op = this.#pick(COMPARISON);
    const range = op.endsWith("in") && this.#isRare() ? ["..", ...this.#operand(depth)] : [];
    return [...this.#operand(depth), ...op.split(" "), ...this.#operand(depth), ...range];
  }

  #operand(depth: number): string[] {
    return this.#isRare() ? ["(", ...this.#expression(depth - 1), ")"] : this.#isRare() ? this.#atom(1) : [this.#pick(VARIABLES)];
  }

  #isRare(): boolean {
    return this.#int(0, 4) === 0;
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#int(0, from.length - 1)] as T;
  }

  #int(min: number, max: number): number {
    return this.#g(fc.integer, { min, max });
  }
}

function separated(parts: readonly (readonly string[])[], separator = ","): string[] {
  return parts.flatMap((part, i) => (i === 0 ? part : [separator, ...part]));
}
