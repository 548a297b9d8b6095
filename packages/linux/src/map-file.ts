/**
 * A file as memory: its pages come when they are looked at, and one that is written to becomes this process's own.
 *
 * @see mmap(2), madvise(2)
 */
import { fstatSync } from "node:fs";
import { MAP, O, PROT } from "./constants.ts";
import { libc } from "./libc.ts";
import { checked } from "./system-call-error.ts";

/** Has the pages that are in the system's cache at hand in one go, without copying any. */
const MADV_POPULATE_READ = 22;

/** A file that is mapped. */
export interface MappedFile {
  readonly file: string;
  /** What the file holds. What is written here does not reach the file; when nobody refers to it any more, it is unmapped. */
  readonly bytes: ArrayBuffer;
}

/** Memory is given back when the last view of it is gone, which none but the collector knows. */
const unmapper = new FinalizationRegistry<{ address: number; nBytes: number }>(({ address, nBytes }) => {
  libc().munmap(address, nBytes);
});

/**
 * Maps a file, which must neither shrink nor be written to as long as the bytes are in use: reading what was cut off ends the process. A file
 * that another one of its name replaces stays as it was.
 *
 * @throws SystemCallError
 */
export function mapFile(file: string): MappedFile {
  const action = `map "${file}"`;
  const fd = checked(libc().open(file, O.rdonly | O.cloexec, 0), action, "open");
  try {
    const nBytes = fstatSync(fd).size;
    if (nBytes === 0) return { file, bytes: new ArrayBuffer(0) };
    const address = checked(libc().mmap(null, nBytes, PROT.read | PROT.write, MAP.private, fd, 0), action, "mmap");
    // Kernels before 5.14 do not know this advice; pages come one by one then.
    libc().madvise(address, nBytes, MADV_POPULATE_READ);
    const bytes = libc().viewOf(address, nBytes).buffer as ArrayBuffer;
    unmapper.register(bytes, { address, nBytes });
    return { file, bytes };
  } finally {
    libc().close(fd);
  }
}
