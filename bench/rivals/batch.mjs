/** Engines that derive everything at once, by the name that the command line takes. */
import { DUCKDB } from "./duckdb.mjs";
import { POSTGRES } from "./postgres.mjs";
import { SWI_PROLOG } from "./swi-prolog.mjs";

export const BATCH_RIVALS = { duckdb: DUCKDB, postgres: POSTGRES, "swi-prolog": SWI_PROLOG };
