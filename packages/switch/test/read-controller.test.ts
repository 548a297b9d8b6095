import { expect, test } from "vitest";
import { readController } from "../src/database/read/read-controller.ts";

test.each([
  [[], 5000],
  [0, 0],
  [999, 0],
  [1000, 1000],
  [7999, 7000],
  [-5, 0],
] as const)("an inactivity probe of %j ms is one of %i ms", (inactivity_probe, probeMs) => {
  expect(readController({ _uuid: "u", _version: "v", target: "tcp:127.0.0.1", inactivity_probe }).probeMs).toBe(probeMs);
});
