/**
 * Keeps a connection to one controller: calls it, asks whether it is still there when it is silent, calls again.
 *
 *     BACKOFF --pause over--> CONNECTING --agreed on a version--> ACTIVE --silence--> IDLE
 *        ^-------- failed, or too slow ---+<------ lost --------------+<-- no answer ---+    (IDLE --heard--> ACTIVE)
 *
 * Pauses begin with 1 s and double up to the longest one; a connection that came about starts them over.
 */
import type { Socket } from "node:net";
import { type Clock, type Logger, messageOf } from "@tenet/kit";
import { openSocket, type TlsFiles } from "@tenet/ovsdb";
import type { Conversation, ConversationOwner } from "../service/conversation.ts";
import { completeTarget, type ControllerSpec, type ControllerStatus } from "./controller-spec.ts";
import { describeFailure } from "./describe-failure.ts";

/** Probes are not sent more often, whatever the database says. */
const MIN_PROBE_MS = 5000;
const FIRST_PAUSE_MS = 1000;

/** Begins a conversation of the bridge over a socket. */
export type Converse = (socket: Socket, owner: ConversationOwner) => Conversation;

/** A controller that the switch calls. */
export class ActiveController {
  /** The switch does not wait for those that it calls. */
  readonly opened: Promise<void> = Promise.resolve();
  #spec: ControllerSpec;
  readonly #converse: Converse;
  readonly #tls: () => TlsFiles | undefined;
  readonly #clock: Clock;
  readonly #log: Logger;
  #state: "BACKOFF" | "CONNECTING" | "ACTIVE" | "IDLE" | "VOID" = "BACKOFF";
  #conversation: Conversation | undefined;
  /** Ends the attempt, or what came of it. */
  #attempt = new AbortController();
  #pauseMs = 0;
  /** Monotonic ms when the state changes unless something happens; of ACTIVE: when it was heard of last. */
  #sinceMs: number;
  #connectedMs: number | undefined;
  #disconnectedMs: number | undefined;
  #lastError: string | undefined;
  /** Monotonic ms since when there is no connection; `undefined` while there is one. */
  #aloneSinceMs: number | undefined;

  constructor(spec: ControllerSpec, converse: Converse, tls: () => TlsFiles | undefined, clock: Clock, log: Logger) {
    this.#spec = spec;
    this.#converse = converse;
    this.#tls = tls;
    this.#clock = clock;
    this.#log = log;
    this.#sinceMs = clock.monotonicMs();
    this.#aloneSinceMs = this.#sinceMs;
    this.#connect();
  }

  /** How long there has been no connection, in ms; 0 while there is one. */
  get aloneMs(): number {
    return this.#aloneSinceMs === undefined ? 0 : this.#clock.monotonicMs() - this.#aloneSinceMs;
  }

