/** Matches in little memory: a FlowKey is wide, and most matches look at few of its words. */
import { hashWords } from "@tenet/classifier";
import { FLOW_WORDS, makeFlowKey } from "@tenet/net";
import type { Match } from "@tenet/openflow";

/** A mask; matches that have it share it. */
export interface Shape {
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
  readonly #values: Int32Array;
  readonly #at: number;

  /** @param at - where in `values` the words of the key begin that the mask looks at */
  constructor(shape: Shape, values: Int32Array, at: number, options: Match["options"]) {
    this.options = options;
    this.#shape = shape;
    this.#values = values;
    this.#at = at;
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
    for (let i = 0; i < words.length; i++) key[words[i] as number] = this.#values[this.#at + i] as number;
  }
}

/** Masks that are remembered; more of them may have to be held more than once. */
const MAX_SHAPES = 1024;

/** The shapes of masks: one for each, unless there are very many. */
export class Shapes {
  readonly #shapes: (Shape | undefined)[] = Array.from({ length: MAX_SHAPES });
  #last: Shape = shapeOf(makeFlowKey());
  /** The mask that came last: matches are lent in the same place time and again. */
  #given = this.#last.mask;
  #givenBytes = this.#last.bytes;

  /** That of a mask. */
  of(mask: Uint32Array): Shape {
    if (mask === this.#last.mask) return this.#last;
    if (mask !== this.#given) {
      this.#given = mask;
      this.#givenBytes = bytesOf(mask);
    }
    if (!this.#givenBytes.equals(this.#last.bytes)) this.#last = this.#find();
    return this.#last;
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
