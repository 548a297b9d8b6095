/** The commands that look at and change the ends and neighbours of tunnels through bridges, for `ovs-appctl`. */
import type { PortRange } from "@tenet/datapath";
import { formatMac, IP_PROTO, parseMac } from "@tenet/net";
import { ArgumentError, type Command, command } from "@tenet/ovsdb";
import type { NeighborTable } from "../tunnel/neighbor-table.ts";
import { formatAddress, isMapped, parseAddress } from "../tunnel/tunnel-config.ts";
import type { Endpoint } from "../tunnel/underlay.ts";
import type { VirtualSwitch } from "../virtual-switch.ts";

const MAX_AGEING_S = 3600;
const MAX_PORT = 65535;
/** Room for an address in a table: the longest IPv6 address, and a zero byte. */
const ADDRESS_WIDTH = 46;

/** `tnl/*`. */
export function underlayCommands(vswitch: VirtualSwitch): Command[] {
  const { underlay, datapath } = vswitch;
  return [
    ...["arp", "neigh"].flatMap((name) => neighborCommands(`tnl/${name}`, underlay.neighbors)),
    command("tnl/egress_port_range", "min max", [0, 2], ([min, max]) => {
      const range = datapath.egressPorts;
      if (min !== undefined && max !== undefined) return setRange(range, Number(min), Number(max));
      return `Tunnel UDP source port range: ${range.first}-${range.last}`;
    }),
    command("tnl/ports/show", "-v", [0, 1], ([option]) => showPorts(vswitch, option === "-v")),
  ];
}

function neighborCommands(prefix: string, neighbors: NeighborTable): Command[] {
  return [
    command(`${prefix}/show`, "", [0, 0], () => showNeighbors(neighbors)),
    command(`${prefix}/set`, "BRIDGE IP MAC", [3, 3], ([bridge = "", ip = "", mac = ""]) => {
      const address = parseAddress(ip);
      if (address === undefined) throw new ArgumentError("bad IP address");
      if (!/^([0-9a-f]{1,2}:){5}[0-9a-f]{1,2}$/i.test(mac)) throw new ArgumentError("bad MAC address");
      neighbors.set({ bridge, address }, parseMac(mac));
      return "OK";
    }),
    command(`${prefix}/flush`, "", [0, 0], () => {
      neighbors.flush();
      return "OK";
    }),
    command(`${prefix}/aging`, "[SECS]", [0, 1], ([seconds]) => {
      if (seconds === undefined) return String(neighbors.ageingMs / 1000);
      const value = /^\d+$/.test(seconds) ? Number(seconds) : 0;
      if (value < 1 || value > MAX_AGEING_S) throw new ArgumentError("bad aging value");
      neighbors.ageingMs = 1000 * value;
      return "OK";
    }),
  ];
}

function setRange(range: PortRange, min: number, max: number): string {
  if (!isPort(min)) return "Invalid min.";
  if (!isPort(max)) return "Invalid max.";
  range.first = Math.min(min, max);
  range.last = Math.max(min, max);
  return "OK";
}

function showPorts({ ports, underlay }: VirtualSwitch, isVerbose: boolean): string {
  const lines = [...ports.tunnels.sharedPorts()].flatMap(({ name, portNo, nUsers, dstPort }) => {
    const heading = `${name} (${portNo})`;
    if (!isVerbose) return `${heading} ref_cnt=${nUsers}`;
    return underlay.endpoints().map((end) => `${heading} : ${formatEndpoint(end, dstPort)}`);
  });
  return ["Listening ports:", ...lines].join("\n");
}

/** Which packets are for the tunnels of a port. @param dstPort - 0 for GRE */
function formatEndpoint({ mac, address }: Endpoint, dstPort: number): string {
  const [type, group] = isMapped(address) ? ["0x0800", "ipv4"] : ["0x86dd", "ipv6"];
  const transport = dstPort === 0 ? `proto=${IP_PROTO.gre},frag=no)` : `proto=${IP_PROTO.udp},frag=no),udp(dst=${dstPort})`;
  return `eth(dst=${formatMac(mac)}),eth_type(${type}),${group}(dst=${formatAddress(address)},${transport}`;
}

function showNeighbors(neighbors: NeighborTable): string {
  const rows = [...neighbors.neighbors()].map(
    ({ address, mac, bridge }) => `${formatAddress(address).padEnd(ADDRESS_WIDTH)}${formatMac(mac)}   ${bridge}`,
  );
  return [`${"IP".padEnd(ADDRESS_WIDTH)}MAC                 Bridge`, "=".repeat(74), ...rows].join("\n");
}

function isPort(value: number): boolean {
  return Number.isInteger(value) && value > 0 && value <= MAX_PORT;
}