  get status(): ControllerStatus {
    const isConnected = this.#state === "ACTIVE" || this.#state === "IDLE";
    const role = isConnected ? this.#conversation?.role : undefined;
    return {
      isConnected,
      role: role === "equal" ? "other" : role,
      status: {
        ...(this.#lastError === undefined ? {} : { last_error: this.#lastError }),
        ...(this.#connectedMs === undefined ? {} : { sec_since_connect: this.#secondsSince(this.#connectedMs) }),
        ...(this.#disconnectedMs === undefined ? {} : { sec_since_disconnect: this.#secondsSince(this.#disconnectedMs) }),
        state: this.#state,
        ...describeCounts(this.#conversation?.packetCounts),
      },
    };
  }

  /** Goes on as another row says. @returns whether that is possible with the connection there is */
  adopt(spec: ControllerSpec): boolean {
    if (spec.target !== this.#spec.target || spec.isService !== this.#spec.isService) return false;
    this.#spec = spec;
    this.#pauseMs = Math.min(this.#pauseMs, spec.maxBackoffMs);
    this.#conversation?.limitPackets(spec.packetLimit);
    return true;
  }

  /** Periodic work; due every 500 ms. */
  tick(): void {
    const probeMs = Math.max(MIN_PROBE_MS, this.#spec.probeMs);
    const waitedMs = this.#clock.monotonicMs() - this.#sinceMs;
    switch (this.#state) {
      case "BACKOFF":
        if (waitedMs >= this.#pauseMs) this.#connect();
        return;
      case "CONNECTING":
        if (waitedMs >= Math.max(FIRST_PAUSE_MS, this.#pauseMs)) this.#fail("Connection timed out");
        return;
      case "ACTIVE":
        if (this.#spec.probeMs === 0 || waitedMs < probeMs) return;
        this.#enter("IDLE");
        return this.#conversation?.probe();
      case "IDLE":
        if (waitedMs >= probeMs) this.#fail("Connection timed out");
        return;
      case "VOID":
    }
  }

  /** Ends the connection and calls anew at once. */
  reconnect(): void {
    if (this.#state === "BACKOFF") this.#pauseMs = 0;
    else this.#fail(undefined);
  }

  close(): void {
    this.#state = "VOID";
    this.#attempt.abort();
    this.#conversation?.close();
  }

  #connect(): void {
    this.#enter("CONNECTING");
    this.#log[this.#isNews ? "info" : "debug"]({ controller: this.#spec.target }, "controller connecting");
    const attempt = new AbortController();
    this.#attempt = attempt;
    const open = async (): Promise<void> => {
      const socket = await openSocket(completeTarget(this.#spec.target), this.#tls(), attempt.signal);
      if (attempt.signal.aborted) socket.destroy();
      else this.#talk(socket, attempt.signal);
    };
    open().catch((error: unknown) => {
      if (attempt.signal.aborted) return;
      this.#log.debug({ controller: this.#spec.target, error: messageOf(error) }, "controller not reached");
      this.#fail(describeFailure(error));
    });
  }

  #talk(socket: Socket, signal: AbortSignal): void {
    let problem = "End of file";
    socket.on("error", (error) => (problem = describeFailure(error)));
    const isOurs = (): boolean => !signal.aborted;
    this.#conversation = this.#converse(socket, {
      name: this.#spec.target,
      isPrimary: !this.#spec.isService,
      isQuiet: this.#spec.isQuiet,
      packetLimit: this.#spec.packetLimit,
      ready: () => {
        if (isOurs()) this.#connected();
      },
      heard: () => {
        if (isOurs() && this.#state !== "CONNECTING") this.#enter("ACTIVE");
      },
      closed: () => {
        if (isOurs()) this.#fail(problem);
      },
    });
  }

  #connected(): void {
    this.#enter("ACTIVE");
    this.#pauseMs = 0;
    this.#connectedMs = this.#sinceMs;
    this.#aloneSinceMs = undefined;
    this.#log.info({ controller: this.#spec.target }, "controller connected");
  }

  #fail(problem: string | undefined): void {
    const nowMs = this.#clock.monotonicMs();
    const wasConnected = this.#state === "ACTIVE" || this.#state === "IDLE";
    this.#attempt.abort();
    this.#conversation?.close();
    this.#conversation = undefined;
    if (wasConnected) this.#disconnectedMs = nowMs;
    this.#aloneSinceMs ??= nowMs;
    if (problem !== undefined) this.#lastError = problem;
    const wasNews = this.#isNews;
    this.#pauseMs = Math.min(this.#spec.maxBackoffMs, this.#pauseMs === 0 ? FIRST_PAUSE_MS : 2 * this.#pauseMs);
    this.#enter("BACKOFF");
    const level = wasConnected || wasNews ? "warn" : "debug";
    const message = wasConnected ? "controller gone" : "controller not connected";
    const fields = { controller: this.#spec.target, pauseMs: this.#pauseMs };
    this.#log[level]({ ...fields, error: problem }, message);
    if (this.#isNews) this.#log.info(fields, "waiting for the controller");
    else if (wasNews) this.#log.info(fields, "controller is called without a word from now on");
  }

  /** Whether it is told that the controller is called, and is away: not any more when pauses have become as long as they can be. */
  get #isNews(): boolean {
    return this.#pauseMs < this.#spec.maxBackoffMs;
  }

  #enter(state: "BACKOFF" | "CONNECTING" | "ACTIVE" | "IDLE"): void {
    this.#state = state;
    this.#sinceMs = this.#clock.monotonicMs();
  }

  #secondsSince(ms: number): string {
    return String(Math.floor((this.#clock.monotonicMs() - ms) / 1000));
  }
}

/** Numbers of packets as the column `status` has them. */
function describeCounts(counts: Conversation["packetCounts"]): Record<string, string> {
  const described: Record<string, string> = {};
  for (const [kind, { nWaiting, nBypassed, nQueued, nDropped }] of Object.entries(counts ?? {})) {
    const numbers = { backlog: nWaiting, bypassed: nBypassed, queued: nQueued, dropped: nDropped };
    for (const [name, number] of Object.entries(numbers)) described[`packet-in-${kind}-${name}`] = String(number);
  }
  return described;
}
