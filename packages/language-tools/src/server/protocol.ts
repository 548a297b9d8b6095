/** The parts of the Language Server Protocol 3.17 that the server speaks. Lines and characters count from 0, in UTF-16 units. */

export interface Position {
  readonly line: number;
  readonly character: number;
}

export interface Range {
  readonly start: Position;
  readonly end: Position;
}

export interface Location {
  readonly uri: string;
  readonly range: Range;
}

export interface TextEdit {
  readonly range: Range;
  readonly newText: string;
}

/** `textDocument/didOpen` and the other requests about a document. */
export interface DocumentParams {
  readonly textDocument: { readonly uri: string; readonly version?: number; readonly text?: string };
}

export interface PositionParams extends DocumentParams {
  readonly position: Position;
}

/** `textDocument/didChange`: a change without range replaces the whole text. */
export interface ChangeParams extends DocumentParams {
  readonly contentChanges: readonly { readonly range?: Range; readonly text: string }[];
}

/** JSON-RPC 2.0: a request has `id` and `method`, a notification `method` alone. */
export interface Message {
  readonly jsonrpc?: string;
  readonly id?: number | string | null;
  readonly method?: string;
  readonly params?: unknown;
}

/** Error codes of JSON-RPC and of the protocol. */
export const ErrorCode = {
  parse: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  internal: -32603,
  notInitialized: -32002,
  requestFailed: -32803,
} as const;

export const Severity = { error: 1, warning: 2 } as const;
export const CompletionKind = { function: 3, column: 5, variable: 6, table: 7, word: 14, type: 25 } as const;
export const SymbolKind = { declaration: 11, function: 12, rule: 12, fact: 14, test: 6, other: 3 } as const;
