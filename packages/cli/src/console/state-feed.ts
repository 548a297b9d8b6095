/** Tells listeners of the cloud's state, after bursts of changes have settled. */
import { type CloudState, readState, type StateSources } from "./cloud-state.ts";

/** How long changes are gathered: proofs of violations cost milliseconds, a person's eye is slower. */
const GATHER_MS = 100;

/** The present state and who wants to hear of it; close it to stop following the sources. */
export class StateFeed implements Disposable {
  readonly #sources: StateSources;
  readonly #listeners = new Set<(state: CloudState) => void>();
  readonly #stops: (() => void)[];
  #cached: CloudState | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(sources: StateSources) {
    this.#sources = sources;
    const changed = (): void => this.changed();
    this.#stops = [
      sources.nb.onChange(changed),
      sources.vswitch.onChange(changed),
      sources.policy.onViolations(changed),
      sources.policy.onPolicies(changed),
      sources.network.leftOut.onChange(changed),
    ];
  }

  /** The state as it is now. */
  current(): CloudState {
    this.#cached ??= readState(this.#sources);
    return this.#cached;
  }

  /** Calls `listener` with the state after each burst of changes. @returns stops it */
  onState(listener: (state: CloudState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Something that the state is read from changed. */
  changed(): void {
    this.#cached = undefined;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      if (this.#listeners.size === 0) return;
      const state = this.current();
      for (const listener of this.#listeners) listener(state);
    }, GATHER_MS);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    for (const stop of this.#stops) stop();
    this.#listeners.clear();
  }
}
