/** The commands of the switch that look at tunnels, for `ovs-appctl`. */
import { type Command, command } from "@tenet/ovsdb";
import { formatAddress, type TunnelAddress, type TunnelConfig } from "../tunnel/tunnel-config.ts";
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
    `${type}: ${local === undefined ? "::" : formatEnd(local)}->${formatEnd(remote)}`,
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

function formatEnd(address: TunnelAddress | "flow"): string {
  return address === "flow" ? address : formatAddress(address);
}
