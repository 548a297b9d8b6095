/**
 * Keeps the kernel's verification short.
 *
 * From a place where ways meet the verifier goes on once for each of them by which it knows other things: that bytes are zero, or that they
 * were written as a word of so many bits. What it has seen loaded and stored in one piece of 8 bytes is the same to it, by whichever way it came.
 */
import { asm, type Code } from "@tenet/bpf";

const PIECE_BYTES = 8;

/**
 * Stores what is on the stack as it is, in whole pieces; uses `r1`.
 *
 * @param firstAt - offset from `r10` of a byte of the first piece
 * @param lastAt - of a byte of the last one
 */
export function unlearn(firstAt: number, lastAt: number = firstAt): Code {
  const [first, last] = [Math.floor(firstAt / PIECE_BYTES), Math.floor(lastAt / PIECE_BYTES)];
  return Array.from({ length: last - first + 1 }, (_, i) => {
    const at = PIECE_BYTES * (first + i);
    return [asm.load(8, "r1", "r10", at), asm.store(8, "r10", at, "r1")];
  });
}
