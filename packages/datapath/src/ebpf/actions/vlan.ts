/** Tags. */
import { asm } from "@tenet/bpf";
import type { FrameLayout } from "./frame-layout.ts";
import { type ActionCode, type ActionOf, type KernelAction, loadArgument } from "./action-kind.ts";

/** Actions of this file. */
export type VlanActionName = "pushVlan" | "popVlan";

/** What they do. */
export const VLAN_ACTIONS: Readonly<Record<VlanActionName, ActionCode>> = {
  /** Pushes a tag: TPID in the network's order; TCI. */
  pushVlan: () => [
    [asm.mov("r1", "r6"), loadArgument("r2", "argument"), loadArgument("r3", "low"), asm.call("skb_vlan_push")],
    asm.jump("next"),
  ],
  /** Takes the outer tag away. */
  popVlan: () => [asm.mov("r1", "r6"), asm.call("skb_vlan_pop"), asm.jump("next")],
};

export function translatePushVlan({ tpid, tci }: ActionOf<"pushVlan">, layout: FrameLayout): KernelAction<"pushVlan">[] {
  layout.pushTag();
  return [{ what: "pushVlan", argument: ((tpid & 0xff) << 8) | (tpid >>> 8), low: tci, high: 0 }];
}

export function translatePopVlan(layout: FrameLayout): KernelAction<"popVlan">[] {
  layout.popTag();
  return [{ what: "popVlan", argument: 0, low: 0, high: 0 }];
}
