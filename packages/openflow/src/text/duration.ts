/** Writes seconds as `ovs-ofctl` does: no fraction, or three, six or nine digits of it. */
export function formatDuration(seconds: number): string {
  const whole = Math.floor(seconds);
  const fraction = Math.round((seconds - whole) * 1e9)
    .toString()
    .padStart(9, "0")
    .replace(/(000){1,3}$/, "");
  return fraction === "" ? `${whole}s` : `${whole}.${fraction}s`;
}
