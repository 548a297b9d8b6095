/** Whether flows can be in the kernel here. */
import { type MapKind, probeBpf } from "@tenet/bpf";
import { probe } from "@tenet/linux";

/** What stands in the way, and what to do about it. */
export interface KernelObstacle {
  readonly reason: string;
  readonly mend: string;
}

const MAP_KINDS: readonly MapKind[] = ["hash", "array", "per-cpu-array", "array-of-maps"];
const NEWER_KERNEL = "Linux 5.10 has all that is needed, 6.6 all that is used";

/** What keeps flows out of the kernel; `undefined` when nothing does. Changes nothing. */
export function kernelObstacle(): KernelObstacle | undefined {
  const { canUseNamespaces, missing } = probe();
  if (!canUseNamespaces) return { reason: missing.join(", "), mend: "Run it as root on Linux" };
  const { obstacle, mapKinds, hasMappedArrays } = probeBpf();
  if (obstacle !== undefined) return { reason: obstacle, mend: "It needs CAP_BPF, CAP_NET_ADMIN and a kernel with BPF" };
  const lacking = MAP_KINDS.filter((kind) => !mapKinds.has(kind));
  if (lacking.length > 0) return { reason: `the kernel has no BPF maps of kind ${lacking.join(", ")}`, mend: NEWER_KERNEL };
  if (!hasMappedArrays) return { reason: "the kernel's BPF arrays cannot be mapped", mend: NEWER_KERNEL };
  return undefined;
}
