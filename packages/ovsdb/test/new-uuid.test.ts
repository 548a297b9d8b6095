import { expect, test } from "vitest";
import { uuidSource } from "../src/engine/new-uuid.ts";
import { uuidOfHex } from "../src/model/uuid-of-hex.ts";

const RANDOM = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test("uuids are random ones of version 4, each another", () => {
  const newUuid = uuidSource();
  const uuids = Array.from({ length: 1000 }, newUuid); // more than are drawn at once
  for (const uuid of uuids) expect(uuid).toMatch(RANDOM);
  expect(new Set(uuids).size).toBe(uuids.length);
  expect(new Set(uuids.map((uuid) => uuid.slice(14, 23))).size).toBeGreaterThan(900);
});

test("a uuid is made of 32 hex digits of a longer text", () => {
  expect(uuidOfHex("xx0123456789abcdef0123456789abcdefyy", 2)).toBe("01234567-89ab-cdef-0123-456789abcdef");
});
