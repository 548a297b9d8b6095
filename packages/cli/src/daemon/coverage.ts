/** Counters of what a daemon does, with their rates. @see ovs-appctl(8), "coverage/show" */
import { createHash } from "node:crypto";

const SAMPLE_MS = 5000;
const SAMPLES_PER_MINUTE = 12;
const SAMPLES_PER_HOUR = 720;

interface Counter {
  total: number;
  /** Totals at the end of each five seconds, the newest last, at most an hour's. */
  readonly samples: number[];
}

/** The counters of one process. */
export class Coverage {
  readonly #counters = new Map<string, Counter>();
  readonly #readers: (() => Readonly<Record<string, number>>)[] = [];
  readonly #timer: NodeJS.Timeout;

  /** @param names - all counters that there are */
  constructor(names: readonly string[]) {
    for (const name of names) this.#counters.set(name, { total: 0, samples: [] });
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS).unref();
  }

  /** Counts an event. */
  count(name: string): void {
    const counter = this.#counters.get(name);
    if (counter !== undefined) counter.total++;
  }

  /** Shows what somebody else counts, too. @param read - tells totals by name, which never fall */
  include(read: () => Readonly<Record<string, number>>): void {
    this.#readers.push(read);
    this.#update();
  }

  /** How often it happened; `undefined` when there is no such counter. */
  read(name: string): number | undefined {
    this.#update();
    return this.#counters.get(name)?.total;
  }

  /** All that happened, with rates over the last five seconds, minute and hour. */
  show(): string {
    this.#update();
    const hit = [...this.#counters].filter(([, { total }]) => total > 0);
    const hash = createHash("sha1")
      .update(hit.map(([name]) => name).join(" "))
      .digest("hex")
      .slice(0, 8);
    const lines = hit.map(([name, counter]) => {
      const rate = (nSamples: number) => growth(counter, nSamples) / ((nSamples * SAMPLE_MS) / 1000);
      const [second, minute, hour] = [rate(1).toFixed(1), rate(SAMPLES_PER_MINUTE).toFixed(3), rate(SAMPLES_PER_HOUR).toFixed(4)];
      const rates = `${second.padStart(5)}/sec ${minute.padStart(9)}/sec   ${hour.padStart(11)}/sec`;
      return `${name.padEnd(24)} ${rates}   total: ${counter.total}`;
    });
    const title = `Event coverage, avg rate over last: 5 seconds, last minute, last hour,  hash=${hash}:`;
    return [title, ...lines, `${this.#counters.size - hit.length} events never hit`].join("\n");
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #update(): void {
    for (const read of this.#readers) {
      for (const [name, total] of Object.entries(read())) {
        const counter = this.#counters.get(name);
        if (counter === undefined) this.#counters.set(name, { total, samples: [] });
        else counter.total = total;
      }
    }
  }

  #sample(): void {
    this.#update();
    for (const { total, samples } of this.#counters.values()) {
      samples.push(total);
      if (samples.length > SAMPLES_PER_HOUR + 1) samples.shift();
    }
  }
}

/** What was counted within the latest samples. */
function growth({ samples }: Counter, nSamples: number): number {
  const last = samples.at(-1) ?? 0;
  return last - (samples.at(-1 - nSamples) ?? 0);
}
