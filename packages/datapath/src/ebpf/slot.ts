/**
 * A flow as the kernel's program has it: what it counts, and what it does, in memory that both share.
 *
 *  | packets 8 | bytes 8 | used, monotonic ns 8 | TCP flags 4 | number of actions 4 | actions, 16 each |
 *  action: | what 4 | argument 4 | data 8 |
 */
import { type FieldName, FIELDS } from "@tenet/net";
import type { DatapathAction } from "../datapath.ts";

/** Offsets and sizes. */
export const SLOT = {
  packets: 0,
  bytes: 8,
  used: 16,
  tcpFlags: 24,
  nActions: 28,
  actions: 32,
  actionBytes: 16,
  maxActions: 14,
  sizeBytes: 256,
} as const;

/** What an action does; `argument` and `data` are as said. */
export const KERNEL_ACTION = {
  /** Sends a copy: device; flags of `clone_redirect`, port. */
  copy: 1,
  /** Sends the packet and ends: device; flags of `redirect`, port. */
  send: 2,
  /** Pushes a tag: TPID in the network's order, TCI. */
  pushVlan: 3,
  /** Takes the outer tag away. */
  popVlan: 4,
  /** Replaces six bytes: where, what. */
  setMac: 5,
} as const;

/** Where a port's packets go. */
export interface KernelPort {
  readonly ifindex: number;
  /** A device that the host's stack is behind: what is sent to it, it receives. */
  readonly isInternal: boolean;
}

/** One action, to be written into a slot. */
export interface KernelAction {
  readonly what: number;
  readonly argument: number;
  readonly low: number;
  readonly high: number;
}

const REDIRECT_INGRESS = 1;

/**
 * What the program is to do for a list of actions.
 *
 * @returns `undefined` when it has something that the program cannot do
 */
export function toKernelActions(
  actions: readonly DatapathAction[],
  portOf: (portNo: number) => KernelPort | undefined,
): KernelAction[] | undefined {
  const out: KernelAction[] = [];
  for (const [i, action] of actions.entries()) {
    const translated = translate(action, i === actions.length - 1, portOf);
    if (translated === undefined) return undefined;
    out.push(...translated);
  }
  return out.length <= SLOT.maxActions ? out : undefined;
}

function translate(
  action: DatapathAction,
  isLast: boolean,
  portOf: (portNo: number) => KernelPort | undefined,
): KernelAction[] | undefined {
  switch (action.type) {
    case "output": {
      const port = portOf(action.port);
      if (port === undefined) return undefined;
      const what = isLast ? KERNEL_ACTION.send : KERNEL_ACTION.copy;
      return [{ what, argument: port.ifindex, low: port.isInternal ? REDIRECT_INGRESS : 0, high: action.port }];
    }
    case "pushVlan":
      return [{ what: KERNEL_ACTION.pushVlan, argument: swap16(action.tpid), low: action.tci, high: 0 }];
    case "popVlan":
      return [{ what: KERNEL_ACTION.popVlan, argument: 0, low: 0, high: 0 }];
    case "setMasked":
      return setFields(action.key, action.mask);
    default:
      return undefined;
  }
}

/** Whole Ethernet addresses. */
function setFields(key: Uint32Array, mask: Uint32Array): KernelAction[] | undefined {
  const out: KernelAction[] = [];
  const done = new Set<number>();
  for (const [name, at] of [
    ["eth_dst", 0],
    ["eth_src", 6],
  ] as const satisfies (readonly [FieldName, number])[]) {
    const { word } = FIELDS[name];
    const [upper, lower] = [mask[word] ?? 0, mask[word + 1] ?? 0];
    if (upper === 0 && lower === 0) continue;
    if (upper !== 0xffff || lower !== 0xffff_ffff) return undefined;
    done.add(word).add(word + 1);
    const [a, b] = [key[word] ?? 0, key[word + 1] ?? 0];
    const bytes = new DataView(new ArrayBuffer(8));
    bytes.setUint16(0, a);
    bytes.setUint32(2, b);
    out.push({ what: KERNEL_ACTION.setMac, argument: at, low: bytes.getUint32(0, true), high: bytes.getUint32(4, true) });
  }
  return mask.every((word, i) => word === 0 || done.has(i)) ? out : undefined;
}

function swap16(value: number): number {
  return ((value & 0xff) << 8) | (value >>> 8);
}
