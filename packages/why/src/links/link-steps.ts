/** A trace with each step linked to the logical flow and the northbound row behind it. */
import type { Row } from "@tenet/ovsdb";
import type { TraceStep } from "@tenet/switch";
import { entryOf, textOf } from "../rows.ts";
import type { LogicalStep, PhysicalStep, Story } from "../story.ts";
import type { LinkedRow, NorthboundLinks } from "./northbound.ts";
import { keyOf, type SouthboundLinks, stagePlaceOf, switchOf } from "./southbound.ts";

/** One step of a trace, and what is behind it. */
export interface LinkedStep {
  readonly trace: TraceStep;
  readonly logical: LogicalStep | undefined;
  /** The row that asked for the logical flow. */
  readonly cause: LinkedRow | undefined;
}

/** Links every step of a trace on a bridge; steps of other bridges stay physical. */
export function linkSteps(
  steps: readonly TraceStep[],
  bridge: string,
  southbound: SouthboundLinks,
  northbound: NorthboundLinks,
): LinkedStep[] {
  return steps.map((trace) => {
    const flow = trace.bridge === bridge ? southbound.logicalFlow(trace) : undefined;
    if (flow === undefined) return { trace, logical: undefined, cause: undefined };
    const datapath = southbound.datapath(keyOf(trace, "metadata"));
    return { trace, logical: logicalStep(trace, flow, datapath, northbound), cause: northbound.rowOf(flow) };
  });
}

/** Both layers of a story. */
export function layersOf(steps: readonly LinkedStep[]): Story["layers"] {
  return {
    logical: steps.flatMap(({ logical }) => logical ?? []),
    physical: steps.flatMap((step) => physicalStep(step)),
  };
}

function logicalStep(trace: TraceStep, flow: Row, datapath: Row | undefined, northbound: NorthboundLinks): LogicalStep {
  const place = stagePlaceOf(trace.table) ?? { pipeline: "ingress", table: 0 };
  const hint = entryOf(flow, "external_ids", "stage-hint");
  const ls = datapath === undefined ? undefined : northbound.row("Logical_Switch", switchOf(datapath));
  return {
    stage: entryOf(flow, "external_ids", "stage-name") ?? `${place.pipeline} ${place.table}`,
    ...place,
    priority: Number(flow["priority"]),
    match: textOf(flow, "match"),
    actions: textOf(flow, "actions"),
    uuid: flow._uuid,
    ...(hint === undefined ? {} : { hint }),
    ...(ls === undefined ? {} : { datapath: textOf(ls.row, "name") }),
  };
}

/** A table without a matching flow shows no flow. */
function physicalStep({ trace, logical }: LinkedStep): PhysicalStep[] {
  const { table, cookie, priority, match, actions } = trace;
  if (cookie === undefined || priority === undefined) return [];
  const lflow = logical === undefined ? {} : { lflow: logical.uuid };
  return [{ table, cookie, priority, match: match ?? "", actions: actions ?? "", ...lflow }];
}
