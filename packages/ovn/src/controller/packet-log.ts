/** Writes the lines of logged ACLs, at most so many a second, and counts what it leaves out. */
import type { Clock, Logger } from "@tenet/kit";
import type { PacketRequest } from "./packet-request.ts";

type LogRequest = Extract<PacketRequest, { type: "log" }>;

const LINES_PER_SECOND = 20;

/** A rate-limited log of packets. */
export class PacketLog {
  readonly #log: Logger;
  readonly #clock: Clock;
  #secondStartedMs = 0;
  #nLines = 0;
  #nLeftOut = 0;

  constructor(log: Logger, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** Writes a line, unless this second has had its share. */
  write({ name, verdict, severity, summary }: LogRequest): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#secondStartedMs >= 1000) {
      if (this.#nLeftOut > 0) this.#log.warn({ nLeftOut: this.#nLeftOut }, "logged packets left out");
      this.#secondStartedMs = nowMs;
      this.#nLines = 0;
      this.#nLeftOut = 0;
    }
    if (this.#nLines >= LINES_PER_SECOND) {
      this.#nLeftOut += 1;
      return;
    }
    this.#nLines += 1;
    this.#log.info({ name, verdict, severity, packet: summary }, "acl packet");
  }
}
