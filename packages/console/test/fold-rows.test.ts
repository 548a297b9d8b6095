import { expect, test } from "vitest";
import type { LogicalStep, PhysicalStep } from "../src/api.ts";
import { alignLayers, type LayerRow } from "../src/explain/align-layers.ts";
import { type Fold, foldRows } from "../src/explain/fold-rows.ts";
import { longStory } from "./fixture.ts";

const noneDecides = (): boolean => false;

function logicalRow(step: Partial<LogicalStep>, actions = ["resubmit(,9)"]): LayerRow {
  const plain: LogicalStep = {
    stage: "ls_in_any",
    pipeline: "ingress",
    table: 1,
    priority: 0,
    match: "1",
    actions: "next;",
    uuid: "u",
    datapath: "prod",
  };
  return { logical: { ...plain, ...step }, physical: actions.map(flow) };
}

function flow(actions: string): PhysicalStep {
  return { table: 8, cookie: "0x1", priority: 0, match: "metadata=0x1", actions };
}

function shapeOf(folds: readonly Fold[]): (string | number)[] {
  return folds.map((fold) => (fold.kind === "run" ? fold.rows.length : (fold.row.logical?.stage ?? "plumbing")));
}

test("neighbours that only pass the packet on are one run, and what does more stands alone", () => {
  const { logical, physical } = longStory("web1 -> db1 tcp 5432").layers;
  expect(shapeOf(foldRows(alignLayers(logical, physical), noneDecides))).toEqual([
    "plumbing",
    "ls_in_check_port_sec",
    17,
    "ls_in_l2_lkup",
    1,
    4,
    "ls_out_acl",
  ]);
});

test("no row is lost or moved", () => {
  const { logical, physical } = longStory("q").layers;
  const rows = alignLayers(logical, physical);
  const folds = foldRows(rows, noneDecides);
  expect(folds.flatMap((fold) => (fold.kind === "run" ? fold.rows : [fold.row]))).toEqual(rows);
});

test.each<[string, LayerRow, boolean]>([
  ["next; and a lone resubmit", logicalRow({}), true],
  ["next; under a condition that no northbound row set", logicalRow({ match: "eth.mcast" }), true],
  ["next; for a northbound row, as an ACL that allows", logicalRow({ hint: "dc43ca48" }), false],
  ["more than next;", logicalRow({ actions: "reg0[15] = 0; next;" }), false],
  ["a drop", logicalRow({ actions: "/* drop */" }, ["drop"]), false],
  ["next; without a flow of its own", logicalRow({}, []), true],
  ["next; whose flow does more", logicalRow({}, ["resubmit(,73),resubmit(,9)"]), false],
  ["next; with one flow of two that does more", logicalRow({}, ["resubmit(,9)", "load:1->reg0"]), false],
  ["plumbing that resubmits", { logical: undefined, physical: [flow("resubmit(,39)")] }, true],
  ["plumbing that delivers", { logical: undefined, physical: [flow("output:3")] }, false],
])("%s", (_what, row, folds) => {
  expect(foldRows([row], noneDecides).map(({ kind }) => kind)).toEqual([folds ? "run" : "row"]);
});

test("a row that decides is never folded, and splits the run it stands in", () => {
  const rows = [logicalRow({ stage: "a" }), logicalRow({ stage: "b" }), logicalRow({ stage: "c" })];
  expect(shapeOf(foldRows(rows, (row) => row === rows[1]))).toEqual([1, "b", 1]);
});

test("a run ends with its pipeline and with its switch", () => {
  const rows = [
    logicalRow({}),
    logicalRow({}),
    logicalRow({ datapath: "dev" }),
    logicalRow({ datapath: "dev", pipeline: "egress" }),
    { logical: undefined, physical: [flow("resubmit(,65)")] },
  ];
  expect(shapeOf(foldRows(rows, noneDecides))).toEqual([2, 1, 1, 1]);
});

test("nothing folds to nothing", () => {
  expect(foldRows([], noneDecides)).toEqual([]);
});
