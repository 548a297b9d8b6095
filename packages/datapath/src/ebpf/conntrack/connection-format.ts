/**
 * What the maps of connections look like, as a word: processes with the same one can take them over from each other.
 *
 * It is made from all that is laid out or numbered there, so nobody has to think of changing it.
 */
import { createHash } from "node:crypto";
import { END, END_WORDS, ENTRY, ENTRY_FLAG, ENTRY_WORDS, STATUS } from "../../conntrack/connection-entry.ts";
import { PHASE } from "../../conntrack/phase.ts";
import { MAX_SCALE, NO_SCALE, TCP_STATES, UNKNOWN_SCALE } from "../../conntrack/tcp.ts";
import { TUPLE, TUPLE_WORDS } from "../../conntrack/tuple.ts";
import { CONTROL, N_FREE_IDS } from "./control-layout.ts";

/** Connections that the program can follow, unless it is said. */
export const CAPACITY = 262_144;

/** Connections whose memory is taken at a time. */
export const ENTRIES_PER_PIECE = 4096;

const ENTRIES = [ENTRY, ENTRY_WORDS, ENTRY_FLAG, END, END_WORDS, STATUS, PHASE, TCP_STATES, MAX_SCALE, NO_SCALE, UNKNOWN_SCALE];
const OTHERS = [CAPACITY, ENTRIES_PER_PIECE, TUPLE, TUPLE_WORDS, CONTROL, N_FREE_IDS];

/** 16 hexadecimal digits. */
export const CONNECTION_FORMAT: string = createHash("sha256")
  .update(JSON.stringify([ENTRIES, OTHERS]))
  .digest("hex")
  .slice(0, 16);
