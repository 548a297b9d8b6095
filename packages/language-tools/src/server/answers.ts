/** The answers to an editor's questions, in the protocol's form. */
import { readTokens, type Token } from "@tenet/datalog";
import { formatSource } from "../format/format-source.ts";
import { complete } from "../symbols/complete.ts";
import { describe } from "../symbols/describe.ts";
import type { Place } from "../symbols/program-model.ts";
import { type Replacement, renamable, rename } from "../symbols/rename.ts";
import type { Document } from "./document.ts";
import { CompletionKind, type Location, type Position, type Range, Severity, SymbolKind, type TextEdit } from "./protocol.ts";
import { uriOf, type Workspace } from "./workspace.ts";

/** Answers about one document. */
export class Answers {
  readonly #workspace: Workspace;
  readonly #name: string;
  readonly #document: Document;

  constructor(workspace: Workspace, name: string) {
    this.#workspace = workspace;
    this.#name = name;
    this.#document = workspace.document(name);
  }

  diagnostics(): object[] {
    const found = this.#workspace.model(this.#name).checked.diagnostics.filter(({ file }) => file === this.#name);
    if (found.length === 0) return [];
    const tokens = readTokens({ name: this.#name, text: this.#document.text }, []);
    return found.map(({ line, column, severity, problem, expected, hint, code }) => {
      const start = this.#document.offsetAt({ line: line - 1, character: column - 1 });
      const range = this.#document.range({ start, end: endOf(tokens, start) ?? start + 1 });
      const message = `${problem}${expected === undefined ? "" : `; expected ${expected}`}${hint === undefined ? "" : `\nhint: ${hint}`}`;
      return { range, severity: Severity[severity], code, source: "tenet", message };
    });
  }

  completion(position: Position): object[] {
    const offset = this.#document.offsetAt(position);
    const model = this.#workspace.model(this.#name);
    const file = model.file(this.#name);
    if (file === undefined) return [];
    return complete(model, file, this.#document.text, offset).map(({ kind, label, detail, insert, length }, i) => ({
      label,
      kind: CompletionKind[kind],
      detail,
      sortText: String(i).padStart(5, "0"),
      filterText: label,
      textEdit: { range: this.#document.range({ start: offset - length, end: offset }), newText: insert },
    }));
  }

  hover(position: Position): object | null {
    const place = this.#placeAt(position);
    const value = place && describe(this.#workspace.model(this.#name), place);
    if (place === undefined || value === undefined) return null;
    return { contents: { kind: "markdown", value }, range: this.#document.range(place.occurrence.span) };
  }

  definition(position: Position): Location[] {
    const place = this.#placeAt(position);
    return place === undefined
      ? []
      : this.#workspace
          .model(this.#name)
          .definitions(place)
          .map((found) => this.#locate(found));
  }

  references(position: Position, withDeclaration: boolean): Location[] {
    const place = this.#placeAt(position);
    if (place === undefined) return [];
    const places = this.#workspace.model(this.#name).places(place);
    return places
      .filter(({ occurrence }) => withDeclaration || occurrence.role !== "declaration")
      .map((found) => this.#locate(found));
  }

  /** @throws RenameError */
  prepareRename(position: Position): Range | null {
    const place = this.#placeAt(position);
    return place === undefined ? null : this.#document.range(renamable(this.#workspace.model(this.#name), place));
  }

  /** @throws RenameError */
  rename(position: Position, newName: string): { changes: Record<string, TextEdit[]> } | null {
    const place = this.#placeAt(position);
    if (place === undefined) return null;
    const changes: Record<string, TextEdit[]> = {};
    for (const { file, span, text } of rename(this.#workspace.model(this.#name), place, newName) satisfies Replacement[]) {
      const { name } = file.source;
      const edits = (changes[uriOf(name)] ??= []);
      edits.push({ range: this.#workspace.document(name).range(span), newText: text });
    }
    return { changes };
  }

  symbols(): object[] {
    const file = this.#workspace.model(this.#name).file(this.#name);
    return (file?.statements ?? []).flatMap((statement): object[] => {
      const { kind, span } = statement;
      const range = this.#document.range(span);
      if (kind === "declaration")
        return [{ name: statement.name, detail: statement.role, kind: SymbolKind.declaration, range, selectionRange: range }];
      if (kind === "function")
        return [{ name: statement.name, detail: kind, kind: SymbolKind.function, range, selectionRange: range }];
      if (kind === "test") return [{ name: `test "${statement.name}"`, kind: SymbolKind.test, range, selectionRange: range }];
      if (kind !== "rule") return [];
      const { headSpan, body } = statement;
      const detail = this.#document.text.slice(headSpan.start + statement.name.length, headSpan.end);
      const symbolKind = body === undefined ? SymbolKind.fact : SymbolKind.rule;
      return [{ name: statement.name, detail, kind: symbolKind, range, selectionRange: this.#document.range(headSpan) }];
    });
  }

  /** One edit for the whole text; none when it has the layout, `null` when it has errors. */
  formatting(): TextEdit[] | null {
    const { text } = this.#document;
    const formatted = formatSource({ name: this.#name, text }).text;
    if (formatted === undefined) return null;
    return formatted === text ? [] : [{ range: this.#document.range({ start: 0, end: text.length }), newText: formatted }];
  }

  #placeAt(position: Position): Place | undefined {
    const model = this.#workspace.model(this.#name);
    const file = model.file(this.#name);
    return file && model.at(file, this.#document.offsetAt(position));
  }

  #locate({ file, occurrence }: Place): Location {
    const { name } = file.source;
    return { uri: uriOf(name), range: this.#workspace.document(name).range(occurrence.span) };
  }
}

/** The end of the token that starts at an offset, also inside strings. */
function endOf(tokens: readonly Token[], start: number): number | undefined {
  for (const token of tokens) {
    if (token.start === start && token.end > start) return token.end;
    if (token.start > start) return undefined;
    if (token.end <= start) continue;
    for (const part of token.parts ?? []) {
      const end = typeof part === "string" ? undefined : endOf(part, start);
      if (end !== undefined) return end;
    }
  }
  return undefined;
}
