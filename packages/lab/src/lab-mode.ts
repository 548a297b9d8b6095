/** How hosts can be made on this machine. */
import { readFileSync } from "node:fs";
import { probe } from "@tenet/linux";

/** Network namespaces of the kernel, or hosts simulated inside this process. */
export type LabMode = "namespaces" | "simulated";

/** Capabilities that namespaces, devices and raw sockets need, by their bit. @see capabilities(7) */
const CAPABILITIES = { CAP_NET_ADMIN: 12, CAP_NET_RAW: 13, CAP_SYS_ADMIN: 21 } as const;

/** What this machine allows, and why not namespaces when not. Changes nothing. */
export function bestMode(): { readonly mode: LabMode; readonly reason: string } {
  const { canUseNamespaces, missing } = probe();
  if (!canUseNamespaces) return { mode: "simulated", reason: missing.join(", ") };
  const lacking = lackingCapabilities();
  if (lacking.length > 0) return { mode: "simulated", reason: `root, but without ${lacking.join(", ")} (a container?)` };
  return { mode: "namespaces", reason: "root on Linux" };
}

function lackingCapabilities(): string[] {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  if (effective === undefined) return [];
  const bits = BigInt(`0x${effective}`);
  return Object.entries(CAPABILITIES)
    .filter(([, bit]) => ((bits >> BigInt(bit)) & 1n) === 0n)
    .map(([name]) => name);
}
