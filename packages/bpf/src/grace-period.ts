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
import { Attributes, COMMAND, callError, fixedMemory } from "./attributes.ts";
import { BpfMap } from "./map.ts";

/** Open until closed; then nobody may be waiting. */
export class GracePeriod {
  readonly #inner = BpfMap.create({ kind: "array", name: "grace_inner", keyBytes: 4, valueBytes: 4, maxEntries: 1 });
  readonly #outer = BpfMap.create({
    kind: "array-of-maps",
    name: "grace",
    keyBytes: 4,
    valueBytes: 4,
    maxEntries: 1,
    like: this.#inner,
  });

  /** Resolves when all programs have ended that run now. @throws SystemCallError */
  async wait(): Promise<void> {
    const value = fixedMemory(4);
    new DataView(value.buffer).setUint32(0, this.#inner.fd, true);
    const attributes = new Attributes().u32(0, this.#outer.fd).memory(8, fixedMemory(4)).memory(16, value);
    if ((await attributes.tryAside(COMMAND.mapUpdate)) >= 0) return;
    const result = attributes.try(COMMAND.mapUpdate);
    if (result < 0) throw callError("wait for running programs", COMMAND.mapUpdate, -result);
  }

  close(): void {
    this.#outer.close();
    this.#inner.close();
  }
}
