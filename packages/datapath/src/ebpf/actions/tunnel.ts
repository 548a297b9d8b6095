/** Sends packets into tunnels, by a program of their own (`tunnel/encapsulate.ts`), to which the packet's mark tells the path. */
import { asm } from "@tenet/bpf";
import { CONTEXT } from "../program/context.ts";
import { type ActionCode, type KernelAction, loadArgument } from "./action-kind.ts";

/** Actions of this file. */
export type TunnelActionName = "sendInto" | "copyInto";

/** Both: path. */
export const TUNNEL_ACTIONS: Readonly<Record<TunnelActionName, ActionCode>> = {
  /** Sends the packet into a tunnel, and ends. */
  sendInto: ({ tunnels }) => [
    [loadArgument("r1", "argument"), asm.store(4, "r6", CONTEXT.mark, "r1")],
    [asm.mov("r1", "r6"), asm.mapAddress("r2", tunnels), asm.mov("r3", 0), asm.call("tail_call"), asm.jump("done")],
  ],
  /** Sends a copy: through the collector to the other end of its pair, where that program is. */
  copyInto: ({ collector }) => [
    [loadArgument("r1", "argument"), asm.store(4, "r6", CONTEXT.mark, "r1")],
    [asm.mov("r1", "r6"), asm.mov("r2", collector), asm.mov("r3", 0), asm.call("clone_redirect")],
    [asm.store(4, "r6", CONTEXT.mark, 0), asm.jump("next")],
  ],
};

/** @param path - its number */
export function sendInto(path: number, isLast: boolean): KernelAction<TunnelActionName> {
  return { what: isLast ? "sendInto" : "copyInto", argument: path, low: 0, high: 0 };
}
