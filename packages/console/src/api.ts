/**
 * What the console asks of the server that delivers it, as plain JSON types.
 *
 *   GET  /api/state   -> State
 *   GET  /api/events  -> server-sent events; event "state", data = State, at connect and after every change
 *   POST /api/why     {question} -> Story   (a question that cannot be read: Story with `error`, status 200)
 *
 * Types only; stories and measurements are the types of the packages that make them.
 */
import type { Reachability, ReachabilityCell } from "@tenet/lab";
import type { Cause, JsonValue, LogicalStep, PhysicalStep, Story } from "@tenet/why";

export type { Cause, JsonValue, LogicalStep, PhysicalStep, Reachability, ReachabilityCell, Story };

/** Everything the page shows besides packet stories. Times are milliseconds since 1970 UTC. */
export interface State {
  /** The cloud's name, e.g. `three-tier`. */
  readonly name: string;
  /** How hosts are realised: network namespaces, or simulated inside the process. */
  readonly mode: "namespaces" | "simulated";
  readonly startedAt: number;
  readonly switches: readonly LogicalSwitch[];
  readonly ports: readonly LogicalPort[];
  readonly hosts: readonly Host[];
  readonly acls: readonly Acl[];
  /** `null` until the first measurement is done. */
  readonly reachability: Reachability | null;
  readonly violations: readonly Violation[];
  /** How many violations there are, when `violations` holds only the first of them. */
  readonly nViolations?: number;
  readonly policies: readonly Policy[];
  /** Northbound rows that ask for what this version does not carry out. */
  readonly leftOut?: readonly LeftOutRow[];
  readonly sockets: Sockets;
  /** Address of the policy API, e.g. `http://127.0.0.1:1789`; empty when it is not served. */
  readonly policyApi: string;
}

/** A northbound Logical_Switch. */
export interface LogicalSwitch {
  readonly name: string;
  readonly uuid: string;
}

/** A northbound Logical_Switch_Port and what the switch knows of it. */
export interface LogicalPort {
  readonly name: string;
  /** Name of its logical switch. */
  readonly switch: string;
  readonly uuid?: string;
  readonly mac: string;
  readonly ips: readonly string[];
  readonly up: boolean;
  /** OpenFlow port number; `null` while the port is not plugged. */
  readonly ofport: number | null;
}

/** An endpoint of the lab. */
export interface Host {
  readonly name: string;
  /** Name of the logical port it is plugged into. */
  readonly port: string;
  readonly mac: string;
  readonly ips: readonly string[];
  readonly tags: readonly string[];
  readonly namespace?: string;
}

/** A northbound ACL and where it is attached. */
export interface Acl {
  readonly uuid: string;
  readonly switchOrGroup: string;
  readonly direction: string;
  readonly priority: number;
  readonly match: string;
  readonly action: string;
  readonly name?: string;
}

/** A row of `error`, `warning` or `deny` in some policy. */
export interface Violation {
  readonly policy: string;
  readonly kind: "error" | "warning" | "deny";
  readonly row: readonly JsonValue[];
  /** Column names, as many as `row` has values. */
  readonly columns: readonly string[];
  readonly rule: { readonly file: string; readonly line: number; readonly text: string };
  /** The rows that prove it, several lines of text. */
  readonly proof: string;
  /** Names of the hosts and ports it speaks of, when the server knows them; otherwise the page looks at `row`. */
  readonly about?: readonly string[];
}

/** A loaded policy file. */
export interface Policy {
  readonly name: string;
  readonly file: string;
  readonly nRules: number;
  /** `stale`: the file is broken, its last good version is in force; `error`: broken, nothing is in force. */
  readonly status: "ok" | "stale" | "error";
  /** What is wrong with the file, with line and column. */
  readonly error?: string;
}

/** A northbound row that is not carried out, and what happens instead. */
export interface LeftOutRow {
  readonly table: string;
  readonly uuid: string;
  /** May be empty. */
  readonly name: string;
  readonly reason: string;
}

/** Paths of the sockets that standard tools use. */
export interface Sockets {
  readonly nb: string;
  readonly sb: string;
  readonly db: string;
  readonly openflow: string;
}

/** A question such as `web1 -> db1 tcp 5432`. */
export interface WhyRequest {
  readonly question: string;
}
