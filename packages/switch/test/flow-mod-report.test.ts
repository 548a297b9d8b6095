/** When the log tells of flow-mods, and of which. */
import { ManualClock } from "@tenet/kit";
import { expect, test } from "vitest";
import { type FlowModCounts, FlowModReport } from "../src/service/flow-mod-report.ts";

function reporting(): { clock: ManualClock; report: FlowModReport; told: FlowModCounts[]; wait: (seconds: number) => void } {
  const clock = new ManualClock();
  const told: FlowModCounts[] = [];
  const report = new FlowModReport(clock, (counts) => told.push(counts));
  const wait = (seconds: number): void => {
    for (let n = 0; n < 2 * seconds; n++) {
      clock.advance(500);
      report.tick();
    }
  };
  return { clock, report, told, wait };
}

test("flow-mods are told of 10 s after the first, then not for 60 s", () => {
  const { report, told, wait } = reporting();
  for (const command of ["add", "add", "modify", "deleteStrict"] as const) report.count(command);
  wait(9);
  expect(told).toEqual([]);
  wait(1);
  expect(told.splice(0)).toEqual([{ nAdds: 2, nModifications: 1, nDeletes: 1, intervalSec: 0, agoSec: 10 }]);
  wait(5);
  report.count("add");
  wait(3);
  report.count("modifyStrict");
  wait(51);
  expect(told).toEqual([]);
  wait(1);
  expect(told).toEqual([{ nAdds: 1, nModifications: 1, nDeletes: 0, intervalSec: 3, agoSec: 55 }]);
});

test("what was not told of is told when the connection ends, and nothing when there was nothing", () => {
  const { report, told, wait } = reporting();
  report.close();
  expect(told).toEqual([]);
  report.count("delete");
  wait(2);
  report.close();
  report.close();
  expect(told).toEqual([{ nAdds: 0, nModifications: 0, nDeletes: 1, intervalSec: 0, agoSec: 2 }]);
});
