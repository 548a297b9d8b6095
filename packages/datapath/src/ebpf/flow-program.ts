/**
 * The program that forwards in the kernel: it finds the port, reads what the masks need, looks the packet up under one mask
 * after the other, counts, and acts. What it finds no flow for goes up.
 *
 * Up means: of a device of another host, to the collector, a device whose packets this process reads, with the port's number
 * in a tag; of an internal port, on to its TAP device, which this process reads anyway. So both come with what the kernel knows
 * of checksums and segments. A port that is far ahead of this process is held back, the others are not.
 */
import { asm, type Code, type MapReference } from "@tenet/bpf";
import { KEY_BYTES, KEY_WORDS, type WordGroup } from "./key-layout.ts";
import { CONTEXT, PacketParser } from "./parse-packet.ts";
import { KERNEL_ACTION, SLOT } from "./slot.ts";

/** The flows of one mask. */
export interface MaskTable {
  /** A hash from the masked words to a slot's number. */
  readonly map: MapReference;
  /** The words that the mask has bits in: their place in `KEY_WORDS`, and the bits as the program has them. */
  readonly words: readonly { readonly place: number; readonly bits: number }[];
}

/** What the program shares with this process. */
export interface ProgramMaps {
  /** A hash from a device's number to a port's number and whether it is internal, 4 bytes each. */
  readonly ports: MapReference;
  /** An array of one entry per processor: `MASK_HINTS` numbers of masks, from 1, 4 bytes each. */
  readonly maskHints: MapReference;
  /** An array of `SLOT.sizeBytes`. */
  readonly slots: MapReference;
  /** An array by port, see {@link PORT_COUNTERS}. */
  readonly counters: MapReference;
  /** The device that packets go up by. */
  readonly collector: number;
}

/** What a port may have under way to this process. */
const MAX_UPCALLS_UNDER_WAY = 256;
/**
 * What is counted of a port, 8 bytes each: packets sent up, taken in by this process and held back, then the packets and bytes that
 * the program forwarded from and to it.
 */
export const PORT_COUNTERS = {
  sent: 0,
  taken: 8,
  held: 16,
  rxPackets: 24,
  rxBytes: 32,
  txPackets: 40,
  txBytes: 48,
  sizeBytes: 64,
} as const;

const KEY_AT = -128;
const MASKED_AT = KEY_AT - 128;
const INDEX_AT = -8;
const PORT_AT = -264;
/** Numbers of masks that are remembered, a power of two. */
export const MASK_HINTS = 4096;
const HASH_MULTIPLIER = 0x2545_f491;
const TAG_TYPE_SWAPPED = 0xa888;
const VERDICT = { ok: 0, drop: 2 } as const;
const INGRESS = 1;

/** Assembles the program for these masks. */
export function flowProgram(tables: readonly MaskTable[], maps: ProgramMaps): Code {
  const places = new Set(tables.flatMap(({ words }) => words.map(({ place }) => place)));
  const groups = new Set<WordGroup>([...places].flatMap((place) => KEY_WORDS[place]?.group ?? []));
  if (groups.size > 0) groups.add("type");
  return [
    asm.mov("r6", "r1"),
    findPort(maps),
    tables.length === 0 ? [] : [new PacketParser(groups, KEY_AT).code(), findMask(tables, places, maps)],
    [asm.label("slow"), goUp(maps)],
    tables.length === 0 ? [] : [asm.label("hit"), findSlot(maps), count(), countPort(maps, KEY_AT, "rx", "received"), act(maps)],
    [asm.label("done"), asm.mov("r0", VERDICT.drop), asm.exit()],
  ];
}

/** The port of the device; a packet of a device that is no port goes on as if we were not there. */
function findPort({ ports }: ProgramMaps): Code {
  return [
    Array.from({ length: KEY_BYTES / 4 }, (_, i) => asm.store(4, "r10", KEY_AT + 4 * i, 0)),
    asm.load(4, "r1", "r6", CONTEXT.ifindex),
    asm.store(4, "r10", MASKED_AT, "r1"),
    find(ports, MASKED_AT),
    asm.branch("r0", "!=", 0, "port"),
    [asm.mov("r0", -1), asm.exit()],
    asm.label("port"),
    asm.load(4, "r1", "r0", 0),
    asm.store(4, "r10", KEY_AT, "r1"),
    asm.load(4, "r1", "r0", 4),
    asm.store(8, "r10", PORT_AT, "r1"),
  ];
}

