/** Which things on the page a violation speaks of. */
import type { JsonValue, State, Violation } from "./api.ts";

/**
 * Names of hosts, ports and switches that a violation names.
 *
 * A value names a thing when it is the thing's name, UUID, MAC or IP address. A port stands for its
 * host and a host for its port; an ACL stands for the switch it is attached to.
 */
export function subjectsOf(violation: Violation, state: State): ReadonlySet<string> {
  const subjects = new Set<string>();
  const values = new Set(violation.about ?? violation.row.flatMap(stringsIn));
  for (const acl of state.acls) if (values.has(acl.uuid)) values.add(acl.switchOrGroup);
  for (const { name, uuid } of state.switches) if (values.has(name) || values.has(uuid)) subjects.add(name);
  for (const { name, uuid, mac, ips } of state.ports) {
    if ([name, uuid, mac, ...ips].some((id) => id !== undefined && values.has(id))) subjects.add(name);
  }
  for (const host of state.hosts) {
    if ([host.name, host.port, host.mac, ...host.ips].some((id) => values.has(id) || subjects.has(id))) {
      subjects.add(host.name).add(host.port);
    }
  }
  return subjects;
}

/** For each name, the violations that speak of it. */
export function violationsByName(state: State): ReadonlyMap<string, readonly Violation[]> {
  const byName = new Map<string, Violation[]>();
  for (const violation of state.violations) {
    for (const name of subjectsOf(violation, state)) {
      const known = byName.get(name);
      if (known === undefined) byName.set(name, [violation]);
      else known.push(violation);
    }
  }
  return byName;
}

function stringsIn(value: JsonValue): string[] {
  if (typeof value === "string") return [value];
  if (value === null || typeof value !== "object") return [];
  return Object.values(value).flatMap(stringsIn);
}
