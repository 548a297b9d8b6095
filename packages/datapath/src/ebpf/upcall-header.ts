/**
 * What the kernel's program puts in front of a packet that it sends up.
 *
 * One that has just come in has a tag that tells the port. One that was to be looked up again has a tag of another type, and
 * what is known of it besides its bytes (see key-layout.ts):
 *
 *  | zero 12 | tag 4 | zero 2 | metadata, as in the program's key | the packet ... |
 *
 * One that could not be sent into its tunnel says where it was to go, by a number that is not zero (see tunnel/kernel-tunnels.ts):
 *
 *  | path 4 | zero 8 | tag 4 | zero 2 | the packet ... |
 *
 * The packet's own tag lies in its bytes. Nobody else can make such a tag: the outermost one is always the program's.
 */
import { shiftVnetHeader } from "../packet/vnet-header.ts";
import type { Packet } from "../packet/packet.ts";
import { fromKernel, KEY_WORDS, METADATA_BYTES } from "./key-layout.ts";

/** Types of the tag, whose 16 bits of content are the port's number. */
export const UPCALL_TAG = { first: 0x88a8, later: 0x8100 } as const;

/** Bytes of the header without its tag. */
export const UPCALL_HEADER_BYTES: number = 14 + METADATA_BYTES;

/** The same of a packet that could not be sent into its tunnel, and of the path in it. */
export const UNSENT_HEADER_BYTES: number = 14;
export const PATH_BYTES: number = 4;

const TAG_BYTES = 4;

/** Takes the header off a packet that was to be looked up again, and notes what it says. @returns false when it is cut */
export function takeUpcallHeader(packet: Packet): boolean {
  const nBytes = UPCALL_HEADER_BYTES + TAG_BYTES;
  if (packet.length < nBytes) return false;
  const { arena, at, key } = packet;
  key.fill(0);
  const from = at + nBytes - METADATA_BYTES;
  for (let i = 0; i < METADATA_BYTES / 4; i++) {
    const layout = KEY_WORDS[i];
    if (layout !== undefined) key[layout.word] = fromKernel(arena.view.getUint32(from + 4 * i, true), layout);
  }
  packet.readMetadata(key);
  skip(packet, nBytes);
  return true;
}

/** Takes the header off a packet that could not be sent into its tunnel. @returns its path; 0 of a packet without this header */
export function takeUnsentHeader(packet: Packet): number {
  const path = packet.arena.view.getUint32(packet.at, true);
  if (path !== 0) skip(packet, UNSENT_HEADER_BYTES + TAG_BYTES);
  return path;
}

function skip(packet: Packet, nBytes: number): void {
  shiftVnetHeader(packet.arena.bytes, packet.headerAt, -nBytes);
  packet.at += nBytes;
  packet.length -= nBytes;
}
