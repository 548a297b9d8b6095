export { AddressError } from "./address-error.ts";
export { buildIp4, buildIp6, type Ip4Fields, type Ip6Fields } from "./build-ip.ts";
export { type ArpFields, buildArp, buildEthernet, buildVlan, type EthernetFields, type VlanTag } from "./build-link.ts";
export {
  buildIcmp4,
  buildIcmp6,
  buildNeighbor,
  buildTcp,
  buildUdp,
  type IcmpFields,
  type NeighborFields,
  type TcpFields,
  type UdpFields,
} from "./build-transport.ts";
export { getMac, getU8, getU16, getU32, putMac, putU16, putU32 } from "./bytes.ts";
export {
  addToSum,
  foldSum,
  internetChecksum,
  pseudoSum4,
  pseudoSum6,
  updateChecksum,
  updateChecksum32,
  updateChecksumAt,
} from "./checksum.ts";
export { composePacket } from "./compose-packet.ts";
export { type Dissection, dissect } from "./dissect.ts";
export { finishTransportChecksum, transportChecksumAt } from "./finish-checksum.ts";
export {
  FIELDS,
  type FieldName,
  type FieldSpec,
  FLOW_WORDS,
  fieldOnes,
  getField,
  getFieldBig,
  makeFlowKey,
  STAGE_ENDS,
  setField,
  setFieldBig,
} from "./flow-key.ts";
export { finishHash, hashBytes, hashTwo, hashWord, jenkinsHash, networkWord } from "./hash-functions.ts";
export { formatIp4, ip4LengthOfMask, ip4MaskOfLength, ip4ToBytes, parseIp4, tryParseIp4 } from "./ip4.ts";
export { formatIp6, linkLocalOfMac, parseIp6, solicitedNodeOf, tryParseIp6 } from "./ip6.ts";
export { formatMac, isMulticastMac, MAC_BROADCAST, multicastMacOfIp6, parseMac } from "./mac.ts";
export { ETH_TYPE, ICMP_TYPE, ICMP6_TYPE, IP_PROTO, NW_FRAG, TCP_FLAG, VLAN_PRESENT } from "./numbers.ts";
export { DEFAULT_VLAN_LIMIT, MAX_VLAN_LIMIT, parseFlowKey } from "./parse-flow-key.ts";
export {
  formatIp,
  formatPrefix,
  networkOf,
  type Prefix,
  parseIp,
  parsePrefix,
  prefixContains,
  prefixMask,
} from "./prefix.ts";
export { readGeneve, writeGeneve } from "./tunnel/geneve.ts";
export { finishGre, GRE_ETHERNET, readGre, writeGre } from "./tunnel/gre.ts";
export {
  clearTunnel,
  copyTunnel,
  isSameTunnel,
  MAX_OPTIONS_BYTES,
  optionsSizeOf,
  TUNNEL_END,
  TUNNEL_FLAG,
  TUNNEL_START,
  tunnelFamily,
} from "./tunnel/tunnel-fields.ts";
export { readVxlan, writeVxlan } from "./tunnel/vxlan.ts";
