import { splitSeconds } from "../split-seconds.ts";

/** Writes seconds as `ovs-ofctl` does: no fraction, or three, six or nine digits of it. */
export function formatDuration(seconds: number): string {
  const [whole, nanoseconds] = splitSeconds(seconds);
  const fraction = nanoseconds
    .toString()
    .padStart(9, "0")
    .replace(/(000){1,3}$/, "");
  return fraction === "" ? `${whole}s` : `${whole}.${fraction}s`;
}
