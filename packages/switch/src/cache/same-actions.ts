/** Whether datapath actions are the same, so that an installed megaflow may stay as it is. */
import type { CtDatapathAction, CtNat, DatapathAction } from "@tenet/datapath";
import { isSameTunnel } from "@tenet/net";

/** Whether two lists do the same. */
export function areEqual(a: readonly DatapathAction[], b: readonly DatapathAction[]): boolean {
  return a === b || (a.length === b.length && a.every((action, i) => isSameAction(action, b[i])));
}

function isSameAction(a: DatapathAction, b: DatapathAction | undefined): boolean {
  switch (a.type) {
    case "output":
      return b?.type === "output" && a.port === b.port;
    case "setMasked":
      return b?.type === "setMasked" && isSame(a.key, b.key) && isSame(a.mask, b.mask);
    case "pushVlan":
      return b?.type === "pushVlan" && a.tci === b.tci && a.tpid === b.tpid;
    case "popVlan":
      return b?.type === "popVlan";
    case "meter":
      return b?.type === "meter" && a.meter === b.meter;
    case "userspace":
      return b?.type === "userspace" && a.userdata === b.userdata;
    case "ct":
      return b?.type === "ct" && isSameCt(a, b);
    case "setTunnel":
      return b?.type === "setTunnel" && isSameTunnel(a.key, b.key) && a.dstPort === b.dstPort;
    case "tunnelPush":
      if (b?.type !== "tunnelPush" || a.tunnelPort !== b.tunnelPort || a.outPort !== b.outPort) return false;
      return a.header.length === b.header.length && a.header.every((byte, i) => byte === b.header[i]);
    case "tunnelPop":
      return b?.type === "tunnelPop" && a.port === b.port;
    case "reassemble":
      return b?.type === "reassemble";
    case "ctClear":
      return b?.type === "ctClear";
    case "pushMpls":
      return b?.type === "pushMpls" && a.ethType === b.ethType && a.entry === b.entry;
    case "popMpls":
      return b?.type === "popMpls" && a.ethType === b.ethType;
    case "truncate":
      return b?.type === "truncate" && a.maxLength === b.maxLength;
    case "hash":
      return b?.type === "hash" && a.basis === b.basis;
    case "setPriority":
      return b?.type === "setPriority" && a.priority === b.priority;
    case "setMark":
      return b?.type === "setMark" && a.mark === b.mark;
    case "checkLength":
      if (b?.type !== "checkLength" || a.sizeBytes !== b.sizeBytes) return false;
      return areEqual(a.greater, b.greater) && areEqual(a.lessOrEqual, b.lessOrEqual);
    case "clone":
      return b?.type === "clone" && areEqual(a.actions, b.actions);
    case "recirc":
      return b?.type === "recirc" && a.id === b.id;
  }
}

function isSameCt(a: CtDatapathAction, b: CtDatapathAction): boolean {
  if (a.isCommit !== b.isCommit || a.isForce !== b.isForce || a.zone !== b.zone) return false;
  if (a.mark !== b.mark || a.markMask !== b.markMask || a.helper !== b.helper) return false;
  return isSameIfAny(a.label, b.label) && isSameIfAny(a.labelMask, b.labelMask) && isSameNat(a.nat, b.nat);
}

function isSameNat(a: CtNat | undefined, b: CtNat | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (a.side !== b.side || a.isPersistent !== b.isPersistent || a.portChoice !== b.portChoice) return false;
  if (a.firstPort !== b.firstPort || a.lastPort !== b.lastPort) return false;
  return isSameIfAny(a.firstAddress, b.firstAddress) && isSameIfAny(a.lastAddress, b.lastAddress);
}

function isSameIfAny(a: Uint32Array | undefined, b: Uint32Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : isSame(a, b);
}

function isSame(a: Uint32Array, b: Uint32Array): boolean {
  if (a === b) return true;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
