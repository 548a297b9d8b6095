export { type ActionTable, actionTable } from "./action-table.ts";
export type { RelationDecl } from "./check/context.ts";
export type { CoreRelation, FunctionDef, RuleOrigin } from "./check/core.ts";
export { TYPES } from "./check/declare.ts";
export { type Analysis, analyze, compile, type CompileOptions, type Program, ProgramError } from "./compile.ts";
export type { Limits } from "./engine/evaluate/budget.ts";
export { InvariantError } from "./engine/checks/invariant-error.ts";
export type { Change, Delta, RelationDelta } from "./engine/delta.ts";
export { Engine, type EngineOptions, type RelationInfo } from "./engine/engine.ts";
export { DivergenceError, FunctionError, RelationError, TransactionError } from "./engine/errors.ts";
export { KeyError } from "./engine/input-row.ts";
export { formatProof, type Proof } from "./engine/proof/explain.ts";
export type { ProofOptions } from "./engine/proof/proofs.ts";
export type { Fork, WhatIf } from "./engine/fork.ts";
export type { Transaction } from "./engine/transaction.ts";
export { type Attempt, type FailingLiteral, formatWhyNot, type Pattern, type WhyNot } from "./engine/proof/why-not.ts";
export { BUILT_IN_FUNCTIONS } from "./functions/built-in.ts";
export { uuidOf } from "./functions/hash.ts";
export { HistoryDamageError, HistoryFileError, VersionError } from "./history/errors.ts";
export { type At, type History, type HistoryEntry, type HistoryOptions, openHistory } from "./history/history.ts";
export type { Retention } from "./history/history-log.ts";
export type { Note } from "./history/record.ts";
export type { HistoryFs } from "./history/record-file.ts";
export type { SyncPolicy } from "./history/syncer.ts";
export { type RowFilter, watch, type WatchOptions } from "./history/watch.ts";
export type {
  AggregateExpr,
  Argument,
  DeclarationSyntax,
  Expr,
  Formula,
  FunctionSyntax,
  ImportSyntax,
  ModuleSyntax,
  ProgramSyntax,
  RuleSyntax,
  SourceText,
  Span,
  Statement,
  TestSyntax,
} from "./language/ast.ts";
export { parseProgram } from "./language/parse-program.ts";
export { importedNames, type ReadSource, withImports } from "./language/imports.ts";
export { readTokens, type Token } from "./language/tokens.ts";
export { Scalar, type ScalarType, scalar } from "./scalar.ts";
export { StateFileError } from "./state/sections.ts";
export type { MappedState } from "./state/state-bytes.ts";
export { compareValues, formatAtom, formatValue, jsonOf, type Tuple, textOf, type Value, type ValueMap } from "./value.ts";
export { type RuleCoverage, runTests, type TestFailure, type TestReport, type TestResult } from "./run-tests.ts";
export { relation, type RowDelta, type RowInput, type Table, type TypedRelation } from "./typescript/relation.ts";
export { typesOf, type TypesOptions } from "./typescript/types-of.ts";
