/** Pipeline fields as packet-ins tell them. */
import { FIELDS, type FieldName, type FieldSpec, getField, setField } from "@tenet/net";
import type { Match } from "@tenet/openflow";
import type { Punt } from "../translate/translation.ts";

/** What is told when it is not zero. */
const TOLD: readonly FieldSpec[] = (
  [
    "tun_id",
    "tun_src",
    "tun_dst",
    "tun_ipv6_src",
    "tun_ipv6_dst",
    "tun_gbp_id",
    "tun_gbp_flags",
    "tun_erspan_ver",
    "tun_erspan_idx",
    "tun_erspan_dir",
    "tun_erspan_hwid",
    "metadata",
    ...Array.from({ length: 16 }, (_, n): FieldName => `reg${n}` as "reg0"),
    "pkt_mark",
    "ct_state",
    "ct_zone",
    "ct_mark",
    "ct_label",
    "ct_nw_proto",
    "ct_nw_src",
    "ct_nw_dst",
    "ct_ipv6_src",
    "ct_ipv6_dst",
    "ct_tp_src",
    "ct_tp_dst",
  ] as const
).map((name) => FIELDS[name]);

/** Ports of a connection, which may be zero. */
const PORTS: readonly FieldSpec[] = [FIELDS.ct_tp_src, FIELDS.ct_tp_dst];

/**
 * The pipeline fields that are not zero, the ingress port and the options of the tunnel's header that tables see; with what
 * the connection tracker says the kind of packet.
 */
export function metadataMatch({ bridge, metadata }: Punt): Match {
  const mask = new Uint32Array(metadata.length);
  mask[FIELDS.in_port.word] = 0xffffffff;
  for (const { word, nWords, nBits, shift } of TOLD) {
    const ones = nBits % 32 === 0 ? 0xffffffff : ((1 << nBits) - 1) << shift;
    const isZero = metadata.subarray(word, word + nWords).every((value) => (value & ones) === 0);
    if (!isZero) for (let i = 0; i < nWords; i++) mask[word + i] = (mask[word + i] ?? 0) | ones;
  }
  const key = metadata.map((word, i) => word & (mask[i] ?? 0));
  if (getField(key, FIELDS.ct_state) !== 0) {
    setField(key, FIELDS.eth_type, getField(metadata, FIELDS.eth_type));
    setField(mask, FIELDS.eth_type, 0xffff);
    if (getField(key, FIELDS.ct_nw_proto) !== 0) for (const port of PORTS) setField(mask, port, 0xffff);
  }
  return { key, mask, options: bridge.pipeline.tlvTable.optionsOf(metadata) };
}
