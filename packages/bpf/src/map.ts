/** Maps: what programs of the kernel and this process share. */
import { readFileSync } from "node:fs";
import { closeFd, type Mapping, mapDescriptor } from "@tenet/linux";
import { Attributes, COMMAND, callError, fixedMemory } from "./attributes.ts";
import type { MapReference } from "./instruction.ts";
import { MAP_KINDS, type MapKind, mapKindOf } from "./map-kind.ts";
import { openPin, pin } from "./pin.ts";

/** What a map is to be. */
export interface MapSpec {
  readonly kind: MapKind;
  /** The kernel keeps its first 15 characters. */
  readonly name: string;
  /** 4 for arrays, 0 for ring buffers. */
  readonly keyBytes: number;
  /** 0 for ring buffers. */
  readonly valueBytes: number;
  /** Of a ring buffer: bytes, a power of two and at least a page. */
  readonly maxEntries: number;
  /** Hashes only: entries take memory as they come; else the memory of all is taken at once. */
  readonly isGrowing?: boolean;
  /** Arrays only: `mapValues` gives their values as memory. */
  readonly isMapped?: boolean;
  /** Of an array of maps: what its maps are like. */
  readonly like?: MapReference;
}

/** A key or a value: its bytes, or 32-bit words as the machine has them. */
export type EntryPart = Uint8Array | Uint32Array;

/** When an entry may be written: whether or not its key is there, only when it is not, only when it is. */
export type UpdateMode = "any" | "create" | "replace";

const MODES: Readonly<Record<UpdateMode, number>> = { any: 0, create: 1, replace: 2 };
const FLAG = { noPreallocation: 1, mapped: 1 << 10 } as const;
const ERRNO = { ENOENT: 2, EEXIST: 17 } as const;
const INFO_BYTES = 96;
const PAGE_BYTES = 4096;

/** A map that is open here. It lives until nobody has it open or pinned, no program that uses it included. */
export class BpfMap implements MapReference {
  readonly fd: number;
  readonly spec: MapSpec;
  /** Bytes of a value as this process sees it: with per-CPU maps one value, of a multiple of 8 bytes, for each CPU. */
  readonly entryBytes: number;
  readonly #attributes = new Attributes();
  /** The kernel refuses to delete when it is given a value. */
  readonly #keyAlone = new Attributes();
  readonly #key: FixedPart;
  readonly #value: FixedPart;

  /** @throws SystemCallError when the kernel refuses */
  static create(spec: MapSpec): BpfMap {
    const flags =
      (spec.isMapped === true ? FLAG.mapped : 0) |
      (spec.kind === "prefix-trie" || spec.isGrowing === true ? FLAG.noPreallocation : 0);
    const fd = new Attributes()
      .u32(0, MAP_KINDS[spec.kind])
      .u32(4, spec.keyBytes)
      .u32(8, spec.valueBytes)
      .u32(12, spec.maxEntries)
      .u32(16, flags)
      .u32(20, spec.like?.fd ?? 0)
      .name(28, spec.name)
      .call(COMMAND.mapCreate, `create map "${spec.name}"`);
    return new BpfMap(fd, spec);
  }

  /** Opens a map that is pinned. @throws SystemCallError when nothing is there */
  static openPinned(path: string): BpfMap {
    const fd = openPin(path);
    return new BpfMap(fd, specOf(fd, path));
  }

  /** Opens a map of an array of maps. @returns `undefined` when there is none at this place @throws SystemCallError */
  openInner(place: number): BpfMap | undefined {
    const id = new Uint32Array(1);
    if (!this.lookup(Uint32Array.of(place), new Uint8Array(id.buffer))) return undefined;
    const fd = new Attributes().u32(0, id[0] ?? 0).call(COMMAND.mapById, `open map ${place} of "${this.name}"`);
    return new BpfMap(fd, specOf(fd, this.name));
  }

