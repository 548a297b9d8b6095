/**
 * Tunnels in the kernel: the paths that packets take into them, kept up with the host's routes, the program that sends packets there,
 * and the one that takes packets out.
 *
 * A path is shared by all flows that lead to it. It lives a while after the last of them, since a packet may be on its way; its number is
 * not given again, so one that comes even later is dropped.
 */
import { attach, BpfMap, BpfProgram, type Code, type Link } from "@tenet/bpf";
import type { SetTunnelAction, TunnelSpec } from "../../datapath.ts";
import { type HeldPorts, holdUdpPorts } from "@tenet/linux";
import { FIELDS, optionsSizeOf, TUNNEL_START } from "@tenet/net";
import type { ProgramMaps } from "../program/program-maps.ts";
import { decapsulationProgram, tunnelKind, tunnelName } from "./decapsulate.ts";
import { encapsulationProgram, N_SOURCE_PORTS } from "./encapsulate.ts";
import { HostWays } from "./host-ways.ts";
import { canEncapsulate, encodeOuterPath, OUTER_PATH } from "./outer-path.ts";
import { Underlay } from "./underlay.ts";

const MAX_PATHS = 65_536;
/** A UDP port each, and GRE twice. */
const MAX_TUNNELS = 4096;
const MAX_ADDRESSES = 16_384;
/** A program runs for microseconds; a packet that came up may wait for this process longer. */
const GRACE_MS = 10_000;
/** Between two looks at the host's routes. */
const WATCH_MS = 100;
/** What routers say of lengths does no more than that packets come up, or are lost on their way for so long. */
const LOOKS_PER_MTU_CHECK = 10;

/** A way into a tunnel, as a flow's actions say it. */
interface Path {
  readonly id: number;
  readonly portNo: number;
  readonly action: SetTunnelAction;
  readonly name: string;
  readonly spec: TunnelSpec;
  /** Flows that lead to it. */
  nUsers: number;
  /** Monotonic, of the last user's end. */
  idleSinceMs: number;
}

/** What is there once there are tunnels. */
interface Machinery {
  readonly ports: HeldPorts;
  readonly encapsulation: BpfProgram;
  readonly decapsulation: BpfProgram;
  /** Of the program that encapsulates copies. */
  readonly link: Link;
  readonly ways: HostWays;
  readonly underlay: Underlay;
  readonly watch: NodeJS.Timeout;
}

/** What the tunnels share with the flows. */
export interface TunnelSurroundings {
  readonly maps: Pick<ProgramMaps, "counters" | "metadata" | "later">;
  /** The device that packets come up by. */
  readonly collector: number;
  /** The other end of its pair, where copies for tunnels arrive. */
  readonly collectorPeer: number;
  readonly nowMs: () => number;
}

