/**
 * The one interface of every datapath: ports, megaflows, execute, upcalls.
 *
 * Megaflows are disjoint (a packet matches at most one), so they carry no priority. Actions are data.
 * A miss and a `userspace` action go up as upcalls; executing a packet never creates a flow.
 */

import type { MeterConfig, MeterStats } from "./meter/meter.ts";

/** What a datapath does with a packet; an empty list drops it. */
export type DatapathAction =
  | { readonly type: "output"; readonly port: number }
  /** Rewrite header fields: FlowKey words under a mask. Only packet header fields may be set. */
  | { readonly type: "setMasked"; readonly key: Uint32Array; readonly mask: Uint32Array }
  /** Push an 802.1Q tag; `tci` without the CFI marker bit. */
  | { readonly type: "pushVlan"; readonly tpid: number; readonly tci: number }
  | { readonly type: "popVlan" }
  /** Push an MPLS label, an entry of the stack, between Ethernet (and its tags) and the rest. */
  | { readonly type: "pushMpls"; readonly ethType: number; readonly entry: number }
  /** Take the outer label away; `ethType` is of what is beneath it. */
  | { readonly type: "popMpls"; readonly ethType: number }
  /** Run the packet through a meter of `addMeter`, which may drop it here; a meter that is not there lets it pass. */
  | { readonly type: "meter"; readonly meter: number }
  /** Give the packet to the slow path; `userdata` comes back in the upcall. */
  | { readonly type: "userspace"; readonly userdata: number }
  | CtDatapathAction
  | SetTunnelAction
  | TunnelPushAction
  /** Take outer headers off, and look up what is inside as what comes in at this tunnel port. */
  | { readonly type: "tunnelPop"; readonly port: number }
  /** Keep the packet, a fragment, until all of its packet is there; look that up then, as it would have come in. */
  | { readonly type: "reassemble" }
  /** Forget what the connection tracker said. */
  | { readonly type: "ctClear" }
  /** Cut the next packet that is sent to this many bytes. */
  | { readonly type: "truncate"; readonly maxLength: number }
  /** Carry out one of these lists, by the packet's length; on a copy, when actions follow. */
  | {
      readonly type: "checkLength";
      readonly sizeBytes: number;
      readonly greater: readonly DatapathAction[];
      readonly lessOrEqual: readonly DatapathAction[];
    }
  /** Compute the `dp_hash` of the packet's connection, never 0, which it has when it is looked up again. */
  | { readonly type: "hash"; readonly basis: number }
  /** Send through this queue of ports that have queues; 0 = the port's own. */
  | { readonly type: "setPriority"; readonly priority: number }
  /** What is known of the packet besides its bytes, for ports that pass it on. */
  | { readonly type: "setMark"; readonly mark: number }
  /** Carry these out on a copy; what they do to it does not show outside. */
  | { readonly type: "clone"; readonly actions: readonly DatapathAction[] }
  /** Look the packet up again with this `recirc_id`; a copy, when actions follow. */
  | { readonly type: "recirc"; readonly id: number };

/** What the outer headers say when the packet goes out by a tunnel port; holds until the next one. */
export interface SetTunnelAction {
  readonly type: "setTunnel";
  /** A FlowKey; its tunnel fields count, with Geneve options as on the wire. */
  readonly key: Uint32Array;
  /** UDP port of the other end; 0 for GRE. */
  readonly dstPort: number;
}

/** Put outer headers in front of the packet, which is then as one that came in at `outPort`. */
export interface TunnelPushAction {
  readonly type: "tunnelPush";
  /** The tunnel port that it goes into; `kind` is what that speaks. */
  readonly tunnelPort: number;
  readonly kind: TunnelSpec["type"];
  readonly outPort: number;
  /** From `buildOuterHeader`. */
  readonly header: Uint8Array;
}

/** Lists of actions inside an action. */
export function nestedActions(action: DatapathAction): readonly (readonly DatapathAction[])[] {
  if (action.type === "clone") return [action.actions];
  return action.type === "checkLength" ? [action.greater, action.lessOrEqual] : NO_LISTS;
}

const NO_LISTS: readonly never[] = [];

/** What became of the flows that a process left in the kernel when it was killed. */
export interface TakeOver {
  readonly nLeft: number;
  /** Flows that go on with what they have counted. */
  readonly nKept: number;
}

/** How `ct` translates addresses and ports. */
export interface CtNat {
  /** What to set up for a connection that is committed; `undefined`: nothing, translate as was set up. */
  readonly side: "src" | "dst" | undefined;
  /** One word (IPv4) or four (IPv6); `undefined` or all zero: the address stays. */
  readonly firstAddress: Uint32Array | undefined;
  readonly lastAddress: Uint32Array | undefined;
  /** 0 = the port stays if it can. */
  readonly firstPort: number;
  readonly lastPort: number;
  /** The address does not depend on the ports. */
  readonly isPersistent: boolean;
  readonly portChoice: "hash" | "random" | undefined;
}

