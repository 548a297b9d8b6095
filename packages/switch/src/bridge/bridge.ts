/** One bridge: its ports, flow tables and learned addresses. */
import { AppError, type Clock } from "@tenet/kit";
import { PORT, type Version, VERSION } from "@tenet/openflow";
import type { MeterHost } from "../meter/meter-table.ts";
import { Pipeline } from "../table/pipeline.ts";
import type { BridgePort, Bundle } from "./bridge-port.ts";
import type { EventCounts } from "../event-counts.ts";
import { MacTable } from "./mac-table.ts";
import type { Mirror } from "./mirror.ts";

/** What happened to a port, for controllers. */
export interface PortEvent {
  readonly reason: "add" | "delete" | "modify";
  readonly port: BridgePort;
}

/** What people have called a bridge. */
export interface BridgeLabel {
  readonly description: string;
  readonly serialNumber: string;
}

/** Of a bridge that nobody has called anything. */
export const NO_LABEL: BridgeLabel = { description: "None", serialNumber: "None" };

/** What a bridge may call the datapath, of which there is one. */
export const DATAPATH_TYPES: readonly string[] = ["dummy", "netdev", "system"];

/** Every OpenFlow version spoken. */
export const ALL_VERSIONS: readonly Version[] = Object.values(VERSION);

/**
 * What the tables see of IP fragments: with `normal` no ports, so that all fragments of a packet fare alike; with
 * `nx-match` what is there; with `drop` nothing, they are dropped.
 */
export type FragmentHandling = "normal" | "drop" | "nx-match";

/** Highest port number that an interface can have. */
const MAX_OFPORT = 0xfeff;

/** An OpenFlow port number that is taken or reserved. */
export class PortNumberError extends AppError {
  static override readonly code: string = "SWITCH_PORT_NUMBER";
}

/** A bridge. */
export class Bridge {
  readonly name: string;
  readonly pipeline: Pipeline;
  readonly macs: MacTable;
  /** Monotonic ms. */
  readonly createdMs: number;
  /** 64-bit id that controllers know the bridge by. */
  datapathId = 0n;
  /** OpenFlow versions that its controllers may use; at least one. */
  versions: readonly Version[] = ALL_VERSIONS;
  /** To be changed by `VirtualSwitch.setFragmentHandling`. */
  fragments: FragmentHandling = "normal";
  /** As the database names it. */
  datapathType = "system";
  /** To be changed by `VirtualSwitch.setMirrors`. */
  mirrors: readonly Mirror[] = [];
  /** Whether it forwards as a learning switch, whatever its flows; to be changed by `VirtualSwitch.setFailingOpen`. */
  isFailingOpen = false;
  /** Whether packets that no flow matches go to its controllers; to be changed by `VirtualSwitch.setSendsMisses`. */
  sendsMisses = false;
  /** Whether NORMAL forwards what switches tell their neighbours; to be changed by `VirtualSwitch.setForwardsReserved`. */
  forwardsReserved = false;
  /** What controllers are told it is, and its serial number. */
  label: BridgeLabel = NO_LABEL;
  /** VLANs in which no address is learned: all packets flood. */
  floodVlans: ReadonlySet<number> = new Set();
  readonly #portByOfport = new Map<number, BridgePort>();
  readonly #portByName = new Map<string, BridgePort>();
  /** By the number of their first interface. */
  readonly #bundles: Bundle[] = [];
  /** The number given out last; the next search starts after it. */
  #lastOfport = 0;
  readonly #portListeners = new Set<(event: PortEvent) => void>();

  constructor(name: string, clock: Clock, meterHost: MeterHost, counts?: EventCounts) {
    this.name = name;
    this.pipeline = new Pipeline(clock, meterHost);
    this.macs = new MacTable(clock, counts);
    this.createdMs = clock.monotonicMs();
  }

