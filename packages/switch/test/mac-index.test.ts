import { ManualClock } from "@tenet/kit";
import { Bridge } from "@tenet/switch";
import { expect, test } from "vitest";
import { RecordingDatapath } from "./recording-datapath.ts";
import { MacIndex } from "../src/cache/mac-index.ts";

test("an item is found by each address of each bridge that it looked up, until it is removed", () => {
  const clock = new ManualClock();
  const datapath = new RecordingDatapath(clock);
  const [a, b] = [new Bridge("a", clock, datapath), new Bridge("b", clock, datapath)];
  const lookup = (bridge: Bridge, name: string) => ({ bridge, name });
  const index = new MacIndex<string>();
  index.add([lookup(a, "x"), lookup(b, "y"), lookup(a, "x")], "first");
  index.add([lookup(a, "x")], "second");
  const found = (...lookups: ReturnType<typeof lookup>[]) => Array.from(index.of(lookups), (item) => item ?? "");
  expect(found(lookup(a, "x"))).toEqual(["first", "second", ""]);
  expect(found(lookup(b, "y"), lookup(a, "x"))).toEqual(["first", "", "first", "second", ""]);
  expect(found(lookup(b, "x"), lookup(a, "y"))).toEqual(["", ""]);
  index.remove([lookup(a, "x"), lookup(b, "y"), lookup(a, "x")], "first");
  expect(found(lookup(a, "x"), lookup(b, "y"))).toEqual(["second", "", ""]);
});
