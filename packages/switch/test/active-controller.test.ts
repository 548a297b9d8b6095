import { ManualClock, type Logger, silentLogger } from "@tenet/kit";
import { expect, test } from "vitest";
import { ActiveController } from "../src/controller/active-controller.ts";

test("a controller that is away is called sooner when its longest pause becomes shorter", async () => {
  const spec = {
    uuid: "",
    target: "unix:/nonexistent/socket",
    isService: false,
    isQuiet: false,
    maxBackoffMs: 8000,
    probeMs: 0,
  };
  let nFailed = 0;
  const log: Logger = { ...silentLogger, debug: (_fields, message) => void (message === "controller not reached" && nFailed++) };
  const clock = new ManualClock(1000);
  const neverReached = (): never => {
    throw new Error("nobody is there");
  };
  const controller = new ActiveController(spec, neverReached, () => undefined, clock, log);
  const callsAfter = async (pauseMs: number, n: number): Promise<void> => {
    clock.advance(pauseMs);
    controller.tick();
    await expect.poll(() => nFailed).toBe(n);
  };
  await callsAfter(0, 1);
  await callsAfter(1000, 2);
  await callsAfter(2000, 3); // the next pause is of 4 s
  expect(controller.adopt({ ...spec, maxBackoffMs: 1000 })).toBe(true);
  await callsAfter(1000, 4);
  controller.close();
});
