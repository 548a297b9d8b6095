/** What the policies find wrong, with rule and proof. */
import { type ReactElement, useState } from "react";
import type { Policy, Violation } from "./api.ts";
import { formatValue, plural } from "./format.ts";
import { CheckIcon, CrossIcon, WarningIcon } from "./icons.tsx";
import { Empty, Panel } from "./panel.tsx";

/** More than these push everything else off the page, so they wait to be asked for. */
const MOST_AT_FIRST = 8;
const REASON_COLUMNS = new Set(["why", "reason", "message"]);

/** What the list shows, and whom it tells which entry is being looked at. */
export interface ViolationsProps {
  readonly violations: readonly Violation[];
  /** How many there are, of which `violations` may be only the first. */
  readonly nViolations: number;
  readonly policies: readonly Policy[];
  /** Takes the {@link keyOf} the entry. */
  readonly onMark: (key: string | undefined) => void;
}

/** The violations; pointing at one marks in the topology what it speaks of. */
export function ViolationsPanel({ violations, nViolations, policies, onMark }: ViolationsProps): ReactElement {
  const [showsAll, setShowsAll] = useState(false);
  const shown = showsAll ? violations : violations.slice(0, MOST_AT_FIRST);
  return (
    <Panel id="violations" title="Violations" aside={nViolations === 0 ? "none" : `${nViolations}`}>
      <p role="status" className="visually-hidden">
        {nViolations === 0 ? "No violation" : plural(nViolations, "violation")}
      </p>
      {violations.length === 0 ? (
        <Empty>
          <NoViolation policies={policies} />
        </Empty>
      ) : (
        <ul className="rows">
          {shown.map((violation) => (
            <ViolationEntry key={keyOf(violation)} violation={violation} onMark={onMark} />
          ))}
        </ul>
      )}
      {violations.length > MOST_AT_FIRST ? (
        <button type="button" className="quiet more" aria-expanded={showsAll} onClick={() => setShowsAll(!showsAll)}>
          {showsAll ? `Show the first ${MOST_AT_FIRST}` : `Show ${violations.length - MOST_AT_FIRST} more`}
        </button>
      ) : null}
      {nViolations > violations.length ? (
        <p className="more muted">and {nViolations - violations.length} more that are not listed</p>
      ) : null}
    </Panel>
  );
}

function NoViolation({ policies }: { readonly policies: readonly Policy[] }): ReactElement {
  const nHolding = policies.filter(({ status }) => status !== "error").length;
  if (nHolding === 0) return <>No policy is in force, so nothing can be violated.</>;
  return (
    <>
      <span className="good">
        <CheckIcon />
      </span>{" "}
      {nHolding === 1 ? "The policy in force holds." : `The ${nHolding} policies in force hold.`}
    </>
  );
}

function ViolationEntry(props: { readonly violation: Violation; readonly onMark: ViolationsProps["onMark"] }): ReactElement {
  const { violation, onMark } = props;
  const { reason, others } = describe(violation);
  return (
    <li
      className={`violation ${violation.kind}`}
      onMouseEnter={() => onMark(keyOf(violation))}
      onMouseLeave={() => onMark(undefined)}
      onFocus={() => onMark(keyOf(violation))}
      onBlur={() => onMark(undefined)}
    >
      <p className="entry-head">
        <span className={`badge ${violation.kind}`}>
          {violation.kind === "warning" ? <WarningIcon /> : <CrossIcon />}
          {violation.kind}
        </span>
        <strong>{violation.policy}</strong>
        <span className="push mono muted">
          {violation.rule.file}:{violation.rule.line}
        </span>
      </p>
      <p className="reason">{reason}</p>
      {others.length === 0 ? null : (
        <dl className="values">
          {others.map(([column, value]) => (
            <div key={column}>
              <dt>{column}</dt>
              <dd className="mono">{value}</dd>
            </div>
          ))}
        </dl>
      )}
      <details>
        <summary>Rule and proof</summary>
        <pre>{violation.rule.text}</pre>
        <pre>{violation.proof}</pre>
      </details>
    </li>
  );
}

/** The sentence that says what is wrong, and the row's other values. */
function describe({ columns, row, kind }: Violation): { reason: string; others: [string, string][] } {
  const values = row.map((value, i): [string, string] => [columns[i] ?? `${i}`, formatValue(value)]);
  const at = values.findIndex(([column]) => REASON_COLUMNS.has(column));
  const reason = values[at]?.[1];
  if (reason === undefined) return { reason: `${kind}(${values.map(([, value]) => value).join(", ")})`, others: [] };
  return { reason, others: values.filter((_, i) => i !== at) };
}

/** What tells a violation from others, also in a later state. */
export function keyOf({ policy, kind, row }: Violation): string {
  return JSON.stringify([policy, kind, row]);
}
