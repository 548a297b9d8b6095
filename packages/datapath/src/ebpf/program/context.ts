/** What a program is given of a packet. */
import { asm, type Code, type Register } from "@tenet/bpf";

/** Offsets in `__sk_buff`. */
export const CONTEXT = {
  length: 0,
  /** 0 = to this host. */
  packetType: 4,
  mark: 8,
  protocol: 16,
  vlanPresent: 20,
  vlanTci: 24,
  vlanProto: 28,
  ifindex: 40,
  /** Ours as long as a packet is in programs: whether its device is about to send it, instead of having received it. */
  isLeaving: 48,
  data: 76,
  dataEnd: 80,
  /** Of a bundle of segments; 0 = one packet. */
  segmentSize: 176,
} as const;

/**
 * Puts so many of the packet's first bytes into one piece, or all when there are fewer.
 *
 * Uses `r1` to `r4`.
 *
 * @param bounds - registers for the packet's beginning and end
 * @param name - tells this place from others in the program
 */
export function makeContiguous(nBytes: number, [start, end]: readonly [Register, Register], name: string): Code {
  const bounds = [asm.load(4, start, "r6", CONTEXT.data), asm.load(4, end, "r6", CONTEXT.dataEnd)];
  const [short, done] = [`short-${name}`, `contiguous-${name}`];
  return [
    bounds,
    [asm.load(4, "r3", "r6", CONTEXT.length), asm.branch("r3", "<=", nBytes, short), asm.mov("r3", nBytes), asm.label(short)],
    [asm.mov("r4", end), asm.sub("r4", start), asm.branch("r4", ">=", "r3", done)],
    [asm.mov("r1", "r6"), asm.mov("r2", "r3"), asm.call("skb_pull_data")],
    [bounds, asm.label(done)],
  ];
}
