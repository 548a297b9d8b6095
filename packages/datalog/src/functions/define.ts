/** Short forms to define built-in functions: each checks the kinds of its arguments, and has no result on a mismatch. */
import type { FunctionDef } from "../check/core.ts";
import { Scalar } from "../scalar.ts";
import { textOf, type Value } from "../value.ts";

/**
 * Kinds of arguments: string, number, whole number of up to 64 bits, list, boolean, anything; address (text or a typed value, given
 * as text); `?` may be left out.
 */
export type ArgumentKind = "s" | "n" | "i" | "l" | "b" | "v" | "a" | "n?" | "s?";

interface KindTypes {
  s: string;
  n: number;
  i: bigint;
  a: string;
  l: readonly Value[];
  b: boolean;
  v: Value;
  "n?": number | undefined;
  "s?": string | undefined;
}

/** The arguments that a list of kinds stands for. */
export type ArgumentsOf<K extends readonly ArgumentKind[]> = { -readonly [I in keyof K]: KindTypes[K[I]] };

/** Defines a function whose body runs only for arguments of the given kinds. */
export function define<const K extends readonly ArgumentKind[]>(
  name: string,
  kinds: K,
  body: (...args: ArgumentsOf<K>) => Value | undefined,
): FunctionDef {
  const minArgs = kinds.filter((kind) => !kind.endsWith("?")).length;
  const checked = (...args: Value[]): Value | undefined => {
    for (let i = 0; i < args.length; i++) {
      const kind = kinds[i];
      if (!isOfKind(args[i], kind)) return undefined;
      if (kind === "a") args[i] = textOf(args[i] as Value);
      else if (kind === "i") args[i] = BigInt(args[i] as number);
    }
    return body(...(args as ArgumentsOf<K>));
  };
  return { name, nArgs: kinds.length, minArgs, call: checked };
}

function isOfKind(value: Value | undefined, kind: ArgumentKind | undefined): boolean {
  switch (kind) {
    case "s":
    case "s?":
      return typeof value === "string";
    case "n":
    case "n?":
      return typeof value === "number";
    case "i":
      return typeof value === "bigint" || Number.isSafeInteger(value);
    case "a":
      return typeof value === "string" || value instanceof Scalar;
    case "l":
      return Array.isArray(value);
    case "b":
      return typeof value === "boolean";
    default:
      return true;
  }
}
