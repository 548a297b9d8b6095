/**
 * Sends the packet up to this process: of a device of another host, to the collector, a device whose packets this process reads, with
 * the port's number in a tag; of an internal port, on to its TAP device, which this process reads anyway. So both come with what the
 * kernel knows of checksums and segments. A port that is far ahead of this process is held back, the others are not.
 */
import { asm, type Code, VERDICT } from "@tenet/bpf";
import { PORT_COUNTERS } from "./counters.ts";
import { findEntry, type ProgramMaps } from "./program-maps.ts";
import { STACK } from "./stack.ts";

/** Flag of `redirect` and `clone_redirect`: the device receives the packet, instead of sending it. */
export const INGRESS = 1;
/** What a port may have under way to this process. */
const MAX_UPCALLS_UNDER_WAY = 256;
const TAG_TYPE_SWAPPED = 0xa888;

/** Ends the program, or goes to `done`. */
export function goUp({ counters, collector }: ProgramMaps): Code {
  const { sent, taken, held } = PORT_COUNTERS;
  return [
    asm.load(8, "r1", "r10", STACK.isInternal),
    asm.branch("r1", "==", 0, "outside"),
    [asm.mov("r0", VERDICT.pass), asm.exit()],
    asm.label("outside"),
    findEntry(counters, STACK.key),
    asm.branch("r0", "==", 0, "done"),
    [asm.load(8, "r1", "r0", sent), asm.load(8, "r2", "r0", taken), asm.sub("r1", "r2"), asm.mov("r2", 1)],
    asm.branch("r1", "<", MAX_UPCALLS_UNDER_WAY, "room"),
    [asm.atomic("add", 8, "r0", held, "r2"), asm.jump("done")],
    [asm.label("room"), asm.atomic("add", 8, "r0", sent, "r2")],
    [asm.mov("r1", "r6"), asm.mov("r2", TAG_TYPE_SWAPPED), asm.load(4, "r3", "r10", STACK.key), asm.call("skb_vlan_push")],
    [asm.mov("r1", collector), asm.mov("r2", INGRESS), asm.call("redirect"), asm.exit()],
  ];
}
