/** The loaded policies and whether each is in force. */
import type { ReactElement } from "react";
import type { Policy, Violation } from "./api.ts";
import { plural, shortPath } from "./format.ts";
import { CheckIcon, WarningIcon } from "./icons.tsx";
import { Empty, Panel } from "./panel.tsx";

const BROKEN = {
  stale: "The file is broken; its last good version is in force.",
  error: "The file is broken; nothing of it is in force.",
} as const;

/** What the list shows: policies, how often each is violated, where their API is. */
export interface PoliciesProps {
  readonly policies: readonly Policy[];
  readonly violations: readonly Violation[];
  /** How many there are, of which `violations` may be only the first. */
  readonly nViolations: number;
  readonly policyApi: string;
}

/** One entry per policy file. */
export function PoliciesPanel({ policies, violations, nViolations, policyApi }: PoliciesProps): ReactElement {
  return (
    <Panel
      id="policies"
      title="Policies"
      aside={policyApi === "" ? undefined : <a href={`${policyApi}/v1/policies`}>{policyApi.replace(/^https?:\/\//, "")}</a>}
    >
      {policies.length === 0 ? (
        <Empty>
          No policy is loaded. The <code>.dl</code> files of a lab's policy folder are, and what is put there is picked up at
          once.
        </Empty>
      ) : (
        <ul className="rows">
          {policies.map((policy) => (
            <PolicyEntry
              key={policy.file}
              policy={policy}
              nViolations={violations.filter((violation) => violation.policy === policy.name).length}
              mayHaveMore={nViolations > violations.length}
            />
          ))}
        </ul>
      )}
    </Panel>
  );
}

interface PolicyEntryProps {
  readonly policy: Policy;
  /** Among those that are listed. */
  readonly nViolations: number;
  readonly mayHaveMore: boolean;
}

function PolicyEntry({ policy, nViolations, mayHaveMore }: PolicyEntryProps): ReactElement {
  return (
    <li className="policy">
      <p className="entry-head">
        <span className={policy.status === "ok" ? "good" : "bad"}>
          {policy.status === "ok" ? <CheckIcon /> : <WarningIcon />}
        </span>
        <strong>{policy.name}</strong>
        <span className="muted">
          {plural(policy.nRules, "rule")}
          {policy.status === "ok" ? ", in force" : ""}
        </span>
        <span className="push muted">{countOf(nViolations, mayHaveMore)}</span>
      </p>
      <p className="mono muted path" title={policy.file}>
        {shortPath(policy.file)}
      </p>
      {policy.status === "ok" ? null : <p className="bad status">{BROKEN[policy.status]}</p>}
      {policy.error === undefined ? null : <pre className="fault">{policy.error}</pre>}
    </li>
  );
}

function countOf(n: number, mayHaveMore: boolean): string {
  if (mayHaveMore) return n === 0 ? "" : `at least ${plural(n, "violation")}`;
  return n === 0 ? "no violation" : plural(n, "violation");
}
