/** All functions that every program has. */
import type { FunctionDef } from "../check/core.ts";
import { ADDRESS_FUNCTIONS } from "./address.ts";
import { CONGRESS_FUNCTIONS } from "./congress.ts";
import { HASH_FUNCTIONS } from "./hash.ts";
import { JSON_FUNCTIONS } from "./json.ts";
import { LIST_FUNCTIONS } from "./list.ts";
import { NUMBER_FUNCTIONS } from "./number.ts";
import { TEXT_FUNCTIONS } from "./text.ts";
import { TYPED_FUNCTIONS } from "./typed.ts";

/** The built-in functions; `docs/reference/language.md` lists them. */
export const BUILT_IN_FUNCTIONS: readonly FunctionDef[] = [
  ...TEXT_FUNCTIONS,
  ...NUMBER_FUNCTIONS,
  ...LIST_FUNCTIONS,
  ...HASH_FUNCTIONS,
  ...ADDRESS_FUNCTIONS,
  ...TYPED_FUNCTIONS,
  ...JSON_FUNCTIONS,
  ...CONGRESS_FUNCTIONS,
];

const COSTLY = new Set(["matches", "capture", "uuid_of", "sha256"]);

/** True if computing the function costs more than looking its result up. Functions of the program's owner are taken to be costly. */
export function isCostly(fn: FunctionDef): boolean {
  return COSTLY.has(fn.name) || !BUILT_IN_FUNCTIONS.includes(fn);
}
