/** What else has to go when a derived southbound row goes: rows that others wrote about it. */
import type { Delta } from "@tenet/datalog";
import type { Json } from "@tenet/kit";
import type { SchemaJson } from "@tenet/ovsdb";

/**
 * Deletes rows of tables that northd does not derive, where they cannot be without a datapath that is deleted
 * (learned neighbours, for example): they would keep the database from forgetting it.
 *
 * @param derived - tables that northd derives, by name
 */
export function orphanOperations(schema: SchemaJson, derived: ReadonlyMap<string, unknown>, delta: Delta): Json[] {
  const { deleted = [], inserted = [] } = delta.get("to_sb:Datapath_Binding") ?? {};
  const stays = new Set(inserted.map(([uuid]) => uuid));
  const gone = deleted.map(([uuid]) => String(uuid)).filter((uuid) => !stays.has(uuid));
  if (gone.length === 0) return [];
  return Object.entries(schema.tables).flatMap(([table, { columns }]) => {
    if (derived.has(table)) return [];
    return Object.entries(columns).flatMap(([column, { type }]) => {
      const isBound = type.key.refTable === "Datapath_Binding" && (type.key.refType !== "weak" || type.min !== 0);
      if (!isBound) return [];
      return gone.map((uuid): Json => ({ op: "delete", table, where: [[column, "includes", ["uuid", uuid]]] }));
    });
  });
}

/** Forgets the addresses learned at places (datapath key, port key) that are gone, before the keys are given again. */
export function forgetPlaces(delta: Delta): Json[] {
  const gone = delta.get("northd:place")?.deleted ?? [];
  return gone.map(
    ([datapathKey = null, portKey = null]): Json => ({
      op: "delete",
      table: "FDB",
      where: [
        ["dp_key", "==", Number(datapathKey)],
        ["port_key", "==", Number(portKey)],
      ],
    }),
  );
}
