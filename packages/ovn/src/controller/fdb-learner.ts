/**
 * Learns where addresses are: packets that `put_fdb` sends up become rows of the southbound table FDB.
 *
 * @see ovn-sb(5), table FDB
 */
import { FIELDS, formatMac, getField, getFieldBig, getMac } from "@tenet/net";
import type { PacketIn } from "@tenet/openflow";
import { PUT_FDB_OPCODE } from "../actions/encode.ts";

/** "This address was seen behind this port." */
export interface Sighting {
  readonly mac: string;
  readonly datapathKey: number;
  readonly portKey: number;
}

/** Reads a packet-in made by `put_fdb(inport, eth.src)`; `undefined` for any other packet, and for group addresses. */
export function sightingOf(packet: PacketIn): Sighting | undefined {
  const { userdata, data, match } = packet;
  if (userdata === undefined || userdata.length < 4 || data.length < 12) return undefined;
  if (new DataView(userdata.buffer, userdata.byteOffset).getUint32(0) !== PUT_FDB_OPCODE) return undefined;
  const mac = getMac(data, 6);
  const isGroup = ((data[6] ?? 0) & 1) !== 0;
  const datapathKey = Number(getFieldBig(match.key, FIELDS.metadata));
  const portKey = getField(match.key, FIELDS.reg14);
  if (isGroup || datapathKey === 0 || portKey === 0) return undefined;
  return { mac: formatMac(mac), datapathKey, portKey };
}
