import { checkSocketPath, IoError } from "@tenet/kit";
import { expect, test } from "vitest";

test("a path that a socket has room for is returned, a longer one refused with its length in bytes", () => {
  expect(checkSocketPath(`/${"x".repeat(102)}`)).toHaveLength(103);
  expect(() => checkSocketPath(`/${"ü".repeat(60)}`)).toThrow(IoError);
  expect(() => checkSocketPath(`/${"ü".repeat(60)}`)).toThrow(/121 bytes/);
});
