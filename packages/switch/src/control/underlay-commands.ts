/** The commands that look at and change where outer packets go, for `ovs-appctl`: routes, neighbours, ports. */
import { formatMac, IP_PROTO, parseMac } from "@tenet/net";
import { ArgumentError, type Command, command } from "@tenet/ovsdb";
import type { DeviceAddress, HostRoute } from "../tunnel/host-network.ts";
import { formatAddress, isMapped, NO_ADDRESS, parseAddress, type TunnelAddress } from "../tunnel/tunnel-config.ts";
import type { Endpoint } from "../tunnel/underlay.ts";
import type { VirtualSwitch } from "../virtual-switch.ts";

const MAX_AGEING_S = 3600;
const MAX_PORT = 65535;
/** Room for an address in a table: the longest IPv6 address, and a zero byte. */
const ADDRESS_WIDTH = 46;

/** `ovs/route/*` and `tnl/*`. */
export function underlayCommands(vswitch: VirtualSwitch): Command[] {
  const { underlay, ports, datapath } = vswitch;
  const { routes, neighbors } = underlay;
  const neighborCommands = ["arp", "neigh"].flatMap((name) => [
    command(`tnl/${name}/show`, "", [0, 0], () => showNeighbors(vswitch)),
    command(`tnl/${name}/set`, "BRIDGE IP MAC", [3, 3], ([bridge = "", ip = "", mac = ""]) => {
      const address = parseAddress(ip);
      if (address === undefined) throw new ArgumentError("bad IP address");
      if (!/^([0-9a-f]{1,2}:){5}[0-9a-f]{1,2}$/i.test(mac)) throw new ArgumentError("bad MAC address");
      neighbors.set({ bridge, address }, parseMac(mac));
      return "OK";
    }),
    command(`tnl/${name}/flush`, "", [0, 0], () => {
      neighbors.flush();
      return "OK";
    }),
    command(`tnl/${name}/aging`, "[SECS]", [0, 1], ([seconds]) => {
      if (seconds === undefined) return String(neighbors.ageingMs / 1000);
      const value = /^\d+$/.test(seconds) ? Number(seconds) : 0;
      if (value < 1 || value > MAX_AGEING_S) throw new ArgumentError("bad aging value");
      neighbors.ageingMs = 1000 * value;
      return "OK";
    }),
  ]);
  return [
    ...neighborCommands,
    command(
      "ovs/route/add",
      "ip/plen output_bridge [gw] [pkt_mark=mark] [src=src_ip]",
      [2, 5],
      ([to = "", device = "", ...more]) => {
        const { address, length } = readPrefix(to);
        const { gateway, source: given, mark } = readRouteOptions(more, isMapped(address));
        const source = given ?? underlay.sourceAt(device, address) ?? (gateway && underlay.sourceAt(device, gateway));
        const isOwn =
          source !== undefined && underlay.addressesOf(device).some((each) => String(each.address) === String(source));
        if (source === undefined || !isOwn) throw new ArgumentError("Error while inserting route.");
        routes.add({ destination: networkOf(address, length), length, isLocal: false, device, gateway, source, mark });
        vswitch.underlayChanged();
        return "OK";
      },
    ),
    command("ovs/route/del", "ip/plen [pkt_mark=mark]", [1, 2], ([to = "", mark]) => {
      const { address, length } = readPrefix(to);
      if (!routes.remove({ destination: address, length, mark: readMark(mark) })) throw new ArgumentError("Not found");
      vswitch.underlayChanged();
      return "OK";
    }),
    command("ovs/route/lookup", "ip_addr [pkt_mark=mark]", [1, 2], ([to = "", mark]) => {
      const { address, length } = readPrefix(to);
      if (length !== 128) throw new ArgumentError("Invalid parameters");
      vswitch.followHost();
      const route = routes.lookup(address, readMark(mark));
      if (route === undefined) throw new ArgumentError("Not found");
      const { source, gateway, device } = route;
      return `src ${formatAddress(source ?? NO_ADDRESS)}\ngateway ${formatAddress(gateway ?? NO_ADDRESS)}\ndev ${device}`;
    }),
    command("ovs/route/show", "", [0, 0], () => showRoutes(vswitch)),
    command("tnl/egress_port_range", "min max", [0, 2], ([min, max]) => {
      const range = datapath.egressPorts;
      if (min === undefined || max === undefined) return `Tunnel UDP source port range: ${range.first}-${range.last}`;
      const [a, b] = [Number(min), Number(max)];
      if (!isPort(a)) return "Invalid min.";
      if (!isPort(b)) return "Invalid max.";
      range.first = Math.min(a, b);
      range.last = Math.max(a, b);
      return "OK";
    }),
    command("tnl/ports/show", "-v", [0, 1], ([option]) => {
      const lines = [...ports.tunnels.sharedPorts()].flatMap((port) => {
        const heading = `${port.name} (${port.portNo})`;
        if (option !== "-v") return `${heading} ref_cnt=${port.nUsers}`;
        return underlay.endpoints().map((end) => `${heading} : ${formatEndpoint(end, port)}`);
      });
      return ["Listening ports:", ...lines].join("\n");
    }),
  ];
}