/** An application protocol that announces further connections. */
export type CtHelper = "ftp" | "tftp";

/** Send the packet through the connection tracker. */
export interface CtDatapathAction {
  readonly type: "ct";
  /** Remember the connection. */
  readonly isCommit: boolean;
  /** Forget a connection that was begun from the other side. */
  readonly isForce: boolean;
  /** 0-65535; connections of different zones have nothing to do with each other. */
  readonly zone: number;
  /** Bits to set in the connection's mark, with `isCommit`. */
  readonly mark: number;
  readonly markMask: number;
  /** Bits to set in the connection's label, four words, most significant first. */
  readonly label: Uint32Array | undefined;
  readonly labelMask: Uint32Array | undefined;
  readonly nat: CtNat | undefined;
  /** With `isCommit`: follow the announcements of this protocol; connections that they announce are related. */
  readonly helper?: CtHelper | undefined;
}

/** A cached decision of the slow path, with its statistics. */
export interface Megaflow {
  /** Which no other flow of the datapath has: as small as can be, and given again when the flow is gone. */
  readonly number: number;
  /** Under the mask; of a flow that is in the datapath. It may be made anew each time. */
  readonly key: Uint32Array;
  readonly mask: Uint32Array;
  actions: readonly DatapathAction[];
  readonly nPackets: number;
  readonly nBytes: number;
  /** Monotonic ms of the last packet; 0 = never used. */
  readonly usedMs: number;
  /** TCP flags seen, OR-ed. */
  readonly tcpFlags: number;
  /** Whatever the slow path keeps with the flow. */
  owner: object | undefined;
  /** Writes its key, without making any. */
  readKey(key: Uint32Array): void;
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
  /**
   * `system`: an existing network device; `internal`: a TAP device made here; `memory`: see MemoryLink; `tunnel`: needs
   * `tunnel`.
   */
  readonly kind: "system" | "internal" | "memory" | "tunnel";
  readonly tunnel?: TunnelSpec;
  /** Whether this process alone forwards its packets, also where the kernel could. */
  readonly isInUserSpace?: boolean;
  /** Number wanted, 1-65535, taken when it is free; absent: one that none had. */
  readonly wantedPortNo?: number;
}

/** What a tunnel port speaks. Where its packets go is said by {@link SetTunnelAction}. */
export interface TunnelSpec {
  readonly type: "geneve" | "vxlan" | "gre" | "ip6gre";
  /** UDP port that it receives at; 0 for GRE. */
  readonly dstPort: number;
  /** Whether VXLAN headers carry a group policy. */
  readonly hasPolicy: boolean;
  /** Whether packets come and go by `tunnelPop` and `tunnelPush` alone: the host's sockets are left to others. */
  readonly isNative?: boolean;
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
  /** Packets for the slow path that the kernel sent up, where it forwards the port's packets. */
  readonly upcalls?: UpcallCounts;
}

/** Packets of a port on their way from the kernel to this process. */
export interface UpcallCounts {
  readonly nSent: number;
  /** Held back since the port was too far ahead of this process, or lost on their way; they are among `rxDropped`, too. */
  readonly nLost: number;
}

/** Hit, miss and loss counters of a datapath. */
export interface DatapathStats {
  readonly hits: number;
  readonly misses: number;
  /** Packets that did not come as far as the slow path, for want of memory or because their port was too far ahead of it. */
  readonly lost: number;
  readonly nFlows: number;
  readonly nMasks: number;
  /** Of a datapath that has flows in the kernel. */
  readonly kernel?: KernelStats | undefined;
}

/** Packets of all ports since the datapath began, those that are gone included. */
export interface DatapathTraffic {
  readonly nReceived: number;
  readonly nSent: number;
  /** As in {@link DatapathStats}. */
  readonly nLost: number;
  /** Packets that flows in user space sent to ports that are not there. */
  readonly nWithoutPort: number;
}

/** Flows in the kernel, and those that are not. */
export interface KernelStats {
  readonly nFlows: number;
  /** How often a flow was put that stayed with this process, by reason. */
  readonly nLeftByReason: ReadonlyMap<string, number>;
  /** How many packets were tracked by this process, by reason. */
  readonly nTrackedHereByReason: ReadonlyMap<string, number>;
}

/** One side of a connection: what its packets carry. */
export interface ConnectionTuple {
  /** One word (IPv4) or four (IPv6). */
  readonly src: Uint32Array;
  readonly dst: Uint32Array;
  /** Of ICMP: the identifier. */
  readonly srcPort: number;
  /** Of ICMP: `type << 8 | code`. */
  readonly dstPort: number;
}

