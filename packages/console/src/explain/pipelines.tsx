/** The logical and the physical pipeline side by side, linked where one implements the other. */
import type { ReactElement } from "react";
import type { LogicalStep, PhysicalStep, Story } from "../api.ts";
import { plural, shortUuid } from "../format.ts";
import { alignLayers, type LayerRow } from "./align-layers.ts";

/** The steps of both pipelines, and the row that decided. */
export interface PipelinesProps {
  readonly layers: Story["layers"];
  readonly causeUuid: string | undefined;
}

/** One row per logical flow with the OpenFlow flows that implement it, in the order the packet met them. */
export function Pipelines({ layers, causeUuid }: PipelinesProps): ReactElement {
  if (layers.logical.length + layers.physical.length === 0) {
    return <p className="muted">The packet met no flow.</p>;
  }
  const rows = alignLayers(layers.logical, layers.physical);
  const lastLogical = layers.logical.at(-1);
  const isDeciding = ({ logical }: LayerRow): boolean =>
    logical !== undefined &&
    (causeUuid === undefined || logical.hint === undefined ? logical === lastLogical : causeUuid.startsWith(logical.hint));
  return (
    <div className="pipelines" role="table" aria-label="Pipelines">
      <div className="pipelines-head" role="row">
        <h3 role="columnheader">
          Logical pipeline <span className="muted">{plural(layers.logical.length, "flow")}</span>
        </h3>
        <h3 role="columnheader">
          Physical pipeline <span className="muted">{plural(layers.physical.length, "OpenFlow flow")}</span>
        </h3>
      </div>
      {rows.map((row, i) => (
        <div
          // The rows of one story never change their order.
          // biome-ignore lint/suspicious/noArrayIndexKey: see above
          key={i}
          role="row"
          className={["layer-row", pipelineOf(row), isDeciding(row) ? "deciding" : ""].join(" ")}
        >
          <div role="cell" className="layer">
            {row.logical === undefined ? (
              <span className="none">no logical flow: plumbing</span>
            ) : (
              <LogicalView step={row.logical} />
            )}
          </div>
          <div role="cell" className="layer">
            {row.physical.length === 0 ? (
              <span className="none">no flow of its own</span>
            ) : (
              row.physical.map((flow, j) => <PhysicalView key={`${j}.${flow.cookie}`} flow={flow} />)
            )}
          </div>
        </div>
      ))}
    </div>
  );
}

function pipelineOf({ logical }: LayerRow): string {
  return logical?.pipeline ?? "plumbing";
}

function LogicalView({ step }: { readonly step: LogicalStep }): ReactElement {
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
      <MatchAndActions match={step.match} actions={step.actions} />
    </div>
  );
}

function PhysicalView({ flow }: { readonly flow: PhysicalStep }): ReactElement {
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
      <MatchAndActions match={flow.match.replaceAll(",", ",\u200b")} actions={flow.actions.replaceAll(",", ",\u200b")} />
    </div>
  );
}

function MatchAndActions({ match, actions }: { readonly match: string; readonly actions: string }): ReactElement {
  return (
    <p className="mono step-body">
      <span>{match === "" ? "any packet" : match}</span>
      <span className="step-actions">{actions === "" ? "drop" : actions}</span>
    </p>
  );
}
