/** The commands that look at and change the routes of outer packets, for `ovs-appctl`. */
import { ArgumentError, type Command, command } from "@tenet/ovsdb";
import type { DeviceAddress, HostRoute } from "../tunnel/host-network.ts";
import { rankOf } from "../tunnel/route-table.ts";
import { formatAddress, isMapped, maskWord, NO_ADDRESS, parseAddress, type TunnelAddress } from "../tunnel/tunnel-config.ts";
import type { VirtualSwitch } from "../virtual-switch.ts";

const USAGE_OF_ADD = "ip/plen output_bridge [gw] [pkt_mark=mark] [src=src_ip]";

/** `ovs/route/*`. */
export function routeCommands(vswitch: VirtualSwitch): Command[] {
  const { routes } = vswitch.underlay;
  return [
    command("ovs/route/add", USAGE_OF_ADD, [2, 5], ([to = "", device = "", ...options]) => {
      addRoute(vswitch, readPrefix(to), device, options);
      return "OK";
    }),
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
      const { source = NO_ADDRESS, gateway = NO_ADDRESS, device } = route;
      return `src ${formatAddress(source)}\ngateway ${formatAddress(gateway)}\ndev ${device}`;
    }),
    command("ovs/route/show", "", [0, 0], () => showRoutes(vswitch)),
  ];
}

/** Packets of a route start from an address of its device. */
function addRoute(vswitch: VirtualSwitch, { address, length }: DeviceAddress, device: string, options: readonly string[]): void {
  const { underlay } = vswitch;
  const { mark, ...given } = readRouteOptions(options, isMapped(address));
  const route = { destination: networkOf(address, length), length, isLocal: false, device, ...given };
  const source = underlay.sourceOf(route);
  const isOwn = underlay.addressesOf(device).some((own) => String(own.address) === String(source));
  if (source === undefined || !isOwn) throw new ArgumentError("Error while inserting route.");
  underlay.routes.add({ ...route, source, mark });
  vswitch.underlayChanged();
}

/** Routes that nothing can start from are of no use, and not shown. */
function showRoutes(vswitch: VirtualSwitch): string {
  vswitch.followHost();
  const { underlay } = vswitch;
  const host = underlay.routes.hostRoutes().map((route) => ({ route, isUser: false, mark: 0 }));
  const user = underlay.routes.userRoutes.map((route) => ({ route, isUser: true, mark: route.mark }));
  const sorted = [...host, ...user].sort((a, b) => rankOf(b.route, b.isUser) - rankOf(a.route, a.isUser));
  const lines = sorted.flatMap(({ route, isUser, mark }) => {
    const source = underlay.sourceOf(route);
    return source === undefined ? [] : [`${isUser ? "User" : "Cached"}: ${describe(route, source, mark)}`];
  });
  return ["Route Table:", ...lines].join("\n");
}

function describe({ destination, length, device, gateway, isLocal }: HostRoute, source: TunnelAddress, mark: number): string {
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
  const [a, b, c, d] = address.map((word, i) => (word & maskWord(length, i)) >>> 0);
  return [a ?? 0, b ?? 0, c ?? 0, d ?? 0];
}

function readMark(text: string | undefined): number {
  if (text === undefined) return 0;
  const value = /^pkt_mark=(\d+)$/.exec(text)?.[1];
  if (value === undefined) throw new ArgumentError("Invalid pkt_mark");
  return Number(value) >>> 0;
}

interface RouteOptions {
  gateway: TunnelAddress | undefined;
  source: TunnelAddress | undefined;
  mark: number;
}

function readRouteOptions(args: readonly string[], isIp4: boolean): RouteOptions {
  const found: RouteOptions = { gateway: undefined, source: undefined, mark: 0 };
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
