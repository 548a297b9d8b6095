import { Northd, TunnelKeys } from "@tenet/ovn";
import type { Tuple } from "@tenet/datalog";
import fc from "fast-check";
import { expect, inject, test } from "vitest";
import { RowStore, uuidOf } from "./northbound.ts";

const N = 4;
const one = fc.integer({ min: 0, max: N - 1 });
const some = fc.uniqueArray(one, { maxLength: N });
const mac = (n: number): string => `0a:00:00:00:00:0${n}`;

const switchOf = (n: number): string => uuidOf(0x100 + n);
const portOf = (n: number): string => uuidOf(0x200 + n);
const aclOf = (n: number): string => uuidOf(0x300 + n);
const groupOf = (n: number): string => uuidOf(0x400 + n);

/** One step changes one row, in any way that the schema allows. */
const step = fc.oneof(
  fc.record({ n: one, ports: some, acls: some, passthru: fc.boolean() }).map(({ n, ports, acls, passthru }) => ({
    table: "Logical_Switch",
    uuid: switchOf(n),
    columns: {
      name: `sw${n}`,
      ports: ports.map(portOf).sort(),
      acls: acls.map(aclOf).sort(),
      other_config: new Map(passthru ? [["vlan-passthru", "true"]] : []),
    },
  })),
  fc
    .record({
      n: one,
      name: fc.constantFrom("p", "q"),
      addresses: fc.uniqueArray(
        fc.constantFrom("unknown", `${mac(1)} 10.0.0.1`, `${mac(2)} 10.0.0.2 fd00::2`, "router", mac(3)),
        {
          maxLength: 3,
        },
      ),
      enabled: fc.constantFrom([], [true], [false]),
      type: fc.constantFrom("", "", "localnet", "localport", "router"),
    })
    .map(({ n, name, addresses, enabled, type }) => ({
      table: "Logical_Switch_Port",
      uuid: portOf(n),
      columns: {
        name: `${name}${n}`,
        addresses: addresses.sort(),
        enabled,
        type,
      },
    })),
  fc
    .record({
      n: one,
      direction: fc.constantFrom("from-lport", "to-lport"),
      action: fc.constantFrom("allow", "allow-related", "allow-stateless", "drop", "reject"),
      priority: one,
      match: fc.constantFrom("ip4", "ip6"),
      afterLb: fc.boolean(),
    })
    .map(({ n, afterLb, ...columns }) => ({
      table: "ACL",
      uuid: aclOf(n),
      columns: { ...columns, options: new Map(afterLb ? [["apply-after-lb", "true"]] : []) },
    })),
  fc.record({ n: one, ports: some, acls: some }).map(({ n, ports, acls }) => ({
    table: "Port_Group",
    uuid: groupOf(n),
    columns: { name: `pg${n}`, ports: ports.map(portOf).sort(), acls: acls.map(aclOf).sort() },
  })),
  fc.record({ n: one }).map(({ n }) => ({
    table: "Address_Set",
    uuid: uuidOf(0x500 + n),
    columns: { name: `pg${n}_ip4`, addresses: ["10.9.9.9"] },
  })),
  fc.record({ nbCfg: one, drop: fc.boolean() }).map(({ nbCfg, drop }) => ({
    table: "NB_Global",
    uuid: uuidOf(1),
    columns: { nb_cfg: nbCfg, options: new Map(drop ? [["default_acl_drop", "true"]] : []) },
  })),
  fc
    .constantFrom(
      ...[0, 1, 2, 3].flatMap((n): [string, string][] => [
        ["Logical_Switch", switchOf(n)],
        ["Logical_Switch_Port", portOf(n)],
        ["ACL", aclOf(n)],
        ["Port_Group", groupOf(n)],
      ]),
    )
    .map(([table, uuid]) => ({ table, uuid, columns: undefined })),
);

test("after any changes the output is what a fresh start derives, and the deltas add up to it", { timeout: 120_000 }, () => {
  fc.assert(
    fc.property(fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { maxLength: 12 }), (transactions) => {
      const nb = new RowStore();
      const northd = new Northd();
      const written = new Map<string, Set<string>>();
      for (const steps of transactions) {
        for (const { table, uuid, columns } of steps) nb.put(table, uuid, columns);
        const { delta } = northd.apply({ nb: nb.take() }, 5);
        for (const [relation, { inserted, deleted }] of delta) {
          if (!relation.startsWith("to_")) continue;
          const rows = written.get(relation) ?? new Set<string>();
          written.set(relation, rows);
          for (const tuple of deleted) expect(rows.delete(JSON.stringify(tuple))).toBe(true);
          for (const tuple of inserted) {
            expect(rows.has(JSON.stringify(tuple))).toBe(false);
            rows.add(JSON.stringify(tuple));
          }
        }
      }
      const fresh = new Northd(keysOf(northd));
      fresh.apply({ nb: nb.content() }, 5);
      for (const { name } of northd.relations().filter((relation) => relation.name.startsWith("to_"))) {
        const rows = texts(northd.rows(name));
        expect([name, texts(fresh.rows(name))]).toEqual([name, rows]);
        expect([name, [...(written.get(name) ?? [])].sort()]).toEqual([name, rows]);
      }
    }),
    { numRuns: 25 * inject("effort") },
  );
});

function keysOf(northd: Northd): TunnelKeys {
  const keys = new TunnelKeys();
  for (const [ls, key] of northd.rows("northd:datapath_key")) keys.adoptSwitch(String(ls), Number(key));
  const keyByPort = new Map(northd.rows("northd:port_key").map(([port, key]) => [port, key]));
  for (const [port, ls, name] of northd.rows("northd:wants_port_key")) {
    keys.adoptPort(String(ls), String(name), Number(keyByPort.get(port ?? null)));
  }
  return keys;
}

function texts(tuples: readonly Tuple[]): string[] {
  return tuples.map((tuple) => JSON.stringify(tuple)).sort();
}
