/** Frames of a pcap file, as hexadecimal digits. */
import { readFileSync } from "node:fs";

export function framesIn(path: string): string[] {
  const bytes = readFileSync(path);
  const frames: string[] = [];
  for (let at = 24; at < bytes.length; ) {
    const length = bytes.readUInt32LE(at + 8);
    frames.push(bytes.subarray(at + 16, at + 16 + length).toString("hex"));
    at += 16 + length;
  }
  return frames;
}
