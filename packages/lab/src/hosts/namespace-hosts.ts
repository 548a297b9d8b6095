/**
 * Hosts as network namespaces: a veth pair each, addresses inside, TCP listeners that this process serves.
 *
 * The switch's end has the namespace's name; the host's end is `eth0`.
 */
import { createServer, type Server } from "node:net";
import { AppError, type Logger, messageOf } from "@tenet/kit";
import {
  addAddress,
  addRoute,
  createNamespace,
  createVethPair,
  deleteLeftovers,
  deleteLink,
  deleteNamespace,
  findLink,
  inNamespace,
  openTcpListener,
  type PingResult,
  ReachabilityProber,
  setLinkUp,
  SystemCallError,
  type TcpResult,
  untilOperational,
} from "@tenet/linux";
import { parseMac } from "@tenet/net";
import { LabFileError } from "../file/lab-file-error.ts";
import type { LabHost } from "../file/lab-host.ts";
import type { HostSet, ProbeOutcome } from "./host-set.ts";

const MAX_DEVICE_NAME = 15;
const INSIDE = "eth0";

/** A device of the lab does not come up. */
export class HostDeviceError extends AppError {
  static override readonly code: string = "LAB_DEVICE";
}

/** The hosts of one lab; made by {@link NamespaceHosts.open}. */
export class NamespaceHosts implements HostSet {
  readonly interfaceType = "";
  readonly #prefix: string;
  readonly #log: Logger;
  readonly #hosts: LabHost[] = [];
  readonly #servers: Server[] = [];
  readonly #prober = new ReachabilityProber();

  private constructor(prefix: string, log: Logger) {
    this.#prefix = prefix;
    this.#log = log;
  }

  /**
   * Deletes what an earlier run left, makes the hosts and waits until their devices carry frames.
   *
   * @throws LabFileError when a name is too long for a device; SystemCallError; HostDeviceError
   */
  static async open(hosts: readonly LabHost[], prefix: string, log: Logger, signal: AbortSignal): Promise<NamespaceHosts> {
    for (const host of hosts) checkName(host, prefix);
    const left = deleteLeftovers(prefix);
    if (left.links.length + left.namespaces.length > 0) log.info({ ...left }, "cleared what an earlier run left");
    const set = new NamespaceHosts(prefix, log);
    try {
      for (const host of hosts) {
        signal.throwIfAborted();
        set.#make(host);
      }
      await set.#untilUp(signal);
      return set;
    } catch (error) {
      await set.close();
      throw error;
    }
  }

  namespaceOf(host: LabHost): string {
    return this.#prefix + host.name;
  }

  async ping(from: LabHost, address: string, timeoutMs: number): Promise<ProbeOutcome> {
    return probed(() => this.#prober.ping(this.namespaceOf(from), address, { timeoutMs }));
  }

  async connect(from: LabHost, address: string, port: number, timeoutMs: number): Promise<ProbeOutcome> {
    return probed(() => this.#prober.connectTcp(this.namespaceOf(from), address, port, { timeoutMs }));
  }

  async close(): Promise<void> {
    this.#prober.close();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
    for (const host of this.#hosts) {
      const name = this.namespaceOf(host);
      if (findLink(name) !== undefined) deleteLink(name);
      deleteNamespace(name);
    }
  }

  #make(host: LabHost): void {
    const name = this.namespaceOf(host);
    this.#hosts.push(host);
    createNamespace(name);
    createVethPair({ name, peer: INSIDE, peerNamespace: name, peerMac: parseMac(host.mac) });
    inNamespace(name, () => {
      for (const address of host.addresses) addAddress(INSIDE, address);
      setLinkUp(INSIDE);
      if (host.gateway !== undefined) addRoute({ to: host.gateway.includes(":") ? "default6" : "default", via: host.gateway });
    });
    setLinkUp(name);
    const anywhere = host.addresses.some((address) => address.includes(":")) ? "::" : "0.0.0.0";
    for (const port of host.listen) this.#serve(host, openTcpListener(name, anywhere, port));
  }

  #serve(host: LabHost, fd: number): void {
    const server = createServer((socket) => {
      socket.on("error", (error) => this.#log.debug({ host: host.name, error: messageOf(error) }, "client left early"));
      socket.end(greeting(host.name));
      socket.resume();
    });
    server.on("error", (error) => this.#log.warn({ host: host.name, error: messageOf(error) }, "a listener failed"));
    server.listen({ fd });
    this.#servers.push(server);
  }

  async #untilUp(signal: AbortSignal): Promise<void> {
    const devices = this.#hosts.flatMap((host) => {
      const name = this.namespaceOf(host);
      return [{ name }, { name: INSIDE, namespace: name }];
    });
    const down = await untilOperational(devices, undefined, signal);
    if (down.length === 0) return;
    throw new HostDeviceError(
      `Cannot bring up ${down.map(({ name, namespace }) => `${namespace ?? ""} ${name}`.trim()).join(", ")}`,
      {
        hint: "See what `ip link` says about these devices",
      },
    );
  }
}

/** The line that a host's TCP port says. */
export function greeting(host: string): string {
  return `hello from ${host}\n`;
}

function checkName(host: LabHost, prefix: string): void {
  const name = prefix + host.name;
  if (name.length <= MAX_DEVICE_NAME) return;
  throw new LabFileError(`host "${host.name}" needs a device "${name}", whose name is too long`, {
    at: host.at,
    expected: `a host name of at most ${Math.max(0, MAX_DEVICE_NAME - prefix.length)} characters`,
    hint: `Device names have at most ${MAX_DEVICE_NAME} characters, and "${prefix}" is put before each`,
  });
}

/** Sends a probe; a host whose namespace somebody deleted meanwhile reaches nobody. */
async function probed(send: () => Promise<PingResult | TcpResult>): Promise<ProbeOutcome> {
  try {
    return outcomeOf(await send());
  } catch (error) {
    if (error instanceof SystemCallError && error.errno === "ENOENT") return { isOpen: false, isSilent: false };
    throw error;
  }
}

function outcomeOf(result: PingResult | TcpResult): ProbeOutcome {
  if (result.outcome === "reply" || result.outcome === "open") return { isOpen: true, rttMs: result.rttMs };
  return { isOpen: false, isSilent: result.outcome === "none" && (result.why === "timeout" || result.why === "EHOSTUNREACH") };
}
