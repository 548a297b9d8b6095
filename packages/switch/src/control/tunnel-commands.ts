/** The commands of the switch that look at tunnels, for `ovs-appctl`. */
import { formatIp4, formatIp6 } from "@tenet/net";
import { type Command, command } from "@tenet/ovsdb";
import { isMapped, type TunnelAddress, type TunnelConfig } from "../tunnel/tunnel-config.ts";
import type { VirtualSwitch } from "../virtual-switch.ts";

/** `ofproto/list-tunnels`. */
export function tunnelCommands({ ports: { tunnels } }: VirtualSwitch): Command[] {
  return [
    command("ofproto/list-tunnels", "", [0, 0], () => {
      const sorted = [...tunnels.tunnels()].sort((a, b) => (a.port.name < b.port.name ? -1 : 1));
      return sorted.map(({ portNo, port, config }) => `port ${portNo}: ${port.name} (${describe(config, portNo)})`).join("\n");
    }),
  ];
}

function describe(config: TunnelConfig, portNo: number): string {
  const { type, local, remote, ttl, tos, dontFragment, hasChecksum } = config;
  return [
    `${type}: ${local === undefined ? "::" : formatAddress(local)}->${formatAddress(remote)}`,
    formatKeys(config),
    "legacy_l2",
    `dp port=${portNo}`,
    `ttl=${ttl}`,
    ...(tos === 0 ? [] : [`tos=${tos === "inherit" ? tos : `0x${tos.toString(16)}`}`]),
    ...(dontFragment ? [] : ["df=false"]),
    ...(hasChecksum ? ["csum=true"] : []),
  ].join(", ");
}

function formatKeys({ inKey, outKey = 0n }: TunnelConfig): string {
  const [incoming, outgoing] = [inKey, outKey].map((key) =>
    typeof key === "bigint" && key > 0n ? `0x${key.toString(16)}` : String(key),
  );
  return incoming === outgoing ? `key=${incoming}` : `in_key=${incoming}, out_key=${outgoing}`;
}

function formatAddress(address: TunnelAddress | "flow"): string {
  if (address === "flow") return address;
  if (isMapped(address)) return formatIp4(address[3]);
  return formatIp6(Uint8Array.from({ length: 16 }, (_, i) => (address[i >>> 2] ?? 0) >>> (24 - 8 * (i & 3))));
}
