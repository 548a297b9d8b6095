/** A scalar of a YAML file as a value of an OVSDB column, held against the column's enum and bounds. */
import { didYouMean } from "@tenet/kit";
import { type Atom, type BaseType, type ColumnSchema, isUuid } from "@tenet/ovsdb";
import type { SourceNode } from "./source-node.ts";

/** Reads a value of a column's key or value type. @throws LabFileError that says what the schema allows */
export function readAtom(base: BaseType, node: SourceNode): Atom {
  const expected = describe(base);
  const atom = convert(base, node, expected);
  if (base.enum !== undefined && !base.enum.includes(atom)) {
    throw node.error(`${node.describe()} is not allowed here`, {
      expected,
      hint: didYouMean(String(atom), base.enum.map(String)),
    });
  }
  const isOutside =
    (typeof atom === "number" && !(atom >= (base.minimum ?? -Infinity) && atom <= (base.maximum ?? Infinity))) ||
    (typeof atom === "string" && (atom.length < (base.minLength ?? 0) || atom.length > (base.maxLength ?? Infinity)));
  if (isOutside) throw node.error(`${node.describe()} is out of range`, { expected });
  return atom;
}

/** How many values a column takes, in words. */
export function sizeOf({ type }: ColumnSchema): string {
  if (type.max === 1) return type.min === 1 ? "one value" : "one value, or []";
  return type.max === Infinity ? `${type.min} or more` : `${type.min} to ${type.max}`;
}

function convert(base: BaseType, node: SourceNode, expected: string): Atom {
  const value = node.scalar();
  switch (base.type) {
    case "string":
      return node.text(expected); // digits, true and false are text as well
    case "integer":
      if (typeof value === "number" && Number.isSafeInteger(value)) return value;
      break;
    case "real":
      if (typeof value === "number" && Number.isFinite(value)) return value;
      break;
    case "boolean":
      if (typeof value === "boolean") return value;
      break;
    case "uuid":
      if (typeof value === "string" && isUuid(value)) return value.toLowerCase();
      break;
  }
  throw node.error(`${node.describe()} is here`, { expected });
}

function describe(base: BaseType): string {
  if (base.enum !== undefined) return `one of ${base.enum.join(", ")}`;
  const { minimum, maximum, minLength, maxLength } = base;
  if (base.type === "string") {
    return minLength === undefined && maxLength === undefined
      ? "text"
      : `text of ${minLength ?? 0} to ${maxLength ?? "any number of"} characters`;
  }
  const word = { integer: "a whole number", real: "a number", boolean: "true or false", uuid: "a uuid" }[base.type];
  if (minimum === undefined && maximum === undefined) return word;
  if (maximum === undefined) return `${word} from ${minimum} on`;
  return minimum === undefined ? `${word} up to ${maximum}` : `${word} from ${minimum} to ${maximum}`;
}
