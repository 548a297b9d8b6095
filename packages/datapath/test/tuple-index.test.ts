/** The index of connections against a map of the language. */
import fc from "fast-check";
import { expect, inject, test } from "vitest";
import { Connection } from "../src/conntrack/connection.ts";
import { ENTRY_WORDS } from "../src/conntrack/connection-entry.ts";
import { hashTuple, TUPLE_WORDS } from "../src/conntrack/tuple.ts";
import { TupleIndex } from "../src/conntrack/tuple-index.ts";

const N_CONNECTIONS = 3000;
const SEED = 7;

/** A tuple that no other number has. */
function tuple(n: number): Uint32Array {
  return new Uint32Array(TUPLE_WORDS).map((_, i) => (i === 1 ? n : 5));
}

/** Many tuples whose hashes lie close together in a page, so that they get in each other's way. */
function crowdedTuples(n: number): Uint32Array[] {
  const found: Uint32Array[] = [];
  for (let i = 0; found.length < n; i++) if (hashTuple(tuple(i), SEED) >>> 25 === 0x7f) found.push(tuple(i));
  return found;
}

/** Connections and what is found of them, as it should be. */
class Tracked {
  readonly connections: Connection[];
  readonly index: TupleIndex;
  readonly #placeByTuple = new Map<string, number>();

  constructor(tuples: readonly Uint32Array[]) {
    const memory = { words: new Int32Array((tuples.length / 2) * ENTRY_WORDS), clockOffsetMs: 0 };
    this.connections = Array.from({ length: tuples.length / 2 }, (_, id) => {
      const connection = new Connection(id, memory, id * ENTRY_WORDS);
      connection.original = tuples[2 * id] ?? tuple(0);
      connection.reply = tuples[2 * id + 1] ?? tuple(0);
      return connection;
    });
    this.index = new TupleIndex(SEED, this.connections);
  }

  /** Takes a connection in, or out if it is here. */
  turn(id: number): void {
    const connection = this.connections[id];
    if (connection === undefined) return;
    const isHere = connection.isIndexed;
    if (isHere) this.index.remove(connection);
    else this.index.add(connection);
    for (const [direction, each] of [connection.original, connection.reply].entries()) {
      if (isHere) this.#placeByTuple.delete(each.join());
      else this.#placeByTuple.set(each.join(), 2 * id + direction);
    }
  }

  expectAll(): void {
    for (const { original, reply } of this.connections) {
      for (const each of [original, reply]) {
        const place = this.#placeByTuple.get(each.join()) ?? -1;
        if (this.index.find(each) !== place) expect.fail(`found ${this.index.find(each)} in the place of ${place}`);
      }
    }
  }
}

const ids = fc.array(fc.nat(N_CONNECTIONS - 1), { minLength: 4000, maxLength: 8000, size: "max" });

test.each([
  ["everywhere", Array.from({ length: 2 * N_CONNECTIONS }, (_, n) => tuple(n))],
  ["crowded", crowdedTuples(2 * N_CONNECTIONS)],
])("each connection that is here is found by both its tuples, and no other, whatever came and went: %s", (_, tuples) => {
  const property = fc.property(ids, (turns) => {
    const tracked = new Tracked(tuples);
    for (const [n, id] of turns.entries()) {
      tracked.turn(id);
      if (n % 2000 === 0) tracked.expectAll();
    }
    tracked.expectAll();
    tracked.index.clear();
    expect(tracked.index.find(tuples[0] ?? tuple(0))).toBe(-1);
  });
  fc.assert(property, { seed: inject("seed"), numRuns: 3 * inject("effort") });
});
