/** Sends packets to ports. */
import { asm, type Code } from "@tenet/bpf";
import { countPort } from "../program/counters.ts";
import { INGRESS } from "../program/go-up.ts";
import type { ProgramMaps } from "../program/program-maps.ts";
import { STACK } from "../program/stack.ts";
import { type ActionCode, type ActionOf, type KernelAction, loadArgument, type TranslationContext } from "./action-kind.ts";
import { sendInto, type TunnelActionName } from "./tunnel.ts";

/** Actions of this file. */
export type OutputActionName = "copy" | "send";

/** Both: device; flags of `redirect`, port. */
export const OUTPUT_ACTIONS: Readonly<Record<OutputActionName, ActionCode>> = {
  /** Sends a copy. */
  copy: (maps) => [
    countOutput(maps, "copy"),
    [asm.mov("r1", "r6"), loadArgument("r2", "argument"), loadArgument("r3", "low"), asm.call("clone_redirect")],
    asm.jump("next"),
  ],
  /** Sends the packet, and ends. */
  send: (maps) => [
    countOutput(maps, "send"),
    [loadArgument("r1", "argument"), loadArgument("r2", "low"), asm.call("redirect"), asm.exit()],
  ],
};

/** @returns `undefined` when the port cannot be reached from the program */
export function translateOutput(
  { port }: ActionOf<"output">,
  { isLast, portOf, pathInto, outer }: TranslationContext,
): KernelAction<OutputActionName | TunnelActionName>[] | undefined {
  const to = portOf(port);
  if (to === undefined) {
    const path = outer === undefined ? undefined : pathInto(port, outer);
    return path === undefined ? undefined : [sendInto(path, isLast)];
  }
  return [{ what: isLast ? "send" : "copy", argument: to.ifindex, low: to.isInternal ? INGRESS : 0, high: port }];
}

function countOutput(maps: ProgramMaps, name: string): Code {
  return [[loadArgument("r1", "high"), asm.store(8, "r10", STACK.scratch, "r1")], countPort(maps, STACK.scratch, "tx", name)];
}
