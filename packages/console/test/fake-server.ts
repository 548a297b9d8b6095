/** Serves the built page and canned answers on loopback, and can be made to misbehave. */
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import type { State, Story } from "../src/api.ts";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** A server under the test's control. */
export class FakeServer {
  /** Every question asked, in order. */
  readonly questions: string[] = [];
  /** Makes the answer to a question. */
  answer: (question: string) => Story;
  #state: State;
  #port = 0;
  readonly #folder: string;
  readonly #streams = new Set<ServerResponse>();
  #server: Server | undefined;

  constructor(folder: string, state: State, answer: (question: string) => Story) {
    this.#folder = folder;
    this.#state = state;
    this.answer = answer;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/`;
  }

  /** Listens; a second start after a stop takes the same port. */
  async start(): Promise<void> {
    const server = createServer((request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
    await new Promise<void>((resolve) => server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Stops listening and breaks every connection. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    this.#streams.clear();
  }

  /** Changes the state and tells every page. */
  push(state: State): void {
    this.#state = state;
    for (const stream of this.#streams) sendState(stream, state);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? "/", this.url);
    if (pathname === "/api/state") return sendJson(response, this.#state);
    if (pathname === "/api/why") return this.#serveWhy(request, response);
    if (pathname === "/api/events") {
      response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
      this.#streams.add(response);
      response.on("close", () => this.#streams.delete(response));
      return sendState(response, this.#state);
    }
    const path = normalize(pathname === "/" ? "/index.html" : pathname);
    const content = await readFile(join(this.#folder, path)).catch(() => undefined);
    response.writeHead(content === undefined ? 404 : 200, {
      "content-type": TYPES[extname(path)] ?? "text/plain",
      "content-security-policy": "default-src 'self'",
    });
    response.end(content);
  }

  async #serveWhy(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const { question } = JSON.parse(body) as { question: string };
    this.questions.push(question);
    sendJson(response, this.answer(question));
  }
}

function sendJson(response: ServerResponse, value: object): void {
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify(value));
}

function sendState(stream: ServerResponse, state: State): void {
  stream.write(`event: state\ndata: ${JSON.stringify(state)}\n\n`);
}