/** The tunnel ports of a datapath and the paths into them. */
export class KernelTunnels {
  /** Where the flows' program goes on with a packet for a tunnel. */
  readonly entry: BpfMap = BpfMap.create({
    kind: "program-array",
    name: "tenet_tunnel",
    keyBytes: 4,
    valueBytes: 4,
    maxEntries: 1,
  });
  readonly #surroundings: TunnelSurroundings;
  readonly #pathMap = BpfMap.create({
    kind: "hash",
    name: "tenet_paths",
    keyBytes: 4,
    valueBytes: OUTER_PATH.sizeBytes,
    maxEntries: MAX_PATHS,
    isGrowing: true,
  });
  readonly #tunnelMap = BpfMap.create({
    kind: "hash",
    name: "tenet_tunnels",
    keyBytes: 4,
    valueBytes: 8,
    maxEntries: MAX_TUNNELS,
    isGrowing: true,
  });
  readonly #addressMap = BpfMap.create({
    kind: "hash",
    name: "tenet_own",
    keyBytes: 16,
    valueBytes: 4,
    maxEntries: MAX_ADDRESSES,
    isGrowing: true,
  });
  readonly #specByPort = new Map<number, TunnelSpec>();
  readonly #paths = new Map<number, Path>();
  readonly #pathByName = new Map<string, Path>();
  #lastId = 0;
  #machinery: Machinery | undefined;
  #nLooks = 0;

  constructor(surroundings: TunnelSurroundings) {
    this.#surroundings = surroundings;
  }

  /** Lets packets go into a tunnel port and come out there. @throws SystemCallError when the kernel refuses a program */
  addPort(portNo: number, spec: TunnelSpec): void {
    this.#machinery ??= this.#build();
    this.#specByPort.set(portNo, spec);
    this.#tunnelMap.update(words(tunnelName(spec)), words(portNo, tunnelKind(spec)));
  }

  /** Takes its packets from a port that is one; it is not to be asked for paths into it any more. */
  removePort(portNo: number): void {
    const spec = this.#specByPort.get(portNo);
    if (spec === undefined) return;
    this.#specByPort.delete(portNo);
    this.#tunnelMap.delete(words(tunnelName(spec)));
  }

  /**
   * The number of the path of packets that go into a port with these outer headers; its user gives it back by `release`.
   *
   * @returns `undefined` when it is no tunnel port, the program cannot make the headers, or there are too many paths
   */
  take(portNo: number, action: SetTunnelAction): number | undefined {
    const spec = this.#specByPort.get(portNo);
    if (spec === undefined || !canEncapsulate(action)) return undefined;
    const name = `${portNo} ${action.dstPort} ${nameOf(action.key)}`;
    const path = this.#pathByName.get(name) ?? this.#make({ name, portNo, action, spec });
    if (path !== undefined) path.nUsers++;
    return path?.id;
  }

  /** Ends a use of a path. */
  release(id: number): void {
    const path = this.#paths.get(id);
    if (path === undefined || --path.nUsers > 0) return;
    path.idleSinceMs = this.#surroundings.nowMs();
  }

  /** The outer headers of a path. */
  outerOf(id: number): SetTunnelAction | undefined {
    return this.#paths.get(id)?.action;
  }

  close(): void {
    if (this.#machinery !== undefined) {
      const { ports, encapsulation, decapsulation, link, ways, underlay, watch } = this.#machinery;
      clearInterval(watch);
      underlay.close();
      link.detach();
      for (const object of [ports, ways, encapsulation, decapsulation]) object.close();
    }
    for (const map of [this.entry, this.#pathMap, this.#tunnelMap, this.#addressMap]) map.close();
  }

  #build(): Machinery {
    const { maps, collector, collectorPeer } = this.#surroundings;
    const ports = holdUdpPorts(N_SOURCE_PORTS);
    const encapsulation = load(
      "tenet_encap",
      encapsulationProgram({ ...maps, paths: this.#pathMap, collector, firstPort: ports.first }),
    );
    const decapsulation = load(
      "tenet_decap",
      decapsulationProgram({ ...maps, collector, tunnels: this.#tunnelMap, addresses: this.#addressMap }),
    );
    this.entry.update(words(0), words(encapsulation.fd));
    const link = attach(encapsulation, { ifindex: collectorPeer, direction: "ingress" });
    const underlay = new Underlay(decapsulation, this.#addressMap);
    underlay.follow();
    const watch = setInterval(() => this.#look(), WATCH_MS).unref();
    return { ports, encapsulation, decapsulation, link, ways: new HostWays(), underlay, watch };
  }

  #make(said: Pick<Path, "name" | "portNo" | "action" | "spec">): Path | undefined {
    if (this.#paths.size === MAX_PATHS) return undefined;
    const path = { ...said, id: ++this.#lastId, nUsers: 0, idleSinceMs: 0 };
    this.#paths.set(path.id, path);
    this.#pathByName.set(said.name, path);
    this.#write(path);
    return path;
  }

  #write({ id, portNo, spec, action }: Path): void {
    this.#pathMap.update(words(id), encodeOuterPath(portNo, spec, action, this.#machinery?.ways.find(action.key)));
  }

  /** Follows the host's network, and forgets paths that nobody uses. */
  #look(): void {
    const restedMs = this.#surroundings.nowMs() - GRACE_MS;
    if (this.#machinery === undefined) return;
    const { ways, underlay } = this.#machinery;
    const isOther = ways.hasChanged();
    if (isOther) underlay.follow();
    const isTime = ++this.#nLooks % LOOKS_PER_MTU_CHECK === 0;
    const hasChanged = isOther || (isTime && ways.followMtus());
    for (const path of this.#paths.values()) {
      if (path.nUsers === 0 && path.idleSinceMs < restedMs) this.#forget(path);
      else if (hasChanged) this.#write(path);
    }
  }

  #forget({ id, name }: Path): void {
    this.#paths.delete(id);
    this.#pathByName.delete(name);
    this.#pathMap.delete(words(id));
  }
}

function load(name: string, code: Code): BpfProgram {
  return BpfProgram.load({ name, kind: "sched_cls", code });
}

/** Tells the tunnel blocks of keys apart. */
function nameOf(key: Uint32Array): string {
  return key.subarray(TUNNEL_START, FIELDS.tun_options.word + optionsSizeOf(key) / 4).join();
}

function words(...values: number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}
