/**
 * Where packets are forwarded: in the kernel where that works, else by this process; and how that is told.
 *
 * What the kernel and the privileges allow is found out by trying: nothing is concluded from version numbers.
 */
import { type KernelObstacle, kernelObstacle, UserDatapath, type UserDatapathOptions } from "@tenet/datapath";
import { AppError, IoError } from "@tenet/kit";

/** By this process alone, with a program in the kernel in front of it, or that where it works. */
export type DatapathKind = "auto" | "ebpf" | "user";

/** A datapath, and why its flows are not in the kernel, when they are not. */
export interface OpenedDatapath {
  readonly datapath: UserDatapath;
  /** Reason and mend. */
  readonly whyUserSpace: string | undefined;
}

/** Ports that are no devices stand in the way, too. */
export const SIMULATED: KernelObstacle = {
  reason: "all ports are simulated",
  mend: "The kernel forwards between devices alone; ask for no flows there",
};

/**
 * Opens the datapath that was asked for.
 *
 * @param probe - tells what stands in the way of flows in the kernel
 * @throws AppError when it was `ebpf`, and that does not work here
 */
export function openDatapath(
  kind: DatapathKind,
  options: UserDatapathOptions,
  probe: () => KernelObstacle | undefined = kernelObstacle,
): OpenedDatapath {
  if (kind === "user") return { datapath: new UserDatapath(options), whyUserSpace: "as asked for" };
  const obstacle = probe();
  if (obstacle === undefined) {
    try {
      return { datapath: new UserDatapath({ ...options, isKernelUsed: true }), whyUserSpace: undefined };
    } catch (error) {
      if (kind === "ebpf" || !(error instanceof AppError)) throw error;
      return { datapath: new UserDatapath(options), whyUserSpace: inWords(error.message, error.hint) };
    }
  }
  const { reason, mend } = obstacle;
  if (kind === "ebpf") throw new IoError(`Cannot forward in the kernel: ${reason}`, { hint: mend });
  return { datapath: new UserDatapath(options), whyUserSpace: inWords(reason, mend) };
}

/** The one line that says where flows run. */
export function describePlacement(whyUserSpace: string | undefined): string {
  return whyUserSpace === undefined ? "Flows run in the kernel (eBPF)" : `Flows run in user space: ${whyUserSpace}`;
}

function inWords(reason: string, mend: string | undefined): string {
  return mend === undefined ? reason : `${reason} (${mend.split("\n")[0]})`;
}
