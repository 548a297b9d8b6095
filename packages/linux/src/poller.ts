/**
 * Waits for many descriptors on Node's event loop, without a thread.
 *
 * The descriptors are in one epoll set, and the set itself is a descriptor that libuv watches: one callback per
 * turn of the event loop, in which `ready()` tells by one system call which of them can be read. It is
 * level-triggered: what the callback leaves unread makes it called again in the next turn, after timers and other
 * sockets had theirs.
 */
import { libc, type FdWatch } from "./libc.ts";
import { checked } from "./system-call-error.ts";

const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CLOEXEC = 0o2000000;
const MAX_EVENTS = 64;

/** epoll_event is packed on x64: events u32, data u64. */
const EVENT_SIZE = process.arch === "x64" ? 12 : 16;
const DATA_AT = process.arch === "x64" ? 4 : 8;

/** Conditions to wait for. */
export const POLL = { readable: 1, writable: 4, error: 8, hangup: 16 } as const;

/** A set of descriptors and a callback on the event loop. */
export class Poller {
  readonly #epollFd: number;
  readonly #events = new DataView(new ArrayBuffer(4096));
  readonly #eventBytes = new Uint8Array(this.#events.buffer);
  #watch: FdWatch | undefined;

  /** @throws SystemCallError when no descriptor is left */
  constructor() {
    this.#epollFd = checked(libc().epoll_create1(EPOLL_CLOEXEC), "make an epoll set", "epoll_create1");
  }

  /** Adds a descriptor; `tag` (32 bits) is what `ready` reports for it. */
  add(fd: number, tag: number, conditions: number = POLL.readable): void {
    const event = new DataView(new ArrayBuffer(16));
    event.setUint32(0, conditions, true);
    event.setUint32(DATA_AT, tag, true);
    const bytes = new Uint8Array(event.buffer);
    checked(libc().epoll_ctl(this.#epollFd, EPOLL_CTL_ADD, fd, bytes), `wait for descriptor ${fd}`, "epoll_ctl");
  }

  /** Removes a descriptor; call it before closing the descriptor. One that is not there is ignored. */
  remove(fd: number): void {
    libc().epoll_ctl(this.#epollFd, EPOLL_CTL_DEL, fd, this.#eventBytes);
  }

  /**
   * Asks which descriptors are ready now, without waiting.
   *
   * @param tags - out: the tags of ready descriptors
   * @returns how many, at most 64
   */
  ready(tags: Int32Array): number {
    const n = libc().epoll_wait(this.#epollFd, this.#eventBytes, Math.min(tags.length, MAX_EVENTS), 0);
    for (let i = 0; i < n; i++) tags[i] = this.#events.getInt32(i * EVENT_SIZE + DATA_AT, true);
    return Math.max(n, 0);
  }

  /** Starts calling `onReady` on the event loop while anything is ready; keeps the process alive until closed. */
  start(onReady: () => void): void {
    this.#watch?.close();
    this.#watch = libc().watchReadable(this.#epollFd, onReady);
  }

  /** Lets the process end even though this poller is started. */
  unref(): void {
    this.#watch?.unref();
  }

  /** Stops calling back. */
  stop(): void {
    this.#watch?.close();
    this.#watch = undefined;
  }

  /** Stops and frees the set; descriptors in it stay open. */
  close(): void {
    this.stop();
    libc().close(this.#epollFd);
  }
}
