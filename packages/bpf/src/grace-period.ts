/**
 * Waits until no program runs any more that ran when the waiting began.
 *
 * Why: what a program found in a map is in its hands until it ends, also when it was deleted meanwhile; memory that it was led to may be
 * written anew only then. How: programs on packets run inside a read-side critical section of RCU, and the kernel promises that a
 * change of a map in an array of maps returns to user space only when all of those that were under way have ended
 * (`synchronize_rcu`). So such an array is kept for nothing but being written. Cost: some ms of waiting on another thread.
 *
 * @see bpf(2); Linux, commit 1ae80cf31938 ("bpf: wait for running BPF programs when updating map-in-map")
 */
import { SystemCallError } from "@tenet/linux";
import { BpfMap } from "./map.ts";

/** Grace periods, as many as are asked for. */
export class GracePeriod {
  #nWaiting = 0;
  #isClosed = false;
  readonly #inner = BpfMap.create({ kind: "array", name: "grace_inner", keyBytes: 4, valueBytes: 4, maxEntries: 1 });
  readonly #outer = BpfMap.create({
    kind: "array-of-maps",
    name: "grace",
    keyBytes: 4,
    valueBytes: 4,
    maxEntries: 1,
    like: this.#inner,
  });

  /** Resolves when all programs have ended that run now. @throws SystemCallError also when it is closed */
  async wait(): Promise<void> {
    if (this.#isClosed) throw new SystemCallError("wait for running programs", "bpf mapUpdate", "EBADF");
    this.#nWaiting++;
    try {
      await this.#outer.updateAside(Uint32Array.of(0), Uint32Array.of(this.#inner.fd));
    } finally {
      this.#nWaiting--;
      if (this.#isClosed) this.close();
    }
  }

  /** As {@link wait}, on this thread. @throws SystemCallError */
  waitHere(): void {
    this.#outer.update(Uint32Array.of(0), Uint32Array.of(this.#inner.fd));
  }

  /** Lets go of it, when nobody waits any more. */
  close(): void {
    this.#isClosed = true;
    if (this.#nWaiting > 0) return;
    this.#outer.close();
    this.#inner.close();
  }
}
