/** An editor for tests: speaks the protocol with a server over two streams. */
import { readFileSync } from "node:fs";
import { PassThrough } from "node:stream";
import { pathToFileURL } from "node:url";
import { serveLanguage, type Surroundings } from "@tenet/language-tools";

/** What the server says of its own accord. */
interface Notification {
  readonly method: string;
  readonly params: unknown;
}

/** A finding as the protocol has it. */
export interface Published {
  readonly range: {
    readonly start: { readonly line: number; readonly character: number };
    readonly end: { readonly line: number; readonly character: number };
  };
  readonly severity: number;
  readonly message: string;
}

/** An open session. */
export class Session {
  readonly toServer: PassThrough = new PassThrough();
  readonly ended: Promise<0 | 1>;
  readonly abort: AbortController = new AbortController();
  readonly #fromServer = new PassThrough();
  readonly #answers = new Map<number, (message: { result?: unknown; error?: { code: number; message: string } }) => void>();
  readonly #waiting: { matches: (note: Notification) => boolean; take: (note: Notification) => void }[] = [];
  #bytes = Buffer.alloc(0);
  #nextId = 1;

  constructor(surroundings: Surroundings) {
    this.#fromServer.on("data", (chunk: Buffer) => this.#read(chunk));
    this.ended = serveLanguage(this.toServer, this.#fromServer, surroundings, this.abort.signal);
  }

  async initialize(): Promise<unknown> {
    const result = await this.request("initialize", { processId: null, rootUri: null, capabilities: {} });
    this.notify("initialized", {});
    return result;
  }

  /** Opens a document; resolves with its findings. */
  open(file: string, text: string = readFileSync(file, "utf8")): Promise<Published[]> {
    const published = this.published(file);
    this.notify("textDocument/didOpen", { textDocument: { uri: uriOf(file), languageId: "dl", version: 1, text } });
    return published;
  }

  /** Replaces the whole text; resolves with the new findings. */
  change(file: string, text: string): Promise<Published[]> {
    const published = this.published(file);
    this.notify("textDocument/didChange", { textDocument: { uri: uriOf(file), version: 2 }, contentChanges: [{ text }] });
    return published;
  }

  /** The next findings of a document. */
  async published(file: string): Promise<Published[]> {
    const uri = uriOf(file);
    const note = await this.next(
      ({ method, params }) => method === "textDocument/publishDiagnostics" && (params as { uri: string }).uri === uri,
    );
    return (note.params as { diagnostics: Published[] }).diagnostics;
  }

  next(matches: (note: Notification) => boolean): Promise<Notification> {
    return new Promise((take) => this.#waiting.push({ matches, take }));
  }

  /** @throws Error with the server's code and message */
  async request<T>(method: string, params?: unknown): Promise<T> {
    const id = this.#nextId++;
    const answer = await new Promise<{ result?: unknown; error?: { code: number; message: string } }>((resolve) => {
      this.#answers.set(id, resolve);
      this.#write({ jsonrpc: "2.0", id, method, params });
    });
    if (answer.error !== undefined) throw new Error(`${answer.error.code} ${answer.error.message}`);
    return answer.result as T;
  }

  notify(method: string, params?: unknown): void {
    this.#write({ jsonrpc: "2.0", method, params });
  }

  #write(message: object): void {
    const body = Buffer.from(JSON.stringify(message));
    this.toServer.write(Buffer.concat([Buffer.from(`Content-Length: ${body.length}\r\n\r\n`), body]));
  }

  #read(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    for (;;) {
      const match = /^Content-Length: (\d+)\r\n\r\n/.exec(this.#bytes.toString("latin1"));
      if (match === null) return;
      const start = match[0].length;
      const end = start + Number(match[1]);
      if (this.#bytes.length < end) return;
      this.#take(JSON.parse(this.#bytes.toString("utf8", start, end)) as { id?: number } & Notification);
      this.#bytes = this.#bytes.subarray(end);
    }
  }

  #take(message: { id?: number } & Notification): void {
    if (message.id !== undefined) {
      this.#answers.get(message.id)?.(message as object);
      return;
    }
    const index = this.#waiting.findIndex(({ matches }) => matches(message));
    if (index >= 0) this.#waiting.splice(index, 1)[0]?.take(message);
  }
}

export function uriOf(file: string): string {
  return pathToFileURL(file).href;
}
