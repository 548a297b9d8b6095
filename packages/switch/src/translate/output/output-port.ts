/** Sends the packet in hand out of one port: to the datapath, into a tunnel, or on to another bridge. */
import type { DatapathAction } from "@tenet/datapath";
import { formatPort, PORT } from "@tenet/openflow";
import { type BridgePort, NO_FWD, PORT_DOWN, type PortLink } from "../../bridge/bridge-port.ts";
import { areEqual } from "../../cache/same-actions.ts";
import type { Walk } from "../walk.ts";
import { crossInto } from "./cross-bridge.ts";
import { enterTunnel, isBackToUs } from "./cross-tunnel.ts";
import { nativeRoute, pushTunnel } from "./push-tunnel.ts";
import { endOfTunnel } from "./tunnel-end.ts";

type TunnelLink = Extract<PortLink, { kind: "tunnel" }>;

/** What a packet leaves the walk by: for a port, through a tunnel, out of one. */
const SENDING: ReadonlySet<DatapathAction["type"]> = new Set(["output", "clone", "tunnelPop"]);

/** Sends the packet as it is now. */
export function outputTo(walk: Walk, port: BridgePort | undefined): void {
  const refusal = refusalOf(walk, port);
  if (port === undefined || refusal !== undefined) return walk.observer?.warning(refusal ?? "Nonexistent output port");
  switch (port.link.kind) {
    case "datapath":
      walk.packet.commit(walk.out);
      walk.out.push(endOfTunnel(walk, port) ?? { type: "output", port: port.link.portNo });
      walk.mirroring?.copyOutput(port.bundle);
      return;
    case "patch":
      return crossPatch(walk, port);
    case "tunnel":
      return intoTunnel(walk, port, port.link);
    case "none":
      walk.observer?.warning(`port ${port.name} has no device`);
  }
}

/** Sends the first bytes, which no patch port can get. */
export function outputCut(walk: Walk, ofport: number, maxLength: number): void {
  if (ofport === walk.inPort) return walk.observer?.warning("skipping output to input port");
  const port = walk.bridge.port(ofport);
  if (port?.link.kind !== "datapath" && port?.link.kind !== "tunnel") {
    const name = ofport >= PORT.IN_PORT ? formatPort(ofport) : walk.bridge.portLabel(ofport);
    return walk.observer?.failure(`output_trunc does not support patch port ${name}`);
  }
  const { out } = walk;
  const at = out.push({ type: "truncate", maxLength });
  outputTo(walk, port);
  // When nothing is sent here, what is sent next is not to be cut, though it may be changed by now.
  if (!out.slice(at).some(({ type }) => SENDING.has(type))) out.splice(at - 1, 1);
}

function refusalOf({ bridge, inPort }: Walk, port: BridgePort | undefined): string | undefined {
  if (port === undefined) return undefined;
  // A device that is down drops what it is sent itself.
  if ((!port.isEnabled && !port.hasDevice) || (port.config & (PORT_DOWN | NO_FWD)) !== 0)
    return "port is configured not to forward";
  const isBetweenProtected = port.bundle.isProtected && bridge.port(inPort)?.bundle.isProtected === true;
  return isBetweenProtected ? "Flow is between protected ports, skipping output." : undefined;
}

function intoTunnel(walk: Walk, port: BridgePort, link: TunnelLink): void {
  const { packet, out, bridge, observer } = walk;
  const { config, portNo } = link;
  const action = enterTunnel(packet, config, bridge.pipeline.tlvTable);
  const route = action === undefined ? undefined : nativeRoute(walk, action.key, link);
  const isNative = route !== undefined || (config.carrier === "native" && walk.around.underlay.isUsed);
  observer?.note(`output to ${isNative ? "native" : "kernel"} tunnel`);
  if (action === undefined) return observer?.note("Tunneling decided against output");
  if (isBackToUs(action.key, walk.key)) return observer?.note("not tunneling to our own address");
  walk.effects.push({ type: "tunnel", port, isInput: false });
  if (isNative) {
    packet.commit(out);
    return route === undefined ? observer?.warning("native tunnel routing failed") : pushTunnel(walk, link, action.key, route);
  }
  const last = out.findLast(({ type }) => type === "setTunnel");
  if (last?.type !== "setTunnel" || !areEqual([last], [action])) out.push(action);
  packet.commit(out);
  out.push({ type: "output", port: portNo });
}

function crossPatch(walk: Walk, port: BridgePort): void {
  const peer = walk.around.peerOf(port);
  if (peer === undefined) return walk.observer?.warning(`patch port ${port.name} has no peer`);
  if (walk.isTooDeep()) return;
  walk.effects.push({ type: "patch", from: port, to: peer.port });
  crossInto(walk, peer, (visit) => walk.apart(visit));
}
