/** Where packets go on that wait while their flow goes, and others come. */
import { expect, test } from "vitest";
import { type ResumptionPoint, RESUMPTION, Resumptions } from "../src/ebpf/resumption.ts";

const MANY = 5000;

function pointsTo(port: number): ResumptionPoint[] {
  return [0, 1].map((first) => ({ actions: [{ type: "output", port }], first }));
}

function wordOf(number: number, point: number): number {
  return (RESUMPTION.flag | (number << RESUMPTION.numberShift) | point) >>> 0;
}

test("a packet goes on at its point, with the recirc_id of its flow", () => {
  const resumptions = new Resumptions();
  const [one, other] = [resumptions.add(pointsTo(1), 7), resumptions.add(pointsTo(2), 8)];
  expect(resumptions.find(wordOf(one, 1))).toEqual({ actions: [{ type: "output", port: 1 }], first: 1, recircId: 7 });
  expect(resumptions.find(wordOf(other, 0))).toEqual({ actions: [{ type: "output", port: 2 }], first: 0, recircId: 8 });
});

test("a flow without points, or a point that the flow does not have, is no place to go on at", () => {
  const resumptions = new Resumptions();
  expect(resumptions.find(wordOf(resumptions.add([], 0), 0))).toBeUndefined();
  expect(resumptions.find(wordOf(resumptions.add(pointsTo(1), 0), 2))).toBeUndefined();
});

test("a packet of a flow that went goes on there until many others have gone, and never with another's actions", () => {
  const resumptions = new Resumptions();
  const first = resumptions.add(pointsTo(1), 0);
  resumptions.release(first);
  for (let i = 0; i < MANY; i++) {
    const ports = resumptions.find(wordOf(first, 0))?.actions ?? [{ port: 1 }];
    expect(ports).toMatchObject([{ port: 1 }]);
    resumptions.release(resumptions.add(pointsTo(2), 0));
  }
  expect(resumptions.find(wordOf(first, 0))).toBeUndefined();
});

test("a number is not given again before all others were, nor while a flow has it", () => {
  const resumptions = new Resumptions(MANY);
  const lasting = resumptions.add(pointsTo(1), 0);
  const others = Array.from({ length: 2 * (MANY - 1) }, () => {
    const number = resumptions.add(pointsTo(2), 0);
    resumptions.release(number);
    return number;
  });
  const once = Array.from({ length: MANY - 1 }, (_, i) => lasting + 1 + i);
  expect(others).toEqual([...once, ...once]);
});
