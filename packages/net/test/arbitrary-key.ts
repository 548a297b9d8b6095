/** Generates FlowKeys that a frame can produce: every field consistent with the layers below it. */
import fc from "fast-check";
import { FIELDS, type FieldName, makeFlowKey, setFieldBig } from "@tenet/net";

type Values = Partial<Record<FieldName, bigint>>;

const bits = (n: number): fc.Arbitrary<bigint> => fc.bigInt({ min: 0n, max: (1n << BigInt(n)) - 1n });
const nonZero = (n: number): fc.Arbitrary<bigint> => fc.bigInt({ min: 1n, max: (1n << BigInt(n)) - 1n });

const ports = fc.record<Values>({ tp_src: bits(16), tp_dst: bits(16) });
const tcp = fc.record<Values>({ nw_proto: fc.constant(6n), tp_src: bits(16), tp_dst: bits(16), tcp_flags: bits(12) });
const udp = ports.map<Values>((p) => ({ ...p, nw_proto: 17n }));
const sctp = ports.map<Values>((p) => ({ ...p, nw_proto: 132n }));
const icmp4 = fc.record<Values>({ nw_proto: fc.constantFrom(1n, 2n), tp_src: bits(8), tp_dst: bits(8) });
const icmp6 = fc.record<Values>({
  nw_proto: fc.constant(58n),
  tp_src: bits(8).filter((type) => type !== 135n && type !== 136n),
  tp_dst: bits(8),
});
const neighbor = fc
  .tuple(
    fc.record<Values>({
      nw_proto: fc.constant(58n),
      tp_src: fc.constantFrom(135n, 136n),
      nd_reserved: bits(32),
      nd_target: bits(128),
      arp_sha: fc.oneof(fc.constant(0n), nonZero(48)),
      arp_tha: fc.oneof(fc.constant(0n), nonZero(48)),
    }),
    fc.boolean(),
  )
  .map<Values>(([fields, isTargetFirst]) => {
    const present = [fields.arp_sha === 0n ? [] : [1n], fields.arp_tha === 0n ? [] : [2n]].flat();
    return { ...fields, nd_options_type: (isTargetFirst ? present.at(-1) : present[0]) ?? 0n };
  });
const bare = fc.record<Values>({ nw_proto: fc.constantFrom(4n, 47n, 50n, 89n, 255n) });
const firstOrWhole = fc.constantFrom(0n, 1n);

const network = fc.record<Values>({ nw_tos: bits(8), nw_ttl: bits(8) });
const ip4 = fc
  .tuple(
    network,
    fc.record<Values>({ nw_src: bits(32), nw_dst: bits(32) }),
    fc.oneof(
      fc.tuple(fc.oneof(tcp, udp, sctp, icmp4, bare), firstOrWhole).map<Values>(([l4, nw_frag]) => ({ ...l4, nw_frag })),
      bits(8).map<Values>((nw_proto) => ({ nw_proto, nw_frag: 3n })),
    ),
  )
  .map<Values>(([a, b, c]) => ({ ...a, ...b, ...c, eth_type: 0x0800n }));
const ip6 = fc
  .tuple(
    network,
    fc.record<Values>({ ipv6_src: bits(128), ipv6_dst: bits(128), ipv6_label: bits(20) }),
    fc.oneof(
      fc
        .tuple(fc.oneof(tcp, udp, sctp, icmp6, neighbor, bare), firstOrWhole)
        .map<Values>(([l4, nw_frag]) => ({ ...l4, nw_frag })),
      fc.constant<Values>({ nw_proto: 44n, nw_frag: 3n }),
    ),
  )
  .map<Values>(([a, b, c]) => ({ ...a, ...b, ...c, eth_type: 0x86ddn }));
const arp = fc.record<Values>({
  eth_type: fc.constantFrom(0x0806n, 0x8035n),
  nw_proto: bits(8),
  nw_src: bits(32),
  nw_dst: bits(32),
  arp_sha: bits(48),
  arp_tha: bits(48),
});
const other = fc.record<Values>({ eth_type: fc.constantFrom(0x05ffn, 0x0600n, 0x88ccn, 0x8847n, 0xffffn) });

/** FlowKeys that `parseFlowKey` can give. */
export const packetKey: fc.Arbitrary<Uint32Array> = fc
  .tuple(
    fc.record<Values>({ in_port: bits(32), eth_dst: bits(48), eth_src: bits(48) }),
    fc.oneof(
      fc.constant<Values>({}),
      fc.record<Values>({ vlan_tci: bits(16).map((tci) => tci | 0x1000n), vlan_tpid: fc.constantFrom(0x8100n, 0x88a8n) }),
    ),
    fc.oneof(ip4, ip6, arp, other),
  )
  .map(([ethernet, tag, rest]) => {
    const key = makeFlowKey();
    for (const [name, value] of Object.entries({ ...ethernet, ...tag, ...rest }))
      setFieldBig(key, FIELDS[name as FieldName], value);
    return key;
  });
