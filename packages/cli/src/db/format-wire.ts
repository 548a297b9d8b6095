/** Values as RFC 7047 writes them, in short for people: `sw0`, `[a, b]`, `{k=v}`; uuids by their first 8 digits. */
import type { Json } from "@tenet/kit";
import { stringifyExact } from "@tenet/ovsdb";

/** One value. */
export function formatWire(json: Json): string {
  const [tag, content] = Array.isArray(json) ? (json as Json[]) : [];
  if (tag === "uuid" && typeof content === "string") return content.slice(0, 8);
  if (tag === "set") return `[${elementsOf(json).join(", ")}]`;
  if (tag === "map") return `{${Array.from(pairsOf(json), ([key, value]) => `${key}=${value}`).join(", ")}}`;
  return typeof json === "string" && /^[^\s,={}[\]"]+$/.test(json) ? json : stringifyExact(json);
}

/** What became of a value: of sets and maps the elements that came (`+`), went (`-`) or changed, else both values. */
export function formatWireChange(before: Json, after: Json): string {
  if (isTagged(before, "map") && isTagged(after, "map")) return formatMapChange(pairsOf(before), pairsOf(after));
  const [old, now] = [elementsOf(before), elementsOf(after)];
  if (old.length < 2 && now.length < 2) return `${formatWire(before)} → ${formatWire(after)}`;
  const gone = old.filter((element) => !now.includes(element)).map((element) => `-${element}`);
  const come = now.filter((element) => !old.includes(element)).map((element) => `+${element}`);
  return [...gone, ...come].join(" ");
}

function formatMapChange(old: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): string {
  const gone = [...old].filter(([key]) => !now.has(key)).map(([key, value]) => `-${key}=${value}`);
  const changed = [...now].flatMap(([key, value]) => {
    const before = old.get(key);
    if (before === value) return [];
    return [before === undefined ? `+${key}=${value}` : `${key}=${before} → ${value}`];
  });
  return [...gone, ...changed].join(" ");
}

function isTagged(json: Json, tag: string): boolean {
  return Array.isArray(json) && json[0] === tag;
}

function elementsOf(json: Json): string[] {
  return isTagged(json, "set") ? ((json as Json[])[1] as Json[]).map(formatWire) : [formatWire(json)];
}

function pairsOf(json: Json): Map<string, string> {
  const pairs = (json as Json[])[1] as [Json, Json][];
  return new Map(pairs.map(([key, value]) => [formatWire(key), formatWire(value)]));
}
