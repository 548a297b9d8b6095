import { readFileSync } from "node:fs";
import { ManualClock } from "@tenet/kit";
import { parseFlow, parseMatch } from "@tenet/openflow";
import { VirtualSwitch } from "@tenet/switch";
import { expect, test } from "vitest";
import { RecordingDatapath } from "./recording-datapath.ts";

test("the example of the README runs", () => {
  const block = /```ts\n([\s\S]*?)```/.exec(readFileSync(new URL("../README.md", import.meta.url), "utf8"))?.[1] ?? "";
  const body = block.replace(/^import .*$/gm, "");
  const clock = new ManualClock();
  const names = ["parseFlow", "parseMatch", "VirtualSwitch", "datapath", "clock"];
  const run = new Function(...names, `${body}; return actions;`);
  const actions = run(parseFlow, parseMatch, VirtualSwitch, new RecordingDatapath(clock), clock);
  expect(actions).toEqual([{ type: "output", port: 2 }]);
});
