/** What asks for the Ethernet address of a neighbour: ARP, or neighbour solicitation. @see RFC 826, RFC 4861 section 4.3 */
import {
  buildArp,
  buildEthernet,
  buildIp6,
  buildNeighbor,
  ETH_TYPE,
  IP_PROTO,
  MAC_BROADCAST,
  multicastMacOfIp6,
  solicitedNodeOf,
} from "@tenet/net";
import { bytesOfAddress, isMapped, type TunnelAddress } from "./tunnel-config.ts";

/** A frame that asks who has `target`. */
export function neighborRequest(mac: number, source: TunnelAddress, target: TunnelAddress): Uint8Array {
  if (isMapped(target)) {
    const arp = buildArp({ operation: 1, senderMac: mac, senderIp: source[3], targetMac: 0, targetIp: target[3] });
    return buildEthernet({ dst: MAC_BROADCAST, src: mac, type: ETH_TYPE.arp }, arp);
  }
  const address = bytesOfAddress(target);
  const group = solicitedNodeOf(address);
  const solicitation = buildNeighbor({ kind: "solicitation", target: address, sourceMac: mac });
  const packet = buildIp6({ src: bytesOfAddress(source), dst: group, proto: IP_PROTO.icmp6, hopLimit: 255 }, solicitation);
  return buildEthernet({ dst: multicastMacOfIp6(group), src: mac, type: ETH_TYPE.ip6 }, packet);
}
