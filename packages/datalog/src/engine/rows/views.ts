/**
 * The states of a row during an evaluation, as bits, and the views that rules read them through.
 *
 * Old and new state live side by side without copies: one test of a row's flags tells whether a view shows it. The upper byte of
 * the flags is the row's number of derivations, as far as it goes.
 */

/** In the new state. */
export const ALIVE = 1;
/** In the state before this evaluation. */
export const OLD = 2;
/** Recursive strata: derived, waits to be propagated. */
export const PENDING = 4;
/** Recursive strata: in the batch that is being propagated. */
export const CURRENT = 8;
/** Recursive strata: dead, and its loss is propagated. */
export const PROCESSED = 16;
/** Noted in the journal of this evaluation. */
export const TOUCHED = 32;
/** In the store's hash tables. */
export const LINKED = 64;
/** Row number is free for reuse. */
export const FREE = 128;

/** One derivation. */
export const ONE_MORE = 256;
/** The bits that count derivations. */
export const COUNT = 0xff00;
/** The store knows the number apart: it does not fit. */
export const MANY = 0xff00;

/** Shows the rows with `(flags & mask) === want`; a negated literal holds if there is no row with `flags & absent`. */
export interface View {
  readonly mask: number;
  readonly want: number;
  readonly absent: number;
}

/** The state before the evaluation. */
export const OLD_STATE: View = { mask: OLD, want: OLD, absent: OLD };
/** The state after it. */
export const NEW_STATE: View = { mask: ALIVE, want: ALIVE, absent: ALIVE };
/** What holds in both. */
export const KEPT: View = { mask: ALIVE | OLD, want: ALIVE | OLD, absent: ALIVE | OLD };
/** Recursive, propagating losses: literals before the lost one. */
export const LOSS_BEFORE: View = { mask: OLD | CURRENT | PROCESSED, want: OLD, absent: OLD };
/** Recursive, propagating losses: literals after the lost one. */
export const LOSS_AFTER: View = { mask: OLD | PROCESSED, want: OLD, absent: OLD };
/** Recursive: alive and propagated, or in the current batch. */
export const SETTLED: View = { mask: ALIVE | PENDING, want: ALIVE, absent: ALIVE };
/** Recursive, propagating gains: literals after the gained one. */
export const GAIN_AFTER: View = { mask: ALIVE | PENDING | CURRENT, want: ALIVE, absent: ALIVE };
