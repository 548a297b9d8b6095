/**
 * What a thread was at, and since when: collections of garbage, steps of work in turns by who began it, and whatever else the
 * event loop calls: timers and events of sockets.
 *
 * The instrument must not be seen in what it measures: the clock is read, nothing is made unless a piece was long, and the
 * thread's CPU time, for which the kernel would have to be asked, is left alone. A piece that another process interrupted is
 * told longer than it was.
 */
import { EventEmitter } from "node:events";
import { PerformanceObserver, constants } from "node:perf_hooks";
import { Turns } from "../../packages/switch/dist/turns.js";

/** Shorter pieces are not noted. */
const NOTED_MS = 0.2;
const GC_KINDS = {
  [constants.NODE_PERFORMANCE_GC_MINOR]: "a young collection",
  [constants.NODE_PERFORMANCE_GC_MAJOR]: "a full collection's end",
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: "marking",
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: "weak callbacks",
};

/** Notes the pieces of work of the thread that makes it. */
export class WorkNotes {
  #pieces = [];
  /** How many pieces that hold one another are under way: of callbacks the outermost is noted, which the event loop called. */
  #depth = 0;

  constructor() {
    this.#watchCollector();
    this.#watchTurns();
    this.#watchEvents();
    for (const name of ["setTimeout", "setInterval", "setImmediate"]) this.#watchTimers(name);
  }

  /** The pieces since this was asked last: `{ what, startMs, ms }`, the inner ones before those that they are part of. */
  take() {
    const pieces = this.#pieces;
    this.#pieces = [];
    return pieces;
  }

  /** Does something, and notes it when nothing is noted that it is part of. */
  during(what, act) {
    if (this.#depth > 0) return act();
    this.#depth++;
    const startMs = performance.now();
    try {
      return act();
    } finally {
      this.#depth--;
      this.#note(what, startMs);
    }
  }

  #note(what, startMs, ms = performance.now() - startMs) {
    if (ms > NOTED_MS) this.#pieces.push({ what, startMs: performance.timeOrigin + startMs, ms });
  }

  #watchCollector() {
    new PerformanceObserver((list) => {
      for (const { startTime, duration, detail } of list.getEntries()) {
        this.#note(GC_KINDS[detail.kind] ?? `collection ${detail.kind}`, startTime, duration);
      }
    }).observe({ entryTypes: ["gc"] });
  }

  #watchTurns() {
    const notes = this;
    const { begin } = Turns.prototype;
    Turns.prototype.begin = function beginNoted(work) {
      begin.call(this, new NotedSteps(work, callerName(), (what, startMs) => notes.#note(what, startMs)));
    };
  }

  #watchEvents() {
    const notes = this;
    const { emit } = EventEmitter.prototype;
    EventEmitter.prototype.emit = function emitNoted(name, ...args) {
      return notes.during(`the event ${String(name)}`, () => emit.call(this, name, ...args));
    };
  }

  #watchTimers(name) {
    const start = globalThis[name];
    const noted = (act, ...rest) => start((...args) => this.during(`a callback of ${name}`, () => act(...args)), ...rest);
    globalThis[name] = Object.assign(noted, start);
  }
}

/** Work, each step of which is noted. */
class NotedSteps {
  #work;
  #what;
  #note;

  constructor(work, what, note) {
    this.#work = work;
    this.#what = `a step of ${what}`;
    this.#note = note;
  }

  next() {
    const startMs = performance.now();
    const result = this.#work.next();
    this.#note(this.#what, startMs);
    return result;
  }

  return(value) {
    return this.#work.return(value);
  }

  throw(error) {
    return this.#work.throw(error);
  }

  [Symbol.iterator]() {
    return this;
  }
}

/** Who called what called this, outside of turns: a function, or a file and line. */
function callerName() {
  const frames = (new Error().stack ?? "").split("\n").slice(3);
  const frame = frames.find((each) => !each.includes("/turns.js"))?.trim() ?? "?";
  return frame.split(" ").length > 2 ? frame.split(" ")[1] : frame.replace(/.*\//, "");
}
