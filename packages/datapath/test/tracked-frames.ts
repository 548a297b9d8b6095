/** Frames for tests of connection trackers, and what those list. */
import { buildEthernet, buildIp4, buildIp6, parseIp4, parseIp6 } from "@tenet/net";
import type { Tracker } from "./trackers.ts";

/** A frame from one address to another, of either family. */
export function frameOf(src: string, dst: string, proto: number, body: Uint8Array): Uint8Array {
  const ends = { dst: 2, src: 1 };
  if (!src.includes(":")) {
    return buildEthernet({ ...ends, type: 0x0800 }, buildIp4({ src: parseIp4(src), dst: parseIp4(dst), proto }, body));
  }
  return buildEthernet({ ...ends, type: 0x86dd }, buildIp6({ src: parseIp6(src), dst: parseIp6(dst), proto }, body));
}

/** The connections of a tracker but for their time, in an order of their own. */
export function listed({ conntrack }: Tracker): string[] {
  return [...conntrack.connections()].map((each) => JSON.stringify({ ...each, timeoutMs: 0 })).toSorted();
}
