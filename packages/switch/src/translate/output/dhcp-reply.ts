/** What a DHCP server answers reaches the bridge's own port, whatever the flows say: without an address it has no controller. */
import { ETH_TYPE, FIELDS, getField, setField } from "@tenet/net";
import { PORT } from "@tenet/openflow";
import type { Walk } from "../walk.ts";
import { outputTo } from "./output-port.ts";

const UDP = 17;
const [SERVER, CLIENT] = [67, 68];

/** Sends a DHCP reply to the local port of a bridge with in-band control, unless it went there already. */
export function deliverDhcpReply(walk: Walk): void {
  const { key, packet, bridge, out } = walk;
  if (getField(key, FIELDS.eth_type) !== ETH_TYPE.ip4) return; // every megaflow matches on it
  setField(packet.wildcards, FIELDS.nw_proto, 0xff);
  if (getField(key, FIELDS.nw_proto) !== UDP) return;
  setField(packet.wildcards, FIELDS.tp_src, 0xffff);
  setField(packet.wildcards, FIELDS.tp_dst, 0xffff);
  if (getField(key, FIELDS.tp_src) !== SERVER || getField(key, FIELDS.tp_dst) !== CLIENT) return;
  const local = bridge.port(PORT.LOCAL);
  const portNo = local?.link.kind === "datapath" ? local.link.portNo : 0;
  if (!out.some((action) => action.type === "output" && action.port === portNo)) outputTo(walk, local);
}
