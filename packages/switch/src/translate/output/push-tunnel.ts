/**
 * Into a tunnel whose outer packets leave by a bridge of ours: outer headers in front of a copy, which then goes through the
 * tables of that bridge as a packet of the port that it starts from.
 *
 * Nothing that is looked at there is the packet's own, so that nothing of it is un-wildcarded: the outer headers follow from
 * the tunnel's settings, and are the same for all packets of the megaflow. The UDP source port alone is each packet's own;
 * tables see 0, as at the original.
 */
import { buildOuterHeader, type DatapathAction, type TunnelPushAction } from "@tenet/datapath";
import {
  FIELDS,
  type FieldSpec,
  formatMac,
  getField,
  getMac,
  getU16,
  IP_PROTO,
  makeFlowKey,
  setField,
  setFieldBig,
  tunnelFamily,
} from "@tenet/net";
import type { PortLink } from "../../bridge/bridge-port.ts";
import { addressAt, formatAddress, isMapped, type TunnelAddress } from "../../tunnel/tunnel-config.ts";
import type { NativeRoute } from "../../tunnel/underlay.ts";
import type { Walk } from "../walk.ts";
import { crossInto } from "./cross-bridge.ts";
import { isBackToUs } from "./cross-tunnel.ts";

type TunnelLink = Extract<PortLink, { kind: "tunnel" }>;

/** How packets with these outer headers leave by a bridge of ours; `undefined` when they do not. */
export function nativeRoute({ around, packet }: Walk, key: Uint32Array, { config }: TunnelLink): NativeRoute | undefined {
  if (config.carrier === "host" || !around.underlay.isUsed) return undefined;
  const mark = getField(packet.flow, FIELDS.pkt_mark); // packets come in without one: nothing to un-wildcard
  return around.underlay.route(addressAt(key, FIELDS.tun_dst.word, FIELDS.tun_ipv6_dst.word), mark);
}

/** Sends a copy, with these outer headers, to the neighbour that the route leads to. @param key - a tunnel block; it is completed */
export function pushTunnel(walk: Walk, { config, portNo }: TunnelLink, key: Uint32Array, route: NativeRoute): void {
  const { observer, enclosing } = walk;
  const { port, nextHop, source } = route;
  if (enclosing.some((outer) => isBackToUs(outer, key))) return observer?.note("not tunneling what is on its way there");
  observer?.note(`tunneling to ${formatAddress(nextHop)} via ${port.name}`);
  const mac = neighborMac(walk, route);
  if (mac === undefined) return;
  const [from, to] = [formatMac(port.mac), formatMac(mac)];
  observer?.note(`tunneling from ${from} ${formatAddress(source)} to ${to} ${formatAddress(nextHop)}`);
  setSource(key, source);
  const { dstPort, type } = config;
  const header = buildOuterHeader(config, { key, dstPort }, { src: port.mac, dst: mac });
  const outPort = port.link.kind === "datapath" ? port.link.portNo : 0;
  const push: TunnelPushAction = { type: "tunnelPush", tunnelPort: portNo, kind: type, outPort, header };
  enclosing.push(key);
  const outer = walkThrough(walk, route, outerFlow(key, push, dstPort), header.length);
  enclosing.pop();
  if (outer.length > 0) walk.out.push({ type: "clone", actions: [push, ...outer] });
}

/** The address of the next hop; when it is not known it will be asked for. */
function neighborMac({ around, effects, observer }: Walk, route: NativeRoute): number | undefined {
  const { bridge, nextHop } = route;
  effects.push({ type: "neighbor", route });
  const mac = around.underlay.neighbors.lookup({ bridge: bridge.name, address: nextHop });
  if (mac !== undefined) return mac;
  const what = isMapped(nextHop) ? "ARP" : "ND";
  observer?.note(`neighbor cache miss for ${formatAddress(nextHop)} on bridge ${bridge.name}, sending ${what} request`);
  return undefined;
}

/** What is done with a packet that has outer headers in the bridge that it leaves by. */
function walkThrough(walk: Walk, route: NativeRoute, headers: Uint32Array, nBytes: number): readonly DatapathAction[] {
  const nVisits = walk.visits.length;
  let actions: readonly DatapathAction[] = [];
  crossInto(walk, route, (visit) => {
    actions = walk.aside(() => {
      walk.packet.enclose(headers);
      visit();
    });
  });
  walk.effects.push({ type: "enclosed", visits: walk.visits.slice(nVisits), nBytes });
  return actions;
}

/** The headers of a packet that has outer ones in front. */
function outerFlow(key: Uint32Array, { header, kind }: TunnelPushAction, dstPort: number): Uint32Array {
  const flow = makeFlowKey();
  const isIp4 = tunnelFamily(key) === 4;
  setFieldBig(flow, FIELDS.eth_dst, BigInt(getMac(header, 0)));
  setFieldBig(flow, FIELDS.eth_src, BigInt(getMac(header, 6)));
  setField(flow, FIELDS.eth_type, getU16(header, 12));
  setField(flow, FIELDS.nw_proto, kind === "gre" || kind === "ip6gre" ? IP_PROTO.gre : IP_PROTO.udp);
  setField(flow, FIELDS.nw_tos, getField(key, FIELDS.tun_tos));
  setField(flow, FIELDS.nw_ttl, getField(key, FIELDS.tun_ttl));
  copy(flow, isIp4 ? FIELDS.nw_src : FIELDS.ipv6_src, key, isIp4 ? FIELDS.tun_src : FIELDS.tun_ipv6_src);
  copy(flow, isIp4 ? FIELDS.nw_dst : FIELDS.ipv6_dst, key, isIp4 ? FIELDS.tun_dst : FIELDS.tun_ipv6_dst);
  setField(flow, FIELDS.tp_dst, dstPort);
  return flow;
}

function copy(to: Uint32Array, toField: FieldSpec, from: Uint32Array, fromField: FieldSpec): void {
  for (let i = 0; i < toField.nWords; i++) to[toField.word + i] = from[fromField.word + i] ?? 0;
}

/** Writes where a packet starts from into a tunnel block that does not say it. */
function setSource(key: Uint32Array, [a, b, c, d]: TunnelAddress): void {
  const { word } = FIELDS.tun_ipv6_src;
  if (tunnelFamily(key) === 4) key[FIELDS.tun_src.word] ||= d;
  else if (key.subarray(word, word + 4).every((each) => each === 0)) key.set([a, b, c, d], word);
}
