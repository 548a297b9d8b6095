/** All functions that every program has. */
import type { FunctionDef } from "../check/core.ts";
import { ADDRESS_FUNCTIONS } from "./address.ts";
import { HASH_FUNCTIONS } from "./hash.ts";
import { LIST_FUNCTIONS } from "./list.ts";
import { NUMBER_FUNCTIONS } from "./number.ts";
import { TEXT_FUNCTIONS } from "./text.ts";

/** The built-in functions; `docs/reference/language.md` lists them. */
export const BUILT_IN_FUNCTIONS: readonly FunctionDef[] = [
  ...TEXT_FUNCTIONS,
  ...NUMBER_FUNCTIONS,
  ...LIST_FUNCTIONS,
  ...HASH_FUNCTIONS,
  ...ADDRESS_FUNCTIONS,
];
