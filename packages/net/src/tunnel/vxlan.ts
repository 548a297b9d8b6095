/**
 * VXLAN headers (RFC 7348, section 5), with the group policy extension (draft-smith-vxlan-group-policy).
 *
 *  | G . . . I . . . | . D . . A . . . | group policy 16 | network identifier 24 | 0 |
 *
 * Without the extension everything but I and the identifier is zero.
 */
import { getU16, getU32, getU8, putU16, putU32 } from "../bytes.ts";
import { FIELDS, getField, setField } from "../flow-key.ts";
import { TUNNEL_FLAG } from "./tunnel-fields.ts";

/** Bytes of a header. */
const VXLAN_BYTES = 8;

const HAS_ID = 0x08;
const HAS_POLICY = 0x80;
/** D: do not learn; A: the policy has been applied. */
const POLICY_FLAGS = 0x48;
const ID = FIELDS.tun_id.word + 1;
const FLAGS = FIELDS.tun_flags;

/**
 * Reads a header into the tunnel block of `out`, which is clear there.
 *
 * @param hasPolicy - whether the port speaks the group policy extension
 * @returns its bytes; 0 when it is cut or has bits that the port does not speak
 */
export function readVxlan(bytes: Uint8Array, at: number, end: number, hasPolicy: boolean, out: Uint32Array): number {
  if (end - at < VXLAN_BYTES) return 0;
  const flags = getU8(bytes, at);
  const id = getU32(bytes, at + 4);
  if ((id & 0xff) !== 0) return 0;
  if (hasPolicy && flags === (HAS_ID | HAS_POLICY)) {
    setField(out, FIELDS.tun_gbp_id, getU16(bytes, at + 2));
    setField(out, FIELDS.tun_gbp_flags, getU8(bytes, at + 1) & POLICY_FLAGS);
  } else if (flags !== HAS_ID || (getU32(bytes, at) & 0xffffff) !== 0) return 0;
  out[FLAGS.word] = (out[FLAGS.word] ?? 0) | (TUNNEL_FLAG.key << FLAGS.shift);
  out[ID] = id >>> 8;
  return VXLAN_BYTES;
}

/** Writes the header of a tunnel block; one without a policy has a plain header on every port. @returns its bytes */
export function writeVxlan(bytes: Uint8Array, at: number, hasPolicy: boolean, key: Uint32Array): number {
  const policy = hasPolicy ? getField(key, FIELDS.tun_gbp_id) : 0;
  const flags = hasPolicy ? getField(key, FIELDS.tun_gbp_flags) & POLICY_FLAGS : 0;
  const isMarked = policy !== 0 || flags !== 0;
  bytes[at] = isMarked ? HAS_ID | HAS_POLICY : HAS_ID;
  bytes[at + 1] = flags;
  putU16(bytes, at + 2, policy);
  putU32(bytes, at + 4, (key[ID] ?? 0) << 8);
  return VXLAN_BYTES;
}
