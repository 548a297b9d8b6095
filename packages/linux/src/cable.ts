/** What is between a veth device and its other end in another namespace. */
import { offloads } from "./ethtool.ts";
import { type LinkInfo, readLink } from "./link.ts";
import { type ReceivedMessage, RouteMessage, readAttributes } from "./route-message.ts";
import { NLM_F, RTM, requestRoute } from "./route-socket.ts";
import { SystemCallError } from "./system-call-error.ts";
import { hasFilters } from "./traffic-control.ts";

const IFLA = { link: 5, qdisc: 6, linkNetNsId: 37, xdp: 43, targetNetNsId: 46, xdpAttached: 2 } as const;
const NO_QUEUE = "noqueue";

/** A cable between two veth devices. */
export interface Cable {
  /** The device in this namespace. */
  readonly near: LinkInfo;
  /** The one in the other namespace, with its number there. */
  readonly far: LinkInfo;
  /** Whether all that `near` is to send comes to `far` at once and as it is: nothing delays, filters, cuts or completes it. */
  readonly isPlain: boolean;
}

/** The cable of a veth device; `undefined` when the device is none, or its other end is in this namespace or out of sight. */
export function findCable(index: number): Cable | undefined {
  try {
    const own = findDevice(index);
    const near = own && readLink(own);
    if (own === undefined || near?.kind !== "veth") return undefined;
    const attributes = readAttributes(own.body.subarray(16));
    const [peer, namespace] = [numberOf(attributes.get(IFLA.link)), numberOf(attributes.get(IFLA.linkNetNsId))];
    if (peer === undefined || namespace === undefined || namespace < 0) return undefined;
    const other = findDevice(peer, namespace);
    if (other === undefined) return undefined;
    return { near, far: readLink(other), isPlain: isUnqueued(attributes) && !hasXdp(other) && isUntouched(near) };
  } catch (error) {
    if (error instanceof SystemCallError) return undefined; // gone meanwhile, or a namespace that is not to be looked into
    throw error;
  }
}

function findDevice(index: number, namespace?: number): ReceivedMessage | undefined {
  const body = new Uint8Array(16); // ifinfomsg: family u8, pad, type u16, index i32, …
  new DataView(body.buffer).setInt32(4, index, true);
  const message = new RouteMessage(RTM.getLink, NLM_F.request | NLM_F.ack, body);
  if (namespace !== undefined) message.u32(IFLA.targetNetNsId, namespace);
  return requestRoute(message, `find device ${index}`)[0];
}

function isUnqueued(attributes: ReadonlyMap<number, Uint8Array>): boolean {
  return new TextDecoder().decode(attributes.get(IFLA.qdisc)) === `${NO_QUEUE}\0`;
}

function hasXdp({ body }: ReceivedMessage): boolean {
  const xdp = readAttributes(readAttributes(body.subarray(16)).get(IFLA.xdp) ?? new Uint8Array());
  return (xdp.get(IFLA.xdpAttached)?.[0] ?? 0) !== 0;
}

/** Whether the device leaves bundles and sums to who receives them, and has no filters. */
function isUntouched({ name, index }: LinkInfo): boolean {
  const { sums, segments } = offloads(name);
  return sums && segments && !hasFilters(index, "egress");
}

function numberOf(bytes: Uint8Array | undefined): number | undefined {
  return bytes === undefined ? undefined : new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true);
}
