/** Random matches, actions and flows that every version can say. */
import {
  type Action,
  decodeMessage,
  encodeMessage,
  type FlowSpec,
  type Match,
  MATCH_FIELDS,
  type MatchField,
  parseActions,
  parseFlow,
  parseMatch,
  setMatchField,
  VERSION,
} from "@tenet/openflow";
import fc from "fast-check";

const SHAPES = [
  ["", "none"],
  ["dl_type=0x88cc", "none"],
  ["ip", "ip ipv4"],
  ["ipv6", "ip ipv6"],
  ["arp", "arp"],
  ["tcp", "ip ipv4 tcp"],
  ["tcp6", "ip ipv6 tcp"],
  ["udp", "ip ipv4 udp"],
  ["sctp6", "ip ipv6 sctp"],
  ["icmp", "ip ipv4 icmp4"],
  ["icmp6", "ip ipv6 icmp6"],
  ["icmp6,icmp_type=135", "ip ipv6 nd ndSolicit"],
  ["icmp6,icmp_type=136", "ip ipv6 nd ndAdvert"],
] as const;

const VLANS = [
  "",
  "vlan_tci=0x0000/0x1fff",
  "dl_vlan=5",
  "dl_vlan=7,dl_vlan_pcp=3",
  "dl_vlan_pcp=2",
  "vlan_tci=0x1000/0x1000",
] as const;

/** Fields that are set by shape or VLAN, or share their bits with one that is taken, or that the original prints in part. */
const NOT_DRAWN =
  /^(packet_type|tun_erspan_.*|tun_gtpu_.*|tun_gbp_flags|tun_flags|in_port_oxm|eth_type|vlan_.*|dl_vlan.*|nw_proto|nw_tos|tp_.*|x+reg\d|ip_frag)$/;

/** The original holds 256 bytes of options in one match. */
const OPTION_VALUE = fc.bigInt({ min: 0n, max: 2n ** 96n });

function valueOf(field: MatchField): fc.Arbitrary<{ value: bigint; mask: bigint }> {
  const ones = (1n << BigInt(field.nBits)) - 1n;
  if (field.option !== undefined) return OPTION_VALUE.map((value) => ({ value, mask: ones }));
  if (field.format === "port") return fc.constantFrom(1n, 2n, 0xfeffn, 0xfffen).map((value) => ({ value, mask: ones }));
  const value = fc.bigInt({ min: 0n, max: ones });
  if (!field.isMaskable) return value.map((v) => ({ value: v, mask: ones }));
  return fc.record({ value, mask: fc.oneof(fc.constant(ones), fc.bigInt({ min: 1n, max: ones })) });
}

/** What later fragments have no header of. */
const TRANSPORTS = ["tcp", "udp", "sctp", "icmp4", "icmp6", "nd", "ndSolicit", "ndAdvert"] as const;

/** A random match with its prerequisites. */
export const matchArbitrary: fc.Arbitrary<Match> = fc
  .tuple(fc.constantFrom(...SHAPES), fc.constantFrom(...VLANS), fc.constantFrom("", "no", "yes", "first", "later", "not_later"))
  .chain(([[shape, met], vlan, fragment]) => {
    const kinds = new Set(["none", ...met.split(" ")]);
    const isLater = fragment === "later";
    if (isLater) for (const kind of TRANSPORTS) kinds.delete(kind);
    const drawn = MATCH_FIELDS.filter(({ text, prerequisite }) => !NOT_DRAWN.test(text) && kinds.has(prerequisite));
    const frag = fragment !== "" && kinds.has("ip") && !(isLater && shape.includes("icmp_type")) ? `ip_frag=${fragment}` : "";
    return fc.uniqueArray(fc.constantFrom(...drawn), { maxLength: 6 }).chain((fields) =>
      fc.tuple(...fields.map(valueOf)).map((values) => {
        const match = parseMatch([shape, vlan, frag].filter((part) => part !== "").join(","));
        fields.forEach((field, i) => {
          const drawnValue = values[i];
          const isTypeOfNd = field.text === "icmpv6_type" && shape.includes("icmp_type");
          if (drawnValue !== undefined && !isTypeOfNd) setMatchField(match, field, drawnValue.value, drawnValue.mask);
        });
        return match;
      }),
    );
  });

