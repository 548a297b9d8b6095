/** Datums as JSON text, without objects in between: what goes to files and monitors is made row by row, by the thousand. */
import type { Atom } from "./atom.ts";
import { type Datum, isMap, isSet } from "./datum.ts";
import type { BaseType, ColumnType } from "./schema.ts";

/** The text of {@link toJson}. */
export function datumText({ key, value = key }: ColumnType, datum: Datum): string {
  if (isSet(datum)) {
    const only = datum[0];
    return datum.length === 1 && only !== undefined ? atomText(key, only) : setText(key, datum);
  }
  if (!isMap(datum)) return atomText(key, datum);
  let pairs = "";
  datum.forEach((v, k) => {
    pairs += `${pairs === "" ? "[" : ",["}${atomText(key, k)},${atomText(value, v)}]`;
  });
  return `["map",[${pairs}]]`;
}

function setText(key: BaseType, atoms: readonly Atom[]): string {
  let text = '["set",[';
  for (let i = 0; i < atoms.length; i++) {
    if (i > 0) text += ",";
    text += atomText(key, atoms[i] ?? "");
  }
  return `${text}]]`;
}

function atomText(base: BaseType, atom: Atom): string {
  if (base.type === "uuid") return `["uuid","${atom}"]`;
  return typeof atom === "string" ? JSON.stringify(atom) : String(atom);
}
