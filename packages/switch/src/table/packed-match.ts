/** A match in little memory: a FlowKey is wide, and most matches look at few of its words. */
import { hashWords } from "@tenet/classifier";
import { FLOW_WORDS, makeFlowKey } from "@tenet/net";
import type { Match } from "@tenet/openflow";

/** A mask; matches that have it share it. */
interface Shape {
  readonly mask: Uint32Array;
  /** The same, to be compared: a loop over the words takes three times as long. */
  readonly bytes: Buffer;
  /** The words that it looks at. */
  readonly words: readonly number[];
}

/** A match that is made anew each time its key is asked for. */
export class PackedMatch implements Match {
  readonly options: Match["options"];
  readonly #shape: Shape;
  /** The words of the key that the mask looks at, as signed numbers: those are held in place. */
  readonly #values: readonly number[];

  constructor({ key, options }: Match, shape: Shape) {
    const { words } = shape;
    const values = words.slice(); // as long as it has to be, which a list that grew is not
    for (let i = 0; i < words.length; i++) values[i] = (key[words[i] as number] as number) | 0;
    this.options = options;
    this.#shape = shape;
    this.#values = values;
  }

  get mask(): Uint32Array {
    return this.#shape.mask;
  }

  get key(): Uint32Array {
    const key = makeFlowKey();
    this.unpack(key);
    return key;
  }

  /** Writes the words that the mask looks at into a key. */
  unpack(key: Uint32Array): void {
    const { words } = this.#shape;
    for (let i = 0; i < words.length; i++) key[words[i] as number] = this.#values[i] as number;
  }
}

/** Masks that are remembered; more of them may have to be held more than once. */
const MAX_SHAPES = 1024;

/** Packs matches; those with one mask share it, unless there are very many masks. */
export class MatchPacker {
  readonly #shapes: (Shape | undefined)[] = Array.from({ length: MAX_SHAPES });
  #last: Shape = shapeOf(makeFlowKey());
  /** The mask that came last: matches are lent in the same place time and again. */
  #given = this.#last.mask;
  #givenBytes = this.#last.bytes;

  pack(match: Match): PackedMatch {
    if (match instanceof PackedMatch) return match;
    if (match.mask !== this.#given) {
      this.#given = match.mask;
      this.#givenBytes = bytesOf(match.mask);
    }
    if (!this.#givenBytes.equals(this.#last.bytes)) this.#last = this.#find();
    return new PackedMatch(match, this.#last);
  }

  #find(): Shape {
    const place = hashWords(this.#given) & (MAX_SHAPES - 1);
    const held = this.#shapes[place];
    if (held !== undefined && this.#givenBytes.equals(held.bytes)) return held;
    const shape = shapeOf(this.#given.slice());
    this.#shapes[place] = shape;
    return shape;
  }
}

/** Unpacks matches that come in a row, each into the place of an earlier one. */
export class MatchUnpacker {
  readonly #keys: readonly Uint32Array[];
  #n = 0;

  /** @param nKept - how many are good at a time */
  constructor(nKept = 1) {
    this.#keys = Array.from({ length: nKept }, makeFlowKey);
  }

  /** A match that can be read again and again, until as many others as are kept were unpacked. */
  unpack(match: Match): Match {
    if (!(match instanceof PackedMatch)) return match;
    const key = (this.#keys[this.#n] as Uint32Array).fill(0);
    this.#n = (this.#n + 1) % this.#keys.length;
    match.unpack(key);
    return { key, mask: match.mask, options: match.options };
  }
}

function shapeOf(mask: Uint32Array): Shape {
  const words: number[] = [];
  for (let i = 0; i < FLOW_WORDS; i++) if (mask[i] !== 0) words.push(i);
  return { mask, bytes: bytesOf(mask), words };
}

function bytesOf(words: Uint32Array): Buffer {
  return Buffer.from(words.buffer, words.byteOffset, words.byteLength);
}
