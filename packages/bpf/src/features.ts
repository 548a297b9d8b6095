/** What the kernel lets us do, found out by trying, without changing anything. */
import { existsSync } from "node:fs";
import { messageOf } from "@tenet/kit";
import { probe } from "@tenet/linux";
import { exit, mov } from "./assembly.ts";
import { hasTcx } from "./link.ts";
import { BpfMap } from "./map.ts";
import { MAP_KINDS, type MapKind } from "./map-kind.ts";
import { BpfProgram } from "./program.ts";

/** What is there. */
export interface BpfFeatures {
  /** Why programs cannot be loaded; `undefined` when they can. */
  readonly obstacle: string | undefined;
  /** Kinds of maps that can be made. */
  readonly mapKinds: ReadonlySet<MapKind>;
  /** Values of arrays can be mapped into this process. */
  readonly hasMappedArrays: boolean;
  /** Links to devices that end with the process; without, `attach` uses clsact. */
  readonly hasTcx: boolean;
  /** The kernel describes its types, so its functions can be called. */
  readonly hasKernelTypes: boolean;
}

const PAGE_BYTES = 4096;
const NONE: Omit<BpfFeatures, "obstacle"> = { mapKinds: new Set(), hasMappedArrays: false, hasTcx: false, hasKernelTypes: false };

/** Looks what is there; never throws. */
export function probeBpf(): BpfFeatures {
  const { hasSystemCalls, missing } = probe();
  if (!hasSystemCalls) return { ...NONE, obstacle: missing.join(", ") };
  try {
    const program = BpfProgram.load({ name: "probe", kind: "sched_cls", code: [mov("r0", 0), exit()] });
    try {
      return {
        obstacle: undefined,
        mapKinds: new Set((Object.keys(MAP_KINDS) as MapKind[]).filter((kind) => canMake(kind, false))),
        hasMappedArrays: canMake("array", true),
        hasTcx: hasTcx(program),
        hasKernelTypes: existsSync("/sys/kernel/btf/vmlinux"),
      };
    } finally {
      program.close();
    }
  } catch (error) {
    return { ...NONE, obstacle: messageOf(error) };
  }
}

function canMake(kind: MapKind, isMapped: boolean): boolean {
  const isRing = kind === "ring-buffer";
  const keyBytes = isRing ? 0 : kind === "prefix-trie" ? 8 : 4;
  const maxEntries = isRing ? PAGE_BYTES : 1;
  const spec = { kind, name: "probe", keyBytes, valueBytes: isRing ? 0 : 4, maxEntries, isMapped };
  let like: BpfMap | undefined;
  try {
    if (kind === "array-of-maps") like = BpfMap.create({ ...spec, kind: "array" });
    BpfMap.create(like === undefined ? spec : { ...spec, like }).close();
    return true;
  } catch {
    return false;
  } finally {
    like?.close();
  }
}
