/**
 * A lifecycle scope: owns what was opened in it and closes it last-in first-out, each within a bound.
 *
 * Everything that a daemon opens (socket, timer, namespace, worker) is registered here, so that every
 * way out of the daemon closes all of it, and one failing close does not keep the others from running.
 */

/** What a scope can own. */
export type Resource = AsyncDisposable | Disposable | { close(): void | Promise<void> };

/** How long one resource may take to close, in ms. */
const CLOSE_BOUND_MS = 5000;

/** Owns resources; `await using scope = new Scope(signal)` closes them at the end of the block. */
export class Scope implements AsyncDisposable {
  /** Aborts when the parent signal does or when the scope closes. */
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  readonly #closers: (() => void | Promise<void>)[] = [];

  constructor(parent?: AbortSignal) {
    this.signal = parent === undefined ? this.#controller.signal : AbortSignal.any([parent, this.#controller.signal]);
  }

  /** Registers a resource and returns it. */
  use<R extends Resource>(resource: R): R {
    this.defer(() => closeResource(resource));
    return resource;
  }

  /** Runs `closer` when the scope closes. */
  defer(closer: () => void | Promise<void>): void {
    this.#closers.push(closer);
  }

  /** Calls `tick` every `periodMs` until the scope closes; the timer does not keep the process alive. */
  every(periodMs: number, tick: () => void): void {
    const timer = setInterval(tick, periodMs);
    timer.unref();
    this.defer(() => clearInterval(timer));
  }

  /**
   * Closes everything, last first.
   *
   * @throws AggregateError when one or more closers failed or ran over their bound; the others still ran
   */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#controller.abort();
    const failures: unknown[] = [];
    for (let closer = this.#closers.pop(); closer !== undefined; closer = this.#closers.pop()) {
      try {
        await withinBound(closer);
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, "Cannot close everything that was opened");
  }
}

async function closeResource(resource: Resource): Promise<void> {
  if (Symbol.asyncDispose in resource) await resource[Symbol.asyncDispose]();
  else if (Symbol.dispose in resource) resource[Symbol.dispose]();
  else await resource.close();
}

async function withinBound(closer: () => void | Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const bound = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`Closing took more than ${CLOSE_BOUND_MS} ms`)), CLOSE_BOUND_MS);
  });
  try {
    await Promise.race([Promise.resolve(closer()), bound]);
  } finally {
    clearTimeout(timer);
  }
}
