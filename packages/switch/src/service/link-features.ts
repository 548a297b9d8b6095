/** What a network device tells of its link, in the bits of OpenFlow 1.1 and later. @see OpenFlow 1.3.5, section 7.2.1 */
import { linkSettings } from "@tenet/linux";

/** Part of a port's description. */
export interface LinkFeatures {
  readonly current: number;
  readonly advertised: number;
  readonly supported: number;
  /** In kbit/s; 0 = unknown. */
  readonly currentSpeed: number;
  readonly maxSpeed: number;
}

const KBPS_PER_MBPS = 1000;
/** Of a port without a device. */
export const NO_FEATURES: LinkFeatures = { current: 0, advertised: 0, supported: 0, currentSpeed: 0, maxSpeed: 0 };

/** Bits of speeds in Mbit/s: half duplex, where there is that, and full. */
const SPEED_BITS: ReadonlyMap<number, readonly [half: number, full: number]> = new Map([
  [10, [1 << 0, 1 << 1]],
  [100, [1 << 2, 1 << 3]],
  [1000, [1 << 4, 1 << 5]],
  [10_000, [0, 1 << 6]],
  [40_000, [0, 1 << 7]],
  [100_000, [0, 1 << 8]],
  [1_000_000, [0, 1 << 9]],
]);
const OTHER = 1 << 10;
const MEDIUM = { copper: 1 << 11, fiber: 1 << 12 } as const;
const NEGOTIATED = 1 << 13;
/** Bits of ethtool, and the bits that they become. */
const FROM_ETHTOOL: readonly (readonly [from: number, to: number])[] = [
  [0x3f, 0x3f], // 10 Mbit/s half duplex to 1 Gbit/s full, in the same order
  [1 << 12, 1 << 6],
  [1 << 7, MEDIUM.copper],
  [1 << 10, MEDIUM.fiber],
  [1 << 6, NEGOTIATED],
  [1 << 13, 1 << 14],
  [1 << 14, 1 << 15],
];

/** Asks the device; of one that is not there nothing is known. */
export function linkFeatures(device: string): LinkFeatures {
  const settings = linkSettings(device);
  if (settings === undefined) return NO_FEATURES;
  const { speedMbps, duplex, medium, isNegotiated } = settings;
  const [half, full] = speedMbps === undefined ? [0, 0] : (SPEED_BITS.get(speedMbps) ?? [OTHER, OTHER]);
  const supported = fromEthtool(settings.supported);
  return {
    current: (duplex === "half" ? half : full) | (medium === undefined ? 0 : MEDIUM[medium]) | (isNegotiated ? NEGOTIATED : 0),
    advertised: fromEthtool(settings.advertised),
    supported,
    currentSpeed: (speedMbps ?? 0) * KBPS_PER_MBPS,
    maxSpeed: fastestOf(supported) * KBPS_PER_MBPS,
  };
}

function fromEthtool(bits: number): number {
  return FROM_ETHTOOL.reduce((all, [from, to]) => all | (from === to ? bits & from : (bits & from) === 0 ? 0 : to), 0);
}

/** In Mbit/s. */
function fastestOf(features: number): number {
  const speeds = [...SPEED_BITS].flatMap(([speed, [half, full]]) => ((features & (half | full)) === 0 ? [] : speed));
  return Math.max(0, ...speeds);
}
