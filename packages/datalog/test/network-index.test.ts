import { scalar, type Value } from "@tenet/datalog";
import fc from "fast-check";
import { expect, test } from "vitest";
import { IntList } from "../src/engine/rows/int-list.ts";
import { Interner } from "../src/engine/rows/interner.ts";
import { NetworkIndex } from "../src/engine/rows/network-index.ts";

const N_ROWS = 400;

/** A network as a string of bits, the version in front, and as one of the values that mean it. */
interface Row {
  readonly key: number;
  readonly bits: string;
  readonly value: Value;
}

const byte = fc.constantFrom(0, 1, 2, 3, 127, 128, 255);
const row: fc.Arbitrary<Row> = fc
  .record({ key: fc.nat(2), isV6: fc.boolean(), bytes: fc.tuple(byte, byte, byte, byte), length: fc.nat(33), form: fc.nat(1) })
  .map(({ key, isV6, bytes, length, form }) => {
    const all = bytes.map((each) => each.toString(2).padStart(8, "0")).join("");
    const isAddress = length === 33;
    const text = isV6 ? `${bytes.map((each) => each.toString(16)).join(":")}::` : bytes.join(".");
    const bits = isV6 ? bytes.map((each) => each.toString(2).padStart(16, "0")).join("") + "0".repeat(64) : all;
    const n = isV6 ? length * 2 : length;
    const written = isAddress ? text : `${text}/${n}`;
    const value = form === 0 ? written : (scalar(isAddress ? "ip" : "prefix", written) ?? null);
    return { key, bits: (isV6 ? "6" : "4") + (isAddress ? bits : bits.slice(0, n)), value };
  });
const step = fc.record({ first: fc.nat(N_ROWS), n: fc.nat(200), adds: fc.boolean(), at: fc.nat(N_ROWS - 1), key: fc.nat(2) });

test.each([[[]], [[0]]])("a trie finds the networks inside, around and both, each once; key columns: %j", (keys) => {
  fc.assert(
    fc.property(fc.array(row, { minLength: N_ROWS, maxLength: N_ROWS }), fc.array(step, { maxLength: 12 }), (rows, steps) => {
      const interner = new Interner();
      const data = Int32Array.from(rows.flatMap(({ key, value }) => [interner.idOf(key), interner.idOf(value)]));
      const index = new NetworkIndex({ data, end: data.length / 2, stride: 2 }, { keys, column: 1 }, interner);
      const present = new Set<number>();
      const found = new IntList();
      for (const { first, n, adds, at, key } of steps) {
        for (let i = 0; i < n; i++) {
          const each = (first + i) % N_ROWS;
          if (adds === present.has(each)) continue;
          if (adds) index.add(each);
          else index.remove(each);
          if (adds) present.add(each);
          else present.delete(each);
        }
        const { bits, value } = rows[at] as Row;
        for (const how of ["inside", "around", "overlaps"] as const) {
          if (keys.length > 0) index.key[0] = interner.idOf(key);
          index.collect(found, how, interner.idOf(value));
          const expected = [...present].filter((each) => {
            const other = rows[each] as Row;
            if (keys.length > 0 && other.key !== key) return false;
            return (how !== "around" && other.bits.startsWith(bits)) || (how !== "inside" && bits.startsWith(other.bits));
          });
          expect([...found.values()].sort((a, b) => a - b)).toEqual(expected.sort((a, b) => a - b));
        }
      }
      for (const each of present) index.remove(each);
      index.collect(found, "inside", interner.idOf("0.0.0.0/0"));
      expect(found.length).toBe(0);
    }),
    { numRuns: 60 },
  );
});
