/**
 * The little language of simulations: `nb:ACL+(_uuid="x", priority=1) lab:host-("web1", "p1")`, and queries
 * such as `error(port, why)`.
 *
 * Atoms hold constants (numbers, strings, true, false, null, lists); anything else is a variable, which a
 * query may have.
 */
import type { Value } from "@tenet/datalog";
import { positionAt, SourceError } from "@tenet/kit";

/** An argument: a constant, or `undefined` for a variable; `column` when it is named. */
export interface AtomArgument {
  readonly column: string | undefined;
  readonly value: Value | undefined;
}

/** `relation+(…)`, `relation-(…)` or `relation(…)`. */
export interface Atom {
  readonly relation: string;
  readonly sign: "+" | "-" | undefined;
  readonly args: readonly AtomArgument[];
}

/** Reads atoms one after the other. @throws SourceError with the place of the fault */
export function parseAtoms(name: string, text: string): Atom[] {
  return new AtomParser(name, text).parse();
}

const TOKEN =
  /\s*(?:("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|([A-Za-z_][\w:.-]*?)(?=[+-]?\(|[^\w:.-]|$)|(.))/y;
const CONSTANTS: Readonly<Record<string, null | boolean>> = { null: null, true: true, false: false };

class AtomParser {
  readonly #name: string;
  readonly #text: string;
  readonly #tokens: { readonly kind: "string" | "number" | "word" | "sign"; readonly text: string; readonly at: number }[] = [];
  #next = 0;

  constructor(name: string, text: string) {
    this.#name = name;
    this.#text = text.trimEnd();
    TOKEN.lastIndex = 0;
    while (TOKEN.lastIndex < this.#text.length) {
      const [whole, string, number, word, sign] = TOKEN.exec(this.#text) ?? [""];
      const found = string ?? number ?? word ?? sign ?? "";
      const kind = string !== undefined ? "string" : number !== undefined ? "number" : word !== undefined ? "word" : "sign";
      if (whole === "") break;
      this.#tokens.push({ kind, text: found, at: TOKEN.lastIndex - found.length });
    }
  }

  parse(): Atom[] {
    const atoms: Atom[] = [];
    while (this.#next < this.#tokens.length) atoms.push(this.#atom());
    return atoms;
  }

  #atom(): Atom {
    const token = this.#tokens[this.#next];
    if (token?.kind !== "word") this.#fail("the name of a table");
    this.#next++;
    const sign = this.#skip("+") ? "+" : this.#skip("-") ? "-" : undefined;
    const args: AtomArgument[] = [];
    if (!this.#skip("(")) return { relation: token.text, sign, args };
    while (!this.#skip(")")) {
      if (args.length > 0 && !this.#skip(",")) this.#fail('"," or ")"');
      args.push(this.#argument());
    }
    return { relation: token.text, sign, args };
  }

  #argument(): AtomArgument {
    const word = this.#tokens[this.#next];
    if (word?.kind === "word" && this.#tokens[this.#next + 1]?.text === "=") {
      this.#next += 2;
      return { column: word.text, value: this.#term() };
    }
    return { column: undefined, value: this.#term() };
  }

  #term(): Value | undefined {
    const token = this.#tokens[this.#next];
    if (token === undefined) this.#fail("a value");
    this.#next++;
    if (token.kind === "string") return unquote(token.text);
    if (token.kind === "number") return Number(token.text);
    if (token.kind === "word") return Object.hasOwn(CONSTANTS, token.text) ? CONSTANTS[token.text] : undefined;
    if (token.text === "[") return this.#list();
    this.#next--;
    return this.#fail("a value");
  }

  #list(): Value {
    const items: Value[] = [];
    while (!this.#skip("]")) {
      if (items.length > 0 && !this.#skip(",")) this.#fail('"," or "]"');
      const item = this.#term();
      if (item === undefined) this.#fail("a constant");
      items.push(item);
    }
    return items;
  }

  #skip(sign: string): boolean {
    const token = this.#tokens[this.#next];
    if (token?.kind !== "sign" || token.text !== sign) return false;
    this.#next++;
    return true;
  }

  #fail(expected: string): never {
    const token = this.#tokens[this.#next];
    const at = positionAt(this.#name, this.#text, token?.at ?? this.#text.length);
    throw new SourceError(token === undefined ? "unexpected end" : `unexpected "${token.text}"`, {
      at,
      expected,
      text: this.#text,
    });
  }
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r" };

function unquote(text: string): string {
  return text.slice(1, -1).replace(/\\(.)/g, (_, character: string) => ESCAPES[character] ?? character);
}
