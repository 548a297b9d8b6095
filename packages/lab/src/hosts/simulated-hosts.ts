/** Hosts inside this process: a small network stack per host, over cables into the switch. */
import type { LabHost } from "../file/lab-host.ts";
import { SimulatedHost } from "../simulated/simulated-host.ts";
import type { HostSet, ProbeOutcome } from "./host-set.ts";
import { greeting } from "./namespace-hosts.ts";

/** The host's end of a cable. The switch may run in another thread: frames come later, never while one is sent. */
export interface FrameLink {
  send(frame: Uint8Array): void;
  onFrame(listener: (frame: Uint8Array) => void): void;
}

/** The hosts of one lab. */
export class SimulatedHosts implements HostSet {
  readonly interfaceType = "dummy";
  readonly #byName: ReadonlyMap<string, SimulatedHost>;

  constructor(hosts: readonly LabHost[], openLink: (host: LabHost) => FrameLink) {
    this.#byName = new Map(
      hosts.map((host) => [host.name, new SimulatedHost({ ...host, greeting: greeting(host.name) }, openLink(host))]),
    );
  }

  namespaceOf(): undefined {
    return undefined;
  }

  ping(from: LabHost, address: string, timeoutMs: number): Promise<ProbeOutcome> {
    return this.#host(from).ping(address, timeoutMs);
  }

  connect(from: LabHost, address: string, port: number, timeoutMs: number): Promise<ProbeOutcome> {
    return this.#host(from).connect(address, port, timeoutMs);
  }

  async close(): Promise<void> {
    for (const host of this.#byName.values()) host.close();
  }

  #host({ name }: LabHost): SimulatedHost {
    const host = this.#byName.get(name);
    if (host === undefined) throw new TypeError(`No simulated host "${name}"`);
    return host;
  }
}
