/**
 * bpf(2), memory that descriptors are mapped into, and the file system that keeps BPF objects alive.
 *
 * @see bpf(2), mmap(2)
 */
import { statfsSync } from "node:fs";
import { ERRNO, MAP, PROT } from "./constants.ts";
import { libc } from "./libc.ts";
import { checked, SystemCallError } from "./system-call-error.ts";

const SYSTEM_CALL = process.arch === "arm64" ? 280 : 321;
const BPF_FS_MAGIC = 0xcafe4a11;
const BPF_FS = "/sys/fs/bpf";

/**
 * One call of bpf(2).
 *
 * @param command - `BPF_MAP_CREATE` and so on
 * @param attributes - `union bpf_attr`; the kernel reads it, and writes its answers there
 * @returns what the kernel returns, or minus the errno
 */
export function callBpf(command: number, attributes: Uint8Array): number {
  const result = libc().syscall(SYSTEM_CALL, command, attributes, attributes.length);
  return result < 0 ? -libc().errno() : result;
}

/**
 * As {@link callBpf}, on another thread: for calls that take long.
 *
 * @returns what the kernel returns, or -1 when it refuses; the reason is told to a call on this thread alone
 */
export function callBpfAside(command: number, attributes: Uint8Array): Promise<number> {
  return libc().syscallAside(SYSTEM_CALL, command, attributes, attributes.length);
}

/** The symbolic name of an errno, e.g. `ENOENT`. */
export function errnoName(errno: number): string {
  return libc().nameOf(errno);
}

/** The address of memory for use inside of a structure; keep the memory referenced as long as the kernel may use it. */
export function addressOf(memory: Uint8Array): number {
  return libc().addressOf(memory);
}

/** Closes a descriptor. */
export function closeFd(fd: number): void {
  libc().close(fd);
}

/** What a descriptor was mapped to. */
export interface Mapping {
  /** The memory that is shared with the kernel; after `unmap` it is zeros, and nobody's but ours. */
  readonly bytes: Uint8Array;
  unmap(): void;
}

/**
 * Maps a part of what a descriptor stands for.
 *
 * @param offset - in bytes, a multiple of the page size
 * @throws SystemCallError
 */
export function mapDescriptor(fd: number, nBytes: number, offset: number, isWritable: boolean, action: string): Mapping {
  const protection = isWritable ? PROT.read | PROT.write : PROT.read;
  const address = checked(libc().mmap(null, nBytes, protection, MAP.shared, fd, offset), action, "mmap");
  return { bytes: libc().viewOf(address, nBytes), unmap: () => replaceByZeros(address, nBytes) };
}

/** A range of addresses, zeros that take no memory where nothing is mapped yet. */
export interface Reservation extends Mapping {
  /**
   * Maps a descriptor's first bytes to a part of the range, for reading and writing.
   *
   * @param at - where in the range, in bytes; a multiple of the page size
   * @throws SystemCallError
   */
  map(fd: number, at: number, nBytes: number, action: string): void;
}

/** Reserves a range of addresses. @param nBytes - a multiple of the page size @throws SystemCallError */
export function reserveAddresses(nBytes: number, action: string): Reservation {
  const protection = PROT.read | PROT.write;
  const flags = MAP.private | MAP.anonymous | MAP.noreserve;
  const address = checked(libc().mmap(null, nBytes, protection, flags, -1, 0), action, "mmap");
  return {
    bytes: libc().viewOf(address, nBytes),
    map(fd, at, length, what): void {
      checked(libc().mmap(address + at, length, protection, MAP.shared | MAP.fixed, fd, 0), what, "mmap");
    },
    unmap: () => replaceByZeros(address, nBytes),
  };
}

/** The address range stays ours, so that a reference which somebody kept does not end the process. */
function replaceByZeros(address: number, nBytes: number): void {
  const flags = MAP.private | MAP.fixed | MAP.anonymous | MAP.noreserve;
  checked(libc().mmap(address, nBytes, PROT.read | PROT.write, flags, -1, 0), "unmap memory of a map", "mmap");
}

/**
 * The folder in which BPF objects can be pinned; mounts it when nobody has.
 *
 * @throws SystemCallError
 */
export function bpfFileSystem(): string {
  if (statfsSync(BPF_FS).type !== BPF_FS_MAGIC && libc().mount("bpf", BPF_FS, "bpf", 0, null) < 0) {
    const { errno, errnoName: nameOfLast } = libc();
    if (errno() !== ERRNO.EBUSY) throw new SystemCallError(`mount ${BPF_FS}`, "mount", nameOfLast());
  }
  return BPF_FS;
}
