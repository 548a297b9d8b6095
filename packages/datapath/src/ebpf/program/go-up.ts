/**
 * Sends the packet up to this process: of a device of another host, to the collector, a device whose packets this process reads, with
 * the port's number in a tag; of an internal port, on to its TAP device, which this process reads anyway. So both come with what the
 * kernel knows of checksums and segments. A port that is far ahead of this process is held back, the others are not.
 *
 * A packet that was to be looked up again goes to the collector always, behind a header that says what is known of it.
 */
import { asm, type Code, VERDICT } from "@tenet/bpf";
import { METADATA_BYTES } from "../key-layout.ts";
import { PATH_BYTES, UNSENT_HEADER_BYTES, UPCALL_HEADER_BYTES, UPCALL_TAG } from "../upcall-header.ts";
import { findCounters, PORT_COUNTERS } from "./counters.ts";
import type { ProgramMaps } from "./program-maps.ts";
import { STACK } from "./stack.ts";

/** Flag of `redirect` and `clone_redirect`: the device receives the packet, instead of sending it. */
export const INGRESS = 1;
/** What a port may have under way to this process. */
const MAX_UPCALLS_UNDER_WAY = 256;

/** What it takes to go up. */
type UpwardMaps = Pick<ProgramMaps, "counters" | "collector">;

/** Ends the program, or goes to `done`. */
export function goUp(maps: ProgramMaps): Code {
  return [
    asm.load(8, "r1", "r10", STACK.isInternal),
    asm.branch("r1", "==", 0, "outside"),
    [asm.mov("r0", VERDICT.pass), asm.exit()],
    asm.label("outside"),
    admit(maps, "first", STACK.key),
    pushTag("first", STACK.key),
    toCollector(maps),
  ];
}

/** As {@link goUp}, of a packet that was to be looked up again; one that has no room for the header is held back, too. */
export function goUpAgain(maps: UpwardMaps): Code {
  return [
    pushTag("later", STACK.key),
    [asm.mov("r1", "r6"), asm.mov("r2", UPCALL_HEADER_BYTES), asm.mov("r3", 0), asm.call("skb_change_head")],
    asm.mov("r9", "r0"),
    admit(maps, "later", STACK.key, asm.branch("r9", "!=", 0, "hold-later")),
    [asm.mov("r1", "r6"), asm.mov("r2", UPCALL_HEADER_BYTES - METADATA_BYTES), asm.mov("r3", "r10"), asm.add("r3", STACK.key)],
    [asm.mov("r4", METADATA_BYTES), asm.mov("r5", 0), asm.call("skb_store_bytes")],
    toCollector(maps),
  ];
}

/** As {@link goUp}, of a packet that was to go into a tunnel: `portAt` and `pathAt` are where the stack says the port and the path. */
export function goUpUnsent(maps: UpwardMaps, portAt: number, pathAt: number): Code {
  return [
    pushTag("later", portAt),
    [asm.mov("r1", "r6"), asm.mov("r2", UNSENT_HEADER_BYTES), asm.mov("r3", 0), asm.call("skb_change_head")],
    asm.mov("r9", "r0"),
    admit(maps, "later", portAt, asm.branch("r9", "!=", 0, "hold-later")),
    [asm.mov("r1", "r6"), asm.mov("r2", 0), asm.mov("r3", "r10"), asm.add("r3", pathAt)],
    [asm.mov("r4", PATH_BYTES), asm.mov("r5", 0), asm.call("skb_store_bytes")],
    toCollector(maps),
  ];
}

/** Goes on when the port may have another packet under way, and counts it; else drops it. */
function admit({ counters }: UpwardMaps, pass: "first" | "later", portAt: number, before: Code = []): Code {
  const { sent, taken, held } = PORT_COUNTERS;
  return [
    findCounters(counters, portAt, "done"),
    asm.mov("r2", 1),
    before,
    [asm.load(8, "r1", "r0", sent), asm.load(8, "r3", "r0", taken), asm.sub("r1", "r3")],
    asm.branch("r1", "<", MAX_UPCALLS_UNDER_WAY, `room-${pass}`),
    [asm.label(`hold-${pass}`), asm.atomic("add", 8, "r0", held, "r2"), asm.jump("done")],
    [asm.label(`room-${pass}`), asm.atomic("add", 8, "r0", sent, "r2")],
  ];
}

/** A tag that tells the port; one that the packet has already goes into its bytes. */
function pushTag(pass: keyof typeof UPCALL_TAG, portAt: number): Code {
  const type = ((UPCALL_TAG[pass] & 0xff) << 8) | (UPCALL_TAG[pass] >>> 8);
  return [asm.mov("r1", "r6"), asm.mov("r2", type), asm.load(4, "r3", "r10", portAt), asm.call("skb_vlan_push")];
}

function toCollector({ collector }: UpwardMaps): Code {
  return [asm.mov("r1", collector), asm.mov("r2", INGRESS), asm.call("redirect"), asm.exit()];
}
