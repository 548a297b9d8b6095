/** The actions that change the packet in hand: fields, tags, labels, TTLs. */
import { FIELDS, getField, VLAN_PRESENT } from "@tenet/net";
import { type Action, formatPartValue, formatSubField, PACKET_IN_REASON, type SubField } from "@tenet/openflow";
import { isIp, isMpls } from "../megaflow-mask.ts";
import { punt, WHOLE_PACKET } from "../output/punt.ts";
import type { PacketState } from "../packet/packet-state.ts";
import { hasField } from "../packet/prerequisites.ts";
import type { Walk } from "../walk.ts";

/** Whether there is a tag, of the words of `vlan_tci`. */
const TAGGED = Uint32Array.of(VLAN_PRESENT << FIELDS.vlan_tci.shift);

/** Executes an action on the packet; `note`, `conjunction` and the like have no effect on it. */
export function changePacket(walk: Walk, action: Action): void {
  const { packet, out } = walk;
  switch (action.type) {
    case "setField":
      return setField(packet, action);
    case "setVlanVid":
      return setTag(packet, action.vid, 0xfff, action.pushes);
    case "setVlanPcp":
      return setTag(packet, action.pcp << 13, 0xe000, action.pushes);
    case "writeMetadata":
      return packet.write(FIELDS.metadata, action.value, action.mask);
    case "move":
      if (!hasField(packet, action.source.field) || !hasField(packet, action.target.field)) return;
      packet.move(action.source, action.target);
      return noteValue(walk, action.target);
    case "push":
      walk.stack.push(packet.load(action.source));
      return;
    case "pop": {
      const top = walk.stack.pop();
      if (top === undefined) return walk.observer?.failure("stack underflow");
      return hasField(packet, action.target.field) ? storeAndNote(walk, action.target, top) : undefined;
    }
    case "setMplsLabel":
      return setMpls(packet, action.label << 12, 0xfffff000);
    case "setMplsTc":
      return setMpls(packet, action.tc << 9, 0xe00);
    case "setMplsTtl":
      return setMpls(packet, action.ttl, 0xff);
    case "pushMpls":
      return packet.pushMpls(out, action.ethType);
    case "popMpls":
      return packet.popMpls(out, action.ethType);
    case "deleteField":
      return packet.deleteOption(action.field);
    case "pushVlan":
      return packet.pushVlan(action.ethType);
    case "popVlan":
      return packet.popVlan();
  }
}

/** Sets bits of a field and says so. */
export function storeAndNote(walk: Walk, target: SubField, value: bigint): void {
  walk.packet.store(target, value);
  noteValue(walk, target);
}

/** Says what a part of a field that was set holds. */
function noteValue({ observer, packet }: Walk, part: SubField): void {
  observer?.note(`${formatSubField(part)} is now ${formatPartValue(part, packet.load(part))}`);
}

function setField(packet: PacketState, { field, value, mask }: Extract<Action, { type: "setField" }>): void {
  if (!hasField(packet, field)) return;
  const setsPartOfTag = field.name === "vlan_tci" && (mask[0] ?? 0) >>> field.shift !== 0xffff;
  if (setsPartOfTag && getField(packet.flow, FIELDS.vlan_tci) === 0) return;
  packet.write(field, value, mask);
}

/** Sets bits of the tag, which is made when there is none, or left at that. */
function setTag(packet: PacketState, bits: number, mask: number, pushes: false | undefined): void {
  if (pushes === false && packet.readWords(FIELDS.vlan_tci, TAGGED)[0] === 0) return;
  const { shift } = FIELDS.vlan_tci;
  const value = Uint32Array.of((bits | VLAN_PRESENT) << shift);
  packet.write(FIELDS.vlan_tci, value, Uint32Array.of((mask | VLAN_PRESENT) << shift));
}

/** Sets bits of the outermost label, if there is one. */
function setMpls(packet: PacketState, value: number, mask: number): void {
  if (!isMpls(packet.read(FIELDS.eth_type))) return;
  packet.write(FIELDS.mpls_lse, Uint32Array.of(value), Uint32Array.of(mask));
}

/** @returns false where the TTL ran out, which ends the list of actions, not what comes after the list */
export function decTtl(walk: Walk, controllerIds: readonly number[] = [0]): boolean {
  const { packet } = walk;
  if (!isIp(packet.read(FIELDS.eth_type))) return true;
  const ttl = packet.read(FIELDS.nw_ttl);
  if (ttl > 1) packet.writeNumber(FIELDS.nw_ttl, ttl - 1);
  else tellExpiry(walk, "IPv4 decrement TTL exception", controllerIds);
  return ttl > 1;
}

/** @returns false where the TTL ran out, as {@link decTtl} */
export function decMplsTtl(walk: Walk): boolean {
  const { packet } = walk;
  if (!isMpls(packet.read(FIELDS.eth_type))) return true;
  const ttl = Number(packet.load({ field: FIELDS.mpls_lse, start: 0, nBits: 8 }));
  if (ttl > 1) setMpls(packet, ttl - 1, 0xff);
  else tellExpiry(walk, "MPLS decrement TTL exception", [0]);
  return ttl > 1;
}

function tellExpiry(walk: Walk, warning: string, controllerIds: readonly number[]): void {
  walk.observer?.warning(warning);
  for (const controllerId of controllerIds) {
    punt(walk, { maxLength: WHOLE_PACKET, reason: PACKET_IN_REASON.INVALID_TTL, controllerId });
  }
}