  /** The port of an OpenFlow number. */
  port(ofport: number): BridgePort | undefined {
    return this.#portByOfport.get(ofport);
  }

  /** The port of an interface name. */
  portNamed(name: string): BridgePort | undefined {
    return this.#portByName.get(name);
  }

  /** Ports in ascending order of their number; the local port comes last. */
  ports(): BridgePort[] {
    return [...this.#portByOfport.values()].sort(byNumber);
  }

  /** Bundles that have interfaces. */
  get bundles(): readonly Bundle[] {
    return this.#bundles;
  }

  /** Whether senders can be told by gratuitous ARP to have moved behind a bond. */
  get hasBond(): boolean {
    return this.#bundles.some(({ bond }) => bond !== undefined);
  }

  /** Calls `listener` when a port comes, goes or changes. @returns stops it */
  onPort(listener: (event: PortEvent) => void): () => void {
    this.#portListeners.add(listener);
    return () => this.#portListeners.delete(listener);
  }

  /** Adds a port. @throws PortNumberError when its number is taken */
  addPort(port: BridgePort): void {
    if (this.#portByOfport.has(port.ofport)) {
      throw new PortNumberError(`Cannot add port "${port.name}": number ${port.ofport} is taken`, {
        hint: "Leave out ofport_request, or name a free number",
      });
    }
    if (port.ofport === this.freeOfport(undefined)) this.#lastOfport = port.ofport;
    this.#portByOfport.set(port.ofport, port);
    this.#portByName.set(port.name, port);
    const { members } = port.bundle;
    members.push(port);
    members.sort(byNumber);
    this.#placeBundle(port.bundle);
    this.#tell({ reason: "add", port });
  }

  removePort(ofport: number): BridgePort | undefined {
    const port = this.#portByOfport.get(ofport);
    if (port === undefined) return undefined;
    this.#portByOfport.delete(ofport);
    this.#portByName.delete(port.name);
    const { members, bond } = port.bundle;
    members.splice(members.indexOf(port), 1);
    bond?.remove(port);
    this.#placeBundle(port.bundle);
    this.#tell({ reason: "delete", port });
    return port;
  }

  /** Tells listeners that a port's address, configuration or state changed. */
  touchPort(port: BridgePort): void {
    this.#tell({ reason: "modify", port });
  }

  /** The number for a new port: the requested one when free, else one that was free the longest. */
  freeOfport(requested: number | undefined): number {
    if (requested !== undefined && requested >= 1 && requested <= MAX_OFPORT && !this.#portByOfport.has(requested)) {
      return requested;
    }
    for (let n = 0; n < MAX_OFPORT; n++) {
      const number = ((this.#lastOfport + n) % MAX_OFPORT) + 1;
      if (!this.#portByOfport.has(number)) return number;
    }
    throw new PortNumberError(`Cannot add a port to "${this.name}": all ${MAX_OFPORT} numbers are taken`);
  }

  /** A port's name for people: its interface, `LOCAL`, or the number. */
  portLabel(ofport: number): string {
    if (ofport === PORT.LOCAL) return "LOCAL";
    return this.#portByOfport.get(ofport)?.name ?? String(ofport);
  }

  /** Puts a bundle where its first interface belongs, or takes it out when it has none; most have the highest number yet. */
  #placeBundle(bundle: Bundle): void {
    const bundles = this.#bundles;
    const before = bundles.indexOf(bundle);
    if (before >= 0) bundles.splice(before, 1);
    const [first] = bundle.members;
    if (first === undefined) return;
    let at = bundles.length;
    while (at > 0 && (bundles[at - 1]?.members[0]?.ofport ?? 0) > first.ofport) at--;
    bundles.splice(at, 0, bundle);
  }

  #tell(event: PortEvent): void {
    for (const listener of this.#portListeners) listener(event);
  }
}

function byNumber(a: BridgePort, b: BridgePort): number {
  return a.ofport - b.ofport;
}
