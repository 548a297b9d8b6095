/**
 * What the console asks of the server that delivers it, as plain JSON types.
 *
 *   GET  /api/state   -> State
 *   GET  /api/events  -> server-sent events; event "state", data = State, at connect and after every change
 *   POST /api/why     {question} -> Story   (a question that cannot be read: Story with `error`, status 200)
 *
 * Types only: the server repeats the shape, neither side imports the other.
 */

/** Any JSON value, as the rows of policies hold them. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

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

/** What real packets could do, measured from each host to each other one. */
export interface Reachability {
  readonly hosts: readonly string[];
  readonly cells: readonly ReachabilityCell[];
  readonly measuredAt: number;
}

/** One direction of one pair of hosts. */
export interface ReachabilityCell {
  readonly from: string;
  readonly to: string;
  readonly ping: "ok" | "no";
  readonly tcp: readonly { readonly port: number; readonly open: boolean }[];
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

/** The fate of one packet, from the verdict back to the row and the transaction that decided it. */
export interface Story {
  readonly question: string;
  readonly verdict: "forwarded" | "dropped";
  readonly summary: string;
  readonly cause?: Cause;
  /** What the switch would cache for packets like this one. */
  readonly megaflow?: { readonly match: string; readonly actions: string };
  readonly layers: { readonly logical: readonly LogicalStep[]; readonly physical: readonly PhysicalStep[] };
  /** Why there is no story; the other fields are then empty and the verdict means nothing. */
  readonly error?: string;
}

/** The configuration row that decided, and who wrote it. */
export interface Cause {
  readonly table: string;
  readonly uuid: string;
  readonly summary: string;
  readonly columns: { readonly [column: string]: JsonValue };
  readonly transaction?: {
    readonly id: string;
    readonly at: number;
    /** Who sent it, e.g. `ovn-nbctl (pid 4711, uid 0)`. */
    readonly client: string;
    readonly comment: string;
  };
}

/** A logical flow the packet met. */
export interface LogicalStep {
  /** Stage name, e.g. `ls_in_acl`. */
  readonly stage: string;
  readonly pipeline: "ingress" | "egress";
  readonly table: number;
  readonly priority: number;
  readonly match: string;
  readonly actions: string;
  /** Of the Logical_Flow. */
  readonly uuid: string;
  /** First 8 hex digits of the northbound row it was made for. */
  readonly hint?: string;
  /** Logical switch it belongs to. */
  readonly datapath?: string;
}

/** An OpenFlow flow the packet met. */
export interface PhysicalStep {
  readonly table: number;
  /** Hexadecimal, `0x…`. */
  readonly cookie: string;
  readonly priority: number;
  readonly match: string;
  readonly actions: string;
  /** UUID of the logical flow that it implements. */
  readonly lflow?: string;
}
