/**
 * Named locks that sessions hold and wait for, in order of asking.
 *
 * @see RFC 7047, sections 4.1.8 to 4.1.10
 */

/** Who can hold a lock. */
export interface LockHolder {
  /** The lock was granted after waiting. */
  locked(name: string): void;
  /** Somebody took the lock away. */
  stolen(name: string): void;
}

/** The locks of one holder. */
export interface LockNames {
  readonly held: readonly string[];
  readonly waiting: readonly string[];
  /** Stolen ones that had been stolen, too: they are not waited for. */
  readonly lost: readonly string[];
}

/** Who gives locks. */
export interface LockService {
  /** Asks for a lock. @returns whether it is held now; otherwise `locked` will be called */
  lock(name: string, holder: LockHolder): boolean | Promise<boolean>;
  /** Takes a lock away from its owner, who waits no longer. */
  steal(name: string, holder: LockHolder): void | Promise<void>;
  /** Gives a lock back, or stops waiting for it. */
  unlock(name: string, holder: LockHolder): void;
  /** Whether the holder owns the lock now. */
  isHeld(name: string, holder: LockHolder): boolean;
}

/** All locks of a server that shares no database. */
export class Locks implements LockService {
  /** Per lock: the owner first, then those who wait. */
  readonly #queues = new Map<string, LockHolder[]>();

  lock(name: string, holder: LockHolder): boolean {
    const queue = this.#queues.get(name) ?? [];
    queue.push(holder);
    this.#queues.set(name, queue);
    return queue.length === 1;
  }

  steal(name: string, holder: LockHolder): void {
    const [owner, ...waiting] = this.#queues.get(name) ?? [];
    this.#queues.set(name, [holder, ...(owner === undefined ? [] : [owner]), ...waiting]);
    owner?.stolen(name);
  }

  unlock(name: string, holder: LockHolder): void {
    const queue = this.#queues.get(name) ?? [];
    const wasOwner = queue[0] === holder;
    const rest = queue.filter((other) => other !== holder);
    if (rest.length === 0) this.#queues.delete(name);
    else this.#queues.set(name, rest);
    if (wasOwner) rest[0]?.locked(name);
  }

  isHeld(name: string, holder: LockHolder): boolean {
    return this.#queues.get(name)?.[0] === holder;
  }
}
