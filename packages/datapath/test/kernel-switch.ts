/** For one test: a datapath whose flows are in the kernel, and hosts on cables to it. It can look away, so that the kernel is alone. */
import { expect, vi } from "vitest";
import { type PortSpec, UserDatapath } from "@tenet/datapath";
import { deleteLeftovers, ReachabilityProber } from "@tenet/linux";
import { cableHost } from "./cabled-host.ts";

const PATIENCE = { timeout: 20_000, interval: 10 };

/** What became of a ping out of a namespace: `reply` when one came. */
export async function pingFrom(namespace: string, address: string): Promise<string> {
  const prober = new ReachabilityProber();
  try {
    return (await prober.ping(namespace, address)).outcome;
  } finally {
    prober.close();
  }
}

/** A datapath that looks, and that nothing is left of when it is closed. */
export class KernelSwitch {
  readonly datapath: UserDatapath;
  readonly #prefix: string;
  #stop = new AbortController();

  /** @param prefix - of the names of all that is made, of this test alone */
  constructor(prefix: string) {
    deleteLeftovers(prefix);
    this.#prefix = prefix;
    this.datapath = new UserDatapath({ isKernelUsed: true });
    this.datapath.start(this.#stop.signal);
  }

  /** Makes a host in a namespace of this name, behind the prefix. @returns its port */
  async plugHost(name: string, addresses: readonly string[], spec: Partial<PortSpec> = {}): Promise<number> {
    return this.datapath.addPort({ name: await cableHost(this.#prefix + name, ...addresses), kind: "system", ...spec });
  }

  /** From now on no packet is looked at. */
  lookAway(): void {
    this.#stop.abort();
  }

  /** Looks again. */
  look(): void {
    this.#stop = new AbortController();
    this.datapath.start(this.#stop.signal);
  }

  /** Does something while no packet is looked at. */
  async lookingAway<T>(run: () => Promise<T>): Promise<T> {
    this.lookAway();
    try {
      return await run();
    } finally {
      this.look();
    }
  }

  /** Waits until pings are answered while no packet is looked at, for which flows have to be in the kernel. */
  async untilInKernel(pings: () => Promise<string>): Promise<void> {
    await vi.waitFor(async () => {
      await pings();
      expect(await this.lookingAway(pings)).toBe("reply");
    }, PATIENCE);
  }

  async close(): Promise<void> {
    this.lookAway();
    await this.datapath[Symbol.asyncDispose]();
    deleteLeftovers(this.#prefix);
  }
}
