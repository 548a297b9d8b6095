/** Counters of a network device that the kernel alone keeps. */
import { readFileSync } from "node:fs";

/** Names of the counters in the database, and of the kernel's files. */
const FILES = {
  collisions: "collisions",
  rx_crc_err: "rx_crc_errors",
  rx_frame_err: "rx_frame_errors",
  rx_missed_errors: "rx_missed_errors",
  rx_multicast_packets: "multicast",
  rx_over_err: "rx_over_errors",
} as const;

/** The kernel's number of a kind of devices. */
const LOOPBACK = 772;

/** The counters by their names in the Interface table. */
export type DeviceCounters = Readonly<Record<keyof typeof FILES, number>>;

/** Reads the counters of a device; 0 where it is not there, or in another namespace. */
export function deviceCounters(device: string): DeviceCounters {
  const entries = Object.entries(FILES).map(([name, file]) => [name, readDeviceNumber(device, `statistics/${file}`) ?? 0]);
  return Object.fromEntries(entries) as DeviceCounters;
}

/** Whether what a host sends to itself goes by this device: it would take all of that from the host. */
export function isLoopback(device: string): boolean {
  return readDeviceNumber(device, "type") === LOOPBACK;
}

/** What the kernel says in a file of a device; `undefined` where that is no number, or the device is gone. */
export function readDeviceNumber(device: string, file: string): number | undefined {
  try {
    const text = readFileSync(`/sys/class/net/${device}/${file}`, "utf8").trim();
    return /^-?\d+$/.test(text) ? Number(text) : undefined;
  } catch {
    return undefined;
  }
}
