/**
 * The tunnel interfaces of all bridges, and which of them a packet came in by.
 *
 * Interfaces of one kind share one port of the datapath: what comes out there is told apart by its key and addresses.
 * Of several that fit, a given key counts more than a given remote address, and that more than a local one.
 */
import type { Datapath } from "@tenet/datapath";
import { AppError } from "@tenet/kit";
import { FIELDS } from "@tenet/net";
import type { Bridge } from "../bridge/bridge.ts";
import type { BridgePort } from "../bridge/bridge-port.ts";
import { numberInName } from "../bridge/number-in-name.ts";
import { addressAt, isMapped, type TunnelAddress, type TunnelConfig, tunnelPortName } from "./tunnel-config.ts";

const ID = FIELDS.tun_id.word;
const SRC = FIELDS.tun_src.word;
const DST = FIELDS.tun_dst.word;
const SRC6 = FIELDS.tun_ipv6_src.word;
const DST6 = FIELDS.tun_ipv6_dst.word;
const IN_PORT = FIELDS.in_port.word;

/** A tunnel that would take the packets of another. */
class TunnelConflictError extends AppError {
  static override readonly code: string = "SWITCH_TUNNEL_CONFLICT";
}

/** A port of a bridge. */
export interface PortHome {
  readonly bridge: Bridge;
  readonly port: BridgePort;
}

interface Tunnel extends PortHome {
  readonly config: TunnelConfig;
}

/** A datapath port and the interfaces that share it. */
interface SharedPort {
  readonly portNo: number;
  readonly type: TunnelConfig["type"];
  readonly dstPort: number;
  readonly isNative: boolean;
  readonly hasPolicy: boolean;
  readonly tunnelsByRemote: Map<string, Tunnel[]>;
  /** Interfaces, or promises of one; the port goes with the last. */
  nUsers: number;
}

/** All tunnels of a switch. */
export class TunnelTable {
  readonly #datapath: Datapath;
  readonly #sharedByName = new Map<string, SharedPort>();
  readonly #sharedByPortNo = new Map<number, SharedPort>();
  /** Interfaces whose outer packets may go through bridges of ours. */
  #nNative = 0;

  constructor(datapath: Datapath) {
    this.#datapath = datapath;
  }

  /**
   * Opens the datapath port of a tunnel, or takes part in it. To be followed by {@link add} or {@link close}.
   *
   * @throws TunnelConflictError when another interface has the same settings, or its UDP port otherwise
   * @throws IoError when the UDP port is taken
   */
  open(config: TunnelConfig): number {
    const name = tunnelPortName(config);
    const shared = this.#sharedByName.get(name) ?? this.#openShared(name, config);
    if (shared.hasPolicy !== config.hasPolicy) {
      throw new TunnelConflictError("VXLAN-GBP, and non-VXLAN-GBP tunnels can't be configured on the same dst_port");
    }
    if (shared.isNative !== isNative(config)) {
      throw new TunnelConflictError(`${name} is in use by ${shared.isNative ? "dummies" : "the host"}`);
    }
    const twin = shared.tunnelsByRemote.get(nameOf(config.remote))?.find((other) => isSameIdentity(other.config, config));
    if (twin !== undefined) {
      throw new TunnelConflictError(`tunnel with the same remote_ip, local_ip and in_key as port "${twin.port.name}"`, {
        hint: "Give one of them another key",
      });
    }
    shared.nUsers++;
    if (config.carrier !== "host") this.#nNative++;
    return shared.portNo;
  }

  /** Lets packets of a tunnel come in at a bridge's port. */
  add(config: TunnelConfig, home: PortHome): void {
    const shared = this.#sharedByName.get(tunnelPortName(config));
    const name = nameOf(config.remote);
    const tunnels = shared?.tunnelsByRemote.get(name) ?? [];
    tunnels.push({ ...home, config });
    tunnels.sort((a, b) => rankOf(a.config) - rankOf(b.config));
    shared?.tunnelsByRemote.set(name, tunnels);
  }

  /** Takes a tunnel away, and the datapath port with its last one. */
  close(config: TunnelConfig): void {
    const portName = tunnelPortName(config);
    const shared = this.#sharedByName.get(portName);
    if (shared === undefined) return;
    if (config.carrier !== "host") this.#nNative--;
    const name = nameOf(config.remote);
    const others = shared.tunnelsByRemote.get(name)?.filter((tunnel) => tunnel.config !== config) ?? [];
    if (others.length > 0) shared.tunnelsByRemote.set(name, others);
    else shared.tunnelsByRemote.delete(name);
    if (--shared.nUsers > 0) return;
    this.#sharedByName.delete(portName);
    this.#sharedByPortNo.delete(shared.portNo);
    this.#datapath.removePort(shared.portNo);
  }

