/** Waits until devices really send: a device that was just set up drops frames until the kernel has noticed its carrier. */
import { setTimeout as sleep } from "node:timers/promises";
import { findLink } from "./link.ts";
import { inNamespace } from "./namespace.ts";

const CHECK_MS = 5;

/** A device, in a namespace or here. */
export interface DevicePlace {
  readonly name: string;
  readonly namespace?: string;
}

/**
 * Waits until all devices are operational.
 *
 * @returns those that were not when the time was over; empty when all are
 */
export async function untilOperational(
  devices: readonly DevicePlace[],
  timeoutMs = 2000,
  signal?: AbortSignal,
): Promise<readonly DevicePlace[]> {
  const deadlineMs = performance.now() + timeoutMs;
  let waiting = devices;
  for (;;) {
    waiting = waiting.filter((device) => !isOperational(device));
    if (waiting.length === 0 || performance.now() >= deadlineMs) return waiting;
    await sleep(CHECK_MS, undefined, signal === undefined ? {} : { signal });
  }
}

function isOperational({ name, namespace }: DevicePlace): boolean {
  const look = (): boolean => findLink(name)?.isOperational === true;
  return namespace === undefined ? look() : inNamespace(namespace, look);
}
