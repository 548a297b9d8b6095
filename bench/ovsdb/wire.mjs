/**
 * A client of a few lines, the same for both servers, that costs little beside them: requests go out as bytes made
 * beforehand, and of the answers only their ends are looked for.
 */
import { createConnection } from "node:net";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

const [QUOTE, BACKSLASH, OPEN, CLOSE] = Buffer.from('"\\{}');
const [FAILURE, ECHO, NOTIFICATION] = ['"error":"', '"method":"echo"', '"method":"update'].map((text) => Buffer.from(text));

/** One connection. Messages that come in are counted, or kept when somebody asked for them. */
export class Wire {
  #socket;
  #depth = 0;
  #isInText = false;
  #isEscaped = false;
  #parts = [];
  #waiting = [];
  /** Whether messages are kept for `call`; otherwise they are counted alone. */
  #isKept = true;
  #wanted = 0;
  #done;
  /** Bytes and messages received. */
  nBytes = 0;
  nMessages = 0;

  static async open(path) {
    for (;;) {
      const socket = createConnection(path);
      try {
        await once(socket, "connect");
        return new Wire(socket);
      } catch (error) {
        if (error.code !== "EAGAIN") throw error; // more came than the server accepts at once
        await sleep(10);
      }
    }
  }

  constructor(socket) {
    this.#socket = socket;
    socket.on("data", (bytes) => this.#read(bytes));
    socket.on("error", () => undefined);
  }

  /** Sends one request and gives its result. */
  async call(method, params) {
    this.#isKept = true;
    const text = await new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#socket.write(JSON.stringify({ id: 0, method, params }));
    });
    const { result, error } = JSON.parse(text);
    const failure = error ?? (Array.isArray(result) ? result.find((each) => each?.error) : undefined);
    if (failure) throw new Error(JSON.stringify(failure));
    return result;
  }

  /**
   * Sends all requests, at most `nUnderWay` before their answers, and resolves when all are answered.
   *
   * @param requests - encoded requests, none of which may fail
   * @returns the latency of each in ms; with several under way, of each block of them
   */
  async pipeline(requests, nUnderWay) {
    const latencies = [];
    this.#isKept = false;
    let sent = 0;
    const more = (n) => {
      const block = requests.slice(sent, sent + n);
      sent += block.length;
      if (block.length > 0) this.#socket.write(block.length === 1 ? block[0] : Buffer.concat(block));
    };
    if (nUnderWay === 1) {
      while (sent < requests.length) {
        const start = performance.now();
        const answered = this.untilMessages(1);
        more(1);
        await answered;
        latencies.push(performance.now() - start);
      }
      return latencies;
    }
    const answered = this.untilMessages(requests.length);
    // Half a window at a time: neither side ever waits for the other.
    const half = nUnderWay >> 1;
    more(nUnderWay);
    let next = half;
    this.#each = (n) => {
      if (n >= next) {
        next += half;
        more(half);
      }
    };
    await answered;
    this.#each = undefined;
    return latencies;
  }

  /** Told of the count of messages after each read. */
  #each;

  /** Resolves when so many more messages have come. */
  untilMessages(n) {
    this.#isKept = false;
    this.nMessages = 0;
    this.#wanted = n;
    return new Promise((resolve) => (this.#done = resolve));
  }

  /** Resolves at the next byte. */
  firstByte() {
    return once(this.#socket, "data");
  }

  send(text) {
    this.#socket.write(text);
  }

  close() {
    this.#socket.destroy();
  }

  #read(bytes) {
    this.nBytes += bytes.length;
    if (!this.#isKept && bytes.includes(FAILURE) && !bytes.includes(NOTIFICATION)) throw new Error(`a request failed: ${bytes}`);
    let start = 0;
    let depth = this.#depth;
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at];
      if (this.#isInText) {
        if (this.#isEscaped) this.#isEscaped = false;
        else if (byte === BACKSLASH) this.#isEscaped = true;
        else if (byte === QUOTE) this.#isInText = false;
        else {
          // Texts are long: the engine looks for their ends faster.
          const end = bytes.indexOf(QUOTE, at + 1);
          if (end === -1 || bytes.subarray(at, end).includes(BACKSLASH)) continue;
          at = end;
          this.#isInText = false;
        }
      } else if (byte === QUOTE) this.#isInText = true;
      else if (byte === OPEN) depth++;
      else if (byte === CLOSE && --depth === 0) {
        this.#take(bytes.subarray(start, at + 1));
        start = at + 1;
      }
    }
    this.#depth = depth;
    if (this.#isKept && start < bytes.length) this.#parts.push(bytes.subarray(start));
    this.#each?.(this.nMessages);
    if (this.#wanted > 0 && this.nMessages >= this.#wanted) {
      this.#wanted = 0;
      this.#done();
    }
  }

  #take(bytes) {
    if (!this.#isKept) {
      if (bytes.length < 100 && bytes.includes(ECHO)) this.#socket.write('{"id":"echo","result":[],"error":null}');
      else this.nMessages++;
      return;
    }
    const whole = this.#parts.length === 0 ? bytes : Buffer.concat([...this.#parts, bytes]);
    this.#parts = [];
    if (whole.includes(ECHO) && whole.length < 100) this.#socket.write('{"id":"echo","result":[],"error":null}');
    else if (!whole.subarray(0, 80).includes(NOTIFICATION)) this.#waiting.shift()?.(whole.toString());
  }
}
