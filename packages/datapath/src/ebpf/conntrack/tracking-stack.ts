/** Where the tracking of a packet keeps what it knows, in the scratch of the program's stack. */
import { asm, type Code, type MapReference, type Register } from "@tenet/bpf";
import { ENTRY } from "../../conntrack/connection-entry.ts";
import { TUPLE } from "../../conntrack/tuple.ts";
import { findInPieces } from "../program/program-maps.ts";
import { STACK } from "../program/stack.ts";
import { ENTRIES_PER_PIECE } from "./connection-format.ts";

const at = STACK.scratch;

type Place =
  | "tuple"
  | "action"
  | "index"
  | "slot"
  | "nowNs"
  | "direction"
  | "isOver"
  | "isTranslated"
  | "id"
  | "proto"
  | "transportAt"
  | "state"
  | "value"
  | "senderShift"
  | "receiverShift"
  | "end"
  | "last"
  | "checksAck"
  | "difference"
  | "after"
  | "changed"
  | "options"
  | "portFlags"
  | "place"
  | "innerAt"
  | "innerTransportAt"
  | "innerBytes"
  | "before"
  | "addressDifference"
  | "portDifference";

/** Offsets from `r10`. Of the tuple only the head has the machine's order of bytes, the rest has the packet's. */
export const TRACKING: Readonly<Record<Place, number>> = {
  tuple: at,
  /** Registers of the loop over actions, 8 bytes each. */
  action: at + 40,
  index: at + 48,
  slot: at + 56,
  nowNs: at + 64,
  /** 0 of a packet from the side that began, 1 of an answer. */
  direction: at + 72,
  id: at + 76,
  proto: at + 80,
  transportAt: at + 84,
  /** Bits of `CT_STATE` that the packet gets. */
  state: at + 88,
  /** What goes into the index. */
  value: at + 92,
  /** Whether the index leads to the entry `id` of a connection that is over. */
  isOver: at + 140,
  /** Whether the packet was translated in this zone before. */
  isTranslated: at + 208,
  // Of a segment that is followed.
  senderShift: at + 120,
  receiverShift: at + 124,
  end: at + 128,
  last: at + 132,
  checksAck: at + 136,
  // Of a packet that is translated: what is put in (16 bytes), how checksums change by it, whether it is anything else.
  after: at + 144,
  difference: at + 120,
  changed: at + 128,
  options: at + 144,
  /** Flags with which ports are written: `RECOMPUTE` when no checksum makes up for what changes. */
  portFlags: at + 184,
  /** For finding an entry, 8 bytes. */
  place: at + 200,
  /** Of an ICMP error: where the packet that it is about begins, and its transport header, of which so many bytes are there; 0 = it is none. */
  innerAt: at + 188,
  innerTransportAt: at + 192,
  innerBytes: at + 196,
  // Of one that is translated: what an address was, and by how much the sums of addresses and of ports change.
  before: at + 160,
  addressDifference: at + 132,
  portDifference: at + 136,
};

/** Of TCP: what was read of the segment. */
export const SEGMENT: Readonly<Record<"flags" | "seq" | "ack" | "window" | "size" | "scale", number>> = {
  flags: at + 96,
  seq: at + 100,
  ack: at + 104,
  window: at + 108,
  size: at + 112,
  scale: at + 116,
};

/** Of a connection whose answers are chosen, in words: the range, and where the candidates begin. */
export const CHOICE: Readonly<
  Record<"flags" | "hash" | "nAddresses" | "portBase" | "nPorts" | "start" | "firstPort" | "address", number>
> = {
  flags: at + 120,
  hash: at + 144,
  nAddresses: at + 148,
  portBase: at + 152,
  nPorts: at + 156,
  /** The first candidate's place among the ports, and its port. */
  start: at + 160,
  firstPort: at + 164,
  /** The first address, its last word first. */
  address: at + 168,
};

/** Flag of `skb_store_bytes`: the sum of all bytes, when a device gave one, changes with them. */
export const RECOMPUTE = 1;

/** Bytes of TCP options, at most. */
export const MAX_OPTION_BYTES = 40;

/** Where a part of the tuple lies. */
export function tupleAt(part: keyof typeof TUPLE, word = 0): number {
  return TRACKING.tuple + 4 * (TUPLE[part] + word);
}

/** Where a word of an entry lies in it. */
export function entryAt(part: keyof typeof ENTRY, word = 0): number {
  return 4 * (ENTRY[part] + word);
}

/** Sets `r9` to the address of the entry whose id is kept, or goes to `ct-up`. */
export function findConnectionEntry(entries: MapReference): Code {
  return [[recall("r1", TRACKING.id), findInPieces(entries, ENTRIES_PER_PIECE, TRACKING.place, "ct-up")], asm.mov("r9", "r0")];
}

/** Loads a word that the tracking keeps. */
export function recall(to: Register, from: number): Code {
  return asm.load(4, to, "r10", from);
}

/** Keeps a word. */
export function keep(where: number, from: Register | number): Code {
  return asm.store(4, "r10", where, from);
}

/** Changes a word's order of bytes; clears what is above it. */
export function swapBytes(register: Register): Code {
  return asm.toBigEndian(32, register);
}
