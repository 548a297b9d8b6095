/** Which driver serves a network device, by ETHTOOL_GDRVINFO. */
import { libc } from "./libc.ts";

const AF_INET = 2;
const SOCK_DGRAM_CLOEXEC = 0x80002;
const SIOCETHTOOL = 0x8946;
const ETHTOOL_GDRVINFO = 3;
const IFNAMSIZ = 16;
/** ethtool_drvinfo: cmd u32, driver 32, version 32, fw_version 32, bus_info 32, reserved 32 + 12, five u32. */
const DRVINFO_BYTES = 196;

/** What a driver says of itself. */
export interface DriverInfo {
  readonly driver: string;
  readonly version: string;
  readonly firmware: string;
}

/** The driver of a device; `undefined` when there is no such device, or it has none. */
export function driverInfo(name: string): DriverInfo | undefined {
  const call = libc();
  const fd = call.socket(AF_INET, SOCK_DGRAM_CLOEXEC, 0);
  if (fd < 0) return undefined;
  const info = new Uint8Array(DRVINFO_BYTES);
  new DataView(info.buffer).setUint32(0, ETHTOOL_GDRVINFO, true);
  const request = new Uint8Array(40); // ifreq: name 16, pointer to the data
  request.set(new TextEncoder().encode(name).subarray(0, IFNAMSIZ - 1));
  new DataView(request.buffer).setBigUint64(IFNAMSIZ, BigInt(call.addressOf(info)), true);
  const result = call.ioctl(fd, SIOCETHTOOL, request);
  call.close(fd);
  if (result < 0) return undefined;
  return { driver: textAt(info, 4), version: textAt(info, 36), firmware: textAt(info, 68) };
}

/** A text of at most 32 bytes that a zero ends. */
function textAt(bytes: Uint8Array, at: number): string {
  const field = bytes.subarray(at, at + 32);
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
}
