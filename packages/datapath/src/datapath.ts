/**
 * The one interface of every datapath: ports, megaflows, execute, upcalls.
 *
 * Megaflows are disjoint (a packet matches at most one), so they carry no priority. Actions are data.
 * A miss and a `userspace` action go up as upcalls; executing a packet never creates a flow.
 */

import type { MeterConfig, MeterStats } from "./meter.ts";

/** What a datapath does with a packet; an empty list drops it. */
export type DatapathAction =
  | { readonly type: "output"; readonly port: number }
  /** Rewrite header fields: FlowKey words under a mask. Only packet header fields may be set. */
  | { readonly type: "setMasked"; readonly key: Uint32Array; readonly mask: Uint32Array }
  /** Push an 802.1Q tag; `tci` without the CFI marker bit. */
  | { readonly type: "pushVlan"; readonly tpid: number; readonly tci: number }
  | { readonly type: "popVlan" }
  /** Run the packet through a meter of `addMeter`, which may drop it here; a meter that is not there lets it pass. */
  | { readonly type: "meter"; readonly meter: number }
  /** Give the packet to the slow path; `userdata` comes back in the upcall. */
  | { readonly type: "userspace"; readonly userdata: number };

/** A cached decision of the slow path, with its statistics. */
export interface Megaflow {
  readonly key: Uint32Array;
  readonly mask: Uint32Array;
  actions: readonly DatapathAction[];
  nPackets: number;
  nBytes: number;
  /** Monotonic ms of the last packet; 0 = never used. */
  usedMs: number;
  /** TCP flags seen, OR-ed. */
  tcpFlags: number;
}

/** A packet that the datapath hands to the slow path. `frame` and `key` are valid only during the call. */
export interface Upcall {
  readonly reason: "miss" | "action";
  readonly inPort: number;
  /** The Ethernet frame, checksums complete, not segmented further than it was received. */
  readonly frame: Uint8Array;
  readonly key: Uint32Array;
  /** Of the `userspace` action; 0 for a miss. */
  readonly userdata: number;
}

/** Packet and byte counters of a port. */
export interface PortStats {
  readonly rxPackets: number;
  readonly rxBytes: number;
  readonly rxDropped: number;
  readonly rxErrors: number;
  readonly txPackets: number;
  readonly txBytes: number;
  readonly txDropped: number;
  readonly txErrors: number;
}

/** How to open a port. */
export interface PortSpec {
  readonly name: string;
  /** `system`: an existing network device; `internal`: a TAP device made here; `memory`: see MemoryLink. */
  readonly kind: "system" | "internal" | "memory";
}

/** A port of a datapath. */
export interface PortInfo extends PortSpec {
  readonly portNo: number;
  /** 48-bit Ethernet address. */
  readonly mac: number;
  readonly mtu: number;
  /** Whether it can carry packets: switched on, and something at the other end. */
  readonly isUp: boolean;
  /** Whether it is switched on. */
  readonly isEnabled: boolean;
  readonly stats: PortStats;
}

/** Hit, miss and loss counters of a datapath. */
export interface DatapathStats {
  readonly hits: number;
  readonly misses: number;
  readonly lost: number;
  readonly nFlows: number;
  readonly nMasks: number;
}

/** A packet forwarding engine driven by a slow path. */
export interface Datapath extends AsyncDisposable {
  /** `user`, later also `ebpf` and `netlink`. */
  readonly type: string;
  /** Opens a port and returns its number (from 1). @throws IoError when the device cannot be opened */
  addPort(spec: PortSpec): number;
  removePort(portNo: number): void;
  ports(): readonly PortInfo[];
  /** One port; `undefined` when there is none of this number. Costs the same however many ports there are. */
  port(portNo: number): PortInfo | undefined;
  /** Called when a port goes up, down or away. */
  onPortChange(listener: (portNo: number) => void): void;
  /** Adds a megaflow, or replaces the actions of the one with the same key and mask; statistics are kept. */
  putFlow(key: Uint32Array, mask: Uint32Array, actions: readonly DatapathAction[]): Megaflow;
  deleteFlow(flow: Megaflow): void;
  flows(): IterableIterator<Megaflow>;
  /** Applies actions to a frame that came in at `inPort`; creates no flow. */
  execute(frame: Uint8Array, inPort: number, actions: readonly DatapathAction[]): void;
  /** Adds a meter. @returns its number */
  addMeter(config: MeterConfig): number;
  /** Starts a meter anew with another configuration. */
  setMeter(meter: number, config: MeterConfig): void;
  removeMeter(meter: number): void;
  /** Counters of a meter; `undefined` when there is none of this number. */
  meterStats(meter: number): MeterStats | undefined;
  /** Runs a packet of the slow path through a meter. @returns whether it may go on */
  meterPacket(meter: number, sizeBytes: number): boolean;
  /** Sets the one slow path; called synchronously for each miss or `userspace` action. */
  onUpcall(handler: (upcall: Upcall) => void): void;
  stats(): DatapathStats;
}
