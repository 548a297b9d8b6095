/** Random packets, and random flows for packets like them. */
import fc from "fast-check";
import type { DatapathAction } from "@tenet/datapath";
import { buildVlan, FIELDS, type FieldName, fieldOnes, getFieldBig, makeFlowKey, setFieldBig } from "@tenet/net";
import { BASES } from "./any-frame.ts";
import { keyOf, matchOf, tcpFrame, udpFrame } from "./frames.ts";

/** Ports that packets come in and go out at. */
export const PORTS: readonly number[] = [1, 2, 3, 4];

const TAGGED = [
  buildVlan({ vid: 42, pcp: 3 }, udpFrame(67)),
  buildVlan({ vid: 7, pcp: 0 }, tcpFrame(6)),
  buildVlan({ vid: 9, pcp: 2 }, buildMpls(udpFrame())),
  buildVlan({ vid: 7, pcp: 0 }, buildVlan({ vid: 8, pcp: 1 }, udpFrame())),
];

/** A frame behind two labels. */
function buildMpls(frame: Uint8Array): Uint8Array {
  return Uint8Array.of(...frame.subarray(0, 12), 0x88, 0x47, 0, 1, 0x10, 64, 0, 2, 0x11, 64, ...frame.subarray(14));
}

/** What masks may have besides the port and the type. */
const MATCHED: readonly FieldName[] = [
  "eth_dst",
  "eth_src",
  "vlan_tci",
  "nw_proto",
  "nw_src",
  "nw_dst",
  "nw_tos",
  "nw_ttl",
  "nw_frag",
  "ipv6_src",
  "ipv6_dst",
  "ipv6_label",
  "mpls_lse",
  "arp_sha",
  "tp_src",
  "tp_dst",
  "tcp_flags",
];
/** What every mask has. */
const ALWAYS: readonly FieldName[] = ["in_port", "recirc_id", "eth_type"];
const RECIRC_IDS = [1, 2] as const;
/** What says which headers a packet has: masks of flows that change headers have them. */
const KIND: readonly FieldName[] = ["vlan_tci", "nw_proto", "nw_frag"];
const SET: readonly FieldName[] = [
  "eth_dst",
  "eth_src",
  "nw_src",
  "nw_dst",
  "nw_tos",
  "nw_ttl",
  "ipv6_src",
  "ipv6_dst",
  "mpls_lse",
  "tp_src",
  "tp_dst",
];

/** A packet, and where it comes in. */
export interface Packet {
  readonly inPort: number;
  readonly frame: Uint8Array;
}

/** What a flow is made of. */
export interface Flow {
  readonly key: Uint32Array;
  readonly mask: Uint32Array;
  readonly actions: readonly DatapathAction[];
}

/** A packet of some protocol, with up to three bytes of its headers changed. */
const anyPacket: fc.Arbitrary<Packet> = fc
  .tuple(
    fc.constantFrom(...PORTS),
    fc.constantFrom(...BASES, ...TAGGED),
    fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { maxLength: 3 }),
  )
  .map(([inPort, base, changes]) => {
    const frame = base.slice();
    for (const [at, value] of changes) if (at < frame.length) frame[at] = value;
    return { inPort, frame };
  });

const anyBits = fc.bigInt({ min: 0n, max: (1n << 128n) - 1n });
const anyOutput = fc.record({ type: fc.constant("output" as const), port: fc.constantFrom(...PORTS) });
const anyTag = fc.record({
  type: fc.constant("pushVlan" as const),
  tpid: fc.constantFrom(0x8100, 0x88a8),
  tci: fc.nat(0xffff).map((tci) => tci & 0xefff),
});
const anyRewrite = fc
  .tuple(fc.constantFrom(...SET), anyBits)
  .map(([name, value]): DatapathAction => ({ type: "setMasked", ...matchOf({ [name]: value & fieldOnes(FIELDS[name]) }) }));