/** Sets `r0` to the address of an entry, or 0. */
function find(map: MapReference, keyAt: number): Code {
  return [asm.mapAddress("r1", map), asm.mov("r2", "r10"), asm.add("r2", keyAt), asm.call("map_lookup_elem")];
}

/**
 * Goes to `hit` with the slot's number at `r0`. Which mask answered last is remembered by a hash of the packet, so that many masks cost
 * as one: a packet has a flow under one mask at most.
 *
 * Registers: `r7` where the number is remembered, `r8` whether the mask at hand is the one remembered.
 */
function findMask(tables: readonly MaskTable[], places: ReadonlySet<number>, { maskHints }: ProgramMaps): Code {
  if (tables.length === 1) return tables.map((table) => [lookup(table), asm.branch("r0", "!=", 0, "hit")]);
  return [
    hash(places),
    [asm.and("r1", MASK_HINTS - 1), asm.store(4, "r10", MASKED_AT, "r1")],
    find(maskHints, MASKED_AT),
    asm.branch("r0", "==", 0, "slow"),
    [asm.mov("r7", "r0"), asm.mov("r8", 1), asm.load(4, "r1", "r7", 0)],
    tables.map((_, i) => asm.branch("r1", "==", i + 1, `mask-${i}`)),
    [asm.label("search"), asm.mov("r8", 0)],
    tables.map((table, i) => [
      [asm.label(`mask-${i}`), lookup(table), asm.branch("r0", "==", 0, `not-${i}`)],
      [asm.store(4, "r7", 0, i + 1), asm.jump("hit")],
      [asm.label(`not-${i}`), asm.branch("r8", "==", 1, "search")],
    ]),
  ];
}

/** Of the key's words, in `r1`. */
function hash(places: ReadonlySet<number>): Code {
  const words = [...places].toSorted((a, b) => a - b);
  return [
    asm.mov("r1", 0),
    words.map((place) => [
      asm.load(4, "r2", "r10", KEY_AT + 4 * place),
      asm.xor("r1", "r2"),
      asm.mul("r1", HASH_MULTIPLIER),
      asm.mov("r2", "r1"),
      asm.rsh("r2", 29),
      asm.xor("r1", "r2"),
    ]),
  ];
}

/** Looks the packet up under a mask. */
function lookup({ map, words }: MaskTable): Code {
  const masked = words.map(({ place, bits }, i) => [
    asm.load(4, "r1", "r10", KEY_AT + 4 * place),
    bits === 0xffff_ffff ? [] : asm.and32("r1", bits),
    asm.store(4, "r10", MASKED_AT + 4 * i, "r1"),
  ]);
  return [masked, find(map, MASKED_AT)];
}

/** Leaves the slot in `r9`. */
function findSlot({ slots }: ProgramMaps): Code {
  return [
    asm.load(4, "r1", "r0", 0),
    asm.store(4, "r10", MASKED_AT, "r1"),
    find(slots, MASKED_AT),
    asm.branch("r0", "==", 0, "slow"),
    asm.mov("r9", "r0"),
  ];
}

function count(): Code {
  return [
    [asm.mov("r1", 1), asm.atomic("add", 8, "r9", SLOT.packets, "r1")],
    [asm.load(4, "r1", "r6", CONTEXT.length), asm.atomic("add", 8, "r9", SLOT.bytes, "r1")],
    [asm.call("ktime_get_coarse_ns"), asm.store(8, "r9", SLOT.used, "r0")],
  ];
}

/** Counts the packet at the port whose number is on the stack; `name` tells this place from others in the program. */
function countPort({ counters }: ProgramMaps, portAt: number, side: "rx" | "tx", name: string): Code {
  const place = `counted-${name}`;
  return [
    find(counters, portAt),
    asm.branch("r0", "==", 0, place),
    [asm.mov("r1", 1), asm.atomic("add", 8, "r0", PORT_COUNTERS[`${side}Packets`], "r1")],
    [asm.load(4, "r1", "r6", CONTEXT.length), asm.atomic("add", 8, "r0", PORT_COUNTERS[`${side}Bytes`], "r1")],
    asm.label(place),
  ];
}

