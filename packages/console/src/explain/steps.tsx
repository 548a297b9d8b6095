/** One flow of a pipeline: where it stands, what it asks for, what it does. */
import type { ReactElement } from "react";
import type { LogicalStep, PhysicalStep } from "../api.ts";
import { breakable, shortUuid } from "../format.ts";

/** A logical flow. */
export function LogicalView({ step }: { readonly step: LogicalStep }): ReactElement {
  return (
    <div className="step">
      <p className="step-head">
        <span className="table-number" title={`${step.pipeline} table ${step.table}`}>
          {step.table}
        </span>
        <strong>{step.stage}</strong>
        <span className="muted">priority {step.priority}</span>
        <span className="push mono muted" title={`Logical_Flow ${step.uuid}`}>
          {shortUuid(step.uuid)}
        </span>
      </p>
      <MatchAndActions match={step.match === "1" ? "" : step.match} actions={step.actions} />
    </div>
  );
}

/** An OpenFlow flow. */
export function PhysicalView({ flow }: { readonly flow: PhysicalStep }): ReactElement {
  return (
    <div className="step">
      <p className="step-head">
        <span className="table-number" title={`OpenFlow table ${flow.table}`}>
          {flow.table}
        </span>
        <strong>table {flow.table}</strong>
        <span className="muted">priority {flow.priority}</span>
        <span className="push mono muted" title="cookie">
          {flow.cookie}
        </span>
      </p>
      <MatchAndActions match={breakable(flow.match)} actions={breakable(shortenClearing(flow.actions))} />
    </div>
  );
}

/** Between the pipelines all registers are cleared, one by one: `set_field:0->reg0…reg9`. */
function shortenClearing(actions: string): string {
  return actions.replace(/set_field:0->(reg\d+)(?:,set_field:0->reg\d+)+,set_field:0->(reg\d+)/, "set_field:0->$1…$2");
}

/** Northd writes a comment where a flow drops; OpenFlow writes nothing or the word. */
const DROPS = new Set(["", "drop", "drop;", "/* drop */"]);

function MatchAndActions({ match, actions }: { readonly match: string; readonly actions: string }): ReactElement {
  const drops = DROPS.has(actions.trim());
  return (
    <p className="mono step-body">
      <span className={match === "" ? "muted" : undefined}>{match === "" ? "any packet" : match}</span>
      <span className={drops ? "step-actions bad" : "step-actions"}>{drops ? "drop" : actions}</span>
    </p>
  );
}
