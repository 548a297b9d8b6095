/**
 * The sum of an Ethernet frame for a checksum around it, without reading what it carries: TCP, UDP and ICMP have a checksum of their own,
 * so what their bytes add up to follows from their addresses and length. It does also when that checksum is yet to be completed.
 *
 * A payload that was changed on its way passes, and is found out by the checksum inside.
 *
 * Sums are of 16-bit words as the machine reads them, which makes no difference to a checksum.
 *
 * @see RFC 1071; the kernel's "local checksum offload"
 */
import { asm, type Code, type Register } from "@tenet/bpf";

const ETHERNET_BYTES = 14;
const SWAPPED = { ip4: 0x0008, fragment: 0xff3f } as const;
const PROTO = { icmp: 1, tcp: 6, udp: 17, icmp6: 58 } as const;

/**
 * Sets `r1` to the sum of the frame at `base`, of which 14 bytes are there: one of IPv4 or IPv6 as long as its headers say. Uses `r0`, `r2`,
 * `r3` and `r5`; `r8` is the packet's end.
 *
 * @param otherwise - where to go when it does not follow from the headers: other protocols, no checksum, fragments
 */
export function sumFrame(base: Register, otherwise: string): Code {
  return [
    asm.mov("r1", 0),
    addWords("r1", base, 0, ETHERNET_BYTES - 2),
    [asm.load(2, "r2", base, 12), asm.add("r1", "r2"), asm.branch("r2", "==", SWAPPED.ip4, "sum-ip4")],
    [ensure(base, 54, otherwise), addWords("r1", base, ETHERNET_BYTES, 40)],
    [asm.mov("r3", 0), addWords("r3", base, 22, 32), asm.load(2, "r2", base, 18), asm.load(1, "r5", base, 20)],
    [checkTransport(base, 54, otherwise, "6"), asm.jump("sum-transport")],
    [asm.label("sum-ip4"), ensure(base, 34, otherwise)],
    [asm.load(1, "r2", base, 14), asm.branch("r2", "!=", 0x45, otherwise)],
    [asm.load(2, "r2", base, 20), asm.branch("r2", "&", SWAPPED.fragment, otherwise)],
    addWords("r1", base, ETHERNET_BYTES, 20),
    [asm.load(1, "r5", base, 23), asm.branch("r5", "==", PROTO.icmp, "summed")],
    [asm.mov("r3", 0), addWords("r3", base, 26, 8), asm.load(2, "r2", base, 16)],
    [asm.toBigEndian(16, "r2"), asm.sub("r2", 20), asm.toBigEndian(16, "r2")],
    checkTransport(base, 34, otherwise, "4"),
    asm.label("sum-transport"),
    [asm.add("r3", "r2"), asm.lsh("r5", 8), asm.add("r3", "r5"), fold("r3", "r2")],
    [asm.xor("r3", 0xffff), asm.add("r1", "r3")],
    asm.label("summed"),
  ];
}

/** Adds `nBytes`, a multiple of 4. */
export function addWords(sum: Register, base: Register, at: number, nBytes: number): Code {
  return Array.from({ length: nBytes / 4 }, (_, i) => [asm.load(4, "r2", base, at + 4 * i), asm.add(sum, "r2")]);
}

/** Makes a sum of less than 2 ^ 48 one of 16 bits. */
export function fold(sum: Register, scratch: Register): Code {
  return [
    [asm.mov(scratch, sum), asm.rsh(scratch, 32), asm.mov32(sum, sum), asm.add(sum, scratch)],
    Array.from({ length: 3 }, () => [asm.mov(scratch, sum), asm.rsh(scratch, 16), asm.and(sum, 0xffff), asm.add(sum, scratch)]),
  ];
}

/** The protocol in `r5` has a checksum over its length, in `r2` in the network's order. */
function checkTransport(base: Register, at: number, otherwise: string, name: string): Code {
  return [
    asm.branch("r5", "==", PROTO.tcp, `transport-${name}`),
    name === "6" ? asm.branch("r5", "==", PROTO.icmp6, `transport-${name}`) : [],
    asm.branch("r5", "!=", PROTO.udp, otherwise),
    ensure(base, at + 8, otherwise),
    [asm.load(2, "r0", base, at + 4), asm.branch("r0", "!=", "r2", otherwise)],
    [asm.load(2, "r0", base, at + 6), asm.branch("r0", "==", 0, otherwise)],
    asm.label(`transport-${name}`),
  ];
}

function ensure(base: Register, nBytes: number, otherwise: string): Code {
  return [asm.mov("r0", base), asm.add("r0", nBytes), asm.branch("r0", ">", "r8", otherwise)];
}
