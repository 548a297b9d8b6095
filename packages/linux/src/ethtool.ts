/** What the driver of a network device says, by the ioctls of ethtool. */
import { libc } from "./libc.ts";

const AF_INET = 2;
const SOCK_DGRAM_CLOEXEC = 0x80002;
const SIOCETHTOOL = 0x8946;
const ETHTOOL_GSET = 1;
const ETHTOOL_GDRVINFO = 3;
const ETHTOOL_GTXCSUM = 0x16;
const ETHTOOL_GTSO = 0x1e;
/** ethtool_value: cmd, data u32. */
const VALUE_BYTES = 8;
const IFNAMSIZ = 16;
/** ethtool_cmd: cmd, supported, advertising u32, speed u16, duplex, port, 2 bytes, autoneg u8, 9 bytes, speed_hi u16, 14 bytes. */
const CMD_BYTES = 44;
/** ethtool_drvinfo: cmd u32, driver 32, version 32, fw_version 32, bus_info 32, reserved 32 + 12, five u32. */
const DRVINFO_BYTES = 196;
const UNKNOWN_SPEED = 0xffffffff;
const HALF_DUPLEX = 0;
const FULL_DUPLEX = 1;

/** What a driver says of itself. */
export interface DriverInfo {
  readonly driver: string;
  readonly version: string;
  readonly firmware: string;
}

/** How a device is connected; what it does not say is `undefined`. */
export interface LinkSettings {
  readonly speedMbps: number | undefined;
  readonly duplex: "half" | "full" | undefined;
  readonly medium: "copper" | "fiber" | undefined;
  readonly isNegotiated: boolean;
  /** Bits of `SUPPORTED_*` in linux/ethtool.h, the first 32: what it can do, and what of that it tells the other end. */
  readonly supported: number;
  readonly advertised: number;
}

/** The driver of a device; `undefined` when there is no such device, or it has none. */
export function driverInfo(name: string): DriverInfo | undefined {
  const info = ask(name, ETHTOOL_GDRVINFO, DRVINFO_BYTES);
  return info === undefined ? undefined : { driver: textAt(info, 4), version: textAt(info, 36), firmware: textAt(info, 68) };
}

/** Speed and duplex of a device; `undefined` when there is no such device, or it has none. */
export function linkSettings(name: string): LinkSettings | undefined {
  const settings = ask(name, ETHTOOL_GSET, CMD_BYTES);
  if (settings === undefined) return undefined;
  const view = new DataView(settings.buffer);
  const speed = ((view.getUint16(28, true) << 16) | view.getUint16(12, true)) >>> 0;
  const duplex = view.getUint8(14);
  return {
    speedMbps: speed === 0 || speed === 0xffff || speed === UNKNOWN_SPEED ? undefined : speed,
    duplex: duplex === FULL_DUPLEX ? "full" : duplex === HALF_DUPLEX ? "half" : undefined,
    medium: (["copper", undefined, undefined, "fiber"] as const)[view.getUint8(15)],
    isNegotiated: view.getUint8(18) !== 0,
    supported: view.getUint32(4, true),
    advertised: view.getUint32(8, true),
  };
}

/** What the kernel leaves to a device that sends: to add checksums, and to cut bundles of TCP into segments. */
export function offloads(name: string): { readonly sums: boolean; readonly segments: boolean } {
  return { sums: isOn(name, ETHTOOL_GTXCSUM), segments: isOn(name, ETHTOOL_GTSO) };
}

function isOn(name: string, command: number): boolean {
  const answer = ask(name, command, VALUE_BYTES);
  return answer !== undefined && new DataView(answer.buffer).getUint32(4, true) !== 0;
}

/** Asks for a structure of which the command is the first word. */
function ask(name: string, command: number, nBytes: number): Uint8Array | undefined {
  const call = libc();
  const fd = call.socket(AF_INET, SOCK_DGRAM_CLOEXEC, 0);
  if (fd < 0) return undefined;
  const answer = new Uint8Array(nBytes);
  new DataView(answer.buffer).setUint32(0, command, true);
  const request = new Uint8Array(40); // ifreq: name 16, pointer to the data
  request.set(new TextEncoder().encode(name).subarray(0, IFNAMSIZ - 1));
  new DataView(request.buffer).setBigUint64(IFNAMSIZ, BigInt(call.addressOf(answer)), true);
  const result = call.ioctl(fd, SIOCETHTOOL, request);
  call.close(fd);
  return result < 0 ? undefined : answer;
}

/** A text of at most 32 bytes that a zero ends. */
function textAt(bytes: Uint8Array, at: number): string {
  const field = bytes.subarray(at, at + 32);
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
}