/** Carries out the slot's actions, one by one. */
function act(maps: ProgramMaps): Code {
  const arguments_ = [asm.load(4, "r3", "r7", SLOT.actions + 4), asm.load(4, "r4", "r7", SLOT.actions + 8)];
  const countOutput = (name: string): Code => [
    [asm.load(4, "r1", "r7", SLOT.actions + 12), asm.store(4, "r10", INDEX_AT, "r1")],
    countPort(maps, INDEX_AT, "tx", name),
  ];
  const { send, copy, pushVlan, popVlan, setMac } = KERNEL_ACTION;
  const cases: readonly (readonly [number, Code])[] = [
    [send, [countOutput("send"), arguments_, asm.mov("r1", "r3"), asm.mov("r2", "r4"), asm.call("redirect"), asm.exit()]],
    [
      copy,
      [
        countOutput("copy"),
        arguments_,
        asm.mov("r1", "r6"),
        asm.mov("r2", "r3"),
        asm.mov("r3", "r4"),
        asm.call("clone_redirect"),
        asm.jump("next"),
      ],
    ],
    [
      pushVlan,
      [arguments_, asm.mov("r1", "r6"), asm.mov("r2", "r3"), asm.mov("r3", "r4"), asm.call("skb_vlan_push"), asm.jump("next")],
    ],
    [popVlan, [asm.mov("r1", "r6"), asm.call("skb_vlan_pop"), asm.jump("next")]],
    [setMac, setBytes()],
  ];
  return [
    asm.mov("r8", 0),
    asm.label("act"),
    asm.load(4, "r1", "r9", SLOT.nActions),
    asm.branch("r8", ">=", "r1", "done"),
    asm.branch("r8", ">=", SLOT.maxActions, "done"),
    [asm.mov("r7", "r8"), asm.mul("r7", SLOT.actionBytes), asm.add("r7", "r9")],
    asm.load(4, "r1", "r7", SLOT.actions),
    cases.map(([what]) => asm.branch("r1", "==", what, `action-${what}`)),
    asm.jump("done"),
    cases.map(([what, code]) => [asm.label(`action-${what}`), code]),
    [asm.label("next"), asm.add("r8", 1), asm.jump("act")],
  ];
}

/** The bytes are put on the stack, since they must not be a map's while they are stored. */
function setBytes(): Code {
  return [
    [asm.load(8, "r1", "r7", SLOT.actions + 8), asm.store(8, "r10", INDEX_AT, "r1")],
    [asm.load(4, "r2", "r7", SLOT.actions + 4), asm.mov("r1", "r6"), asm.mov("r3", "r10"), asm.add("r3", INDEX_AT)],
    [asm.mov("r4", 6), asm.mov("r5", 0), asm.call("skb_store_bytes"), asm.jump("next")],
  ];
}

function goUp({ counters, collector }: ProgramMaps): Code {
  const { sent, taken, held } = PORT_COUNTERS;
  return [
    asm.load(8, "r1", "r10", PORT_AT),
    asm.branch("r1", "==", 0, "outside"),
    [asm.mov("r0", VERDICT.ok), asm.exit()],
    asm.label("outside"),
    find(counters, KEY_AT),
    asm.branch("r0", "==", 0, "done"),
    [asm.load(8, "r1", "r0", sent), asm.load(8, "r2", "r0", taken), asm.sub("r1", "r2"), asm.mov("r2", 1)],
    asm.branch("r1", "<", MAX_UPCALLS_UNDER_WAY, "room"),
    [asm.atomic("add", 8, "r0", held, "r2"), asm.jump("done")],
    [asm.label("room"), asm.atomic("add", 8, "r0", sent, "r2")],
    [asm.mov("r1", "r6"), asm.mov("r2", TAG_TYPE_SWAPPED), asm.load(4, "r3", "r10", KEY_AT), asm.call("skb_vlan_push")],
    [asm.mov("r1", collector), asm.mov("r2", INGRESS), asm.call("redirect"), asm.exit()],
  ];
}
