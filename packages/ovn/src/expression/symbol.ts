/**
 * A symbol of the match language: where its bits lie in a FlowKey, or what it is short for.
 *
 * Four kinds: string fields (`inport`, `outport`; their values are names of logical ports, their bits hold port
 * numbers), integer fields, subfields (a named range of another field's bits) and predicates (a named condition).
 * A symbol can have a prerequisite, a condition that its use implies: `tcp.dst` implies `tcp`.
 */
import type { Expression } from "./expression.ts";

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
