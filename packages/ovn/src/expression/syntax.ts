/**
 * The syntax tree of a match, and the symbols it is written in.
 *
 * Four kinds of symbols: string fields (`inport`, `outport`; their values are names of logical ports, their bits hold
 * port numbers), integer fields, subfields (a named range of another field's bits) and predicates (a named condition).
 * A symbol can have a prerequisite, a condition that its use implies: `tcp.dst` implies `tcp`. Conditions are trees of
 * symbols and symbols hold conditions, which is why both are in one file.
 */
import type { NumberForm, Source } from "./lexer.ts";

/** Whole words, or bits of one word, of a FlowKey: bit 0 is the least significant bit of the last word, plus `shift`. */
export interface BitRange {
  readonly word: number;
  readonly nWords: number;
  readonly shift: number;
  readonly nBits: number;
}

/** A field: bits that can be compared and, most of them, assigned. */
export interface FieldSymbol {
  readonly kind: "field";
  readonly name: string;
  /** Strings name logical ports. */
  readonly isString: boolean;
  /** Nominal fields can only be compared for equality, and as a whole. */
  readonly isNominal: boolean;
  /** May an action assign it? */
  readonly isWritable: boolean;
  readonly bits: BitRange;
  readonly prerequisite: Expression | undefined;
}

/** A named condition. */
export interface PredicateSymbol {
  readonly kind: "predicate";
  readonly name: string;
  /** Nominal predicates refer to a nominal field, so they cannot be negated. */
  readonly isNominal: boolean;
  readonly expansion: Expression;
}

/** Anything that a name in a match can mean. */
export type MatchSymbol = FieldSymbol | PredicateSymbol;

/** Bits `start .. start+nBits-1` of a field symbol. */
export interface Operand {
  readonly symbol: FieldSymbol;
  readonly start: number;
  readonly nBits: number;
}

/** The names that a match or an action may use. */
export type SymbolTable = ReadonlyMap<string, MatchSymbol>;

/** Relational operators. */
export type Relation = "==" | "!=" | "<" | "<=" | ">" | ">=";

/** What a field is compared with or set to; `at` is the offset in the source. */
export type Constant =
  | { readonly type: "string"; readonly value: string; readonly at: number }
  | {
      readonly type: "integer";
      readonly value: bigint;
      /** Bits that count; `undefined` when all do. */
      readonly mask: bigint | undefined;
      readonly form: NumberForm;
      readonly at: number;
    }
  | { readonly type: "addressSet" | "portGroup"; readonly name: string; readonly at: number };

/** A match expression; children of `and` and `or` are two or more. */
export type Expression =
  | { readonly type: "boolean"; readonly value: boolean }
  | { readonly type: "and" | "or"; readonly parts: readonly Expression[] }
  | { readonly type: "not"; readonly part: Expression }
  | { readonly type: "resident"; readonly port: string; readonly at: number }
  | { readonly type: "predicate"; readonly symbol: PredicateSymbol; readonly at: number }
  | {
      readonly type: "comparison";
      readonly operand: Operand;
      readonly relation: Relation;
      /** `x == {a, b}` is "or" over the constants, `x != {a, b}` is "and". */
      readonly constants: readonly Constant[];
      readonly at: number;
    };

/** A parsed match together with its text, for errors found later. */
export interface ParsedExpression {
  readonly source: Source;
  readonly root: Expression;
}

/** Conjunction that drops `true` and flattens. */
export function conjoin(parts: readonly (Expression | undefined)[]): Expression {
  const flat = parts.flatMap((part) => {
    if (part === undefined || (part.type === "boolean" && part.value)) return [];
    return part.type === "and" ? part.parts : [part];
  });
  const [only] = flat;
  if (only === undefined) return { type: "boolean", value: true };
  return flat.length === 1 ? only : { type: "and", parts: flat };
}
