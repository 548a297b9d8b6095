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
  readonly policyApi: string;
}

/** One entry per policy file. */
export function PoliciesPanel({ policies, violations, policyApi }: PoliciesProps): ReactElement {
  return (
    <Panel
      id="policies"
      title="Policies"
      aside={policyApi === "" ? undefined : <a href={`${policyApi}/v1/policies`}>{policyApi.replace(/^https?:\/\//, "")}</a>}
    >
      {policies.length === 0 ? (
        <Empty>
          No policy is loaded. Put a <code>.dl</code> file into the policy folder; it is picked up at once.
        </Empty>
      ) : (
        <ul className="rows">
          {policies.map((policy) => (
            <PolicyEntry
              key={policy.file}
              policy={policy}
              nViolations={violations.filter((violation) => violation.policy === policy.name).length}
            />
          ))}
        </ul>
      )}
    </Panel>
  );
}

function PolicyEntry({ policy, nViolations }: { readonly policy: Policy; readonly nViolations: number }): ReactElement {
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
        <span className="push muted">{nViolations === 0 ? "no violation" : plural(nViolations, "violation")}</span>
      </p>
      <p className="mono muted path" title={policy.file}>
        {shortPath(policy.file)}
      </p>
      {policy.status === "ok" ? null : <p className="bad status">{BROKEN[policy.status]}</p>}
      {policy.error === undefined ? null : <pre className="fault">{policy.error}</pre>}
    </li>
  );
}
