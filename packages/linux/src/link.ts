/** Network devices by rtnetlink, in the calling thread's namespace. */
import { libc } from "./libc.ts";
import { openNamespace } from "./namespace-path.ts";
import { type ReceivedMessage, RouteMessage, readAttributes } from "./route-message.ts";
import { NLM_F, RTM, requestRoute } from "./route-socket.ts";
import { SystemCallError } from "./system-call-error.ts";

const IFLA = { address: 1, ifname: 3, mtu: 4, link: 5, operstate: 16, linkinfo: 18, netNsFd: 28, kind: 1, infoData: 2 } as const;
const VETH_INFO_PEER = 1;
const IFF_UP = 1;
const IFF_RUNNING = 0x40;
const IFF_LOWER_UP = 0x1_0000;

/** A network device. */
export interface LinkInfo {
  readonly index: number;
  readonly name: string;
  /** 48-bit Ethernet address; 0 when the device has none. */
  readonly mac: number;
  readonly mtu: number;
  /** Set up by its administrator. */
  readonly isUp: boolean;
  /** Has a carrier. */
  readonly isRunning: boolean;
  /** Up, and the kernel sends on it: a while after the carrier came, frames are still thrown away. */
  readonly isOperational: boolean;
  /** `veth`, `tun`, ...; empty for physical devices. */
  readonly kind: string;
}

/** What to make a veth pair of. */
export interface VethSpec {
  readonly name: string;
  readonly peer: string;
  /** Where the peer is made; here when absent. */
  readonly peerNamespace?: string;
  /** Ethernet address of `name`; random when absent. */
  readonly mac?: number;
  /** Ethernet address of `peer`; random when absent. */
  readonly peerMac?: number;
  readonly mtu?: number;
}

/**
 * Makes a pair of virtual Ethernet devices, both down.
 *
 * @throws SystemCallError `EEXIST` when a name is taken
 */
export function createVethPair(spec: VethSpec): void {
  const namespaceFd = spec.peerNamespace === undefined ? -1 : openNamespace(spec.peerNamespace);
  try {
    const message = new RouteMessage(RTM.newLink, NLM_F.request | NLM_F.ack | NLM_F.create | NLM_F.excl, linkBody(0));
    putLinkAttributes(message, spec.name, spec.mac, spec.mtu);
    message.nested(IFLA.linkinfo, () => {
      message.text(IFLA.kind, "veth");
      message.nested(IFLA.infoData, () => {
        message.nested(VETH_INFO_PEER, () => {
          message.raw(linkBody(0));
          putLinkAttributes(message, spec.peer, spec.peerMac, spec.mtu);
          if (namespaceFd >= 0) message.u32(IFLA.netNsFd, namespaceFd);
        });
      });
    });
    requestRoute(message, `create veth pair "${spec.name}" and "${spec.peer}"`);
  } finally {
    if (namespaceFd >= 0) libc().close(namespaceFd);
  }
}

/** Deletes a device (and a veth's peer). @throws SystemCallError `ENODEV` when there is none */
export function deleteLink(name: string): void {
  const message = new RouteMessage(RTM.delLink, NLM_F.request | NLM_F.ack, linkBody(0)).text(IFLA.ifname, name);
  requestRoute(message, `delete device "${name}"`);
}

/** Sets a device up. */
export function setLinkUp(name: string): void {
  changeLink(name, `set device "${name}" up`, linkBody(0, IFF_UP, IFF_UP));
}

/** Sets a device down. */
export function setLinkDown(name: string): void {
  changeLink(name, `set device "${name}" down`, linkBody(0, 0, IFF_UP));
}

/** Changes the Ethernet address of a device. */
export function setMac(name: string, mac: number): void {
  changeLink(name, `set the address of device "${name}"`, linkBody(0), { mac });
}

/** Changes the MTU of a device. */
export function setMtu(name: string, mtu: number): void {
  changeLink(name, `set the MTU of device "${name}"`, linkBody(0), { mtu });
}

/** All devices of this namespace. */
export function listLinks(): LinkInfo[] {
  const message = new RouteMessage(RTM.getLink, NLM_F.request | NLM_F.dump, linkBody(0));
  return requestRoute(message, "list devices").map(readLink);
}

/** One device; `undefined` when there is none of that name. */
export function findLink(name: string): LinkInfo | undefined {
  const message = new RouteMessage(RTM.getLink, NLM_F.request | NLM_F.ack, linkBody(0)).text(IFLA.ifname, name);
  try {
    const answer = requestRoute(message, `find device "${name}"`)[0];
    return answer === undefined ? undefined : readLink(answer);
  } catch (error) {
    // ERANGE: no device has such a long name.
    if (error instanceof SystemCallError && (error.errno === "ENODEV" || error.errno === "ERANGE")) return undefined;
    throw error;
  }
}

/** The number of a device. @throws SystemCallError `ENODEV` when there is none */
export function linkIndex(name: string): number {
  const link = findLink(name);
  if (link === undefined) throw new SystemCallError(`find device "${name}"`, "rtnetlink", "ENODEV");
  return link.index;
}

/** Reads a RTM_NEWLINK or RTM_DELLINK message. */
export function readLink(message: ReceivedMessage): LinkInfo {
  const { body } = message;
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const attributes = readAttributes(body.subarray(16));
  const flags = view.getUint32(8, true);
  const linkInfo = readAttributes(attributes.get(IFLA.linkinfo) ?? new Uint8Array(0));
  const address = attributes.get(IFLA.address);
  const mtu = attributes.get(IFLA.mtu);
  return {
    index: view.getInt32(4, true),
    name: textOf(attributes.get(IFLA.ifname)),
    mac: address?.length === 6 ? address.reduce((mac, byte) => mac * 256 + byte, 0) : 0,
    mtu: mtu === undefined ? 0 : new DataView(mtu.buffer, mtu.byteOffset).getUint32(0, true),
    isUp: (flags & IFF_UP) !== 0,
    isRunning: (flags & (IFF_RUNNING | IFF_LOWER_UP)) !== 0,
    isOperational: (flags & IFF_RUNNING) !== 0,
    kind: textOf(linkInfo.get(IFLA.kind)),
  };
}

function changeLink(name: string, action: string, body: Uint8Array, change: { mac?: number; mtu?: number } = {}): void {
  const message = new RouteMessage(RTM.newLink, NLM_F.request | NLM_F.ack, body);
  putLinkAttributes(message, name, change.mac, change.mtu);
  requestRoute(message, action);
}

function putLinkAttributes(message: RouteMessage, name: string, mac: number | undefined, mtu: number | undefined): void {
  message.text(IFLA.ifname, name);
  if (mac !== undefined) message.attribute(IFLA.address, macBytes(mac));
  if (mtu !== undefined) message.u32(IFLA.mtu, mtu);
}

/** ifinfomsg: family u8, pad, type u16, index i32, flags u32, change u32. */
function linkBody(index: number, flags = 0, change = 0): Uint8Array {
  const body = new Uint8Array(16);
  const view = new DataView(body.buffer);
  view.setInt32(4, index, true);
  view.setUint32(8, flags, true);
  view.setUint32(12, change, true);
  return body;
}

function macBytes(mac: number): Uint8Array {
  return Uint8Array.from({ length: 6 }, (_, i) => Math.floor(mac / 256 ** (5 - i)) & 255);
}

function textOf(bytes: Uint8Array | undefined): string {
  if (bytes === undefined) return "";
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}