const number = (max: number): fc.Arbitrary<number> => fc.nat(max);
const port = fc.oneof(
  fc.integer({ min: 1, max: 0xfeff }).map(String),
  fc.constantFrom("NORMAL", "FLOOD", "ALL", "IN_PORT", "LOCAL"),
);
const register = fc.nat(15);

const simple: fc.Arbitrary<string> = fc.oneof(
  port.map((p) => `output:${p}`),
  fc.tuple(port, fc.integer({ min: 14, max: 9000 })).map(([p, n]) => `output(port=${p},max_len=${n})`),
  register.map((r) => `output:NXM_NX_REG${r}[0..15]`),
  number(0xffff).map((n) => `CONTROLLER:${n}`),
  fc
    .tuple(fc.constantFrom("no_match", "invalid_ttl", "action"), number(0xffff), number(0xffff))
    .map(([reason, n, id]) => `controller(reason=${reason},max_len=${n},id=${id})`),
  fc
    .tuple(number(0xffff), fc.uint8Array({ minLength: 1, maxLength: 20 }))
    .map(([id, data]) => `controller(id=${id},userdata=${Buffer.from(data).toString("hex")})`),
  fc
    .tuple(number(0xffff), fc.boolean(), fc.option(fc.integer({ min: 1, max: 0xffff })))
    .map(([id, pauses, meter]) => `controller(id=${id}${pauses ? ",pause" : ""}${meter === null ? "" : `,meter_id=${meter}`})`),
  fc.tuple(register, number(0xffff_ffff)).map(([r, value]) => `set_field:${value}->reg${r}`),
  fc
    .tuple(register, fc.integer({ min: 0, max: 31 }), fc.integer({ min: 1, max: 32 }))
    .map(([r, start, n]) => `load:1->NXM_NX_REG${r}[${start}..${Math.min(31, start + n - 1)}]`),
  fc
    .tuple(register, register, fc.integer({ min: 0, max: 16 }), fc.integer({ min: 1, max: 16 }))
    .map(([a, b, start, n]) => `move:NXM_NX_REG${a}[${start}..${start + n - 1}]->NXM_NX_REG${b}[0..${n - 1}]`),
  register.map((r) => `push:NXM_NX_REG${r}[]`),
  register.map((r) => `pop:NXM_NX_REG${r}[3..9]`),
  number(254).map((table) => `resubmit(,${table})`),
  fc.tuple(fc.integer({ min: 1, max: 0xfeff }), number(254)).map(([p, table]) => `resubmit(${p},${table})`),
  number(0xffff).map((n) => `set_queue:${n}`),
  fc.constantFrom("pop_queue", "exit", "dec_ttl", "pop_vlan", "push_vlan:0x8100", "dec_ttl(1,2)"),
  number(0xffff).map((n) => `group:${n}`),
  fc.uint8Array({ minLength: 6, maxLength: 6 }).map((data) => `note:${Buffer.from(data).toString("hex")}`),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value) => `set_field:${value}->tun_id`),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value) => `set_field:${value}->metadata`),
);

const hashed = fc.constantFrom(
  "eth_src",
  "symmetric_l4",
  "symmetric_l3l4",
  "symmetric_l3l4+udp",
  "nw_src",
  "nw_dst",
  "symmetric_l3",
);

