/** A small northbound database and the two policies over it that most tests use. */
import type { FunctionDef, Limits, Value } from "@tenet/datalog";
import type { Json } from "@tenet/kit";
import { type ClientIdentity, Database, OVN_NORTHBOUND } from "@tenet/ovsdb";
import { type PolicySource, PolicyService } from "@tenet/policy";

const CLIENT: ClientIdentity = { remote: "test" };

export const PII = `// Personal data keeps to itself.
output error(port, why)

on(port, switch) :-
  nb:Logical_Switch(_uuid=ls, name=switch), nb:Logical_Switch.ports(ls, lsp), nb:Logical_Switch_Port(_uuid=lsp, name=port)

pii(port) :-
  nb:Logical_Switch_Port(_uuid=lsp, name=port), nb:Logical_Switch_Port.external_ids(lsp, "tags", tags), "pii" in split(tags, ",")

error(port, "\${port} carries personal data and shares switch \${switch} with \${join(others, ", ")}") :-
  pii(port), on(port, switch), others = collect { other : on(other, switch), not pii(other) }, others != []
`;

export const DB_ACCESS = `// Only app hosts talk to databases.
output deny(acl, why)

role(port, role, ip) :-
  nb:Logical_Switch_Port(_uuid=lsp, name=port), nb:Logical_Switch_Port.external_ids(lsp, "tags", tags), role in split(tags, ","),
  nb:Logical_Switch_Port.addresses(lsp, address), ip = nth(split(address, " "), 1)

deny(acl, "lets \${source} reach \${target} on tcp 5432") :-
  nb:ACL(_uuid=acl, action=action, match=match), starts_with(action, "allow"),
  role(target, "db", _), role(source, _, from), not role(source, "app", _), source != target,
  match_accepts(match, target, from, 5432)
`;

/** Stands for an expression parser: knows `outport == "p"`, `ip4.src == a` and `tcp.dst == n`, joined by `&&`. */
export const MATCH_ACCEPTS: FunctionDef = {
  name: "match_accepts",
  nArgs: 4,
  call: (match: Value, outport: Value, source: Value, port: Value): boolean =>
    String(match)
      .split("&&")
      .every((part) => {
        const [, field, value] = /^\s*([\w.]+)\s*==\s*"?([^"\s]+)"?\s*$/.exec(part) ?? [];
        if (field === "outport") return value === outport;
        if (field === "ip4.src") return value === source;
        return field === "tcp.dst" ? value === String(port) : field === undefined;
      }),
};

/** A policy as it would be read from a file. */
export function policy(name: string, text: string): PolicySource {
  return { name, file: `/policies/${name}.dl`, text };
}

/** One switch `tiers` with web1, app1 and db1. */
export async function openNorthbound(): Promise<Database> {
  const nb = await Database.open({ schema: OVN_NORTHBOUND });
  const ports = [
    ["web1", "web", "10.0.0.11"],
    ["app1", "app", "10.0.0.21"],
    ["db1", "db", "10.0.0.31"],
  ] as const;
  const rows = ports.map(([name, tags, ip], i) => insertPort(`p${i}`, name, tags, ip));
  await run(nb, [
    ...rows,
    {
      op: "insert",
      table: "Logical_Switch",
      row: { name: "tiers", ports: ["set", ports.map((_, i) => ["named-uuid", `p${i}`])] },
    },
  ]);
  return nb;
}

function insertPort(uuidName: string, name: string, tags: string, ip: string): Json {
  const row = { name, addresses: `0a:00:00:00:00:01 ${ip}`, external_ids: ["map", [["tags", tags]]] };
  return { op: "insert", table: "Logical_Switch_Port", "uuid-name": uuidName, row };
}

/** Runs operations; the results, an error object among them when it failed. */
export function run(database: Database, operations: readonly Json[]): Promise<Json[]> {
  return database.transact(operations, CLIENT);
}

/** Adds an ACL to the switch. */
export function addAcl(nb: Database, match: string, action = "allow", priority = 1000): Promise<Json[]> {
  return run(nb, [
    { op: "insert", table: "ACL", "uuid-name": "acl", row: { match, action, priority, direction: "to-lport" } },
    {
      op: "mutate",
      table: "Logical_Switch",
      where: [["name", "==", "tiers"]],
      mutations: [["acls", "insert", ["named-uuid", "acl"]]],
    },
  ]);
}

/** Gives a port its tags. */
export function tag(nb: Database, port: string, tags: string): Promise<Json[]> {
  return run(nb, [
    {
      op: "update",
      table: "Logical_Switch_Port",
      where: [["name", "==", port]],
      row: { external_ids: ["map", [["tags", tags]]] },
    },
  ]);
}

/** The error object of a transaction that failed. */
export function errorOf(results: readonly Json[]): { readonly error: string; readonly details: string } | undefined {
  for (const result of results) {
    if (typeof result === "object" && result !== null && "error" in result) {
      return { error: String(result["error"]), details: "details" in result ? String(result["details"]) : "" };
    }
  }
  return undefined;
}

/** A service that follows and guards the database. */
export function serve(nb: Database, policies: readonly PolicySource[] = [], limits: Limits = {}): PolicyService {
  const service = new PolicyService({ functions: [MATCH_ACCEPTS], limits });
  service.addSource("nb", nb);
  service.guard("nb", nb);
  service.setPolicies(policies);
  return service;
}
