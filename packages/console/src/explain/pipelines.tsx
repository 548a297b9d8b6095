/** The logical and the physical pipeline side by side, linked where one implements the other. */
import { type ReactElement, useId, useState } from "react";
import type { Story } from "../api.ts";
import { plural } from "../format.ts";
import { ChevronIcon } from "../icons.tsx";
import { alignLayers, type LayerRow } from "./align-layers.ts";
import { decidingSteps } from "./deciding-steps.ts";
import { foldRows, pipelineOf } from "./fold-rows.ts";
import { type Names, outputsOf } from "./names.ts";
import { LogicalView, PhysicalView } from "./steps.tsx";

/** The story, and whether the steps that only pass the packet on are shown too. */
export interface PipelinesProps {
  readonly story: Story;
  readonly names: Names;
  readonly showsAll: boolean;
  readonly onShowAll: (showsAll: boolean) => void;
}

/** One row per logical flow with the OpenFlow flows that implement it, in the order the packet met them. */
export function Pipelines({ story, names, showsAll, onShowAll }: PipelinesProps): ReactElement {
  const { layers } = story;
  const [exceptions, setExceptions] = useState<ReadonlySet<number>>(new Set());
  if (layers.logical.length + layers.physical.length === 0) return <p className="muted">The packet met no flow.</p>;
  const deciding = decidingSteps(story);
  const isDeciding = ({ logical }: LayerRow): boolean => logical !== undefined && deciding.has(logical);
  const folds = foldRows(alignLayers(layers.logical, layers.physical), isDeciding);
  const toggle = (i: number): void =>
    setExceptions(new Set(exceptions.has(i) ? [...exceptions].filter((other) => other !== i) : [...exceptions, i]));
  const toggleAll = (): void => {
    setExceptions(new Set());
    onShowAll(!showsAll);
  };
  return (
    <>
      <div className="pipelines-tools">
        <h3>The packet's way</h3>
        {folds.some(({ kind }) => kind === "run") ? (
          <label className="switch-field">
            <input type="checkbox" role="switch" checked={showsAll} onChange={toggleAll} /> Show all steps
          </label>
        ) : null}
      </div>
      <div className="pipelines" role="table" aria-label="Pipelines">
        <div className="pipelines-head" role="row">
          <h4 role="columnheader">
            Logical pipeline <span className="muted">{plural(layers.logical.length, "flow")}</span>
          </h4>
          <h4 role="columnheader">
            Physical pipeline <span className="muted">{plural(layers.physical.length, "OpenFlow flow")}</span>
          </h4>
        </div>
        {folds.map((fold, i) => {
          // The rows of one story never change their order, so their places are their keys.
          if (fold.kind === "row") return <Row key={`${i}`} row={fold.row} names={names} isDeciding={isDeciding(fold.row)} />;
          const isOpen = showsAll !== exceptions.has(i);
          return <Run key={`${i}`} rows={fold.rows} names={names} isOpen={isOpen} onToggle={() => toggle(i)} />;
        })}
      </div>
    </>
  );
}

interface RowProps {
  readonly row: LayerRow;
  readonly names: Names;
  readonly isDeciding: boolean;
}

function Row({ row, names, isDeciding }: RowProps): ReactElement {
  return (
    <div role="row" className={["layer-row", pipelineOf(row), isDeciding ? "deciding" : ""].join(" ")}>
      <div role="cell" className="layer">
        {row.logical === undefined ? <Plumbing row={row} names={names} /> : <LogicalView step={row.logical} />}
      </div>
      <div role="cell" className="layer">
        {row.physical.length === 0 ? (
          <span className="none">no flow of its own</span>
        ) : (
          row.physical.map((flow, j) => <PhysicalView key={`${j}.${flow.cookie}`} flow={flow} />)
        )}
      </div>
    </div>
  );
}

function Plumbing({ row, names }: { readonly row: LayerRow; readonly names: Names }): ReactElement {
  const receivers = row.physical.flatMap(outputsOf).map((ofport) => names.byOfport.get(ofport) ?? `OpenFlow port ${ofport}`);
  if (receivers.length === 0) return <span className="none">plumbing, no logical flow</span>;
  return (
    <span>
      delivered to <strong>{receivers.join(", ")}</strong>
    </span>
  );
}

interface RunProps {
  readonly rows: readonly [LayerRow, ...LayerRow[]];
  readonly names: Names;
  readonly isOpen: boolean;
  readonly onToggle: () => void;
}

/** A slim row that stands for its steps, and shows them below itself when it is open. */
function Run({ rows, names, isOpen, onToggle }: RunProps): ReactElement {
  const id = useId();
  const pipeline = pipelineOf(rows[0]);
  const stages = rows.flatMap(({ logical }) => logical?.stage ?? []);
  const tables = rows.flatMap(({ physical }) => physical.map(({ table }) => `${table}`));
  return (
    <>
      <div role="row" className={`layer-row run ${pipeline}`}>
        <div role="cell" className="layer">
          <button type="button" aria-expanded={isOpen} aria-controls={isOpen ? id : undefined} onClick={onToggle}>
            <ChevronIcon />
            <span>
              {stages.length === 0 ? "plumbing passes it on" : passOn(stages.length, "stage")}{" "}
              {stages.length === 0 ? null : <span className="muted">({spanOf(stages)})</span>}
            </span>
          </button>
        </div>
        <div role="cell" className="layer">
          <span className="none">
            {tables.length === 0 ? "no flow of its own" : `${tables.length === 1 ? "table" : "tables"} ${spanOf(tables)}`}
          </span>
        </div>
      </div>
      {isOpen ? (
        <div role="rowgroup" id={id} className="run-steps">
          {rows.map((row, i) => (
            <Row key={`${i}`} row={row} names={names} isDeciding={false} />
          ))}
        </div>
      ) : null}
    </>
  );
}

function passOn(n: number, noun: string): string {
  return `${plural(n, noun)} ${n === 1 ? "passes" : "pass"} it on`;
}

function spanOf(names: readonly string[]): string {
  const [first = "", last = first] = [names[0], names.at(-1)];
  return names.length === 1 ? first : `${first} … ${last}`;
}
