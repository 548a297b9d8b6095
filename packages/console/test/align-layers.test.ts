import { expect, test } from "vitest";
import { alignLayers } from "../src/explain/align-layers.ts";
import { droppedStory } from "./fixture.ts";

test("each physical flow stands beside the logical flow that it implements", () => {
  const { logical, physical } = droppedStory("web1 -> db1 tcp 5432").layers;
  const rows = alignLayers(logical, physical);
  expect(rows.map((row) => [row.logical?.stage, row.physical.map(({ table }) => table)])).toEqual([
    [undefined, [0]],
    ["ls_in_check_port_sec", [8]],
    ["ls_in_acl", [16]],
    ["ls_in_l2_lkup", [32]],
    [undefined, [37]],
    ["ls_out_acl", [44]],
  ]);
});

test("steps without a counterpart keep their place, and none is lost", () => {
  const { logical, physical } = droppedStory("q").layers;
  const unlinked = physical.map(({ lflow: _lflow, ...flow }) => flow);
  const rows = alignLayers(logical, unlinked);
  expect(rows.flatMap((row) => row.logical ?? [])).toEqual(logical);
  expect(rows.flatMap((row) => row.physical)).toEqual(unlinked);
});
