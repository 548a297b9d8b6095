/**
 * The program that sends packets into tunnels: it puts the outer headers of a path in front, fills in what depends on the packet, and
 * gives the packet to the kernel to send, which asks for neighbours itself.
 *
 * The flows' program goes on with it by a tail call, with the path's number as the packet's mark. Copies come over a pair of devices,
 * with their mark. Packets that it cannot do (no way, too long, not IP or tagged inside, fragments of bundles) come up unchanged, with the
 * path's number in front, and go by the sockets of this process.
 *
 * Registers: `r6` context, `r7` packet, `r8` its end, `r9` path.
 *
 * @see RFC 8926 (Geneve), RFC 7348 (VXLAN), RFC 2890 (GRE)
 */
import { asm, type Code, type MapReference, VERDICT } from "@tenet/bpf";
import { findCounters, PORT_COUNTERS } from "../program/counters.ts";
import { goUpUnsent } from "../program/go-up.ts";
import { CONTEXT } from "../program/context.ts";
import { findEntry } from "../program/program-maps.ts";
import { fold, sumFrame } from "./implied-checksum.ts";
import { MAX_OUTER_BYTES, MIN_OUTER_BYTES, NEXT_HOP_BYTES, OUTER_PATH } from "./outer-path.ts";

/** What the program works with. */
export interface EncapsulationMaps {
  /** A hash from a path's number to `OUTER_PATH.sizeBytes`. */
  readonly paths: MapReference;
  readonly counters: MapReference;
  /** The first of `N_SOURCE_PORTS`. */
  readonly firstPort: number;
  /** The device that packets come up by. */
  readonly collector: number;
}

const STACK = { pathId: -8, portNo: -16, macs: -32, length: -40, sourcePort: -48, id: -56, sum: -64 } as const;
const ETHERNET_BYTES = 14;
/** Bytes that are made contiguous: Ethernet, IPv6, TCP. */
const HEADER_BYTES = 14 + 40 + 20;
const [IP4_SWAPPED, IP6_SWAPPED] = [0x0008, 0xdd86];
const TCP = 6;
const UDP = 17;
const ROOM_BEHIND_MAC = 1;
/** UDP source ports, from the first one on. */
export const N_SOURCE_PORTS = 32;
const MAX_IP_BYTES = 65_535;
const DONT_FRAGMENT_SWAPPED = 0x40;

/** Assembles the program. */
export function encapsulationProgram(maps: EncapsulationMaps): Code {
  return [
    asm.mov("r6", "r1"),
    findPath(maps),
    readInner(),
    checkLength(),
    sumInner(),
    chooseVariables(maps),
    makeRoom(),
    fillIn(),
    count(maps),
    send(),
    [asm.label("up"), asm.store(4, "r6", CONTEXT.mark, 0)],
    goUpUnsent(maps, STACK.portNo, STACK.pathId),
    [asm.label("done"), asm.mov("r0", VERDICT.drop), asm.exit()],
  ];
}

function findPath({ paths }: EncapsulationMaps): Code {
  return [
    [asm.load(4, "r1", "r6", CONTEXT.mark), asm.store(4, "r10", STACK.pathId, "r1")],
    findEntry(paths, STACK.pathId),
    asm.branch("r0", "==", 0, "done"),
    asm.mov("r9", "r0"),
    [asm.load(4, "r1", "r9", OUTER_PATH.portNo), asm.store(4, "r10", STACK.portNo, "r1")],
    [asm.load(4, "r1", "r9", OUTER_PATH.ifindex), asm.branch("r1", "==", 0, "up")],
  ];
}

/** Leaves in `r5` the bytes of Ethernet and IP headers; a tag would have to go into the packet first. */
function readInner(): Code {
  return [
    [asm.load(4, "r1", "r6", CONTEXT.vlanPresent), asm.branch("r1", "!=", 0, "up")],
    contiguous(),
    [asm.load(8, "r1", "r7", 0), asm.store(8, "r10", STACK.macs, "r1")],
    [asm.load(4, "r1", "r7", 8), asm.store(4, "r10", STACK.macs + 8, "r1")],
    [asm.load(2, "r2", "r7", 12), asm.store(2, "r10", STACK.macs + 12, "r2")],
    [asm.load(4, "r1", "r6", CONTEXT.protocol), asm.branch("r1", "!=", "r2", "up")],
    asm.branch("r2", "==", IP4_SWAPPED, "ip4"),
    asm.branch("r2", "!=", IP6_SWAPPED, "up"),
    [ensure("r7", 54), asm.load(1, "r4", "r7", 20), asm.mov("r5", 54)],
    [asm.load(4, "r1", "r7", 50), asm.load(4, "r2", "r9", OUTER_PATH.end6)],
    asm.branch("r2", "==", 0, "not-back"),
    asm.jump("back"),
    [asm.label("ip4"), ensure("r7", 34), asm.load(1, "r4", "r7", 23)],
    [asm.load(1, "r5", "r7", 14), asm.and("r5", 15), asm.lsh("r5", 2), asm.add("r5", ETHERNET_BYTES)],
    [asm.load(4, "r1", "r7", 30), asm.load(4, "r2", "r9", OUTER_PATH.end4)],
    [asm.label("back"), asm.branch("r1", "==", "r2", "up")],
    asm.label("not-back"),
  ];
}

