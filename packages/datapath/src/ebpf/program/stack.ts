/** Where things lie on the program's stack, relative to `r10`. It has 512 bytes. */
import { FIELDS } from "@tenet/net";
import { KEY_BYTES, placeOf } from "../key-layout.ts";

const STACK_BYTES = 512;

/** Offsets of what lives as long as the packet is in the program, and of what each step has for itself. */
export const STACK: Readonly<Record<"key" | "isInternal" | "transportAt" | "slot" | "scratch", number>> = {
  /** The packet's key, as `KEY_WORDS` says. */
  key: -KEY_BYTES,
  /** Whether the port is internal, 8 bytes. */
  isInternal: -KEY_BYTES - 8,
  /** Where the transport header began when the packet was read, from its first byte; 0 = it has none. 8 bytes. */
  transportAt: -KEY_BYTES - 16,
  /** The number of the slot whose actions are carried out, 8 bytes. */
  slot: -KEY_BYTES - 24,
  /** Free for each step: a masked key, what helpers point to. */
  scratch: -STACK_BYTES,
};

/** Where the key has the packet's protocol, a byte: the highest of its word. */
export const PROTO_AT: number = STACK.key + 4 * (placeOf(FIELDS.nw_proto.word) ?? 0) + 3;

/** Bytes of the scratch. */
export const SCRATCH_BYTES: number = STACK.slot - STACK.scratch;
