/** Ports in messages: what they are, their counters, and what is to change of them. */
import { formatMac } from "@tenet/net";
import { type Message, type PortDesc, type PortStatsEntry, VERSION } from "../message.ts";
import { formatDuration } from "../text/duration.ts";
import { formatPort } from "../text/port-name.ts";
import { formatCounter } from "./counter.ts";
import { type BitNames, namesOfBits } from "./names-of-bits.ts";

type PortMod = Extract<Message, { type: "portMod" }>;

const CONFIG: BitNames = ["PORT_DOWN", "NO_STP", "NO_RECV", "NO_RECV_STP", "NO_FLOOD", "NO_FWD", "NO_PACKET_IN"];
const STATE: BitNames = ["LINK_DOWN", "BLOCKED", "LIVE"];
const FEATURES: BitNames = [
  "10MB-HD",
  "10MB-FD",
  "100MB-HD",
  "100MB-FD",
  "1GB-HD",
  "1GB-FD",
  "10GB-FD",
  "40GB-FD",
  "100GB-FD",
  "1TB-FD",
  "OTHER",
  "COPPER",
  "FIBER",
  "AUTO_NEG",
  "AUTO_PAUSE",
  "AUTO_PAUSE_ASYM",
];
/** Mbit/s of the feature bits, the highest first. */
const SPEEDS: readonly (readonly [bits: number, speed: number])[] = [
  [1 << 9, 1_000_000],
  [1 << 8, 100_000],
  [1 << 7, 40_000],
  [1 << 6, 10_000],
  [3 << 4, 1000],
  [3 << 2, 100],
  [3, 10],
];

/** Writes a port over several lines, the first one from its number on. */
export function printPortDesc(desc: PortDesc, version: number): string {
  const { port, mac, name, config, state, current, advertised, supported, peer } = desc;
  const lines = [
    `${formatPort(port)}(${name}): addr:${formatMac(mac)}`,
    `     config:     ${configNames(config)}`,
    `     state:      ${namesOfBits(state, STATE)}`,
  ];
  for (const [label, bits] of Object.entries({ current, advertised, supported, peer })) {
    if (bits !== 0) lines.push(`     ${`${label}:`.padEnd(12)}${namesOfBits(bits, FEATURES)}`);
  }
  const [now, max] =
    version === 1
      ? [speedOf(current), speedOf(supported)]
      : [desc.currentSpeed, desc.maxSpeed].map((kbps) => Math.floor(kbps / 1000));
  return `${lines.join("\n")}\n     speed: ${now} Mbps now, ${max} Mbps max\n`;
}

/** Writes what is to change of a port. */
export function printPortMod({ port, mac, config, mask, advertise }: PortMod): string {
  return [
    ` port: ${formatPort(port)}: addr:${formatMac(mac)}`,
    `     config: ${configNames(config)}`,
    `     mask:   ${configNames(mask)}`,
    `     advertise: ${advertise === 0 ? "UNCHANGED" : namesOfBits(advertise, FEATURES)}\n`,
  ].join("\n");
}

/** Writes the counters of a port. */
export function printPortStats(stats: PortStatsEntry, version: number): string {
  const show = (names: readonly (readonly [string, bigint])[]): string =>
    names.map(([name, counter]) => `${name}=${formatCounter(counter)}`).join(", ");
  const received = show([
    ["pkts", stats.rxPackets],
    ["bytes", stats.rxBytes],
    ["drop", stats.rxDropped],
    ["errs", stats.rxErrors],
    ["frame", stats.rxFrameErrors],
    ["over", stats.rxOverErrors],
    ["crc", stats.rxCrcErrors],
  ]);
  const sent = show([
    ["pkts", stats.txPackets],
    ["bytes", stats.txBytes],
    ["drop", stats.txDropped],
    ["errs", stats.txErrors],
    ["coll", stats.collisions],
  ]);
  const duration = version < VERSION.OF13 ? "" : `           duration=${formatDuration(stats.durationSec)}\n`;
  return `  port ${formatPort(stats.port).padStart(2)}: rx ${received}\n           tx ${sent}\n${duration}`;
}

function configNames(config: number): string {
  return namesOfBits(config & ((1 << CONFIG.length) - 1), CONFIG);
}

function speedOf(features: number): number {
  return SPEEDS.find(([bits]) => (features & bits) !== 0)?.[1] ?? 0;
}
