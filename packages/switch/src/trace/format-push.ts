/** Outer headers that the datapath puts in front of packets, in the original's syntax: `tnl_push(tnl_port(4789),header(...))`. */
import type { TunnelPushAction } from "@tenet/datapath";
import { formatIp4, formatIp6, formatMac, getMac, getU16, getU32 } from "@tenet/net";

const IP4 = 0x0800;
const L3 = 14;
const GRE_KEY = 0x2000;
const GRE_CHECKSUM = 0x8000;
const VPORT_TYPE = { gre: 3, vxlan: 4, geneve: 5, ip6gre: 109 } as const;

/** @param portName - is given datapath ports */
export function formatPush(action: TunnelPushAction, portName: (portNo: number) => string): string {
  const { kind, header, tunnelPort, outPort } = action;
  const isIp4 = getU16(header, 12) === IP4;
  const l4 = L3 + (isIp4 ? 20 : 40);
  const parts = [
    `size=${header.length},type=${VPORT_TYPE[kind === "gre" && !isIp4 ? "ip6gre" : kind]}`,
    `eth(dst=${formatMac(getMac(header, 0))},src=${formatMac(getMac(header, 6))},dl_type=0x${hex(getU16(header, 12), 4)})`,
    isIp4 ? formatIp4Header(header) : formatIp6Header(header),
    kind === "gre" || kind === "ip6gre" ? formatGre(header, l4) : formatUdp(header, l4),
    ...(kind === "vxlan" ? [`vxlan(flags=0x${hex(getU32(header, l4 + 8))},vni=0x${hex(getU32(header, l4 + 12) >>> 8)})`] : []),
    ...(kind === "geneve" ? [formatGeneve(header, l4 + 8)] : []),
  ];
  return `tnl_push(tnl_port(${portName(tunnelPort)}),header(${parts.join(",")}),out_port(${portName(outPort)}))`;
}

function formatIp4Header(header: Uint8Array): string {
  const [src, dst] = [formatIp4(getU32(header, L3 + 12)), formatIp4(getU32(header, L3 + 16))];
  const [proto, ttl] = [header[L3 + 9] ?? 0, header[L3 + 8] ?? 0];
  const tos = octothorpe(header[L3 + 1] ?? 0);
  return `ipv4(src=${src},dst=${dst},proto=${proto},tos=${tos},ttl=${ttl},frag=0x${hex(getU16(header, L3 + 6))})`;
}

function formatIp6Header(header: Uint8Array): string {
  const [src, dst] = [8, 24].map((at) => formatIp6(header.subarray(L3 + at, L3 + at + 16)));
  const first = getU32(header, L3);
  const label = octothorpe(first & 0xfffff);
  const tail = `proto=${header[L3 + 6] ?? 0},tclass=0x${hex((first >>> 20) & 0xff)},hlimit=${header[L3 + 7] ?? 0}`;
  return `ipv6(src=${src},dst=${dst},label=${label},${tail})`;
}

function formatUdp(header: Uint8Array, at: number): string {
  return `udp(src=${getU16(header, at)},dst=${getU16(header, at + 2)},csum=0x${hex(getU16(header, at + 6))})`;
}

function formatGre(header: Uint8Array, at: number): string {
  const flags = getU16(header, at);
  const checksum = (flags & GRE_CHECKSUM) === 0 ? "" : `,csum=0x${hex(getU16(header, at + 4))}`;
  const keyAt = at + ((flags & GRE_CHECKSUM) === 0 ? 4 : 8);
  const key = (flags & GRE_KEY) === 0 ? "" : `,key=0x${hex(getU32(header, keyAt))}`;
  return `gre((flags=0x${hex(flags)},proto=0x${hex(getU16(header, at + 2))})${checksum}${key})`;
}

function formatGeneve(header: Uint8Array, at: number): string {
  const flags = getU16(header, at) & 0xff;
  const options: string[] = [];
  for (let i = at + 8; i < header.length; ) {
    const length = ((header[i + 3] ?? 0) & 0x1f) * 4;
    const value = [...header.subarray(i + 4, i + 4 + length)].map((byte) => hex(byte, 2)).join("");
    const type = `{class=${octothorpe(getU16(header, i))},type=${octothorpe(header[i + 2] ?? 0)},len=${length}`;
    options.push(`${type}${length === 0 ? "" : `,0x${value.replace(/^0+(?=.)/, "")}`}}`);
    i += 4 + length;
  }
  const names = [...((flags & 0x80) === 0 ? [] : ["oam,"]), ...((flags & 0x40) === 0 ? [] : ["crit,"])].join("");
  const list = options.length === 0 ? "" : `,options(${options.join("")})`;
  return `geneve(${names}vni=0x${hex(getU32(header, at + 4) >>> 8)}${list})`;
}

function hex(value: number, nDigits = 1): string {
  return value.toString(16).padStart(nDigits, "0");
}

/** As C's `%#x`. */
function octothorpe(value: number): string {
  return value === 0 ? "0" : `0x${hex(value)}`;
}
