/**
 * The matrix of hosts: rows send, columns receive, one sub-column for each thing that was tried.
 *
 * Sixty hosts make thousands of results. So results are bare buttons whose events the table handles, and the whole is
 * rendered anew only for a new measurement; what is being asked is marked in place.
 */
import {
  type FocusEvent,
  Fragment,
  type KeyboardEvent,
  type MouseEvent,
  memo,
  type ReactElement,
  useEffect,
  useRef,
} from "react";
import type { Reachability, ReachabilityCell } from "../api.ts";
import { type Destination, destinationsOf, resultOf, type Trial } from "./matrix-columns.ts";
import { buttonInDirection, makeTabStop } from "./matrix-keys.ts";

/** A measurement, the question whose story is being told, and where to ask others. */
export interface MatrixProps {
  readonly reachability: Reachability;
  readonly asked: string | undefined;
  readonly ask: (question: string) => void;
}

/** The table with its events. */
export function Matrix({ reachability, asked, ask }: MatrixProps): ReactElement {
  const table = useRef<HTMLTableElement>(null);
  useEffect(() => markAsked(table.current, asked), [asked, reachability]);
  const onClick = (event: MouseEvent): void => {
    const question = buttonOf(event.target)?.dataset["question"];
    if (question !== undefined) ask(question);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const button = buttonOf(event.target);
    const next = button && buttonInDirection(button, event.key);
    if (next === undefined) return;
    event.preventDefault();
    next.focus();
  };
  const onFocus = (event: FocusEvent<HTMLTableElement>): void => {
    const button = buttonOf(event.target);
    if (button !== undefined) makeTabStop(event.currentTarget, button);
  };
  return (
    // The table only handles what its buttons let through to it.
    <table className="matrix" ref={table} onClick={onClick} onKeyDown={onKeyDown} onFocus={onFocus}>
      <Measurement reachability={reachability} />
    </table>
  );
}

const Measurement = memo(MeasurementRows, (a, b) => isSameMeasurement(a.reachability, b.reachability));

function isSameMeasurement(a: Reachability, b: Reachability): boolean {
  return a.measuredAt === b.measuredAt && a.cells.length === b.cells.length && a.hosts.length === b.hosts.length;
}

function MeasurementRows({ reachability }: { readonly reachability: Reachability }): ReactElement {
  const { hosts, cells } = reachability;
  const destinations = destinationsOf(reachability);
  const cellByPair = new Map(cells.map((cell) => [`${cell.from}>${cell.to}`, cell]));
  const firstPair = cells[0] === undefined ? "" : `${cells[0].from}>${cells[0].to}`;
  return (
    <>
      <thead>
        <tr>
          <th rowSpan={2} scope="col">
            <span className="muted">from \ to</span>
          </th>
          {destinations.map(({ host, trials }) => (
            <th key={host} scope="colgroup" colSpan={trials.length} title={host} className="group">
              {host}
            </th>
          ))}
        </tr>
        <tr>
          {destinations.map(({ host, trials }) => (
            <Fragment key={host}>
              {trials.map((trial) => (
                <th key={trial} scope="col" className={trial === "ping" ? "trial group" : "trial"}>
                  {trial}
                </th>
              ))}
            </Fragment>
          ))}
        </tr>
      </thead>
      <tbody>
        {hosts.map((from) => (
          <tr key={from}>
            <th scope="row" title={from}>
              {from}
            </th>
            {destinations.map((to) => {
              const pair = `${from}>${to.host}`;
              if (from === to.host) return <td key={to.host} className="self group" colSpan={to.trials.length} />;
              return <Pair key={to.host} from={from} to={to} cell={cellByPair.get(pair)} isFirst={pair === firstPair} />;
            })}
          </tr>
        ))}
      </tbody>
    </>
  );
}

interface PairProps {
  readonly from: string;
  readonly to: Destination;
  readonly cell: ReachabilityCell | undefined;
  /** Whether the table's tab stop begins here. */
  readonly isFirst: boolean;
}

function Pair({ from, to: { host, trials }, cell, isFirst }: PairProps): ReactElement {
  return (
    <>
      {trials.map((trial, i) => (
        <td key={trial} className={i === 0 ? "group" : undefined}>
          <Result from={from} to={host} trial={trial} passes={resultOf(cell, trial)} isTabStop={isFirst && i === 0} />
        </td>
      ))}
    </>
  );
}

interface ResultProps {
  readonly from: string;
  readonly to: string;
  readonly trial: Trial;
  readonly passes: boolean | undefined;
  readonly isTabStop: boolean;
}

function Result({ from, to, trial, passes, isTabStop }: ResultProps): ReactElement {
  if (passes === undefined) {
    return (
      <span className="unmeasured" title="not measured">
        –
      </span>
    );
  }
  const meaning = `${from} → ${to} ${trial === "ping" ? "ping" : `tcp ${trial}`}: ${passes ? "open" : "blocked"}`;
  return (
    <button
      type="button"
      className={passes ? "passes" : undefined}
      title={meaning}
      aria-label={meaning}
      tabIndex={isTabStop ? 0 : -1}
      data-question={`${from} -> ${to} ${trial === "ping" ? "icmp" : `tcp ${trial}`}`}
    >
      {passes ? "✓" : "✗"}
    </button>
  );
}

function buttonOf(target: EventTarget): HTMLButtonElement | undefined {
  return (target instanceof Element ? target.closest<HTMLButtonElement>("button[data-question]") : undefined) ?? undefined;
}

function markAsked(table: HTMLTableElement | null, asked: string | undefined): void {
  table?.querySelector("[aria-current]")?.removeAttribute("aria-current");
  if (asked === undefined) return;
  table?.querySelector(`[data-question="${CSS.escape(asked)}"]`)?.setAttribute("aria-current", "true");
}
