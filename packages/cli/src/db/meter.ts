/** Tells somebody at a terminal how far long work is: one line that is overwritten, and gone when the work is done. */
import type { RowProgress } from "@tenet/ovsdb";

/** Where the line goes. */
export interface MeterOutput {
  /** Nothing is written where lines cannot be overwritten. */
  readonly isTerminal: boolean;
  readonly write: (text: string) => unknown;
}

const CLEAR = "\r\x1b[K";
/** Work that is done before is not worth a line. */
const PATIENCE_MS = 500;
const INTERVAL_MS = 100;

/** One line for the work of one command. */
export class Meter {
  readonly #out: MeterOutput;
  readonly #nowMs: () => number;
  #work = "";
  #workSinceMs: number;
  #shownAtMs: number;
  #isShown = false;

  constructor(out: MeterOutput, nowMs: () => number = () => performance.now()) {
    this.#out = out;
    this.#nowMs = nowMs;
    this.#workSinceMs = nowMs();
    this.#shownAtMs = this.#workSinceMs + PATIENCE_MS - INTERVAL_MS;
  }

  /** To be given to what works on rows. */
  readonly rows: RowProgress = (work, nRows, nTotal) => {
    const nowMs = this.#nowMs();
    if (work !== this.#work) {
      this.#work = work;
      this.#workSinceMs = nowMs;
    }
    if (!this.#out.isTerminal || nowMs - this.#shownAtMs < INTERVAL_MS) return;
    this.#shownAtMs = nowMs;
    const perSecond = nRows / Math.max(0.001, (nowMs - this.#workSinceMs) / 1000);
    const leftS = Math.ceil((nTotal - nRows) / perSecond);
    const rate = nowMs - this.#workSinceMs < INTERVAL_MS ? "" : `  ${count(perSecond)} rows/s  ${leftS} s left`;
    this.#show(`${work}: ${count(nRows)} of ${count(nTotal)} rows${rate}`);
  };

  /** Says what is done now, of which nobody knows how long it takes. */
  note(text: string): void {
    if (this.#out.isTerminal) this.#show(`${text} …`);
  }

  /** Takes the line away. */
  end(): void {
    if (this.#isShown) this.#out.write(CLEAR);
    this.#isShown = false;
  }

  #show(text: string): void {
    this.#out.write(`${CLEAR}${text}`);
    this.#isShown = true;
  }
}

function count(n: number): string {
  return Math.round(n).toLocaleString("en");
}
