import fc from "fast-check";
import { expect, test } from "vitest";
import { addToSum, foldSum, internetChecksum, updateChecksum, updateChecksum32 } from "@tenet/net";

test("the example of RFC 1071 sums to ddf2", () => {
  expect(foldSum(addToSum(0, Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7), 0, 8))).toBe(0xddf2);
});

test("a message with its checksum in place has checksum zero", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 2, maxLength: 200 }), (bytes) => {
      const even = bytes.length % 2 === 0 ? bytes : bytes.slice(1);
      even[0] = 0;
      even[1] = 0;
      const checksum = internetChecksum(even);
      even[0] = checksum >>> 8;
      even[1] = checksum;
      expect(internetChecksum(even)).toBe(0);
    }),
  );
});

test("the incremental update equals the sum from scratch", () => {
  const word = fc.integer({ min: 0, max: 0xffff });
  fc.assert(
    fc.property(fc.array(word, { minLength: 2, maxLength: 20 }), fc.nat(), word, (words, position, after) => {
      const i = position % words.length;
      const withWord = (value: number) => Uint8Array.from(words.with(i, value).flatMap((w) => [w >>> 8, w & 255]));
      const before = words[i] ?? 0;
      const updated = updateChecksum(internetChecksum(withWord(before)), before, after);
      const fresh = internetChecksum(withWord(after));
      // All-zero data has two representations of zero; the update never turns to 0xffff what was not.
      if (withWord(after).some((byte) => byte !== 0)) expect(updated).toBe(fresh);
      else expect([0, 0xffff]).toContain(updated);
    }),
  );
});

test("a 32-bit update is two 16-bit updates", () => {
  const bytes = Uint8Array.of(0, 0, 1, 2, 10, 0, 0, 1);
  const changed = Uint8Array.of(0, 0, 1, 2, 192, 168, 7, 9);
  expect(updateChecksum32(internetChecksum(bytes), 0x0a000001, 0xc0a80709)).toBe(internetChecksum(changed));
});
