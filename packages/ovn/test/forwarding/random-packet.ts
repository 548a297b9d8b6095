/** Random packets, as a frame and as the expression by which ovn-trace knows them. */
import { composePacket } from "@tenet/net";
import { parseMatch } from "@tenet/openflow";
import fc from "fast-check";
import { PORTS, type Port } from "./random-network.ts";

/** A packet as it leaves a host. */
export interface Packet {
  readonly port: string;
  /** The sender's Ethernet address is that of its port. */
  readonly isHonest: boolean;
  /** Neither IP nor ARP. */
  readonly isOther: boolean;
  readonly frame: Uint8Array;
  readonly microflow: string;
}

const of = <T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
const port = of(...PORTS);

interface Choice {
  readonly from: Port;
  readonly to: Port;
  /** Source addresses are the port's own, or another's. */
  readonly src: Port;
  readonly ipSrc: Port;
  readonly cast: string;
  readonly kind: string;
  readonly number: string;
  readonly ttl: string;
  /** Something that no switch lets in: a tag, or a group for a source. */
  readonly oddity: string;
}

const choice: fc.Arbitrary<Choice> = port.chain((from) =>
  fc.record({
    from: fc.constant(from),
    to: port,
    src: fc.oneof({ weight: 4, arbitrary: fc.constant(from) }, { weight: 1, arbitrary: port }),
    ipSrc: fc.oneof({ weight: 4, arbitrary: fc.constant(from) }, { weight: 1, arbitrary: port }),
    cast: of("unicast", "unicast", "unicast", "unicast", "broadcast", "stranger", "multicast"),
    kind: of("tcp", "tcp", "udp", "icmp4", "arp", "arp", "tcp6", "udp6", "icmp6", "other"),
    number: of("21", "22", "53", "80", "443", "5000"),
    ttl: of("64", "64", "1"),
    oddity: fc.oneof({ weight: 20, arbitrary: of("") }, { weight: 1, arbitrary: of("tag", "group source") }),
  }),
);

/** Any packet of any host. */
export const packet: fc.Arbitrary<Packet> = choice.map(packetOf);

/** A frame to everybody, from which the address of a port can be learned. */
export function greeting(from: Port): Uint8Array {
  return compose(from, "dl_type=0x88cc", "", [
    ["dl_src", "", from.mac],
    ["dl_dst", "", "ff:ff:ff:ff:ff:ff"],
  ]).frame;
}

/** `[name in ovs-ofctl, name in OVN, value]` of each field. */
type Field = readonly [flow: string, logical: string, value: string];

function packetOf({ from, to, src, ipSrc, cast, kind, number, ttl, oddity }: Choice): Packet {
  const dst = { unicast: to.mac, broadcast: "ff:ff:ff:ff:ff:ff", stranger: "0a:00:00:00:00:77", multicast: "01:00:5e:00:00:05" }[
    cast
  ];
  const isAsked = kind === "arp" && cast !== "unicast";
  const ethernet: Field[] = [
    ["dl_src", "eth.src", oddity === "group source" ? "01:00:5e:00:00:09" : src.mac],
    ...(oddity === "tag" ? [["dl_vlan", "vlan.vid", "5"] as const] : []),
    ["dl_dst", "eth.dst", isAsked ? "ff:ff:ff:ff:ff:ff" : (dst ?? to.mac)],
  ];
  const ip4: Field[] = [
    ["nw_src", "ip4.src", ipSrc.ip4],
    ["nw_dst", "ip4.dst", to.ip4],
    ["nw_ttl", "ip.ttl", ttl],
  ];
  const ip6: Field[] = [
    ["ipv6_src", "ip6.src", ipSrc.ip6],
    ["ipv6_dst", "ip6.dst", to.ip6],
    ["nw_ttl", "ip.ttl", ttl],
  ];
  const ports = (protocol: string): Field[] => [
    ["tp_src", `${protocol}.src`, "443"],
    ["tp_dst", `${protocol}.dst`, number],
  ];
  const arp: Field[] = [
    ["arp_op", "arp.op", isAsked ? "1" : "2"],
    ["arp_spa", "arp.spa", ipSrc.ip4],
    ["arp_tpa", "arp.tpa", to.ip4],
    ["arp_sha", "arp.sha", src.mac],
    ["arp_tha", "arp.tha", isAsked ? "00:00:00:00:00:00" : to.mac],
  ];
  switch (kind) {
    case "arp":
      return compose(from, "arp", "arp", [...ethernet, ...arp]);
    case "tcp":
    case "udp":
      return compose(from, kind, `ip4 && ${kind}`, [...ethernet, ...ip4, ...ports(kind)]);
    case "icmp4":
      return compose(from, "icmp", "icmp4", [
        ...ethernet,
        ...ip4,
        ["icmp_type", "icmp4.type", "8"],
        ["icmp_code", "icmp4.code", "0"],
      ]);
    case "tcp6":
    case "udp6": {
      const protocol = kind.slice(0, 3);
      return compose(from, kind, `ip6 && ${protocol}`, [...ethernet, ...ip6, ...ports(protocol)]);
    }
    case "icmp6":
      return compose(from, "icmp6", "icmp6", [
        ...ethernet,
        ...ip6,
        ["icmp_type", "icmp6.type", "128"],
        ["icmp_code", "icmp6.code", "0"],
      ]);
    default:
      return compose(from, "dl_type=0x88cc", "eth.type == 0x88cc", ethernet);
  }
}

function compose(from: Port, flowKind: string, logicalKind: string, fields: readonly Field[]): Packet {
  const flow = [flowKind, ...fields.map(([name, , value]) => `${name}=${value}`)].join(",");
  const logical = [`inport == "${from.name}"`, logicalKind, ...fields.map(([, name, value]) => `${name} == ${value}`)];
  const isHonest = flow.includes(`dl_src=${from.mac},`);
  return {
    port: from.name,
    isHonest,
    isOther: flowKind.startsWith("dl_type"),
    frame: composePacket(parseMatch(flow).key),
    microflow: logical.join(" && "),
  };
}
