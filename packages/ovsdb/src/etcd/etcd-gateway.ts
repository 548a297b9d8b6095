/**
 * Speaks to an etcd cluster over the JSON gateway that each member has beside gRPC.
 *
 * One endpoint is asked until it fails, then the next. 64-bit numbers are strings on this wire, keys and values base64.
 *
 * @see https://etcd.io/docs/v3.4/dev-guide/api_grpc_gateway/
 */
import { type Agent, type ClientRequest, type IncomingMessage, Agent as HttpAgent, request as requestHttp } from "node:http";
import { Agent as HttpsAgent, request as requestHttps } from "node:https";
import { StringDecoder } from "node:string_decoder";
import { setTimeout as sleep } from "node:timers/promises";
import { AppError, errnoOf, type Json, messageOf } from "@tenet/kit";
import { isJsonObject } from "../model/sorted-json.ts";
import { readTlsFiles, type TlsFiles } from "../rpc/tls-files.ts";

/** An object of the gateway. */
export type EtcdJson = { readonly [member: string]: Json | undefined };

/** A request that etcd did not fulfil. */
export class EtcdError extends AppError {
  static override readonly code: string = "OVSDB_ETCD";
  /** Whether a later try may succeed: nobody answered, or there was no leader. */
  readonly isTransient: boolean;
  /** Whether it may have been fulfilled all the same, or may yet be. */
  readonly mayHaveHappened: boolean;

  constructor(message: string, about: { isTransient: boolean; mayHaveHappened: boolean }, options: ErrorOptions = {}) {
    super(message, options);
    this.isTransient = about.isTransient;
    this.mayHaveHappened = about.mayHaveHappened;
  }
}

/** How long one endpoint may take to answer, in ms. */
const ATTEMPT_MS = 2000;
const PAUSE_MS = 50;
/** gRPC codes of requests that etcd refused before it did anything. */
const REFUSALS = new Set([3, 5, 6, 7, 8, 9, 11, 12, 16]);

/** Requests to a cluster. */
export class EtcdGateway {
  readonly #endpoints: readonly string[];
  readonly #agents: { readonly http: Agent; readonly https: Agent };
  #preferred = 0;

  /** @throws IoError when a certificate cannot be read */
  constructor(endpoints: readonly string[], tls: TlsFiles | undefined) {
    this.#endpoints = endpoints;
    const files = tls === undefined ? {} : readTlsFiles(tls);
    this.#agents = { http: new HttpAgent({ keepAlive: true }), https: new HttpsAgent({ keepAlive: true, ...files }) };
    this.#preferred = Math.floor(Math.random() * endpoints.length);
  }

  /** Asks one endpoint once; when it cannot be reached another one is next. @throws EtcdError */
  async attempt(path: string, body: EtcdJson, signal: AbortSignal, timeoutMs: number = ATTEMPT_MS): Promise<EtcdJson> {
    const endpoint = this.#endpoint();
    let wasSent = false;
    let isLate = false;
    let timer: NodeJS.Timeout | undefined;
    try {
      const request = this.#open(endpoint, path, signal);
      timer = setTimeout(() => {
        isLate = true;
        request.destroy();
      }, timeoutMs);
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        request.on("response", resolve).on("error", reject);
        request.on("socket", (socket) => {
          if (socket.connecting) socket.once("connect", () => (wasSent = true));
          else wasSent = true;
        });
        request.end(JSON.stringify(body));
      });
      return await readAnswer(response, path);
    } catch (error) {
      if (error instanceof EtcdError && !error.isTransient) throw error;
      this.#avoid(endpoint);
      if (error instanceof EtcdError) throw error;
      const why = isLate ? `no answer within ${Math.round(timeoutMs)} ms` : (errnoOf(error) ?? messageOf(error));
      const about = { isTransient: true, mayHaveHappened: wasSent };
      throw new EtcdError(`etcd at ${endpoint} cannot be reached (${why})`, about, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Asks endpoint after endpoint, for requests that may be fulfilled twice. @throws EtcdError after `withinMs` */
  async call(path: string, body: EtcdJson, signal: AbortSignal, withinMs = 5000): Promise<EtcdJson> {
    const endsAt = performance.now() + withinMs;
    for (;;) {
      try {
        return await this.attempt(path, body, signal, Math.max(1, Math.min(ATTEMPT_MS, endsAt - performance.now())));
      } catch (error) {
        if (signal.aborted || !(error instanceof EtcdError) || !error.isTransient) throw error;
        if (performance.now() + PAUSE_MS >= endsAt) throw error;
        await sleep(PAUSE_MS, undefined, { signal });
      }
    }
  }

  /** Hands over each message of a stream until it ends, or `onMessage` wants no more. @throws EtcdError */
  async stream(path: string, body: EtcdJson, signal: AbortSignal, onMessage: (message: EtcdJson) => boolean): Promise<void> {
    const endpoint = this.#endpoint();
    try {
      const request = this.#open(endpoint, path, signal);
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        request.on("response", resolve).on("error", reject);
        request.end(JSON.stringify(body));
      });
      for await (const line of linesOf(response)) {
        const message = JSON.parse(line) as Json;
        if (isJsonObject(message) && !onMessage(message)) return;
      }
    } catch (error) {
      if (!signal.aborted) this.#avoid(endpoint);
      const about = { isTransient: true, mayHaveHappened: false };
      throw new EtcdError(`etcd at ${endpoint} ended a stream (${messageOf(error)})`, about, { cause: error });
    }
  }

  close(): void {
    this.#agents.http.destroy();
    this.#agents.https.destroy();
  }

  #endpoint(): string {
    return this.#endpoints[this.#preferred % this.#endpoints.length] ?? "";
  }

  #avoid(endpoint: string): void {
    if (this.#endpoint() === endpoint) this.#preferred++;
  }

  #open(endpoint: string, path: string, signal: AbortSignal): ClientRequest {
    const isTls = endpoint.startsWith("https:");
    const options = { method: "POST", signal, headers: { "content-type": "application/json" } };
    const url = `${endpoint}/v3/${path}`;
    if (isTls) return requestHttps(url, { ...options, agent: this.#agents.https });
    return requestHttp(url, { ...options, agent: this.#agents.http });
  }
}

async function readAnswer(response: IncomingMessage, path: string): Promise<EtcdJson> {
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(piece as Buffer);
  const text = Buffer.concat(pieces).toString("utf8");
  if (response.statusCode === 200) {
    const json = JSON.parse(text) as Json;
    if (isJsonObject(json)) return json;
  }
  const { message, code } = failureOf(text);
  const isRefused = code !== undefined && REFUSALS.has(code);
  throw new EtcdError(`etcd refused ${path}: ${message} (status ${response.statusCode})`, {
    isTransient: !isRefused,
    mayHaveHappened: !isRefused,
  });
}

/** Some versions write a trailer behind the error object. */
function failureOf(text: string): { message: string; code: number | undefined } {
  const [, message = text.slice(0, 200)] = /"(?:message|error)":"((?:[^"\\]|\\.)*)"/.exec(text) ?? [];
  const [, code] = /"code":(\d+)/.exec(text) ?? [];
  return { message, code: code === undefined ? undefined : Number(code) };
}

async function* linesOf(response: IncomingMessage): AsyncGenerator<string> {
  const decoder = new StringDecoder("utf8");
  let parts: string[] = [];
  for await (const bytes of response) {
    const [first = "", ...lines] = decoder.write(bytes as Buffer).split("\n");
    parts.push(first);
    for (const line of lines) {
      const whole = parts.join("");
      parts = [line];
      if (whole.trim() !== "") yield whole;
    }
  }
}