function contiguous(): Code {
  return [
    [asm.load(4, "r2", "r6", CONTEXT.length), asm.branch("r2", "<=", HEADER_BYTES, "short"), asm.mov("r2", HEADER_BYTES)],
    [asm.label("short"), asm.mov("r1", "r6"), asm.call("skb_pull_data")],
    bounds(),
    ensure("r7", ETHERNET_BYTES),
  ];
}

/** Of a bundle the longest segment counts; others than TCP's are cut by this process. */
function checkLength(): Code {
  return [
    asm.load(4, "r1", "r6", CONTEXT.length),
    [asm.mov("r2", "r1"), asm.load(4, "r3", "r9", OUTER_PATH.headerLength), asm.add("r2", "r3")],
    asm.branch("r2", ">", MAX_IP_BYTES + ETHERNET_BYTES, "up"),
    [asm.load(4, "r2", "r6", CONTEXT.segmentSize), asm.branch("r2", "==", 0, "one")],
    asm.branch("r4", "!=", TCP, "up"),
    [asm.mov("r3", "r7"), asm.add("r3", "r5"), ensure("r3", 13)],
    [asm.load(1, "r1", "r3", 12), asm.rsh("r1", 4), asm.lsh("r1", 2), asm.add("r1", "r2"), asm.add("r1", "r5")],
    [asm.label("one"), asm.load(4, "r2", "r9", OUTER_PATH.maxLength), asm.branch("r1", ">", "r2", "up")],
  ];
}

/**
 * What a checksum is over, or 0. The segments of a bundle would need one each, which the kernel makes for its own tunnels alone: over IPv4,
 * where it may be missing, UDP goes without, all others go by this process.
 */
function sumInner(): Code {
  return [
    [asm.mov("r1", 0), asm.load(4, "r2", "r9", OUTER_PATH.sum), asm.branch("r2", "==", 0, "summed-up")],
    [asm.load(4, "r2", "r6", CONTEXT.segmentSize), asm.branch("r2", "==", 0, "sum")],
    [asm.load(1, "r2", "r9", OUTER_PATH.header + 23), asm.branch("r2", "!=", UDP, "up")],
    [asm.load(2, "r2", "r9", OUTER_PATH.header + 12), asm.branch("r2", "!=", IP4_SWAPPED, "up"), asm.jump("summed-up")],
    [asm.label("sum"), sumFrame("r7", "up"), asm.load(4, "r2", "r9", OUTER_PATH.sum), asm.add("r1", "r2")],
    [asm.label("summed-up"), asm.store(8, "r10", STACK.sum, "r1")],
  ];
}

/** What differs from packet to packet: the UDP source port by connection; an identification, for whoever may fragment. */
function chooseVariables({ firstPort }: EncapsulationMaps): Code {
  return [
    [asm.load(4, "r1", "r6", CONTEXT.length), asm.store(8, "r10", STACK.length, "r1")],
    [asm.mov("r1", "r6"), asm.call("get_hash_recalc"), asm.lsh("r0", 32), asm.rsh("r0", 32)],
    [asm.mul("r0", N_SOURCE_PORTS), asm.rsh("r0", 32), asm.add("r0", firstPort), asm.toBigEndian(16, "r0")],
    asm.store(8, "r10", STACK.sourcePort, "r0"),
    [asm.call("get_prandom_u32"), asm.and("r0", 0xffff), asm.store(8, "r10", STACK.id, "r0")],
  ];
}

