/** Routes and addresses of this host by rtnetlink, in the calling thread's namespace. */
import { AF } from "./constants.ts";
import { listLinks } from "./link.ts";
import { type ReceivedMessage, readAttributes, RouteMessage } from "./route-message.ts";
import { NLM_F, requestRoute, RTM } from "./route-socket.ts";
import { SystemCallError } from "./system-call-error.ts";

const RTA = { dst: 1, oif: 4, gateway: 5, prefSource: 7, multipath: 9, table: 15 } as const;
const IFA = { address: 1, local: 2 } as const;
/** Answers with the entry that a lookup found, not with its result. */
const RTM_F_FIB_MATCH = 0x2000;
const RTN = { unicast: 1, local: 2 } as const;
/** The tables that are looked at without rules: default, main, local. */
const TABLES: ReadonlySet<number> = new Set([253, 254, 255]);
/** A message about a destination to which there is no way is an answer. */
const NO_ROUTE: ReadonlySet<string> = new Set(["ENETUNREACH", "EHOSTUNREACH", "EACCES", "EINVAL", "ESRCH"]);

/** A route, or what a lookup found. Addresses are 4 or 16 bytes. */
export interface RouteInfo {
  readonly destination: Uint8Array;
  /** Leading bits of `destination` that count. */
  readonly length: number;
  /** Whether the destination is this host. */
  readonly isLocal: boolean;
  /** Name of the device; empty when it went meanwhile. */
  readonly device: string;
  /** Absent: the destination is on the device's own network. */
  readonly gateway: Uint8Array | undefined;
  /** The address that packets start from, where the route says so. */
  readonly source: Uint8Array | undefined;
}

/** An address of a device. */
export interface AddressInfo {
  readonly device: string;
  /** 4 or 16 bytes. */
  readonly address: Uint8Array;
  /** Bits of it that are the network's. */
  readonly length: number;
}

/** Routes to hosts and networks in the tables default, main and local. */
export function listRoutes(): RouteInfo[] {
  const names = deviceNames();
  return [AF.inet, AF.inet6].flatMap((family) => {
    const message = new RouteMessage(RTM.getRoute, NLM_F.request | NLM_F.dump, routeBody(family));
    return requestRoute(message, "list routes").flatMap((answer) => readRoute(answer, names) ?? []);
  });
}

/** How the kernel would send to an address: device, gateway and source; `undefined` when there is no way. */
export function findRoute(destination: Uint8Array): RouteInfo | undefined {
  return askRoute(destination, 0);
}

/** The entry of the routing table that decides how to send to an address. */
export function findRouteEntry(destination: Uint8Array): RouteInfo | undefined {
  return askRoute(destination, RTM_F_FIB_MATCH);
}

/** All addresses of this host. */
export function listAddresses(): AddressInfo[] {
  const names = deviceNames();
  const message = new RouteMessage(RTM.getAddr, NLM_F.request | NLM_F.dump, new Uint8Array(8));
  return requestRoute(message, "list addresses").flatMap(({ body }) => {
    const attributes = readAttributes(body.subarray(8));
    const address = attributes.get(IFA.local) ?? attributes.get(IFA.address);
    const device = names.get(new DataView(body.buffer, body.byteOffset).getUint32(4, true));
    return address === undefined || device === undefined ? [] : [{ device, address: address.slice(), length: body[1] ?? 0 }];
  });
}

function askRoute(destination: Uint8Array, flags: number): RouteInfo | undefined {
  const family = destination.length === 4 ? AF.inet : AF.inet6;
  const body = routeBody(family, destination.length * 8, flags);
  const message = new RouteMessage(RTM.getRoute, NLM_F.request | NLM_F.ack, body).attribute(RTA.dst, destination);
  try {
    const [answer] = requestRoute(message, "look up a route");
    return answer === undefined ? undefined : readRoute(answer, deviceNames());
  } catch (error) {
    if (error instanceof SystemCallError && NO_ROUTE.has(error.errno)) return undefined;
    throw error;
  }
}

/** rtmsg: family, destination and source length, tos, table, protocol, scope, type: u8 each; flags u32. */
function routeBody(family: number, length = 0, flags = 0): Uint8Array {
  const body = new Uint8Array(12);
  body.set([family, length]);
  new DataView(body.buffer).setUint32(8, flags, true);
  return body;
}

function readRoute({ body }: ReceivedMessage, names: ReadonlyMap<number, string>): RouteInfo | undefined {
  const [family, length = 0, , , table = 0, , , type] = body;
  const attributes = readAttributes(body.subarray(12));
  const fullTable = attributes.get(RTA.table);
  if (!TABLES.has(fullTable === undefined ? table : readU32(fullTable)) || (type !== RTN.unicast && type !== RTN.local)) {
    return undefined;
  }
  // A route over several gateways is shown by the first: rtnexthop is length u16, flags, hops, device u32, attributes.
  const hop = attributes.get(RTA.multipath);
  const first =
    hop === undefined ? undefined : readAttributes(hop.subarray(8, new DataView(hop.buffer, hop.byteOffset).getUint16(0, true)));
  const oif = attributes.get(RTA.oif) ?? hop?.subarray(4, 8);
  const gateway = attributes.get(RTA.gateway) ?? first?.get(RTA.gateway);
  return {
    destination: attributes.get(RTA.dst)?.slice() ?? new Uint8Array(family === AF.inet ? 4 : 16),
    length,
    isLocal: type === RTN.local,
    device: (oif === undefined ? undefined : names.get(readU32(oif))) ?? "",
    gateway: gateway?.slice(),
    source: attributes.get(RTA.prefSource)?.slice(),
  };
}

function deviceNames(): ReadonlyMap<number, string> {
  return new Map(listLinks().map(({ index, name }) => [index, name]));
}

function readU32(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
}
