/**
 * The control socket that `ovs-appctl` talks to: JSON-RPC 1.0 over a unix stream.
 *
 * `{"method": COMMAND, "params": [STRING...], "id": ID}` is answered by a result string or an error string.
 * A client that sends anything else loses its connection; the others notice nothing. Requests of a client are answered one after
 * the other, and it is not read meanwhile. One that ends its side when it has asked is answered all the same.
 */
import { rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { AppError, checkSocketPath, IoError, type Json, type Logger, messageOf } from "@tenet/kit";
import { closeToOthers } from "../rpc/close-to-others.ts";
import { JsonStream } from "../rpc/json-stream.ts";
import { whyNotBound } from "../rpc/why-not-bound.ts";
import type { Answer, Command } from "./command.ts";

/** Longest request taken, and deepest. */
const LIMITS = { sizeBytes: 1024 * 1024, depth: 10 };

/** What is counted of the requests of all clients. */
export type ControlEvent = "received" | "replied";

/** Serves commands on a unix socket. */
export class ControlServer {
  readonly #commands = new Map<string, Command>();
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #log: Logger;
  readonly #count: (event: ControlEvent) => void;

  /** @param count - is told of each request, and of each answer, be it a refusal */
  constructor(commands: readonly Command[], log: Logger, count: (event: ControlEvent) => void = () => undefined) {
    this.#log = log;
    this.#count = count;
    const list: Command = { name: "list-commands", usage: "", minArgs: 0, maxArgs: 0, run: () => this.#list() };
    for (const command of [...commands, list]) this.#commands.set(command.name, command);
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#serve(socket));
  }

  /** Listens on a path; what a dead daemon left there is replaced. @throws IoError */
  async listen(path: string): Promise<void> {
    rmSync(checkSocketPath(path), { force: true });
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", (error) => {
        const cause = whyNotBound(path, error);
        reject(new IoError(`Cannot listen on "${path}": ${cause.message}`, { cause }));
      });
      this.#server.listen(path, () => {
        closeToOthers(path);
        resolve();
      });
    });
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.end();
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    const grace = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, 200);
    await closed;
    clearTimeout(grace);
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    const stream = new JsonStream(LIMITS);
    let answered = Promise.resolve();
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", (error) => this.#log.debug({ error: error.message }, "control connection failed"));
    socket.on("data", (bytes) => {
      socket.pause();
      answered = this.#answerAll(socket, stream.push(bytes)).then(
        () => void socket.resume(),
        (error: unknown) => {
          this.#log.debug({ error: messageOf(error) }, "control connection broken off");
          socket.destroy();
        },
      );
    });
    socket.on("end", () => void answered.then(() => socket.end()));
  }

  /** @throws Error when one is malformed, or fails with its answer half given */
  async #answerAll(socket: Socket, requests: Iterable<Json>): Promise<void> {
    for (const request of requests) {
      if (socket.destroyed) return;
      await this.#answer(socket, request);
    }
  }

  async #answer(socket: Socket, request: Json): Promise<void> {
    const id = isRecord(request) ? (request["id"] ?? null) : null;
    let hasBegun = false;
    this.#count("received");
    try {
      for await (const text of replyOf(id, await this.#run(request))) {
        hasBegun = true;
        await written(socket, text);
        if (socket.destroyed) return;
      }
    } catch (error) {
      if (hasBegun) throw error;
      await written(socket, JSON.stringify({ id, error: withNewline(describeError(error)) }));
    }
    this.#count("replied");
  }

  async #run(request: Json): Promise<Answer> {
    const method = isRecord(request) ? request["method"] : undefined;
    const params = isRecord(request) ? request["params"] : undefined;
    if (typeof method !== "string" || !Array.isArray(params)) throw new Error("command does not have a method and params");
    const args = params.map((param) => {
      if (typeof param !== "string") throw new Error(`"${method}" command has non-string argument`);
      return param;
    });
    const command = this.#commands.get(method);
    if (command === undefined) {
      throw new Error(`"${method}" is not a valid command (use "list-commands" to see a list of valid commands)`);
    }
    if (args.length < command.minArgs) throw new Error(`"${method}" command requires at least ${command.minArgs} arguments`);
    if (args.length > command.maxArgs) throw new Error(`"${method}" command takes at most ${command.maxArgs} arguments`);
    return command.run(args);
  }

  #list(): string {
    const names = [...this.#commands.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    return `The available commands are:\n${names.map(({ name, usage }) => `  ${name.padEnd(23)} ${usage}`).join("\n")}`;
  }
}

/** The reply in pieces, as they come. */
async function* replyOf(id: Json, answer: Answer): AsyncGenerator<string> {
  if (typeof answer === "string") return yield JSON.stringify({ id, result: withNewline(answer), error: null });
  let head = `{"id":${JSON.stringify(id)},"result":"`;
  let last = "";
  for await (const piece of answer) {
    if (piece === "") continue;
    yield head + insideQuotes(piece);
    head = "";
    last = piece;
  }
  yield `${head}${insideQuotes(withNewline(last).slice(last.length))}","error":null}`;
}

/** A text as it is between the quotation marks of a JSON string. */
function insideQuotes(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

/** Writes a text; resolves when the client can read it, or is gone. */
function written(socket: Socket, text: string): Promise<void> {
  return new Promise((resolve) => {
    socket.write(text, () => resolve());
  });
}

function describeError(error: unknown): string {
  const hint = error instanceof AppError && error.hint !== undefined ? ` (${error.hint})` : "";
  return messageOf(error) + hint;
}

function withNewline(text: string): string {
  return text === "" || text.endsWith("\n") ? text : `${text}\n`;
}

function isRecord(value: Json): value is { readonly [key: string]: Json | undefined } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
