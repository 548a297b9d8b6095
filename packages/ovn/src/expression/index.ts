/** The match language: text in, syntax tree, normal form, OpenFlow matches out. */
export {
  type Constant,
  conjoin,
  type Expression,
  type ParsedExpression,
  type References,
  type Relation,
  referencesOf,
} from "./expression.ts";
export type { Source } from "./lexer.ts";
export { MAX_TERMS, type MatchContext, normalize, toMatches } from "./normalize.ts";
export { parseExpression } from "./parse.ts";
export type { BitRange, FieldSymbol, MatchSymbol, Operand, PredicateSymbol, SymbolTable } from "./symbol.ts";
export { createSymbols, FLAGS_FIELD, INPORT_FIELD, OUTPORT_FIELD, subRange } from "./symbol-table.ts";
export { type Cell, FALSE, intersectTerms, matchOf, type Sum, simplify, type Term, TRUE, termOf } from "./term.ts";
