/**
 * What the program and this process tell each other about connections as such, in one value of memory that both share.
 *
 *  | taken | given | must ask | must ask of misfits | seed of the hash of tuples | 0 | timeouts in ns, 8 bytes each (16) | a bit for each zone: connections of it are not made there (2048) |
 *  | ids (16384): those from `taken` to `given` are free for connections that the program makes |
 */

/** Ids that can wait to be taken, a power of two. */
export const N_FREE_IDS = 16_384;

const N_TIMEOUTS = 16;
const N_ZONES = 65_536;

const TIMEOUTS_AT = 24;
const ZONES_AT = TIMEOUTS_AT + 8 * N_TIMEOUTS;
const IDS_AT = ZONES_AT + N_ZONES / 8;

/** Offsets in bytes. */
export const CONTROL: Readonly<
  Record<
    "taken" | "given" | "mustAsk" | "mustAskOfMisfits" | "seed" | "timeouts" | "limitedZones" | "freeIds" | "sizeBytes",
    number
  >
> = {
  taken: 0,
  given: 4,
  mustAsk: 8,
  mustAskOfMisfits: 12,
  seed: 16,
  timeouts: TIMEOUTS_AT,
  limitedZones: ZONES_AT,
  freeIds: IDS_AT,
  sizeBytes: IDS_AT + 4 * N_FREE_IDS,
};
