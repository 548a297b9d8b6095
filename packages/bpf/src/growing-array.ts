/**
 * An array that programs and this process share, and that grows while both use it.
 *
 * Why: the kernel takes the memory of an array at once, for as many entries as it may ever have.
 * How: it is made of pieces, arrays of equal length in an array of maps, which programs go through by two look-ups that the kernel
 * compiles in line. Here all pieces lie one after the other in one range of addresses, reserved at the start, so a place in it never moves.
 * More pieces are made when few entries are left: the kernel lets that wait until programs have ended that run (some ms),
 * therefore they are put in their places by other threads, half as many as there are at once.
 * Limits: it does not shrink.
 */
import { AppError } from "@tenet/kit";
import { type Reservation, reserveAddresses } from "@tenet/linux";
import { BpfMap, type MapSpec } from "./map.ts";

/** After the kernel had no memory. */
const RETRY_MS = 10_000;

/** What a growing array is to be. */
export interface GrowingArraySpec {
  /** Of the map of pieces, and of each piece. */
  readonly name: string;
  /** A multiple of 8. */
  readonly valueBytes: number;
  /** A power of two, so many that a piece takes whole pages of 4096 bytes. */
  readonly pieceEntries: number;
  /** Of whole pieces. */
  readonly maxEntries: number;
}

/** Entries by number. */
export class GrowingArray {
  readonly spec: GrowingArraySpec;
  /** For programs: pieces by number, each an array of `pieceEntries`. */
  readonly pieces: BpfMap;
  readonly #memory: Reservation;
  readonly #tell: (refusal: AppError) => void;
  #nPieces = 0;
  #growth: "idle" | "under way" | "refused" = "idle";
  #retry: NodeJS.Timeout | undefined;
  #isClosed = false;

  /**
   * Makes it, with one piece.
   *
   * @param tell - is called when the kernel refuses a piece; it is asked again later
   * @throws SystemCallError when the kernel refuses the first one
   */
  static create(spec: GrowingArraySpec, tell: (refusal: AppError) => void): GrowingArray {
    const like = BpfMap.create(pieceSpec(spec));
    try {
      const maxEntries = spec.maxEntries / spec.pieceEntries;
      const sizes = { keyBytes: 4, valueBytes: 4, maxEntries };
      const pieces = BpfMap.create({ kind: "array-of-maps", name: spec.name, ...sizes, like });
      return closingOnError(new GrowingArray(spec, pieces, tell), (array) => array.growTo(1));
    } finally {
      like.close();
    }
  }

  /**
   * Opens one whose map of pieces is pinned, as long as it is.
   *
   * @param spec - as it was made
   * @throws SystemCallError
   */
  static openPinned(path: string, spec: GrowingArraySpec, tell: (refusal: AppError) => void): GrowingArray {
    return closingOnError(new GrowingArray(spec, BpfMap.openPinned(path), tell), (array) => array.#openPieces());
  }

  private constructor(spec: GrowingArraySpec, pieces: BpfMap, tell: (refusal: AppError) => void) {
    this.spec = spec;
    this.pieces = pieces;
    this.#tell = tell;
    this.#memory = reserveAddresses(spec.maxEntries * spec.valueBytes, `reserve addresses for "${spec.name}"`);
  }

  /** The entries one after the other; what is beyond `nEntries` is nobody's. */
  get bytes(): Uint8Array {
    return this.#memory.bytes;
  }

  /** Entries that are there. */
  get nEntries(): number {
    return this.#nPieces * this.spec.pieceEntries;
  }

  /** Begins to grow when fewer than three quarters of a piece are left, or a quarter of all. @param nUsed - entries in use */
  keepSpare(nUsed: number): void {
    const { pieceEntries, maxEntries } = this.spec;
    const spare = Math.max(0.75 * pieceEntries, this.nEntries / 4);
    if (nUsed + spare <= this.nEntries || this.nEntries === maxEntries || this.#growth !== "idle") return;
    void this.#grow();
  }

  /**
   * Grows at once, which takes some ms for each piece; not for an array that `keepSpare` is used with.
   *
   * @param nEntries - that are to be there
   * @throws SystemCallError when the kernel refuses
   */
  growTo(nEntries: number): void {
    while (this.nEntries < nEntries) {
      const piece = BpfMap.create(pieceSpec(this.spec));
      try {
        this.pieces.update(Uint32Array.of(this.#nPieces), Uint32Array.of(piece.fd));
        this.#map(piece, this.#nPieces);
        this.#nPieces++;
      } finally {
        piece.close();
      }
    }
  }

  /** Gives all memory back, as far as no program uses it and it is not pinned. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    this.#memory.unmap();
    if (this.#growth !== "under way") this.pieces.close();
  }

  #openPieces(): void {
    for (let piece = this.pieces.openInner(0); piece !== undefined; piece = this.pieces.openInner(this.#nPieces)) {
      try {
        this.#map(piece, this.#nPieces);
        this.#nPieces++;
      } finally {
        piece.close();
      }
    }
  }

  async #grow(): Promise<void> {
    this.#growth = "under way";
    try {
      await this.#addPieces();
      this.#growth = "idle";
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      this.#refused(error);
    }
    if (this.#isClosed) this.pieces.close();
  }

  #refused(error: AppError): void {
    this.#growth = "refused";
    if (this.#isClosed) return;
    this.#tell(error);
    this.#retry = setTimeout(() => {
      this.#growth = "idle";
    }, RETRY_MS).unref();
  }

  async #addPieces(): Promise<void> {
    const nMost = this.spec.maxEntries / this.spec.pieceEntries - this.#nPieces;
    const n = Math.min(Math.ceil(this.#nPieces / 2), nMost);
    const added = await Promise.allSettled(Array.from({ length: n }, (_, i) => this.#addPiece(this.#nPieces + i)));
    for (const each of added) {
      if (each.status === "rejected") throw each.reason;
      this.#nPieces++;
    }
  }

  async #addPiece(i: number): Promise<void> {
    const piece = BpfMap.create(pieceSpec(this.spec));
    try {
      await this.pieces.updateAside(Uint32Array.of(i), Uint32Array.of(piece.fd));
      if (!this.#isClosed) this.#map(piece, i);
    } finally {
      piece.close();
    }
  }

  #map(piece: BpfMap, i: number): void {
    const nBytes = this.spec.pieceEntries * this.spec.valueBytes;
    this.#memory.map(piece.fd, i * nBytes, nBytes, `map the values of "${this.spec.name}"`);
  }
}

function pieceSpec({ name, valueBytes, pieceEntries }: GrowingArraySpec): MapSpec {
  return { kind: "array", name, keyBytes: 4, valueBytes, maxEntries: pieceEntries, isMapped: true };
}

function closingOnError(array: GrowingArray, prepare: (array: GrowingArray) => void): GrowingArray {
  try {
    prepare(array);
    return array;
  } catch (error) {
    array.close();
    throw error;
  }
}