const anyLabel = fc.record({
  type: fc.constant("pushMpls" as const),
  ethType: fc.constantFrom(0x8847, 0x8848),
  entry: fc.integer({ min: 0, max: 0xffff_ffff }),
});
const anyLabelPopped = fc.record({ type: fc.constant("popMpls" as const), ethType: fc.constantFrom(0x0800, 0x86dd, 0x8847) });
const anyUserspace = fc.record({ type: fc.constant("userspace" as const), userdata: fc.nat(100) });
const anyCutOutput = fc.tuple(
  fc.record({ type: fc.constant("truncate" as const), maxLength: fc.integer({ min: 20, max: 90 }) }),
  anyOutput,
);
const anyRecirc = fc.record({ type: fc.constant("recirc" as const), id: fc.constantFrom(...RECIRC_IDS) });

/** Some actions: what goes out most often, what changes the packet, and what concerns copies of it. */
function anyActions(canRecirculate: boolean, depth: 0 | 1 = 0): fc.Arbitrary<readonly DatapathAction[]> {
  const alone = fc.oneof<fc.Arbitrary<DatapathAction>[]>(anyTag, anyRewrite, anyRewrite, anyLabel, anyLabelPopped, anyUserspace);
  const inside = depth === 1 ? alone : anyActions(canRecirculate, 1).map((actions) => ({ type: "clone" as const, actions }));
  return fc
    .array(
      fc.oneof(
        { arbitrary: anyOutput.map((output): DatapathAction[] => [output]), weight: 6 },
        { arbitrary: alone.map((action) => [action]), weight: 2 },
        { arbitrary: anyCutOutput.map((actions): DatapathAction[] => actions), weight: 1 },
        { arbitrary: inside.map((action) => [action]), weight: 1 },
        { arbitrary: (canRecirculate ? anyRecirc : anyOutput).map((action) => [action]), weight: 1 },
        { arbitrary: fc.constant<DatapathAction[]>([{ type: "popVlan" }]), weight: depth === 0 ? 1 : 0 },
      ),
      { maxLength: depth === 0 ? 5 : 3 },
    )
    .map((actions) => actions.flat());
}

/** A flow for packets like one of these: a mask of some fields, whole or in part, and what to do. */
function anyFlow(packets: readonly Packet[]): fc.Arbitrary<Flow> {
  const anyMatch = fc.array(fc.tuple(fc.constantFrom(...MATCHED), fc.oneof(fc.constant(-1n), anyBits)), { maxLength: 5 });
  return fc.constantFrom(0, 0, ...RECIRC_IDS).chain((recircId) =>
    fc.tuple(fc.constantFrom(...packets), anyMatch, anyActions(recircId === 0)).map(([{ inPort, frame }, match, actions]) => {
      const key = keyOf(frame, inPort);
      setFieldBig(key, FIELDS.recirc_id, BigInt(recircId));
      const mask = makeFlowKey();
      for (const name of ALWAYS) setFieldBig(mask, FIELDS[name], fieldOnes(FIELDS[name]));
      for (const [name, bits] of match) setFieldBig(mask, FIELDS[name], bits & fieldOnes(FIELDS[name]));
      if (actions.some(({ type }) => type !== "output")) {
        for (const name of KIND) setFieldBig(mask, FIELDS[name], fieldOnes(FIELDS[name]));
      }
      const isTagged = getFieldBig(key, FIELDS.vlan_tci) !== 0n;
      return {
        key: key.map((word, i) => (word & (mask[i] ?? 0)) >>> 0),
        mask,
        actions: actions.filter(({ type }) => type !== "popVlan" || isTagged),
      };
    }),
  );
}

/** Packets, and flows of which no packet matches two. */
export const anyScene: fc.Arbitrary<{ packets: readonly Packet[]; flows: readonly Flow[] }> = fc
  .array(anyPacket, { minLength: 10, maxLength: 40 })
  .chain((packets) =>
    fc.record({ packets: fc.constant(packets), flows: fc.array(anyFlow(packets), { minLength: 3, maxLength: 12 }) }),
  )
  .map(({ packets, flows }) => {
    const disjoint: Flow[] = [];
    for (const flow of flows) if (disjoint.every((other) => areDisjoint(flow, other))) disjoint.push(flow);
    return { packets, flows: disjoint };
  });

function areDisjoint(a: Flow, b: Flow): boolean {
  return a.key.some((word, i) => ((word ^ (b.key[i] ?? 0)) & (a.mask[i] ?? 0) & (b.mask[i] ?? 0)) !== 0);
}
