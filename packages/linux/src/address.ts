/** IP addresses and routes by rtnetlink, in the calling thread's namespace. */
import { ipBytes, ipPrefix } from "./ip-text.ts";
import { linkIndex } from "./link.ts";
import { RouteMessage } from "./route-message.ts";
import { NLM_F, RTM, requestRoute } from "./route-socket.ts";

const IFA = { address: 1, local: 2 } as const;
const IFA_F_NODAD = 2;
const RTA = { dst: 1, oif: 4, gateway: 5 } as const;
const RT_TABLE_MAIN = 254;
const RTPROT_BOOT = 3;
const RT_SCOPE_LINK = 253;
const RTN_UNICAST = 1;

/** A route to a prefix, through a gateway or straight onto a device. */
export interface RouteSpec {
  /** `default`, `default6`, or a prefix. */
  readonly to: string;
  readonly via?: string;
  readonly device?: string;
}

/**
 * Adds an address such as `10.0.0.1/24` to a device; IPv6 addresses are usable at once (no duplicate detection).
 *
 * @throws SystemCallError `ENODEV` when there is no such device, `EEXIST` when it has the address
 */
export function addAddress(link: string, prefix: string): void {
  const { address, length } = ipPrefix(prefix);
  const body = new Uint8Array(8); // family u8, prefix length u8, flags u8, scope u8, index u32
  body.set([address.length === 4 ? 2 : 10, length, address.length === 4 ? 0 : IFA_F_NODAD]);
  new DataView(body.buffer).setUint32(4, linkIndex(link), true);
  const message = new RouteMessage(RTM.newAddr, NLM_F.request | NLM_F.ack | NLM_F.create | NLM_F.excl, body)
    .attribute(IFA.local, address)
    .attribute(IFA.address, address);
  requestRoute(message, `add address ${prefix} to device "${link}"`);
}

/** Adds a route. @throws SystemCallError `ENETUNREACH` when the gateway is not on a connected network */
export function addRoute(route: RouteSpec): void {
  const to = route.to === "default" ? "0.0.0.0/0" : route.to === "default6" ? "::/0" : route.to;
  const { address, length } = ipPrefix(to);
  const body = new Uint8Array(12); // family, dst length, src length, tos, table, protocol, scope, type, flags u32
  const scope = route.via === undefined ? RT_SCOPE_LINK : 0;
  body.set([address.length === 4 ? 2 : 10, length, 0, 0, RT_TABLE_MAIN, RTPROT_BOOT, scope, RTN_UNICAST]);
  const message = new RouteMessage(RTM.newRoute, NLM_F.request | NLM_F.ack | NLM_F.create | NLM_F.excl, body);
  if (length > 0) message.attribute(RTA.dst, address);
  if (route.via !== undefined) message.attribute(RTA.gateway, ipBytes(route.via));
  if (route.device !== undefined) message.u32(RTA.oif, linkIndex(route.device));
  requestRoute(message, `add a route to ${route.to}`);
}
