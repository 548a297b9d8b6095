/**
 * A language server: the Language Server Protocol 3.17 over two streams.
 *
 * Requests are answered in the order they come. Findings are published for every open document of a program as soon as its
 * text has rested for a moment.
 */
import type { Readable, Writable } from "node:stream";
import { AppError, messageOf } from "@tenet/kit";
import type { Surroundings } from "../project/surroundings.ts";
import { Answers } from "./answers.ts";
import { Document } from "./document.ts";
import { frame, MessageReader } from "./message-reader.ts";
import { type ChangeParams, type DocumentParams, ErrorCode, type Message, type PositionParams } from "./protocol.ts";
import { nameOf, uriOf, Workspace } from "./workspace.ts";

const REST_MS = 100;

const CAPABILITIES = {
  positionEncoding: "utf-16",
  textDocumentSync: { openClose: true, change: 2, save: true },
  completionProvider: { triggerCharacters: [":", ".", "(", ","] },
  hoverProvider: true,
  definitionProvider: true,
  referencesProvider: true,
  renameProvider: { prepareProvider: true },
  documentSymbolProvider: true,
  documentFormattingProvider: true,
};

/**
 * Serves one editor until it says `exit`, closes the stream, or the signal aborts.
 *
 * @returns the exit code that the protocol asks for: 0 after `shutdown`
 * @throws FramingError when the other side does not speak the protocol
 */
export async function serveLanguage(
  input: Readable,
  output: Writable,
  surroundings: Surroundings,
  signal: AbortSignal,
): Promise<0 | 1> {
  const server = new LanguageServer(surroundings, (message) => output.write(frame(message)));
  const reader = new MessageReader();
  const stop = (): void => void input.destroy();
  signal.addEventListener("abort", stop, { once: true });
  try {
    for await (const chunk of input) {
      for (const body of reader.read(chunk as Buffer)) {
        server.receive(body);
        if (server.exitCode !== undefined) return server.exitCode;
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener("abort", stop);
    server[Symbol.dispose]();
  }
  return 1;
}

type State = "new" | "running" | "shutDown";

class LanguageServer implements Disposable {
  exitCode: 0 | 1 | undefined;
  readonly #workspace: Workspace;
  readonly #send: (message: object) => void;
  #state: State = "new";
  #resting: NodeJS.Timeout | undefined;

  constructor(surroundings: Surroundings, send: (message: object) => void) {
    this.#workspace = new Workspace(surroundings);
    this.#send = send;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#resting);
  }

  /** Takes a message's body and answers it. */
  receive(body: string): void {
    let message: Message;
    try {
      message = JSON.parse(body) as Message;
    } catch (error) {
      return this.#fail(null, ErrorCode.parse, messageOf(error));
    }
    const { id, method, params } = message;
    if (method === undefined) {
      // An answer to a request; the server makes none.
      if (id === undefined) this.#fail(null, ErrorCode.invalidRequest, "a message needs a method");
      return;
    }
    if (id === undefined || id === null) this.#notify(method, params);
    else this.#request(id, method, params);
  }

  #notify(method: string, params: unknown): void {
    if (method === "exit") this.exitCode = this.#state === "shutDown" ? 0 : 1;
    if (this.#state !== "running") return;
    const name = (): string => nameOf((params as DocumentParams).textDocument.uri);
    switch (method) {
      case "textDocument/didOpen":
        this.#workspace.set(name(), new Document((params as DocumentParams).textDocument.text ?? ""));
        return this.#publishSoon();
      case "textDocument/didChange":
        return this.#change(name(), params as ChangeParams);
      case "textDocument/didClose":
        this.#workspace.close(name());
        this.#send({
          jsonrpc: "2.0",
          method: "textDocument/publishDiagnostics",
          params: { uri: uriOf(name()), diagnostics: [] },
        });
        return this.#publishSoon();
      case "textDocument/didSave":
      case "workspace/didChangeWatchedFiles":
        this.#workspace.forget();
        return this.#publishSoon();
      default:
    }
  }

  #change(name: string, { contentChanges }: ChangeParams): void {
    if (!this.#workspace.isOpen(name)) return;
    let document = this.#workspace.document(name);
    for (const { range, text } of contentChanges) document = document.changed(range, text);
    this.#workspace.set(name, document);
    this.#publishSoon();
  }

  #publishSoon(): void {
    clearTimeout(this.#resting);
    this.#resting = setTimeout(() => this.#publish(), REST_MS);
  }

  #publish(): void {
    for (const name of this.#workspace.open) {
      try {
        const diagnostics = new Answers(this.#workspace, name).diagnostics();
        this.#send({ jsonrpc: "2.0", method: "textDocument/publishDiagnostics", params: { uri: uriOf(name), diagnostics } });
      } catch (error) {
        this.#send({ jsonrpc: "2.0", method: "window/logMessage", params: { type: 1, message: `${name}: ${messageOf(error)}` } });
      }
    }
  }

  #request(id: number | string, method: string, params: unknown): void {
    if (method !== "initialize" && this.#state === "new")
      return this.#fail(id, ErrorCode.notInitialized, "initialize comes first");
    if (this.#state === "shutDown") return this.#fail(id, ErrorCode.invalidRequest, "the server is shut down");
    try {
      const result = this.#answer(method, params);
      if (result === undefined) this.#fail(id, ErrorCode.methodNotFound, `unknown method "${method}"`);
      else this.#send({ jsonrpc: "2.0", id, result });
    } catch (error) {
      const code = error instanceof AppError ? ErrorCode.requestFailed : ErrorCode.internal;
      const hint = error instanceof AppError && error.hint !== undefined ? ` (${error.hint})` : "";
      this.#fail(id, code, `${messageOf(error)}${hint}`);
    }
  }

  /** @returns `undefined` for a method that is not known */
  #answer(method: string, params: unknown): object | null | undefined {
    if (method === "initialize") {
      this.#state = "running";
      return { capabilities: CAPABILITIES, serverInfo: { name: "tenet" } };
    }
    if (method === "shutdown") {
      this.#state = "shutDown";
      clearTimeout(this.#resting);
      return null;
    }
    if (!method.startsWith("textDocument/")) return undefined;
    const { textDocument, position } = params as PositionParams;
    const answers = new Answers(this.#workspace, nameOf(textDocument.uri));
    switch (method) {
      case "textDocument/completion":
        return answers.completion(position);
      case "textDocument/hover":
        return answers.hover(position);
      case "textDocument/definition":
        return answers.definition(position);
      case "textDocument/references":
        return answers.references(
          position,
          (params as { context?: { includeDeclaration?: boolean } }).context?.includeDeclaration !== false,
        );
      case "textDocument/prepareRename":
        return answers.prepareRename(position);
      case "textDocument/rename":
        return answers.rename(position, (params as { newName: string }).newName);
      case "textDocument/documentSymbol":
        return answers.symbols();
      case "textDocument/formatting":
        return answers.formatting();
      default:
        return undefined;
    }
  }

  #fail(id: number | string | null, code: number, message: string): void {
    this.#send({ jsonrpc: "2.0", id, error: { code, message } });
  }
}
