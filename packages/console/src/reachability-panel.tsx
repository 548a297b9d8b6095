/** Who reaches whom, as measured with packets; each result is a question one can ask. */
import type { ReactElement } from "react";
import type { Reachability, ReachabilityCell } from "./api.ts";
import { formatTime } from "./format.ts";
import { CheckIcon, CrossIcon } from "./icons.tsx";
import { Empty, Panel } from "./panel.tsx";

/** The measured matrix, and where its results are explained. */
export interface ReachabilityProps {
  readonly reachability: Reachability | null;
  readonly ask: (question: string) => void;
}

/** A matrix of hosts: rows send, columns receive. */
export function ReachabilityPanel({ reachability, ask }: ReachabilityProps): ReactElement {
  if (reachability === null || reachability.hosts.length === 0) {
    return (
      <Panel id="reachability" title="Reachability">
        <Empty>{reachability === null ? "Measuring: packets are on their way…" : "No hosts to measure between."}</Empty>
      </Panel>
    );
  }
  const cells = new Map(reachability.cells.map((cell) => [`${cell.from}>${cell.to}`, cell]));
  return (
    <Panel id="reachability" title="Reachability" aside={`measured at ${formatTime(reachability.measuredAt)}`}>
      <div className="scroll">
        <table className="matrix">
          <thead>
            <tr>
              <th scope="col">
                <span className="muted">from \ to</span>
              </th>
              {reachability.hosts.map((host) => (
                <th key={host} scope="col" title={host}>
                  {host}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {reachability.hosts.map((from) => (
              <tr key={from}>
                <th scope="row" title={from}>
                  {from}
                </th>
                {reachability.hosts.map((to) => (
                  <td key={to} className={from === to ? "self" : undefined}>
                    {from === to ? null : <Results cell={cells.get(`${from}>${to}`)} ask={ask} />}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p className="matrix-note">Row sends, column receives. Choose a result to see why.</p>
    </Panel>
  );
}

function Results(props: { readonly cell: ReachabilityCell | undefined; readonly ask: (question: string) => void }): ReactElement {
  const { cell, ask } = props;
  if (cell === undefined) return <span className="muted">not measured</span>;
  const { from, to } = cell;
  return (
    <>
      <Result label="ping" passes={cell.ping === "ok"} question={`${from} -> ${to} icmp`} ask={ask} />
      {cell.tcp.map(({ port, open }) => (
        <Result key={port} label={`${port}`} passes={open} question={`${from} -> ${to} tcp ${port}`} ask={ask} />
      ))}
    </>
  );
}

interface ResultProps {
  readonly label: string;
  readonly passes: boolean;
  readonly question: string;
  readonly ask: (question: string) => void;
}

function Result({ label, passes, question, ask }: ResultProps): ReactElement {
  const meaning = `${question}: ${passes ? "passes" : "does not pass"}`;
  return (
    <button
      type="button"
      className={passes ? "result passes" : "result"}
      title={meaning}
      aria-label={meaning}
      onClick={() => ask(question)}
    >
      {passes ? <CheckIcon /> : <CrossIcon />}
      {label}
    </button>
  );
}