  /** Whether a datapath port is one that tunnels share. */
  isShared(portNo: number): boolean {
    return this.#sharedByPortNo.has(portNo);
  }

  /** Where a packet comes in whose key says that it came out of a tunnel; `undefined` when at none. */
  find(key: Uint32Array): PortHome | undefined {
    const shared = this.#sharedByPortNo.get(key[IN_PORT] ?? 0);
    if (shared === undefined) return undefined;
    const source = addressAt(key, SRC, SRC6);
    const known = firstThatFits(shared.tunnelsByRemote.get(source.join()), key);
    const other = firstThatFits(shared.tunnelsByRemote.get("flow"), key);
    if (known === undefined || other === undefined) return known ?? other;
    return rankOf(known.config) <= rankOf(other.config) ? known : other;
  }

  /** Datapath ports that tunnels share. */
  *sharedPorts(): Generator<Pick<SharedPort, "portNo" | "dstPort" | "nUsers"> & { readonly name: string }> {
    for (const [name, { portNo, dstPort, nUsers }] of this.#sharedByName) yield { name, portNo, dstPort, nUsers };
  }

  /** Whether there may be tunnels whose outer packets go through bridges of ours. */
  get hasNative(): boolean {
    return this.#nNative > 0;
  }

  /** The datapath port of the tunnels that UDP packets to a port are for. */
  udpPortNo(dstPort: number): number | undefined {
    for (const shared of this.#sharedByName.values()) if (!isGre(shared) && shared.dstPort === dstPort) return shared.portNo;
    return undefined;
  }

  /** The same of GRE packets; over IPv6 they may be for tunnels of either kind. */
  grePortNo(family: 4 | 6): number | undefined {
    const ip6 = family === 6 ? this.#sharedByName.get("ip6gre_sys") : undefined;
    return (ip6 ?? this.#sharedByName.get("gre_sys"))?.portNo;
  }

  /** Every tunnel, with its datapath port. */
  *tunnels(): Generator<Tunnel & { readonly portNo: number }> {
    for (const { portNo, tunnelsByRemote } of this.#sharedByName.values()) {
      for (const tunnels of tunnelsByRemote.values()) for (const tunnel of tunnels) yield { ...tunnel, portNo };
    }
  }

  #openShared(name: string, config: TunnelConfig): SharedPort {
    const { type, dstPort, hasPolicy } = config;
    const spec = { type, dstPort, hasPolicy, isNative: isNative(config) };
    const wanted = spec.isNative ? numberInName(name) : {};
    const portNo = this.#datapath.addPort({ name, kind: "tunnel", tunnel: spec, ...wanted });
    const shared = { portNo, ...spec, tunnelsByRemote: new Map<string, Tunnel[]>(), nUsers: 0 };
    this.#sharedByName.set(name, shared);
    this.#sharedByPortNo.set(portNo, shared);
    return shared;
  }
}

/** Whether packets of a tunnel never go by the host's sockets. */
function isNative({ carrier }: TunnelConfig): boolean {
  return carrier === "native";
}

function isGre({ type }: SharedPort): boolean {
  return type === "gre" || type === "ip6gre";
}

function nameOf(address: TunnelAddress | "flow"): string {
  return address === "flow" ? "flow" : address.join();
}

function firstThatFits(tunnels: readonly Tunnel[] | undefined, key: Uint32Array): Tunnel | undefined {
  return tunnels?.find(({ config: { inKey, local } }) => {
    if (inKey !== "flow" && (Number(inKey >> 32n) !== key[ID] || Number(inKey & 0xffff_ffffn) !== key[ID + 1])) return false;
    if (local === undefined || local === "flow") return true;
    return isMapped(local) ? local[3] === key[DST] : local.every((word, i) => word === key[DST6 + i]);
  });
}

/** Less is more specific. */
function rankOf({ inKey, remote, local }: TunnelConfig): number {
  return (inKey === "flow" ? 6 : 0) + (remote === "flow" ? 3 : 0) + (local === undefined ? 1 : local === "flow" ? 2 : 0);
}

function isSameIdentity(a: TunnelConfig, b: TunnelConfig): boolean {
  return a.inKey === b.inKey && String(a.remote) === String(b.remote) && String(a.local) === String(b.local);
}
