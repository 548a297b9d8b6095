/** Checks atoms against the constraints of their type: enumeration, range, length. */
import { type Atom, formatAtom } from "./atom.ts";
import { constraintViolation, OvsdbError } from "./ovsdb-error.ts";
import type { BaseType } from "./schema.ts";

/** Throws a constraint violation unless `atom` is allowed by `base`. */
export function checkAtom(base: BaseType, atom: Atom): void {
  if (base.enum !== undefined) checkEnum(base, base.enum, atom);
  else if (typeof atom === "number" || typeof atom === "bigint") checkRange(base, atom);
  else if (typeof atom === "string" && base.type === "string") checkLength(base, atom);
}

/** Whether `atom` is allowed by `base`. */
export function isAllowed(base: BaseType, atom: Atom): boolean {
  try {
    checkAtom(base, atom);
    return true;
  } catch (error) {
    if (error instanceof OvsdbError) return false;
    throw error;
  }
}

function checkEnum(base: BaseType, allowed: readonly Atom[], atom: Atom): void {
  if (allowed.includes(atom)) return;
  const names = allowed.map((value) => formatAtom(value, base.type)).join(", ");
  throw constraintViolation(`${formatAtom(atom, base.type)} is not one of the allowed values ([${names}])`);
}

function checkRange({ type, minimum, maximum }: BaseType, atom: number | bigint): void {
  const isTooSmall = minimum !== undefined && atom < minimum;
  const isTooLarge = maximum !== undefined && atom > maximum;
  if (!isTooSmall && !isTooLarge) return;
  const [text, least, most] = [atom, minimum, maximum].map((value) => (value === undefined ? "" : formatAtom(value, type)));
  if (minimum !== undefined && maximum !== undefined) {
    throw constraintViolation(`${text} is not in the valid range ${least} to ${most} (inclusive)`);
  }
  if (isTooSmall) throw constraintViolation(`${text} is less than minimum allowed value ${least}`);
  throw constraintViolation(`${text} is greater than maximum allowed value ${most}`);
}

function checkLength({ minLength, maxLength }: BaseType, atom: string): void {
  if (minLength === undefined && maxLength === undefined) return;
  const length = codePoints(atom);
  if (minLength !== undefined && length < minLength) {
    throw constraintViolation(`"${atom}" length ${length} is less than minimum allowed length ${minLength}`);
  }
  if (maxLength !== undefined && length > maxLength) {
    throw constraintViolation(`"${atom}" length ${length} is greater than maximum allowed length ${maxLength}`);
  }
}

function codePoints(text: string): number {
  let n = 0;
  for (const _ of text) n++;
  return n;
}