  private constructor(fd: number, spec: MapSpec) {
    this.fd = fd;
    this.spec = spec;
    this.entryBytes = spec.kind.startsWith("per-cpu") || spec.kind === "lru-per-cpu-hash" ? perCpuBytes(spec) : spec.valueBytes;
    this.#key = new FixedPart(spec.keyBytes);
    this.#value = new FixedPart(this.entryBytes);
    this.#keyAlone.u32(0, fd).memory(8, this.#key.bytes);
    this.#attributes.u32(0, fd).memory(8, this.#key.bytes).memory(16, this.#value.bytes);
  }

  get name(): string {
    return this.spec.name;
  }

  /**
   * Reads an entry.
   *
   * @param key - `keyBytes` long
   * @param value - out: `entryBytes` long; untouched when there is no such entry
   * @returns whether it is there
   * @throws SystemCallError
   */
  lookup(key: EntryPart, value: Uint8Array): boolean {
    this.#key.set(key);
    const isThere = this.#isThere(this.#attributes.u32(24, 0).try(COMMAND.mapLookup), COMMAND.mapLookup);
    if (isThere) value.set(this.#value.bytes);
    return isThere;
  }

  /**
   * Writes an entry.
   *
   * @returns whether it was written: `create` leaves one that is there, `replace` makes none
   * @throws SystemCallError when the map is full (`E2BIG`), or for another reason
   */
  update(key: EntryPart, value: EntryPart, mode: UpdateMode = "any"): boolean {
    this.#key.set(key);
    this.#value.set(value);
    const result = this.#attributes.u32(24, MODES[mode]).try(COMMAND.mapUpdate);
    if (result === -ERRNO.EEXIST && mode === "create") return false;
    return this.#isThere(result, COMMAND.mapUpdate);
  }

  /**
   * Writes an entry on another thread: of an array of maps, the kernel lets that wait until all programs have ended that run now.
   *
   * @param key - may change when this returns, as may the value
   * @throws SystemCallError
   */
  async updateAside(key: Uint32Array, value: Uint32Array): Promise<void> {
    const [keyPart, valuePart] = [new FixedPart(this.spec.keyBytes), new FixedPart(this.entryBytes)];
    keyPart.set(key);
    valuePart.set(value);
    const attributes = new Attributes().u32(0, this.fd).memory(8, keyPart.bytes).memory(16, valuePart.bytes);
    if ((await attributes.tryAside(COMMAND.mapUpdate)) >= 0) return;
    attributes.call(COMMAND.mapUpdate, `use map "${this.name}"`); // the reason is told on this thread alone
  }

  /** Deletes an entry. @returns whether it was there @throws SystemCallError */
  delete(key: EntryPart): boolean {
    this.#key.set(key);
    return this.#isThere(this.#keyAlone.try(COMMAND.mapDelete), COMMAND.mapDelete);
  }

  /**
   * Writes many entries by one call.
   *
   * @param keys - one after the other; of memory that does not move (`fixedMemory`)
   * @param values - likewise
   * @returns how many were written before the kernel refused one; all, when it is `n`
   */
  updateBatch(keys: Uint8Array, values: Uint8Array, n: number): number {
    return this.#batch(COMMAND.mapUpdateBatch, keys, values, n);
  }

  /** Deletes many entries by one call. @returns how many, up to the first that was not there */
  deleteBatch(keys: Uint8Array, n: number): number {
    return this.#batch(COMMAND.mapDeleteBatch, keys, undefined, n);
  }

  /**
   * Reads all entries, many by one call. What others change meanwhile may be seen or not.
   *
   * @param nAtOnce - entries per call, as many as the fullest bucket of a hash has, at least; a few hundred will do
   * @param visit - is given keys and values of `n` entries, one after the other; they change when it returns
   * @throws SystemCallError
   */
  forEachBatch(nAtOnce: number, visit: (keys: Uint8Array, values: Uint8Array, n: number) => void): void {
    const keys = fixedMemory(nAtOnce * this.spec.keyBytes);
    const values = fixedMemory(nAtOnce * this.entryBytes);
    const place = fixedMemory(Math.max(4, this.spec.keyBytes));
    const attributes = new Attributes().memory(8, place).memory(16, keys).memory(24, values).u32(36, this.fd);
    for (let isFirst = true, isLast = false; !isLast; isFirst = false) {
      const result = attributes
        .memory(0, isFirst ? undefined : place)
        .u32(32, nAtOnce)
        .try(COMMAND.mapLookupBatch);
      isLast = result === -ERRNO.ENOENT;
      if (result < 0 && !isLast) throw callError(`read map "${this.name}"`, COMMAND.mapLookupBatch, -result);
      const n = attributes.read(32);
      if (n > 0) visit(keys, values, n);
    }
  }

  /**
   * The values of an array made with `isMapped`, one after the other, each of a multiple of 8 bytes: what is written there the
   * program sees, and what it writes is seen here, without a system call.
   *
   * @throws SystemCallError
   */
  mapValues(): Mapping {
    const nBytes = this.spec.maxEntries * roundUp(this.spec.valueBytes, 8);
    return mapDescriptor(this.fd, roundUp(nBytes, PAGE_BYTES), 0, true, `map the values of "${this.name}"`);
  }

  /** Keeps the map alive under a path of the BPF file system. @throws SystemCallError */
  pin(path: string): void {
    pin(this.fd, path);
  }

  /** Lets go of it. */
  close(): void {
    closeFd(this.fd);
  }

  #isThere(result: number, command: number): boolean {
    if (result === -ERRNO.ENOENT) return false;
    if (result < 0) throw callError(`use map "${this.name}"`, command, -result);
    return true;
  }

