import { expect, test } from "vitest";
import { Meter } from "../src/db/meter.ts";

/** What a terminal (or a file) gets, while time is what the test says. */
function setUp(isTerminal: boolean): { texts: string[]; meter: Meter; at(ms: number): void } {
  const texts: string[] = [];
  let nowMs = 0;
  const meter = new Meter({ isTerminal, write: (text) => texts.push(text) }, () => nowMs);
  return { texts, meter, at: (ms) => (nowMs = ms) };
}

test("on a terminal, a line tells how far the work is, how fast, and what is left, and goes when it is done", () => {
  const { texts, meter, at } = setUp(true);
  meter.rows("reading", 0, 100_000);
  at(400);
  meter.rows("reading", 20_000, 100_000); // too soon to be of interest
  at(1000);
  meter.rows("reading", 50_000, 100_000);
  at(1050);
  meter.rows("reading", 52_000, 100_000); // too soon after the last
  at(2000);
  meter.rows("writing", 1000, 100_000);
  meter.note("the server works");
  meter.end();
  meter.end();
  expect(texts).toEqual([
    "\r\x1b[Kreading: 50,000 of 100,000 rows  50,000 rows/s  1 s left",
    "\r\x1b[Kwriting: 1,000 of 100,000 rows",
    "\r\x1b[Kthe server works …",
    "\r\x1b[K",
  ]);
});

test("in a file there is nothing of it", () => {
  const { texts, meter, at } = setUp(false);
  meter.note("x");
  at(10_000);
  meter.rows("reading", 1, 2);
  meter.end();
  expect(texts).toEqual([]);
});
