/** Reads what the database says of flow tables: how much they hold, and what goes when they are full. */
import { findHeaderName, findMatchField, type MatchField } from "@tenet/openflow";
import { isMap, type Row } from "@tenet/ovsdb";
import type { TableSettings } from "../../table/table-settings.ts";
import { numberOf, textOf, textsOf } from "./row-values.ts";

/** A field with or without the bits of it that count; those are not looked at. */
const FIELD = /^([A-Za-z_]\w*)(?:\[.*\])?$/;

/** The settings of a bridge's tables, by their numbers. @param rowOf - the row of Flow_Table of a uuid */
export function readFlowTables(bridge: Row, rowOf: (uuid: string) => Row | undefined): Map<number, TableSettings> {
  const settings = new Map<number, TableSettings>();
  const column = bridge["flow_tables"];
  if (!isMap(column)) return settings;
  for (const [number, uuid] of column) {
    const row = typeof uuid === "string" ? rowOf(uuid) : undefined;
    if (row !== undefined && typeof number === "number") settings.set(number, readFlowTable(row));
  }
  return settings;
}

function readFlowTable(row: Row): TableSettings {
  const flowLimit = numberOf(row, "flow_limit");
  const name = textOf(row, "name");
  return {
    name,
    isNamedByDatabase: name !== "",
    ...(flowLimit === undefined ? {} : { flowLimit }),
    isEvicting: textOf(row, "overflow_policy") === "evict",
    evictionGroups: textsOf(row, "groups").flatMap(fieldOf),
  };
}

function fieldOf(text: string): MatchField[] {
  const name = FIELD.exec(text)?.[1] ?? "";
  const field = findHeaderName(name) ?? findMatchField(name);
  return field === undefined || field.option !== undefined ? [] : [field];
}
