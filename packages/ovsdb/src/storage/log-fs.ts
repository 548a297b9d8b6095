/** The file operations that a log needs, so that tests can make them fail. */
import nodeFs from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";

/** File operations: those of commits at once, those of a compaction beside the event loop. */
export interface LogFs {
  openSync(path: string, flags: string, mode?: number): number;
  readFileSync(path: string): Buffer;
  writeSync(fd: number, buffer: Uint8Array, offset: number, length: number, position: number): number;
  readSync(fd: number, buffer: Uint8Array, offset: number, length: number, position: number): number;
  fsyncSync(fd: number): void;
  ftruncateSync(fd: number, length: number): void;
  fstatSync(fd: number): { readonly mode: number };
  fchmodSync(fd: number, mode: number): void;
  closeSync(fd: number): void;
  renameSync(from: string, to: string): void;
  rmSync(path: string, options: { readonly force: boolean }): void;
  existsSync(path: string): boolean;
  /** Writes without holding up the event loop. @returns the bytes written */
  write(fd: number, buffer: Uint8Array, offset: number, length: number, position: number): Promise<number>;
  /** Reads without holding up the event loop. @returns the bytes read */
  read(fd: number, buffer: Uint8Array, offset: number, length: number, position: number): Promise<number>;
  /** Flushes without holding up the event loop. */
  fsync(fd: number): Promise<void>;
  /** Closes without holding up the event loop: that frees the space of a file without a name. */
  close(fd: number): Promise<void>;
}

const [write, read] = [promisify(nodeFs.write), promisify(nodeFs.read)];

/** The operating system's files. */
export const systemFs: LogFs = {
  openSync: nodeFs.openSync,
  readFileSync: (path) => nodeFs.readFileSync(path),
  writeSync: nodeFs.writeSync,
  readSync: nodeFs.readSync,
  fsyncSync: nodeFs.fsyncSync,
  ftruncateSync: nodeFs.ftruncateSync,
  fstatSync: (fd) => nodeFs.fstatSync(fd),
  fchmodSync: nodeFs.fchmodSync,
  closeSync: nodeFs.closeSync,
  renameSync: nodeFs.renameSync,
  rmSync: nodeFs.rmSync,
  existsSync: nodeFs.existsSync,
  write: async (fd, buffer, offset, length, position) => (await write(fd, buffer, offset, length, position)).bytesWritten,
  read: async (fd, buffer, offset, length, position) => (await read(fd, buffer, offset, length, position)).bytesRead,
  fsync: promisify(nodeFs.fsync),
  close: promisify(nodeFs.close),
};

/** Makes a new name in a folder durable. */
export function syncFolder(path: string, fs: LogFs): void {
  const fd = fs.openSync(dirname(path), "r");
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}
