/**
 * What the program and this process tell each other about connections as such, in one value of memory that both share.
 *
 *  | taken | given | must ask | must ask of misfits | seed of the hash of tuples | connections | the most of them | 0 |
 *  | timeouts in ns, 8 bytes each (16) |
 *  | packets that the program left to this process, see LEFT_REASONS (8) |
 *  | connections of each zone (65536) | the most of each zone, or NO_LIMIT (65536) |
 *  | ids (16384): those from `taken` to `given` are free for connections that the program makes |
 */

import { N_ZONES } from "../../conntrack/tuple.ts";

/** Ids that can wait to be taken, a power of two. */
export const N_FREE_IDS = 16_384;

const N_TIMEOUTS = 16;
/** There may be any number of connections. */
export const NO_LIMIT = 0xffff_ffff;

/** Why the program leaves a packet to this process, in the order in which it counts them. */
export const LEFT_REASONS = {
  fragment: "fragments",
  unread: "rare headers",
  helper: "helpers",
  range: "addresses in use",
  other: "other causes",
} as const;
/** Room for their counts, in words. */
const N_LEFT = 8;

const TIMEOUTS_AT = 32;
const LEFT_AT = TIMEOUTS_AT + 8 * N_TIMEOUTS;
const COUNTS_AT = LEFT_AT + 4 * N_LEFT;
const LIMITS_AT = COUNTS_AT + 4 * N_ZONES;
const IDS_AT = LIMITS_AT + 4 * N_ZONES;

/** Offsets in bytes. */
export const CONTROL: Readonly<
  Record<
    | "taken"
    | "given"
    | "mustAsk"
    | "mustAskOfMisfits"
    | "seed"
    | "count"
    | "limit"
    | "timeouts"
    | "left"
    | "zoneCounts"
    | "zoneLimits"
    | "freeIds"
    | "sizeBytes",
    number
  >
> = {
  taken: 0,
  given: 4,
  mustAsk: 8,
  mustAskOfMisfits: 12,
  seed: 16,
  count: 20,
  limit: 24,
  timeouts: TIMEOUTS_AT,
  left: LEFT_AT,
  zoneCounts: COUNTS_AT,
  zoneLimits: LIMITS_AT,
  freeIds: IDS_AT,
  sizeBytes: IDS_AT + 4 * N_FREE_IDS,
};
