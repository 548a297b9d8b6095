/** Frames for tests of connection trackers, and what those list. */
import {
  buildEthernet,
  buildIp4,
  buildIp6,
  FIELDS,
  formatIp4,
  getField,
  makeFlowKey,
  parseFlowKey,
  parseIp4,
  parseIp6,
} from "@tenet/net";
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

/** An address of a frame, as text. */
export function addressText(frame: Uint8Array, family: 4 | 6, side: "src" | "dst"): string {
  const key = makeFlowKey();
  parseFlowKey(frame, frame.length, 1, key);
  if (family === 4) return formatIp4(getField(key, FIELDS[side === "src" ? "nw_src" : "nw_dst"]));
  const { word } = FIELDS[side === "src" ? "ipv6_src" : "ipv6_dst"];
  const groups = Array.from({ length: 4 }, (_, i) => key[word + i] ?? 0).flatMap((each) => [each >>> 16, each & 0xffff]);
  return groups
    .map((group) => group.toString(16))
    .join(":")
    .replace(/(^|:)0(:0)+(:|$)/, "::");
}
