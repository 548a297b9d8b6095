/** The match language: text in, syntax tree, normal form, OpenFlow matches out. */
export { type Constant, conjoin, type Expression, type ParsedExpression, type Relation } from "./syntax.ts";
export { type References, referencesOf } from "./references.ts";
export type { Source } from "./lexer.ts";
export { MAX_TERMS, type MatchContext, normalize, toMatches } from "./normalize.ts";
export { factorize, isSatisfiable, multiplyOut, type Product } from "./factor.ts";
export { matchFunctions } from "./match-functions.ts";
export { parseExpression } from "./parse.ts";
export type { BitRange, FieldSymbol, MatchSymbol, Operand, PredicateSymbol, SymbolTable } from "./syntax.ts";
export { createSymbols, FLAGS_FIELD, INPORT_FIELD, OUTPORT_FIELD, subRange } from "./symbol-table.ts";
export { type Cell, FALSE, intersectTerms, matchOf, type Sum, simplify, type Term, TRUE, termOf } from "./term.ts";