/** Which packets are for the tunnels of a port. */
function formatEndpoint({ mac, address }: Endpoint, { dstPort }: { readonly dstPort: number }): string {
  const [type, group] = isMapped(address) ? ["0x0800", "ipv4"] : ["0x86dd", "ipv6"];
  const transport = dstPort === 0 ? `proto=${IP_PROTO.gre},frag=no)` : `proto=${IP_PROTO.udp},frag=no),udp(dst=${dstPort})`;
  return `eth(dst=${formatMac(mac)}),eth_type(${type}),${group}(dst=${formatAddress(address)},${transport}`;
}

function showNeighbors({ underlay }: VirtualSwitch): string {
  const rows = [...underlay.neighbors.neighbors()].map(
    ({ address, mac, bridge }) => `${formatAddress(address).padEnd(ADDRESS_WIDTH)}${formatMac(mac)}   ${bridge}`,
  );
  const heading = "IP                                            MAC                 Bridge";
  return [heading, "=".repeat(74), ...rows].join("\n");
}

/** Routes of the host that do not say where packets start from are shown where an address of their device tells. */
function showRoutes(vswitch: VirtualSwitch): string {
  vswitch.followHost();
  const { underlay } = vswitch;
  const { userRoutes } = underlay.routes;
  const host = underlay.routes.hostRoutes().flatMap((route) => {
    const { destination, gateway, device } = route;
    const source = route.source ?? underlay.sourceAt(device, destination) ?? (gateway && underlay.sourceAt(device, gateway));
    return source === undefined
      ? []
      : [{ ...route, source, mark: 0, rank: route.length + (route.isLocal ? 64 : 0), kind: "Cached" }];
  });
  const user = userRoutes.map((route) => ({ ...route, rank: route.length + 32, kind: "User" }));
  const sorted = [...host, ...user].sort((a, b) => b.rank - a.rank);
  return ["Route Table:", ...sorted.map((route) => `${route.kind}: ${describe(route)}`)].join("\n");
}

function describe({
  destination,
  length,
  mark,
  device,
  gateway,
  source,
  isLocal,
}: HostRoute & { readonly mark: number; readonly source: TunnelAddress }): string {
  return [
    `${formatAddress(destination)}/${isMapped(destination) ? length - 96 : length}`,
    ...(mark === 0 ? [] : [`MARK ${mark}`]),
    `dev ${device}`,
    ...(gateway === undefined ? [] : [`GW ${formatAddress(gateway)}`]),
    `SRC ${formatAddress(source)}`,
    ...(isLocal ? ["local"] : []),
  ].join(" ");
}

/** Reads `10.0.0.0/24` or `fd00::/64`; without a length the address counts whole. @throws ArgumentError */
export function readPrefix(text: string): DeviceAddress {
  const [ip = "", bits] = text.split("/");
  const address = parseAddress(ip);
  const width = address !== undefined && isMapped(address) ? 32 : 128;
  const length = bits === undefined ? width : /^\d+$/.test(bits) ? Number(bits) : -1;
  if (address === undefined || length < 0 || length > width) throw new ArgumentError("Invalid parameters");
  return { address, length: 128 - width + length };
}

function networkOf(address: TunnelAddress, length: number): TunnelAddress {
  const word = (i: 0 | 1 | 2 | 3): number => {
    const nBits = Math.min(32, Math.max(0, length - 32 * i));
    return (nBits === 0 ? 0 : address[i] & (-1 << (32 - nBits))) >>> 0;
  };
  return [word(0), word(1), word(2), word(3)];
}

function readMark(text: string | undefined): number {
  if (text === undefined) return 0;
  const value = /^pkt_mark=(\d+)$/.exec(text)?.[1];
  if (value === undefined) throw new ArgumentError("Invalid pkt_mark");
  return Number(value) >>> 0;
}

function readRouteOptions(
  args: readonly string[],
  isIp4: boolean,
): { gateway: TunnelAddress | undefined; source: TunnelAddress | undefined; mark: number } {
  const found: { gateway: TunnelAddress | undefined; source: TunnelAddress | undefined; mark: number } = {
    gateway: undefined,
    source: undefined,
    mark: 0,
  };
  for (const arg of args) {
    const isSource = arg.startsWith("src=");
    const address = parseAddress(isSource ? arg.slice(4) : arg);
    if (arg.startsWith("pkt_mark=")) found.mark = readMark(arg);
    else if (address === undefined || isMapped(address) !== isIp4) throw new ArgumentError("Invalid pkt_mark or gateway");
    else if (isSource) found.source = address;
    else found.gateway = address;
  }
  return found;
}

function isPort(value: number): boolean {
  return Number.isInteger(value) && value > 0 && value <= MAX_PORT;
}
