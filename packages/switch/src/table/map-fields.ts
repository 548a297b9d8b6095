/** Puts other fields in the place of those that actions name, wherever in them that is. */
import type { FieldSpec } from "@tenet/net";

/** Gives a field's stand-in; `holder` is the action, or the part of one, that names it. */
export type FieldMap = (field: FieldSpec, holder: object) => FieldSpec;

/** A copy of `value` with each field replaced by what `map` gives for it; `value` itself when none changes. */
export function mapFields<T>(value: T, map: FieldMap): T {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value;
  if (Array.isArray(value)) return mapAll(value as unknown[], map) as T;
  let copy: T | undefined;
  for (const key in value) {
    const part = value[key];
    const mapped = isField(part) ? (map(part, value) as typeof part) : mapFields(part, map);
    if (mapped === part) continue;
    copy ??= { ...value };
    copy[key] = mapped;
  }
  return copy ?? value;
}

function mapAll(values: readonly unknown[], map: FieldMap): readonly unknown[] {
  let copy: unknown[] | undefined;
  for (let i = 0; i < values.length; i++) {
    const mapped = mapFields(values[i], map);
    if (mapped === values[i]) continue;
    copy ??= [...values];
    copy[i] = mapped;
  }
  return copy ?? values;
}

function isField(value: unknown): value is FieldSpec {
  return typeof value === "object" && value !== null && "nWords" in value;
}