function makeRoom(): Code {
  return [
    [asm.mov("r1", "r6"), asm.load(4, "r2", "r9", OUTER_PATH.headerLength), asm.mov("r3", ROOM_BEHIND_MAC)],
    [asm.load(8, "r4", "r9", OUTER_PATH.roomFlags), asm.call("skb_adjust_room"), asm.branch("r0", "!=", 0, "up")],
    [asm.mov("r1", "r6"), asm.mov("r2", 0), asm.mov("r3", "r9"), asm.add("r3", OUTER_PATH.header)],
    asm.load(4, "r4", "r9", OUTER_PATH.headerLength),
    [asm.branch("r4", "<", MIN_OUTER_BYTES, "done"), asm.branch("r4", ">", MAX_OUTER_BYTES, "done"), asm.mov("r5", 0)],
    [asm.call("skb_store_bytes"), asm.branch("r0", "!=", 0, "done")],
    [asm.mov("r1", "r6"), asm.load(4, "r2", "r9", OUTER_PATH.headerLength), asm.mov("r3", "r10"), asm.add("r3", STACK.macs)],
    [asm.mov("r4", ETHERNET_BYTES), asm.mov("r5", 0), asm.call("skb_store_bytes"), asm.branch("r0", "!=", 0, "done")],
  ];
}

/** Lengths, the IPv4 checksum, and the source port. */
function fillIn(): Code {
  return [
    bounds(),
    ensure("r7", ETHERNET_BYTES + 40 + 8, "done"),
    asm.load(4, "r2", "r6", CONTEXT.length),
    [asm.load(2, "r1", "r7", 12), asm.branch("r1", "==", IP4_SWAPPED, "outer-ip4")],
    [asm.sub("r2", 54), asm.mov("r3", "r2"), asm.toBigEndian(16, "r3"), asm.store(2, "r7", 18, "r3")],
    [asm.load(1, "r1", "r7", 20), asm.mov("r4", "r7"), asm.add("r4", 54), asm.jump("transport")],
    [asm.label("outer-ip4"), asm.sub("r2", ETHERNET_BYTES), asm.mov("r3", "r2"), asm.toBigEndian(16, "r3")],
    [asm.store(2, "r7", 16, "r3"), asm.load(4, "r1", "r9", OUTER_PATH.ipSum), asm.add("r1", "r3")],
    [asm.load(1, "r3", "r7", 20), asm.branch("r3", "&", DONT_FRAGMENT_SWAPPED, "atomic")],
    [asm.load(8, "r3", "r10", STACK.id), asm.store(2, "r7", 18, "r3"), asm.add("r1", "r3")],
    asm.label("atomic"),
    [fold("r1", "r3"), asm.xor("r1", 0xffff), asm.store(2, "r7", 24, "r1")],
    [asm.sub("r2", 20), asm.load(1, "r1", "r7", 23), asm.mov("r4", "r7"), asm.add("r4", 34)],
    [asm.label("transport"), asm.load(8, "r3", "r10", STACK.sum), asm.branch("r1", "!=", UDP, "gre")],
    [asm.load(8, "r1", "r10", STACK.sourcePort), asm.store(2, "r4", 0, "r1")],
    [asm.toBigEndian(16, "r2"), asm.store(2, "r4", 4, "r2"), asm.branch("r3", "==", 0, "filled")],
    // The length is in the header and in what is put in front of that for the checksum.
    [asm.add("r3", "r1"), asm.add("r3", "r2"), asm.add("r3", "r2"), fold("r3", "r1"), asm.xor("r3", 0xffff)],
    [asm.branch("r3", "!=", 0, "not-zero"), asm.mov("r3", 0xffff), asm.label("not-zero")],
    [asm.store(2, "r4", 6, "r3"), asm.jump("filled")],
    [asm.label("gre"), asm.branch("r3", "==", 0, "filled"), fold("r3", "r1"), asm.xor("r3", 0xffff), asm.store(2, "r4", 4, "r3")],
    asm.label("filled"),
  ];
}

/** At the tunnel port, what goes into the tunnel. */
function count({ counters }: EncapsulationMaps): Code {
  return [
    findCounters(counters, STACK.portNo, "counted"),
    [asm.mov("r1", 1), asm.atomic("add", 8, "r0", PORT_COUNTERS.txPackets, "r1")],
    [asm.load(8, "r1", "r10", STACK.length), asm.atomic("add", 8, "r0", PORT_COUNTERS.txBytes, "r1")],
    asm.label("counted"),
  ];
}

function send(): Code {
  return [
    asm.store(4, "r6", CONTEXT.mark, 0),
    [asm.load(4, "r1", "r9", OUTER_PATH.ifindex), asm.mov("r2", "r9"), asm.add("r2", OUTER_PATH.nextHop)],
    [asm.mov("r3", NEXT_HOP_BYTES), asm.mov("r4", 0), asm.call("redirect_neigh"), asm.exit()],
  ];
}

function bounds(): Code {
  return [asm.load(4, "r7", "r6", CONTEXT.data), asm.load(4, "r8", "r6", CONTEXT.dataEnd)];
}

function ensure(from: "r3" | "r7", nBytes: number, otherwise = "up"): Code {
  return [asm.mov("r0", from), asm.add("r0", nBytes), asm.branch("r0", ">", "r8", otherwise)];
}