/** A connection that `ct` committed. */
export interface ConnectionInfo {
  readonly family: 4 | 6;
  readonly proto: number;
  readonly zone: number;
  readonly original: ConnectionTuple;
  readonly reply: ConnectionTuple;
  readonly mark: number;
  /** Four words, most significant first. */
  readonly label: Uint32Array;
  /** Names of the states of both ends, of TCP alone. */
  readonly tcpStates: readonly [original: string, reply: string] | undefined;
  /** Time to live if nothing comes. */
  readonly timeoutMs: number;
}

/** Which connections to forget; absent fields are not looked at. */
export interface ConnectionFilter {
  readonly zone?: number;
  /** Only those for which this holds. */
  readonly matches?: (connection: ConnectionInfo) => boolean;
}

/** What is asked of the fragments of one IP version, and what became of them. */
export interface FragmentTracking {
  /** Whether they share what was found out about the first one; else they belong to no connection. */
  isEnabled: boolean;
  /** Bytes that a fragment which is not the last has at least, the IP header included. */
  minBytes: number;
  readonly nAccepted: number;
  /** Fragments that went on with what was found out. */
  readonly nCompleted: number;
  /** Those whose first one did not come in time. */
  readonly nExpired: number;
  readonly nTooSmall: number;
  readonly nOverlapped: number;
}

/** Fragments on their way through the connection tracker. */
export interface FragmentTracker {
  /** Fragments that wait for their first one at most. */
  maxWaiting: number;
  /** Fragments that wait now. */
  readonly nWaiting: number;
  readonly ip4: FragmentTracking;
  readonly ip6: FragmentTracking;
}

/** The connections of a datapath. */
export interface ConnectionTracker {
  /** Whether TCP segments whose numbers lie outside the window belong to no connection. */
  checksSequences: boolean;
  readonly fragments: FragmentTracker;
  /** Connections held at most. */
  maxConnections: number;
  /** The most connections of a zone that has no limit of its own; 0 = any number. */
  defaultZoneLimit: number;
  /** The most connections of a zone. */
  readonly zoneLimits: Map<number, number>;
  /** Number of connections. */
  readonly size: number;
  /** Number of connections in a zone. */
  sizeOfZone(zone: number): number;
  /** What is tracked now, of one zone or all. */
  connections(zone?: number): IterableIterator<ConnectionInfo>;
  /**
   * As {@link connections}, one after the other while packets go on; `undefined` comes where others may come first, also when there are
   * no connections to show. Those that come or go meanwhile are shown or not.
   */
  connectionsInSteps(zone?: number): Generator<ConnectionInfo | undefined>;
  /** Forgets connections. @returns how many */
  flush(filter?: ConnectionFilter): number;
  /** As {@link flush}; it yields where others may come first. */
  flushInSteps(filter?: ConnectionFilter): Generator<undefined, number>;
}

/** Both ends included; may be changed. */
export interface PortRange {
  first: number;
  last: number;
}

/** A packet forwarding engine driven by a slow path. */
export interface Datapath extends AsyncDisposable {
  /** `user`, later also `ebpf` and `netlink`. */
  readonly type: string;
  readonly conntrack: ConnectionTracker;
  /** UDP source ports of the packets that `tunnelPush` makes: one for each connection inside. */
  readonly egressPorts: PortRange;
  /** How many tags of a packet are read, at most 2; megaflows are to be deleted when it is changed. */
  vlanLimit: number;
  /** Whether packets may be handed past devices to where these would send them, when nobody can tell; true at first. */
  bypassesDevices: boolean;
  /** Opens a port and returns its number (from 1). @throws IoError when the device cannot be opened */
  addPort(spec: PortSpec): number;
  removePort(portNo: number): void;
  /** Takes in what the kernel tells of devices, which the event loop does soon, too. */
  readDeviceChanges(): void;
  /** All ports, after {@link readDeviceChanges}, each as it is when its turn comes; they may come and go meanwhile. */
  ports(): IterableIterator<PortInfo>;
  /** One port as far as it is known; `undefined` when there is none of this number. Costs the same however many ports there are. */
  port(portNo: number): PortInfo | undefined;
  /** As {@link port}, by its name. */
  portNamed(name: string): PortInfo | undefined;
  /** Called when a port goes up, down or away. */
  onPortChange(listener: (portNo: number) => void): void;
  /**
   * Adds a megaflow, or replaces the actions of the one with the same key and mask; statistics are kept. Of `key` only
   * what `mask` has counts; both are copied, `actions` are not.
   */
  putFlow(key: Uint32Array, mask: Uint32Array, actions: readonly DatapathAction[]): Megaflow;
  deleteFlow(flow: Megaflow): void;
  /** The flow that packets with this key belong to. */
  findFlow(key: Uint32Array): Megaflow | undefined;
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
  /** Costs a look at every port. */
  traffic(): DatapathTraffic;
}
