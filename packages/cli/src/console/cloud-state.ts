/** The cloud as the console shows it, read from replicas, the lab and the policy service. */
import { jsonOf } from "@tenet/datalog";
import type { Json } from "@tenet/kit";
import type { Reachability, RunningLab } from "@tenet/lab";
import { type Atom, type Datum, isMap, keysOf, type Replica, type Row } from "@tenet/ovsdb";
import type { PolicyService, PolicyStatus } from "@tenet/policy";
import type { LeftOut } from "../up/left-out.ts";

/** Everything the page shows besides packet stories; the page's `src/api.ts` tells what each field means. */
export interface CloudState {
  readonly name: string;
  readonly mode: "namespaces" | "simulated";
  readonly startedAt: number;
  readonly switches: readonly { readonly name: string; readonly uuid: string }[];
  readonly ports: readonly PortState[];
  readonly hosts: readonly HostState[];
  readonly acls: readonly AclState[];
  readonly reachability: Reachability | null;
  readonly violations: readonly ViolationState[];
  readonly nViolations: number;
  readonly policies: readonly PolicyStatus[];
  readonly leftOut: readonly LeftOutState[];
  readonly sockets: SocketPaths;
  readonly policyApi: string;
}

/** A logical switch port. */
export interface PortState {
  readonly name: string;
  readonly switch: string;
  readonly uuid: string;
  readonly mac: string;
  readonly ips: readonly string[];
  readonly up: boolean;
  readonly ofport: number | null;
}

/** A host of the lab. */
export interface HostState {
  readonly name: string;
  readonly port: string;
  readonly mac: string;
  readonly ips: readonly string[];
  readonly tags: readonly string[];
  readonly namespace?: string;
}

/** An ACL and where it is attached. */
export interface AclState {
  readonly uuid: string;
  readonly switchOrGroup: string;
  readonly direction: string;
  readonly priority: number;
  readonly match: string;
  readonly action: string;
  readonly name?: string;
}

/** A violation with the rows that prove it as text. */
export interface ViolationState {
  readonly policy: string;
  readonly kind: "error" | "warning" | "deny";
  readonly row: readonly Json[];
  readonly columns: readonly string[];
  readonly rule: { readonly file: string; readonly line: number; readonly text: string };
  readonly proof: string;
}

/** A northbound row that asks for what is not carried out. */
export interface LeftOutState {
  readonly table: string;
  readonly uuid: string;
  readonly name: string;
  readonly reason: string;
}

/** Where the standard tools connect: `unix:PATH`, for OpenFlow the path alone. */
export interface SocketPaths {
  readonly nb: string;
  readonly sb: string;
  readonly db: string;
  readonly openflow: string;
}

/** What the state is read from. */
export interface StateSources {
  readonly name: string;
  readonly mode: "namespaces" | "simulated";
  readonly startedAt: number;
  readonly nb: Replica;
  readonly vswitch: Replica;
  readonly policy: PolicyService;
  readonly network: { readonly leftOut: LeftOut };
  readonly sockets: SocketPaths;
  readonly policyUrl: string;
  /** The running hosts and their measurement, once there. */
  readonly measured: () => { readonly running: RunningLab; readonly reachability: Reachability } | undefined;
}

/** Each costs the search for its proof. */
const MOST_VIOLATIONS = 100;

/** Reads the whole state. Cost: linear in the northbound ports and ACLs, and the violations' proofs. */
export function readState(sources: StateSources): CloudState {
  const { name, mode, startedAt, nb, policy, sockets, policyUrl, measured } = sources;
  const switches = [...nb.table("Logical_Switch").values()].toSorted(byName);
  const ports = switches.flatMap((row) => portsOf(row, nb, sources.vswitch));
  return {
    name,
    mode,
    startedAt,
    switches: switches.map((row) => ({ name: text(row["name"]), uuid: row._uuid })),
    ports,
    hosts: hostsOf(sources, nb),
    acls: [...switches, ...nb.table("Port_Group").values()].flatMap((row) => aclsOf(row, nb)),
    reachability: measured()?.reachability ?? null,
    violations: policy.violations(MOST_VIOLATIONS).map(({ policy: by, kind, row, columns, rule, proofText }) => ({
      policy: by,
      kind,
      row: row.map(jsonOf),
      columns,
      rule,
      proof: proofText,
    })),
    nViolations: policy.nViolations,
    policies: policy.policies(),
    leftOut: sources.network.leftOut.rows.map(({ table, row, name: called, reason }) => ({
      table,
      uuid: row,
      name: called,
      reason,
    })),
    sockets,
    policyApi: policyUrl,
  };
}

/** The tags of a logical port, from its external_ids. */
function tagsOf(nb: Replica, port: string): string[] {
  const row = nb.find("Logical_Switch_Port", (candidate) => candidate["name"] === port);
  const tags = row === undefined ? undefined : mapValue(row["external_ids"], "tags");
  return tags === undefined || tags === "" ? [] : tags.split(",");
}

function hostsOf({ measured, mode }: StateSources, nb: Replica): HostState[] {
  return (measured()?.running.hosts ?? []).map(({ name, port, mac, addresses, namespace }) => ({
    name,
    port,
    mac,
    ips: addresses,
    tags: tagsOf(nb, port),
    ...(mode === "namespaces" && namespace !== undefined ? { namespace } : {}),
  }));
}

function portsOf(logicalSwitch: Row, nb: Replica, vswitch: Replica): PortState[] {
  const ofports = new Map<string, number>();
  for (const row of vswitch.table("Interface").values()) {
    const [ofport] = setOf(row["ofport"]);
    const port = mapValue(row["external_ids"], "iface-id");
    if (port !== undefined && typeof ofport === "number" && ofport > 0) ofports.set(port, ofport);
  }
  return rowsOf(nb, "Logical_Switch_Port", logicalSwitch["ports"])
    .toSorted(byName)
    .map((row) => {
      const name = text(row["name"]);
      const [mac = "", ...ips] = text(setOf(row["addresses"])[0]).split(" ");
      const isUp = setOf(row["up"])[0] === true;
      return {
        name,
        switch: text(logicalSwitch["name"]),
        uuid: row._uuid,
        mac,
        ips,
        up: isUp,
        ofport: ofports.get(name) ?? null,
      };
    });
}

function aclsOf(holder: Row, nb: Replica): AclState[] {
  return rowsOf(nb, "ACL", holder["acls"])
    .toSorted((a, b) => Number(b["priority"]) - Number(a["priority"]))
    .map((row) => {
      const name = text(setOf(row["name"])[0]);
      return {
        uuid: row._uuid,
        switchOrGroup: text(holder["name"]),
        direction: text(row["direction"]),
        priority: Number(row["priority"]),
        match: text(row["match"]),
        action: text(row["action"]),
        ...(name === "" ? {} : { name }),
      };
    });
}

function rowsOf(nb: Replica, table: string, references: Datum | undefined): Row[] {
  return setOf(references).flatMap((uuid) => nb.table(table).get(String(uuid)) ?? []);
}

function setOf(datum: Datum | undefined): readonly Atom[] {
  return datum === undefined || isMap(datum) ? [] : keysOf(datum);
}

function mapValue(datum: Datum | undefined, key: string): string | undefined {
  const value = isMap(datum) ? datum.get(key) : undefined;
  return value === undefined ? undefined : String(value);
}

function text(datum: Datum | undefined): string {
  return typeof datum === "string" ? datum : "";
}

function byName(a: Row, b: Row): number {
  return text(a["name"]) < text(b["name"]) ? -1 : 1;
}
