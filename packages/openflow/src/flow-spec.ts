/** A flow as a person or a controller states it: match, priority, actions, and how long it lives. */
import type { Action, Match } from "./action.ts";

/** Priority of a flow that names none. */
export const DEFAULT_PRIORITY = 32768;

/** Table number that stands for every table (in deletions and queries), or for "the switch decides". */
export const ALL_TABLES = 0xff;

/** Flags of a flow, in the bits of OpenFlow 1.3 and later. */
export const FLOW_FLAG: {
  readonly SEND_FLOW_REM: 1;
  readonly CHECK_OVERLAP: 2;
  readonly RESET_COUNTS: 4;
  readonly NO_PACKET_COUNTS: 8;
  readonly NO_BYTE_COUNTS: 16;
} = { SEND_FLOW_REM: 1, CHECK_OVERLAP: 2, RESET_COUNTS: 4, NO_PACKET_COUNTS: 8, NO_BYTE_COUNTS: 16 };

/** Where the bytes lie that actions were read from. */
export interface ActionBytes {
  /** What they were read as: whoever has other actions does not mean these bytes. */
  readonly actions: readonly Action[];
  readonly version: number;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** From here on, up to `end`. */
  readonly start: number;
  readonly end: number;
}

/** One flow of a flow table. */
export interface FlowSpec {
  /** 0-254; {@link ALL_TABLES} in a deletion or query means every table. */
  readonly table: number;
  /** 0-65535, the highest wins. */
  readonly priority: number;
  readonly cookie: bigint;
  /** In modifications, deletions and queries: only flows whose cookie equals `cookie` in these bits. */
  readonly cookieMask?: bigint | undefined;
  readonly match: Match;
  readonly actions: readonly Action[];
  /** For whoever keeps the actions as bytes. */
  readonly actionBytes?: ActionBytes | undefined;
  /** Seconds; 0 = never. */
  readonly idleTimeout: number;
  /** Seconds; 0 = never. */
  readonly hardTimeout: number;
  /** Bits of {@link FLOW_FLAG}. */
  readonly flags: number;
  /** Eviction order, 0-65535; OpenFlow 1.4 and later. */
  readonly importance: number;
  /** In deletions and queries: only flows that output to this port. */
  readonly outPort?: number | undefined;
  /** In deletions and queries: only flows that use this group. */
  readonly outGroup?: number | undefined;
}

/** Statistics of one flow. */
export interface FlowCounters {
  /** Seconds since it was added, with fraction. */
  readonly durationSec: number;
  readonly nPackets: bigint;
  readonly nBytes: bigint;
  /** Seconds since the last packet, where known. */
  readonly idleAge?: number;
  /** Seconds since the last modification, where known. */
  readonly hardAge?: number;
}

/** A flow with its statistics, as a switch reports it. */
export interface FlowStats extends FlowSpec, FlowCounters {}
