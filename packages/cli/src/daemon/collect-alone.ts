/** How this process collects garbage. */
import { setFlagsFromString } from "node:v8";

/**
 * Has every thread collect its young objects, and free the buffers that they had, without helpers: it would have to wait for
 * those that have no processor while others keep it busy, and packets with it (docs/design/0008-turns.md).
 */
export function collectAlone(): void {
  setFlagsFromString("--no-parallel-scavenge");
  setFlagsFromString("--no-concurrent-array-buffer-sweeping");
}
