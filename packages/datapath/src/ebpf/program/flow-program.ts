/**
 * The program that forwards in the kernel: it finds the port, reads what the masks need, looks the packet up under one mask
 * after the other, counts, and acts. What it finds no flow for goes up.
 *
 * The program of the later pass is the same, but that it is given what is known of the packet by the one that looked it up before.
 */
import { asm, type Code, VERDICT } from "@tenet/bpf";
import { FIELDS } from "@tenet/net";
import { carryOut, groupsReadFor, type ActionName } from "../actions/actions.ts";
import { KEY_BYTES, KEY_WORDS, METADATA_BYTES, placeOf, type WordGroup } from "../key-layout.ts";
import { SLOT } from "../slot.ts";
import { countPacket, countReceived } from "./counters.ts";
import { findFlow } from "./find-flow.ts";
import { goUp, goUpAgain } from "./go-up.ts";
import { takeMetadata } from "./metadata.ts";
import { CONTEXT } from "./context.ts";
import { PacketParser } from "./parse-packet.ts";
import { findEntry, type MaskTable, type PassMaps, type ProgramMaps } from "./program-maps.ts";
import { STACK } from "./stack.ts";
import { unlearn } from "./unlearn.ts";

/** The packets that a program looks up: those that have just come in, or those that are looked up again. */
export type Pass = "first" | "later";

const NW = placeOf(FIELDS.nw_proto.word); //  | proto | tos | ttl | frag |
const PROTO_BITS = 0xff00_0000;
/** The upper half of their word. */
const TCP_FLAGS_AT = STACK.key + 4 * (placeOf(FIELDS.tcp_flags.word) ?? 0) + 2;

/** Assembles the program of a pass for these masks and for flows with these actions. */
export function flowProgram(pass: Pass, tables: readonly MaskTable[], actions: ReadonlySet<ActionName>, maps: PassMaps): Code {
  const isFirst = pass === "first";
  const groups = groupsToRead(tables, actions);
  return [
    asm.mov("r6", "r1"),
    isFirst ? findPort(maps) : [takeMetadata(maps), clear(METADATA_BYTES)],
    tables.length === 0 ? [] : [new PacketParser(groups, STACK.key, STACK.transportAt).code(), findFlow(tables, maps)],
    [asm.label("slow"), isFirst ? goUp(maps) : []],
    !isFirst || (tables.length > 0 && goesUpAgain(actions)) ? [asm.label("slow-again"), goUpAgain(maps)] : [],
    tables.length === 0 ? [] : [asm.label("hit"), count(groups), unlearnRead(actions)],
    tables.length > 0 && isFirst ? countReceived(maps, STACK.key) : [],
    tables.length === 0 ? [] : carryOut(actions, maps),
    [asm.label("done"), asm.mov("r0", VERDICT.drop), asm.exit()],
  ];
}

/** Whether packets of the first pass go up from the middle of their actions. */
function goesUpAgain(actions: ReadonlySet<ActionName>): boolean {
  const names = ["recirc", "track", "trackNat", "leaveLonger", "leave", "cut", "pushMpls"] as const;
  return names.some((name) => actions.has(name));
}

/** The port of the device; a packet of a device that is no port goes on as if we were not there. */
function findPort({ ports }: ProgramMaps): Code {
  return [
    clear(0),
    asm.load(4, "r1", "r6", CONTEXT.ifindex),
    asm.store(4, "r10", STACK.scratch, "r1"),
    findEntry(ports, STACK.scratch),
    asm.branch("r0", "!=", 0, "port"),
    [asm.mov("r0", VERDICT.next), asm.exit()],
    asm.label("port"),
    asm.load(4, "r1", "r0", 0),
    asm.store(4, "r10", STACK.key, "r1"),
    asm.load(4, "r1", "r0", 4),
    asm.store(8, "r10", STACK.isInternal, "r1"),
    asm.store(4, "r6", CONTEXT.isLeaving, "r1"),
  ];
}

/** Makes the key zero from a byte on, and forgets where headers are. */
export function clear(from: number): Code {
  const words = Array.from({ length: (KEY_BYTES - from) / 8 }, (_, i) => asm.store(8, "r10", STACK.key + from + 8 * i, 0));
  return [words, asm.store(8, "r10", STACK.transportAt, 0)];
}

/** Packets are read in many ways. Only these actions look at all that was read, so the others are spared the time. */
export function unlearnRead(actions: ReadonlySet<ActionName>): Code {
  const looksAtAll = actions.has("hash") || actions.has("clone");
  return looksAtAll ? unlearn(STACK.key + METADATA_BYTES, STACK.key + KEY_BYTES - 1) : [];
}

/** What has to be read of packets: what a mask has bits in, what actions ask for, and the flags of TCP where masks tell it from others. */
function groupsToRead(tables: readonly MaskTable[], actions: ReadonlySet<ActionName>): ReadonlySet<WordGroup> {
  const groups = new Set<WordGroup>(groupsReadFor(actions));
  for (const { words } of tables) for (const { place } of words) groups.add(KEY_WORDS[place]?.group ?? "metadata");
  if (tables.some(({ words }) => words.some(({ place, bits }) => place === NW && (bits & PROTO_BITS) !== 0))) groups.add("flags");
  if (groups.size > 0) groups.add("type");
  return groups;
}

function count(groups: ReadonlySet<WordGroup>): Code {
  return [
    countPacket("r9", SLOT.packets, SLOT.bytes),
    [asm.call("ktime_get_coarse_ns"), asm.store(8, "r9", SLOT.used, "r0")],
    groups.has("flags") ? noteFlags() : [],
  ];
}

/** Adds the packet's TCP flags to those that the flow has seen; most packets have none that are new. */
function noteFlags(): Code {
  return [
    [asm.load(2, "r1", "r10", TCP_FLAGS_AT), asm.load(4, "r2", "r9", SLOT.tcpFlags), asm.or("r1", "r2")],
    [asm.branch("r1", "==", "r2", "noted"), asm.atomic("or", 4, "r9", SLOT.tcpFlags, "r1"), asm.label("noted")],
  ];
}
