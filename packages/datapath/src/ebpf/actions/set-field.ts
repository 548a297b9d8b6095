/** Replaces fields of the packet. */
import { asm } from "@tenet/bpf";
import { type FieldName, FIELDS } from "@tenet/net";
import { STACK } from "../program/stack.ts";
import { SLOT } from "../slot.ts";
import { type ActionCode, type ActionOf, type KernelAction, loadArgument } from "./action-kind.ts";

const ADDRESS_BYTES = 6;

/** Actions of this file. */
export type SetFieldActionName = "setMac";

/** What they do. */
export const SET_FIELD_ACTIONS: Readonly<Record<SetFieldActionName, ActionCode>> = {
  /** Replaces an Ethernet address: where; its bytes, which go over the stack, since a helper must not read them from a slot. */
  setMac: () => [
    [asm.load(8, "r1", "r7", SLOT.actions + 8), asm.store(8, "r10", STACK.scratch, "r1")],
    [asm.mov("r1", "r6"), loadArgument("r2", "argument"), asm.mov("r3", "r10"), asm.add("r3", STACK.scratch)],
    [asm.mov("r4", ADDRESS_BYTES), asm.mov("r5", 0), asm.call("skb_store_bytes"), asm.jump("next")],
  ],
};

/** Whole Ethernet addresses. @returns `undefined` when the action sets anything else */
export function translateSetMasked({ key, mask }: ActionOf<"setMasked">): KernelAction<SetFieldActionName>[] | undefined {
  const out: KernelAction<SetFieldActionName>[] = [];
  const done = new Set<number>();
  for (const [name, at] of [
    ["eth_dst", 0],
    ["eth_src", ADDRESS_BYTES],
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
    out.push({ what: "setMac", argument: at, low: bytes.getUint32(0, true), high: bytes.getUint32(4, true) });
  }
  return mask.every((word, i) => word === 0 || done.has(i)) ? out : undefined;
}
