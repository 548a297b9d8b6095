/** What tests of tunnels have in common: a guest that is plugged in here, and the other end of the underlay in a namespace. */
import { execFileSync } from "node:child_process";
import { tool } from "./live-switch.ts";

/** The outer headers take 70 bytes over IPv6, and some for options. */
export const INNER_MTU = "1400";
export const PATIENCE_MS = 20_000;
/** Runs that share the machine have names, networks and UDP ports of their own. */
const RUN = process.pid % 200;

/** Runs `ip`. @throws Error when it fails */
export function ip(...args: string[]): void {
  execFileSync("ip", args, { stdio: "ignore" });
}

/** {@link ip} to take away what may not be there. */
export function ipQuietly(...args: string[]): void {
  try {
    ip(...args);
  } catch {
    // It is not there.
  }
}

/** Names, networks and ports of one file of tests. */
export interface FieldPlan {
  /** At most three letters, in the names of devices and namespaces. */
  readonly prefix: string;
  /** Of 10.0.0.0/8: five networks from this on, and as many 10 further; at most 240. */
  readonly network: number;
  readonly firstPort: number;
}

/** A guest and a far end; what connects them is the matter of the tests. */
export class TunnelField {
  /** Namespaces. */
  readonly guest: string;
  readonly far: string;
  /** Our ends of the cables to the far end, where it is called `under`, and to the guest. */
  readonly wire: string;
  readonly plug: string;
  /** The first of ten UDP ports. */
  readonly port: number;
  readonly #plan: FieldPlan;

  constructor(plan: FieldPlan) {
    this.#plan = plan;
    const named = (what: string): string => `${plan.prefix}${what}${RUN}`;
    [this.guest, this.far, this.wire, this.plug] = [named("g"), named("f"), named("w"), named("p")];
    this.port = plan.firstPort + RUN * 10;
  }

  /** The address of an end of the underlay: ours is 1, the far one 2. */
  outer(end: number): string {
    return `10.${this.#plan.network + (RUN % 5)}.${RUN}.${end}`;
  }

  outer6(end: number): string {
    return `fd77:${this.#plan.network}:${RUN}::${end}`;
  }

  /** The address of an end of the tunnel: the guest's is 1. */
  inner(end: number): string {
    return `10.${this.#plan.network + 10 + (RUN % 5)}.${RUN}.${end}`;
  }

  /** Makes namespaces and cables; only the guest has an address. */
  lay(): void {
    this.cleanUp();
    for (const name of [this.guest, this.far]) ip("netns", "add", name);
    ip("link", "add", this.wire, "type", "veth", "peer", "name", "under", "netns", this.far);
    ip("link", "add", this.plug, "type", "veth", "peer", "name", "eth0", "netns", this.guest);
    for (const name of [this.wire, this.plug]) ip("link", "set", name, "up");
    ip("-n", this.guest, "addr", "add", `${this.inner(1)}/24`, "dev", "eth0");
    ip("-n", this.guest, "link", "set", "eth0", "mtu", INNER_MTU, "up");
    for (const name of ["lo", "under"]) ip("-n", this.far, "link", "set", name, "up");
  }

  /** Has the kernel speak VXLAN at the far end, as device `vx`. */
  addVxlan(outer: (end: number) => string, id: number): void {
    const ends = ["local", outer(2), "remote", outer(1), "dstport", String(this.port)];
    ip("-n", this.far, "link", "add", "vx", "type", "vxlan", "id", String(id), ...ends);
    ip("-n", this.far, "addr", "add", `${this.inner(2)}/24`, "dev", "vx");
    ip("-n", this.far, "link", "set", "vx", "mtu", INNER_MTU, "up");
  }

  /** Waits until the far end of the tunnel answers the guest; it may have another MAC address than before. */
  async untilPing(...options: string[]): Promise<void> {
    ip("-n", this.guest, "neigh", "flush", "all");
    ip("neigh", "flush", "dev", this.wire);
    const ping = ["netns", "exec", this.guest, "ping", "-n", "-c", "1", "-W", "1", ...options, this.inner(2)];
    const end = Date.now() + PATIENCE_MS;
    for (;;) {
      const { code, out } = await tool("ip", ping);
      if (code === 0) return;
      if (Date.now() > end) throw new Error(out);
    }
  }

  /** Takes namespaces and cables away. */
  cleanUp(): void {
    for (const name of [this.guest, this.far]) ipQuietly("netns", "del", name);
    for (const name of [this.wire, this.plug]) ipQuietly("link", "del", name);
  }
}
