/** A frame on its way through the datapath: where it is, who else looks at it, what was found out. */
import { type FrameArena, VNET_HEADER_BYTES } from "@tenet/linux";
import { copyTunnel, FIELDS, getField, makeFlowKey, tunnelFamily } from "@tenet/net";
import type { Connection } from "../conntrack/connection.ts";
import { CT_STATE } from "../conntrack/ct-state.ts";
import type { SetTunnelAction } from "../datapath.ts";
import { familyOf, headOf, isIcmp, protoOf, TUPLE, TUPLE_WORDS } from "../conntrack/tuple.ts";

const RECIRC_ID = FIELDS.recirc_id.word;
const DP_HASH = FIELDS.dp_hash.word;
const CT_STATE_WORD = FIELDS.ct_state.word;
const CT_ZONE = FIELDS.ct_zone.word;
const CT_MARK = FIELDS.ct_mark.word;
const CT_LABEL = FIELDS.ct_label.word;
const CT_PROTO = FIELDS.ct_nw_proto;
const CT_SRC = FIELDS.ct_nw_src.word;
const CT_DST = FIELDS.ct_nw_dst.word;
const CT_SRC6 = FIELDS.ct_ipv6_src.word;
const CT_DST6 = FIELDS.ct_ipv6_dst.word;
const CT_PORTS = FIELDS.ct_tp_src.word; //  | ct_tp_src | ct_tp_dst |

/** Reused for many frames; the fields say which one it is now. */
export class Packet {
  /** The memory that it is in. */
  arena: FrameArena;
  /** Start of the Ethernet header in there. */
  at = 0;
  length = 0;
  /** Lowest position that `at` may move down to when a tag is pushed. */
  floor = 0;
  /** The scratch slot it is in, or -1 in a receive slot. */
  slot = -1;
  /** Whether the slot is free again when this packet is done with. */
  ownsSlot = false;
  inPort = 0;
  /** Others refer to these bytes (a send queue, an upcall): copy before changing them. */
  isShared = false;
  /** The packet's fields as of its last look-up. */
  readonly key: Uint32Array = makeFlowKey();
  /** What the packet goes on with; 0 = it has just come in. */
  recircId = 0;
  /** Of the `hash` action; 0 = there was none. */
  dpHash = 0;
  /** Bits of `CT_STATE`; 0 = not tracked, and the fields below mean nothing. */
  ctState = 0;
  ctZone = 0;
  ctMark = 0;
  readonly ctLabel: Uint32Array = new Uint32Array(4);
  /** The connection's original tuple; all zero for a packet of none. */
  readonly ctTuple: Uint32Array = new Uint32Array(TUPLE_WORDS);
  /** Whether the packet came out of a tunnel; `tunnel` holds its outer headers then. */
  hasTunnel = false;
  /** A FlowKey whose tunnel fields alone count. */
  readonly tunnel: Uint32Array = makeFlowKey();
  /** What it goes into a tunnel with. */
  egress: SetTunnelAction | undefined = undefined;

  /** @param arena - any memory, until the packet is pointed at a frame */
  constructor(arena: FrameArena) {
    this.arena = arena;
  }

  /** Start of the virtio-net header, which is right in front of the frame. */
  get headerAt(): number {
    return this.at - VNET_HEADER_BYTES;
  }

  /** Forgets what was found out, as for a packet that has just come in. */
  clearMetadata(): void {
    this.recircId = 0;
    this.dpHash = 0;
    this.ctState = 0;
    this.ctZone = 0;
    this.ctMark = 0;
    this.hasTunnel = false;
    this.egress = undefined;
  }

  /** Takes over what was found out about another packet. */
  copyMetadata(other: Packet): void {
    this.recircId = other.recircId;
    this.dpHash = other.dpHash;
    this.ctState = other.ctState;
    this.ctZone = other.ctZone;
    this.ctMark = other.ctMark;
    this.hasTunnel = other.hasTunnel;
    this.egress = other.egress;
    if (other.hasTunnel) copyTunnel(this.tunnel, other.tunnel);
    if (other.ctState === 0) return;
    for (let i = 0; i < 4; i++) this.ctLabel[i] = other.ctLabel[i] ?? 0;
    for (let i = 0; i < TUPLE_WORDS; i++) this.ctTuple[i] = other.ctTuple[i] ?? 0;
  }

