/** How a summary begins. */
import { portLabel, type Scene } from "./scene.ts";

/** `web1 reaches db1 on tcp 5432`, `db1's answer reaches web1 (tcp 5432)`, or that it does not. */
export function headline(scene: Scene, isForwarded: boolean): string {
  const { packet, journey } = scene;
  if (packet === undefined) {
    const from = journey.inport === undefined ? `port ${scene.trace.inPort}` : portLabel(scene, journey.inport);
    return `The packet from ${from} is ${isForwarded ? "forwarded" : "dropped"}`;
  }
  const { fromLabel: from, to, protocol } = packet;
  if (packet.isAnswer) return `${from}'s answer ${isForwarded ? "reaches" : "cannot reach"} ${to.label} (${protocol})`;
  const name = protocol.split(" ")[0] ?? "";
  const verb = (does: string, base: string): string => (isForwarded ? does : `cannot ${base}`);
  switch (name) {
    case "arp":
      return `${from} ${verb("asks", "ask")} for ${to.label} by ARP`;
    case "nd":
      return `${from} ${verb("asks", "ask")} for ${to.label} by neighbour discovery`;
    case "icmp":
    case "icmp6":
      return `${from}${isForwarded ? "'s ping reaches" : " cannot ping"} ${to.label}${name === "icmp6" ? " over IPv6" : ""}`;
    default:
      return `${from} ${verb("reaches", "reach")} ${to.label} on ${protocol.replace(/^(\w+)6 /, "$1 (IPv6) ")}`;
  }
}

/** The packet as an object: `the broadcast of web1 (udp 67)`. */
export function aimOf(scene: Scene): string {
  const { packet } = scene;
  if (packet === undefined) return "The packet";
  const what = packet.to.isBroadcast ? "broadcast" : "packet";
  return `${packet.fromLabel}'s ${what} (${packet.protocol})`;
}