  #batch(command: number, keys: Uint8Array, values: Uint8Array | undefined, n: number): number {
    const attributes = new Attributes().memory(16, keys).memory(24, values).u32(32, n).u32(36, this.fd);
    attributes.try(command);
    return attributes.read(32);
  }
}

/** Memory of a key or a value that the kernel has the address of. */
class FixedPart {
  readonly bytes: Uint8Array;
  readonly #words: Uint32Array;

  constructor(nBytes: number) {
    this.bytes = fixedMemory(nBytes);
    this.#words = new Uint32Array(this.bytes.buffer, 0, nBytes >> 2);
  }

  set(part: EntryPart): void {
    if (part instanceof Uint32Array) this.#words.set(part);
    else this.bytes.set(part);
  }
}

/** @param place - where it was found, for errors */
function specOf(fd: number, place: string): MapSpec {
  const info = fixedMemory(INFO_BYTES);
  new Attributes().u32(0, fd).u32(4, INFO_BYTES).memory(8, info).call(COMMAND.infoByFd, `read what map "${place}" is`);
  const view = new DataView(info.buffer);
  const [number, keyBytes, valueBytes, maxEntries, flags] = [0, 8, 12, 16, 20].map((at) => view.getUint32(at, true));
  const name = new TextDecoder().decode(info.subarray(24, 40)).replace(/\0.*$/s, "");
  const isMapped = ((flags ?? 0) & FLAG.mapped) !== 0;
  return {
    kind: mapKindOf(number ?? 0) ?? "hash",
    name,
    keyBytes: keyBytes ?? 0,
    valueBytes: valueBytes ?? 0,
    maxEntries: maxEntries ?? 0,
    isMapped,
  };
}

function perCpuBytes({ valueBytes }: MapSpec): number {
  const ranges = readFileSync("/sys/devices/system/cpu/possible", "utf8").trim().split(/[,-]/);
  return roundUp(valueBytes, 8) * (Number(ranges.at(-1)) + 1);
}

function roundUp(n: number, multiple: number): number {
  return Math.ceil(n / multiple) * multiple;
}
