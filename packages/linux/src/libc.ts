/**
 * The system calls, through koffi, loaded on first use.
 *
 * Nothing is loaded when this package is imported, so that it imports fine on any system; the first call on a
 * system other than Linux throws. Structures are laid out by hand in buffers (see the files that use them): every
 * supported machine is little-endian with 64-bit pointers.
 *
 * The table below is the one thing kept at module level: it is made once and never changes.
 */
import { createRequire } from "node:module";
import { constants } from "node:os";
import { IoError } from "@tenet/kit";

/** A pointer argument: memory of ours, a raw address, or NULL. */
export type Pointer = Uint8Array | bigint | number | null;

/** Watches a descriptor on Node's own event loop. */
export interface FdWatch {
  stop(): void;
  ref(): void;
  unref(): void;
  close(): void;
}

/** A function of the library, called on this thread, or on one of koffi's. */
interface KoffiFunction {
  (...args: never[]): number;
  async(...args: unknown[]): void;
}

/** What koffi gives that plain function calls do not. */
interface Koffi {
  load(path: string): { func(definition: string): KoffiFunction };
  errno(): number;
  address(memory: Uint8Array): bigint;
  view(address: bigint, nBytes: number): ArrayBuffer;
  node: { poll(fd: number, events: object, callback: (status: number) => void): FdWatch };
}

const SIGNATURES = {
  accept4: "int accept4(int fd, void *address, void *length, int flags)",
  bind: "int bind(int fd, void *address, uint32_t length)",
  close: "int close(int fd)",
  connect: "int connect(int fd, void *address, uint32_t length)",
  epoll_create1: "int epoll_create1(int flags)",
  epoll_ctl: "int epoll_ctl(int epfd, int op, int fd, void *event)",
  epoll_wait: "int epoll_wait(int epfd, void *events, int n, int timeout)",
  fcntl: "int fcntl(int fd, int command, void *argument)",
  getsockopt: "int getsockopt(int fd, int level, int name, void *value, void *length)",
  ioctl: "int ioctl(int fd, uint64_t request, void *argument)",
  listen: "int listen(int fd, int backlog)",
  madvise: "int madvise(void *address, uint64_t length, int advice)",
  mmap: "int64_t mmap(void *address, uint64_t length, int protection, int flags, int fd, int64_t offset)",
  mount: "int mount(const char *source, const char *target, const char *type, uint64_t flags, void *data)",
  munmap: "int munmap(void *address, uint64_t length)",
  open: "int open(const char *path, int flags, int mode)",
  readv: "int64_t readv(int fd, void *iov, int n)",
  recv: "int64_t recv(int fd, void *buffer, uint64_t length, int flags)",
  recvmmsg: "int recvmmsg(int fd, void *messages, uint32_t n, int flags, void *timeout)",
  sendmmsg: "int sendmmsg(int fd, void *messages, uint32_t n, int flags)",
  sendto: "int64_t sendto(int fd, void *buffer, uint64_t length, int flags, void *address, uint32_t addressLength)",
  setns: "int setns(int fd, int kind)",
  setsockopt: "int setsockopt(int fd, int level, int name, void *value, uint32_t length)",
  shutdown: "int shutdown(int fd, int how)",
  socket: "int socket(int domain, int type, int protocol)",
  syscall: "int64_t syscall(int64_t number, int64_t first, void *second, int64_t third)",
  umount2: "int umount2(const char *target, int flags)",
  unshare: "int unshare(int flags)",
  writev: "int64_t writev(int fd, void *iov, int n)",
} as const;

type CallName = keyof typeof SIGNATURES;

/** The system calls by name; each returns what the C function does (-1 on failure, then see `errno`). */
export type Libc = Record<CallName, (...args: (Pointer | string)[]) => number> & {
  /** `syscall` on another thread; what is passed by reference must stay as it is until then. @returns -1 on failure */
  syscallAside(...args: Pointer[]): Promise<number>;
  /** Symbolic name of the last failure, e.g. `EAGAIN`. */
  errnoName(): string;
  /** Symbolic name of an errno. */
  nameOf(errno: number): string;
  /** Number of the last failure; cheap. */
  errno(): number;
  /** Address of the first byte of a buffer; keep the buffer referenced as long as the address is in use. */
  addressOf(memory: Uint8Array): number;
  /** The memory at an address that `mmap` gave; it must stay mapped as long as the bytes may be used. */
  viewOf(address: number, nBytes: number): Uint8Array;
  /** Calls `onReadable` on the event loop whenever the descriptor is readable, until closed; level-triggered. */
  watchReadable(fd: number, onReadable: () => void): FdWatch;
};

let loaded: Libc | undefined;

/**
 * The system calls.
 *
 * @throws IoError when this is not Linux, or koffi has no binary for this machine
 */
export function libc(): Libc {
  loaded ??= loadLibc();
  return loaded;
}

/** Why system calls are not available here; `undefined` when they are. */
export function whyNoLibc(): string | undefined {
  try {
    libc();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function loadLibc(): Libc {
  if (process.platform !== "linux") {
    throw new IoError(`Cannot make Linux system calls on "${process.platform}"`, {
      hint: "Use simulated hosts and memory ports here",
    });
  }
  try {
    const koffi = createRequire(import.meta.url)("koffi") as Koffi;
    return bindAll(koffi);
  } catch (cause) {
    throw new IoError("Cannot load the system-call library koffi", {
      hint: "Reinstall with npm ci; koffi ships binaries for Linux on x64 and arm64",
      cause,
    });
  }
}

function bindAll(koffi: Koffi): Libc {
  const library = koffi.load("libc.so.6");
  const functions = Object.fromEntries(Object.entries(SIGNATURES).map(([name, signature]) => [name, library.func(signature)]));
  const calls = functions as unknown as Record<CallName, (...args: (Pointer | string)[]) => number>;
  // The first of several names of a number is the usual one (EAGAIN, not EWOULDBLOCK).
  const nameOfErrno = new Map(
    Object.entries(constants.errno)
      .toReversed()
      .map(([name, value]) => [value, name]),
  );
  const nameOf = (errno: number): string => nameOfErrno.get(errno) ?? `errno ${errno}`;
  return {
    ...calls,
    syscallAside: (...args) =>
      new Promise((resolve, reject) => {
        const done = (error: Error | null, result: number): void => (error === null ? resolve(result) : reject(error));
        functions["syscall"]?.async(...args, done);
      }),
    errno: () => koffi.errno(),
    errnoName: () => nameOf(koffi.errno()),
    nameOf,
    addressOf: (memory) => Number(koffi.address(memory)),
    viewOf: (address, nBytes) => new Uint8Array(koffi.view(BigInt(address), nBytes)),
    watchReadable: (fd, onReadable) => koffi.node.poll(fd, { readable: true }, () => callGuarded(onReadable)),
  };
}

/** An exception must not unwind into native code, which would hold it back: throw it from the event loop instead. */
function callGuarded(run: () => void): void {
  try {
    run();
  } catch (error) {
    setImmediate(() => {
      throw error;
    });
  }
}