  /** Notes that the packet fits no connection. */
  setInvalid(zone: number): void {
    this.ctState = CT_STATE.trk | CT_STATE.inv;
    this.ctZone = zone;
    this.ctMark = 0;
    this.ctLabel.fill(0);
    this.ctTuple.fill(0);
  }

  /** Notes the connection of the packet; without one the tuple is the packet's own, of a related one that of its parent. */
  noteConnection(zone: number, state: number, connection: Connection | undefined, own: Uint32Array): void {
    this.ctState = state;
    this.ctZone = zone;
    this.ctMark = connection === undefined ? 0 : connection.mark;
    const tuple = connection === undefined ? own : (connection.parent ?? connection).original;
    for (let i = 0; i < 4; i++) this.ctLabel[i] = connection === undefined ? 0 : (connection.label[i] ?? 0);
    for (let i = 0; i < TUPLE_WORDS; i++) this.ctTuple[i] = tuple[i] ?? 0;
  }

  /** Writes what was found out into a FlowKey that is zero there. */
  writeMetadata(key: Uint32Array): void {
    key[RECIRC_ID] = this.recircId;
    if (this.hasTunnel) copyTunnel(key, this.tunnel);
    key[DP_HASH] = this.dpHash;
    if (this.ctState === 0) return;
    key[CT_STATE_WORD] = this.ctState;
    key[CT_ZONE] = this.ctZone;
    key[CT_MARK] = this.ctMark;
    for (let i = 0; i < 4; i++) key[CT_LABEL + i] = this.ctLabel[i] ?? 0;
    const tuple = this.ctTuple;
    const proto = protoOf(tuple);
    key[CT_PROTO.word] = (key[CT_PROTO.word] ?? 0) | (proto << CT_PROTO.shift);
    const ports = tuple[TUPLE.ports] ?? 0;
    key[CT_PORTS] = isIcmp(proto) ? ((ports & 0xff00) << 8) | (ports & 0xff) : ports;
    if (familyOf(tuple) === 6) {
      for (let i = 0; i < 4; i++) {
        key[CT_SRC6 + i] = tuple[TUPLE.src + i] ?? 0;
        key[CT_DST6 + i] = tuple[TUPLE.dst + i] ?? 0;
      }
    } else {
      key[CT_SRC] = tuple[TUPLE.src] ?? 0;
      key[CT_DST] = tuple[TUPLE.dst] ?? 0;
    }
  }
  /** Takes over the port and what {@link Packet.writeMetadata} wrote. */
  readMetadata(key: Uint32Array): void {
    this.inPort = key[FIELDS.in_port.word] ?? 0;
    this.recircId = key[RECIRC_ID] ?? 0;
    this.hasTunnel = tunnelFamily(key) !== 0;
    if (this.hasTunnel) copyTunnel(this.tunnel, key);
    this.dpHash = key[DP_HASH] ?? 0;
    this.ctState = key[CT_STATE_WORD] ?? 0;
    this.ctZone = key[CT_ZONE] ?? 0;
    this.ctMark = key[CT_MARK] ?? 0;
    for (let i = 0; i < 4; i++) this.ctLabel[i] = key[CT_LABEL + i] ?? 0;
    const tuple = this.ctTuple;
    const proto = getField(key, CT_PROTO);
    let six = 0;
    for (let i = 0; i < 4; i++) {
      six |= tuple[TUPLE.src + i] = key[CT_SRC6 + i] ?? 0;
      six |= tuple[TUPLE.dst + i] = key[CT_DST6 + i] ?? 0;
    }
    tuple[TUPLE.head] = headOf(six === 0 ? 4 : 6, proto, this.ctZone);
    if (six === 0) {
      tuple[TUPLE.src] = key[CT_SRC] ?? 0;
      tuple[TUPLE.dst] = key[CT_DST] ?? 0;
    }
    const ports = key[CT_PORTS] ?? 0;
    tuple[TUPLE.ports] = isIcmp(proto) ? ((ports >>> 8) & 0xff00) | (ports & 0xff) : ports;
  }
}