const extension: fc.Arbitrary<string> = fc.oneof(
  fc
    .tuple(
      number(254),
      number(0xffff),
      register,
      fc.subarray(["send_flow_rem", "delete_learned", "limit=7", "result_dst=reg9[3]"]),
    )
    .map(
      ([table, timeout, r, more]) =>
        `learn(table=${[table, `idle_timeout=${timeout}`, ...more, `reg${r}[0..7]=5,eth_dst=eth_src`].join(",")},output:in_port)`,
    ),
  fc
    .tuple(
      hashed,
      number(0xffff),
      fc.constantFrom("modulo_n", "hash_threshold", "hrw", "iter_hash"),
      fc.integer({ min: 1, max: 65536 }),
    )
    .map(([fields, basis, algorithm, n]) => `multipath(${fields},${basis},${algorithm},${n},3,NXM_NX_REG1[0..15])`),
  fc
    .tuple(
      hashed,
      fc.constantFrom("hrw", "active_backup"),
      fc.array(fc.integer({ min: 1, max: 0xfeff }), { maxLength: 5 }),
      fc.boolean(),
    )
    .map(
      ([fields, algorithm, ports, isLoad]) =>
        `bundle${isLoad ? "_load" : ""}(${fields},7,${algorithm},ofport${isLoad ? ",reg3" : ""},members:${ports.join(",")})`,
    ),
  fc
    .tuple(fc.integer({ min: 1, max: 0xffff }), number(0xffff))
    .map(([n, id]) => `sample(probability=${n},collector_set_id=${id},sampling_port=2,egress)`),
  fc.tuple(number(0xffff), fc.nat(31)).map(([size, bit]) => `check_pkt_larger(${size})->NXM_NX_REG4[${bit}]`),
);

const zone = fc.oneof(
  fc.nat(0xffff).map(String),
  register.map((r) => `NXM_NX_REG${r}[0..15]`),
);
const natPorts = fc.constantFrom("", ":80", ":1000-2000");
const natFlags = fc.constantFrom("", ",persistent", ",hash", ",random", ",persistent,hash");

const connection: fc.Arbitrary<string> = fc.oneof(
  fc.tuple(zone, fc.nat(254)).map(([z, table]) => `ct(table=${table},zone=${z})`),
  fc.tuple(zone, fc.nat(254)).map(([z, table]) => `ct(table=${table},zone=${z},nat)`),
  fc
    .tuple(zone, fc.constantFrom("src", "dst"), natPorts, natFlags)
    .map(([z, side, ports, flags]) => `ct(commit,zone=${z},nat(${side}=10.0.0.1-10.0.0.9${ports}${flags}))`),
  fc.tuple(zone, number(0xffff_ffff)).map(([z, mark]) => `ct(commit,force,zone=${z},exec(set_field:${mark}->ct_mark))`),
  register.map((r) => `ct(commit,exec(move:NXM_NX_REG${r}[]->NXM_NX_CT_LABEL[32..63]))`),
  fc.constant("ct_clear"),
);

const nested = fc.array(simple, { minLength: 1, maxLength: 3 }).map((list) => `clone(${list.join(",")})`);

/** Random actions, without fields that need a prerequisite. */
export const plainActionsArbitrary: fc.Arbitrary<Action[]> = fc
  .array(
    fc.oneof(
      { weight: 8, arbitrary: simple },
      { weight: 1, arbitrary: nested },
      { weight: 2, arbitrary: connection },
      { weight: 2, arbitrary: extension },
    ),
    {
      maxLength: 6,
    },
  )
  .map((list) => parseActions(list.join(",")));

/** Random instructions around random actions. */
export const instructionsArbitrary: fc.Arbitrary<Action[]> = fc
  .tuple(
    plainActionsArbitrary,
    fc.subarray(["clear_actions", "write_actions(output:3,group:4)", "write_metadata:0x5/0xff", "goto_table:9"]),
  )
  .map(([actions, more]) => [...actions, ...parseActions(more.join(","))]);

/** A random flow. */
export const flowArbitrary: fc.Arbitrary<FlowSpec> = fc.record({
  table: fc.nat(254),
  priority: fc.nat(0xffff),
  cookie: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  match: matchArbitrary,
  actions: instructionsArbitrary,
  idleTimeout: fc.nat(0xffff),
  hardTimeout: fc.nat(0xffff),
  flags: fc.nat(31),
  importance: fc.nat(0xffff),
});

/** What a version can say of a match: OpenFlow 1.1 has a few fields alone, and tells of flows without the others. */
export function sayable(match: Match, version: number): Match {
  if (version !== VERSION.OF11) return match;
  const counters = { durationSec: 0, nPackets: 0n, nBytes: 0n };
  const flow = { ...parseFlow("actions=drop"), match };
  const { message } = decodeMessage(encodeMessage({ type: "flowRemoved", flow, reason: "idle", ...counters }, version, 1));
  if (message.type !== "flowRemoved") throw new Error("no flow-removed");
  return message.flow.match;
}
