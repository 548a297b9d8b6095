/** The index of flows against a map, and growing while flows come and go. Its memory is the kernel's, so it takes its privileges. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { kernelObstacle } from "@tenet/datapath";
import { FlowIndex, LINE, TAG_UNIT } from "../src/ebpf/flow-index.ts";
import { GrowingIndex, type MaskedKey } from "../src/ebpf/growing-index.ts";

const obstacle = kernelObstacle();
if (obstacle !== undefined) console.log(`flow-index.system.test.ts: skipped, ${obstacle.reason}`);
const SEED = 0x1234_5678;
const N_MASKS = 3;
/** Two to a line, so that lines are in all states, full ones among them. */
const N_LINES = 64;
const LINE_PLACES = 2 * LINE.halfPlaces;

/** The key of a number; a few words, the lower ones often equal to another's. */
function keyOf(n: number): MaskedKey {
  return { number: n % N_MASKS, key: Uint32Array.of(n & 15, n >>> 4, 7) };
}

function placesOf(index: FlowIndex): Uint32Array {
  const values = index.map.mapValues();
  const copy = new Uint32Array(values.bytes.buffer.slice(0, index.nLines * LINE.bytes));
  values.unmap();
  return copy;
}

function slotsOf(index: FlowIndex): number[] {
  return [...index.slotsIn(0, index.nLines)].toSorted((a, b) => a - b);
}

describe.skipIf(obstacle !== undefined)("the index of flows", () => {
  let index: FlowIndex;

  beforeEach(() => {
    index = new FlowIndex(SEED, N_LINES);
  });

  afterEach(() => index.close());

  /** Inserts slots `0` to `n - 1`. @returns those that found room */
  function fill(n: number): number[] {
    return Array.from({ length: n }, (_, slot) => slot).filter((slot) => {
      const { number, key } = keyOf(slot);
      return index.insert(number, key, slot);
    });
  }

  test("has what was inserted and not removed, and in each half places in use first, no two with one tag", () => {
    const inserted = fill(LINE_PLACES * N_LINES);
    expect(inserted.length).toBeGreaterThan((LINE_PLACES * N_LINES) / 2);
    expect(inserted.length).toBeLessThan(LINE_PLACES * N_LINES);
    const left = inserted.filter((slot) => slot % 3 !== 0);
    for (const slot of inserted) {
      const { number, key } = keyOf(slot);
      if (slot % 3 === 0) index.remove(number, key, slot);
    }
    expect(slotsOf(index)).toEqual(left);
    const places = placesOf(index);
    for (let at = 0; at < places.length; at += LINE.halfPlaces) {
      const half = [...places.subarray(at, at + LINE.halfPlaces)];
      const used = half.filter((place) => place !== 0);
      expect(half.slice(0, used.length)).toEqual(used);
      expect(new Set(used.map((place) => Math.floor(place / TAG_UNIT))).size).toBe(used.length);
    }
  });

  test("an entry is there once, however often it is inserted, and another slot's stays when one is removed", () => {
    const { number, key } = keyOf(5);
    for (let i = 0; i < 3; i++) expect(index.insert(number, key, 5)).toBe(true);
    expect(slotsOf(index)).toEqual([5]);
    index.remove(number, key, 6);
    index.remove(number + 1, key, 5);
    expect(slotsOf(index)).toEqual([5]);
    index.remove(number, key, 5);
    expect(slotsOf(index)).toEqual([]);
  });

  test("addresses of two networks are spread over the lines", () => {
    const large = new FlowIndex(SEED, 1024);
    const nHosts = 64;
    let nIn = 0;
    for (let slot = 0; slot < nHosts * nHosts; slot++) {
      const [src, dst] = [((slot % nHosts) << 24) | 0x0001_000a, (Math.floor(slot / nHosts) << 24) | 0x0002_000a];
      if (large.insert(1, Uint32Array.of(1, 8, src, dst), slot)) nIn++;
    }
    expect(nIn).toBe(nHosts * nHosts);
    const nInSecond = placesOf(large).filter((place, at) => place !== 0 && at % LINE_PLACES >= LINE.halfPlaces).length;
    expect(nInSecond).toBeLessThan(nIn / 20);
    large.close();
  });

  test("is crowded with more than four entries to a line, and a larger one has room", () => {
    fill(4 * N_LINES);
    expect(index.isCrowded).toBe(false);
    fill(4 * N_LINES + 1);
    expect(index.isCrowded).toBe(true);
    const larger = index.larger();
    expect(larger).toMatchObject({ nLines: 4 * N_LINES, seed: SEED, isCrowded: false, canGrow: true });
    larger.close();
  });
});

describe.skipIf(obstacle !== undefined)("an index that grows", () => {
  const refusals: string[] = [];
  let index: GrowingIndex;

  beforeEach(() => {
    refusals.length = 0;
    index = new GrowingIndex(keyOf, ({ message }) => refusals.push(message));
  });

  afterEach(() => {
    vi.restoreAllMocks();
    index.close();
  });

  test("what comes and goes while a larger one is made is right in it", async () => {
    for (let slot = 0; slot < 1000; slot++) index.insert(keyOf(slot), slot);
    const larger = vi.spyOn(FlowIndex.prototype, "larger");
    const ready = index.prepareLarger();
    for (let slot = 1000; slot < 1010; slot++) index.insert(keyOf(slot), slot);
    for (let slot = 0; slot < 500; slot++) index.remove(keyOf(slot), slot);
    await ready;
    const made = larger.mock.results[0]?.value as FlowIndex;
    expect(index.reference).toBe(made);
    expect(slotsOf(made)).toEqual(Array.from({ length: 510 }, (_, i) => 500 + i));
    index.useLarger();
    index.remove(keyOf(1009), 1009);
    expect(slotsOf(made)).toHaveLength(509);
  });

  test("when no program comes to use the larger one, all goes on", async () => {
    index.insert(keyOf(1), 1);
    const before = index.reference;
    await index.prepareLarger();
    expect(index.reference).not.toBe(before);
    index.dropLarger();
    expect(index.reference).toBe(before);
    expect(index.insert(keyOf(2), 2)).toBe(true);
  });
});
