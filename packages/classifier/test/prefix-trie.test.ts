/** Walks through a trie that remembers where first bits lead are those of one that goes bit by bit. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Heap } from "../src/heap.ts";
import { PrefixTrie } from "../src/prefix-trie.ts";
import { addSlot, SET_WORDS } from "../src/slots.ts";

const N_SLOTS = 70;
const N_WORDS = 3;

interface Prefix {
  readonly address: number;
  readonly slot: number;
}

/** Addresses that have first bytes in common, and some that have not. */
const anyAddress = fc.tuple(fc.constantFrom(10, 11, 74, 192, 193), fc.nat(0xffffff)).map(([first, rest]) => (first << 24) | rest);
const anyPrefix = fc.record({ address: anyAddress, slot: fc.nat(N_SLOTS - 1) });

/** Each slot has prefixes of one length, as a subtable has. */
function lengthOf(slot: number): number {
  return 1 + ((slot * 11) % 32);
}

/** For each number of bits the slots whose prefixes are no longer. */
function satisfiedSets(): Int32Array {
  const sets = new Int32Array(33 * SET_WORDS);
  for (let nBits = 0; nBits <= 32; nBits++) {
    for (let slot = 0; slot < N_SLOTS; slot++) if (lengthOf(slot) <= nBits) addSlot(sets, nBits * SET_WORDS, slot);
  }
  return sets;
}

/** What a walk comes to: whether the slot is refused, bits known, and slots not refused. */
function walk(trie: PrefixTrie, address: number, slot: number, isBitByBit: boolean): unknown[] {
  const alive = new Int32Array(SET_WORDS).fill(-1);
  const satisfied = satisfiedSets();
  const bits = Int32Array.of(address);
  trie.start();
  let isRefused = false;
  for (let nBits = isBitByBit ? 1 : lengthOf(slot); !isRefused && nBits <= lengthOf(slot); nBits++) {
    isRefused = trie.refuses(slot, nBits, bits, satisfied, alive, N_WORDS);
  }
  return [isRefused, trie.nKnown, ...alive.subarray(0, N_WORDS)];
}

test("a walk comes to what one bit by bit comes to, however prefixes come and go", () => {
  const changes = fc.array(fc.tuple(fc.nat(9), anyPrefix), { minLength: 60, maxLength: 200 });
  fc.assert(
    fc.property(changes, fc.array(fc.tuple(anyAddress, fc.nat(N_SLOTS - 1)), { minLength: 20 }), (prefixes, packets) => {
      const trie = new PrefixTrie(32, new Heap());
      const held: Prefix[] = [];
      const compare = (): void => {
        for (const [address, slot] of packets) expect(walk(trie, address, slot, false)).toEqual(walk(trie, address, slot, true));
      };
      for (const [n, [kind, prefix]] of prefixes.entries()) {
        const gone = kind === 0 ? held.pop() : undefined;
        if (gone === undefined) {
          held.push(prefix);
          trie.add(Int32Array.of(prefix.address), lengthOf(prefix.slot), prefix.slot);
        } else trie.remove(Int32Array.of(gone.address), lengthOf(gone.slot), gone.slot);
        if (n % 40 === 0) compare();
      }
      compare();
    }),
    { numRuns: 30 },
  );
});
