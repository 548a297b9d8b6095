/**
 * OpenFlow messages as data, independent of the protocol version.
 *
 * `type` tells them apart; a message that one version cannot say is refused by the encoder. Counters and
 * cookies are `bigint`, times are seconds, ports are in the 16-bit form of {@link PORT}.
 *
 * @see OpenFlow Switch Specification 1.5.1, section 7
 */
import type { Continuation } from "./continuation.ts";
import type { Action, Match } from "./action.ts";
import type { FlowSpec, FlowStats } from "./flow-spec.ts";
import type { GroupFeatures, GroupMod, GroupSpec, GroupStats } from "./group.ts";
import type { MeterFeatures, MeterMod, MeterSpec, MeterStatsEntry } from "./meter.ts";
import type { CtFlush } from "./ct-flush.ts";
import type { FlowMonitorRequest, FlowUpdate } from "./flow-monitor.ts";
import type { TableDesc, TableMiss, TableMod, TableStatus } from "./table-mod.ts";
import type { TlvTableMod, TlvTableReply } from "./tlv-table.ts";

/** Wire version numbers. */
export const VERSION: {
  readonly OF10: 1;
  readonly OF11: 2;
  readonly OF12: 3;
  readonly OF13: 4;
  readonly OF14: 5;
  readonly OF15: 6;
} = { OF10: 1, OF11: 2, OF12: 3, OF13: 4, OF14: 5, OF15: 6 };

/** The versions of OpenFlow. */
export type Version = (typeof VERSION)[keyof typeof VERSION];

/** What a flow-mod does. */
export type FlowModCommand = "add" | "modify" | "modifyStrict" | "delete" | "deleteStrict";

/** A change of the flow tables. */
export interface FlowMod {
  readonly type: "flowMod";
  readonly command: FlowModCommand;
  readonly flow: FlowSpec;
  /** What the cookie of modified flows becomes, which OpenFlow 1.0 alone can say; absent = they keep theirs. */
  readonly newCookie?: bigint;
  /** Buffered packet to run through the flow; absent = none. */
  readonly bufferId?: number;
}

/** Why a flow went away. */
export type FlowRemovedReason = "idle" | "hard" | "delete" | "group" | "meter" | "eviction";

/** An OpenFlow port as the switch describes it. */
export interface PortDesc {
  readonly port: number;
  /** 48-bit Ethernet address. */
  readonly mac: number;
  readonly name: string;
  /** Bits of {@link PORT_CONFIG}. */
  readonly config: number;
  /** Bits of {@link PORT_STATE}. */
  readonly state: number;
  /** Feature bits as of OpenFlow 1.1 (10M half = bit 0, ...). */
  readonly current: number;
  readonly advertised: number;
  readonly supported: number;
  readonly peer: number;
  /** kbit/s; 0 = unknown. */
  readonly currentSpeed: number;
  readonly maxSpeed: number;
}

/** Bits of `PortDesc.config`. */
export const PORT_CONFIG: {
  readonly PORT_DOWN: 1;
  /** OpenFlow 1.0 only, and without effect: nobody speaks 802.1D here. */
  readonly NO_STP: 2;
  readonly NO_RECV: 4;
  /** OpenFlow 1.0 only: of what comes in, frames of 802.1D are dropped by this bit and not by NO_RECV. */
  readonly NO_RECV_STP: 8;
  /** OpenFlow 1.0 only. */
  readonly NO_FLOOD: 16;
  readonly NO_FWD: 32;
  readonly NO_PACKET_IN: 64;
} = { PORT_DOWN: 1, NO_STP: 2, NO_RECV: 4, NO_RECV_STP: 8, NO_FLOOD: 16, NO_FWD: 32, NO_PACKET_IN: 64 };

/** Bits of `PortDesc.state`. */
export const PORT_STATE: { readonly LINK_DOWN: 1; readonly BLOCKED: 2; readonly LIVE: 4 } = {
  LINK_DOWN: 1,
  BLOCKED: 2,
  LIVE: 4,
};

/** Counters of one port; a counter that is not kept is -1n. */
export interface PortStatsEntry {
  readonly port: number;
  readonly rxPackets: bigint;
  readonly txPackets: bigint;
  readonly rxBytes: bigint;
  readonly txBytes: bigint;
  readonly rxDropped: bigint;
  readonly txDropped: bigint;
  readonly rxErrors: bigint;
  readonly txErrors: bigint;
  readonly rxFrameErrors: bigint;
  readonly rxOverErrors: bigint;
  readonly rxCrcErrors: bigint;
  readonly collisions: bigint;
  /** Seconds the port has existed, with fraction; OpenFlow 1.3 and later. */
  readonly durationSec: number;
}

/** Counters of one queue of a port; a counter that is not kept is -1n. */
export interface QueueStatsEntry {
  readonly port: number;
  readonly queue: number;
  readonly nBytes: bigint;
  readonly nPackets: bigint;
  readonly nErrors: bigint;
  /** Seconds the queue has existed, with fraction; OpenFlow 1.3 and later, absent = unknown. */
  readonly durationSec?: number;
}

/** A queue of a port; rates are in tenths of a percent of the port's, absent = no bound. */
export interface QueueDesc {
  readonly port: number;
  readonly queue: number;
  readonly minRate?: number;
  readonly maxRate?: number;
}

/** The queue number that stands for all. */
export const ALL_QUEUES = 0xffff_ffff;

/** Counters of one flow table. */
export interface TableStatsEntry {
  readonly table: number;
  /** Until OpenFlow 1.2, as `maxEntries`; afterwards it is told by table features. */
  readonly name: string;
  readonly maxEntries: number;
  /** OpenFlow 1.1 and 1.2 only. */
  readonly miss?: TableMiss;
  readonly nActive: number;
  readonly nLookups: bigint;
  readonly nMatched: bigint;
}

/** What one flow table is called and can hold; every table supports every field, action and instruction. */
export interface TableFeatures {
  readonly table: number;
  readonly name: string;
  readonly maxEntries: number;
  /** Tables that `goto_table` can reach from here: all after this one, up to this number (exclusive). */
  readonly nTables: number;
}

/** What the switch is. */
export interface SwitchDesc {
  readonly manufacturer: string;
  readonly hardware: string;
  readonly software: string;
  readonly serial: string;
  readonly datapath: string;
}

/** Which flows a flow or aggregate query is about. */
export interface FlowQuery {
  readonly table: number;
  readonly match: Match;
  readonly cookie: bigint;
  readonly cookieMask: bigint;
  readonly outPort?: number;
  readonly outGroup?: number;
  /** OpenFlow 1.0 only: asked in Nicira's form, and to be answered in it. */
  readonly isNicira?: boolean;
}

/** A multipart (OpenFlow 1.0: statistics) request. */
export type MultipartRequest =
  | { readonly kind: "desc" }
  | ({ readonly kind: "flow" } & FlowQuery)
  | ({ readonly kind: "aggregate" } & FlowQuery)
  | { readonly kind: "table" }
  /** What each table can do, after it was changed to what `tables` say; OpenFlow 1.3 and later. */
  | { readonly kind: "tableFeatures"; readonly tables?: readonly TableFeatures[] }
  /** OpenFlow 1.4 and later. */
  | { readonly kind: "tableDesc" }
  /** As `queue`; OpenFlow 1.4 and later. */
  | { readonly kind: "queueDesc"; readonly port: number; readonly queue: number }
  | { readonly kind: "flowMonitor"; readonly requests: readonly FlowMonitorRequest[] }
  /** `port` {@link PORT}.NONE = all ports. */
  | { readonly kind: "port"; readonly port: number }
  /** `port` is sent by OpenFlow 1.5 only; NONE = all. */
  | { readonly kind: "portDesc"; readonly port: number }
  /** `port` {@link PORT}.NONE = all ports, `queue` {@link ALL_QUEUES} = all queues. */
  | { readonly kind: "queue"; readonly port: number; readonly queue: number }
  /** `group` {@link GROUP}.ALL = all groups. */
  | { readonly kind: "group"; readonly group: number }
  /** `group` is sent in OpenFlow 1.0 and 1.5 only; {@link GROUP}.ALL = all. */
  | { readonly kind: "groupDesc"; readonly group: number }
  | { readonly kind: "groupFeatures" }
  /** Meters are of OpenFlow 1.3 and later; `meter` {@link METER}.ALL = all. */
  | { readonly kind: "meter"; readonly meter: number }
  | { readonly kind: "meterDesc"; readonly meter: number }
  | { readonly kind: "meterFeatures" };

/**
 * The matching replies. `isNicira`: in OpenFlow 1.0 the answer to a Nicira request, whose form it takes.
 * A request carries the same mark, so that the switch can hand it on.
 */
export type MultipartReply =
  | { readonly kind: "desc"; readonly desc: SwitchDesc }
  | { readonly kind: "flow"; readonly flows: readonly FlowStats[]; readonly isNicira?: boolean }
  | {
      readonly kind: "aggregate";
      readonly nPackets: bigint;
      readonly nBytes: bigint;
      readonly nFlows: number;
      readonly isNicira?: boolean;
    }
  | { readonly kind: "table"; readonly tables: readonly TableStatsEntry[] }
  | { readonly kind: "tableFeatures"; readonly tables: readonly TableFeatures[] }
  | { readonly kind: "tableDesc"; readonly tables: readonly TableDesc[] }
  | { readonly kind: "queueDesc"; readonly queues: readonly QueueDesc[] }
  | { readonly kind: "flowMonitor"; readonly updates: readonly FlowUpdate[] }
  | { readonly kind: "port"; readonly ports: readonly PortStatsEntry[] }
  | { readonly kind: "portDesc"; readonly ports: readonly PortDesc[] }
  | { readonly kind: "queue"; readonly queues: readonly QueueStatsEntry[] }
  | { readonly kind: "group"; readonly groups: readonly GroupStats[] }
  | { readonly kind: "groupDesc"; readonly groups: readonly GroupSpec[] }
  | { readonly kind: "groupFeatures"; readonly features: GroupFeatures }
  | { readonly kind: "meter"; readonly meters: readonly MeterStatsEntry[] }
  | { readonly kind: "meterDesc"; readonly meters: readonly MeterSpec[] }
  | { readonly kind: "meterFeatures"; readonly features: MeterFeatures };

/** Stages of a bundle's life. */
export type BundleControlKind =
  | "openRequest"
  | "openReply"
  | "closeRequest"
  | "closeReply"
  | "commitRequest"
  | "commitReply"
  | "discardRequest"
  | "discardReply";

/** Bits of a bundle's flags. */
export const BUNDLE_FLAG: { readonly ATOMIC: 1; readonly ORDERED: 2 } = { ATOMIC: 1, ORDERED: 2 };

/** A controller's role. */
export type Role = "noChange" | "equal" | "master" | "slave";

/** A packet handed to the controller. */
export interface PacketIn {
  readonly type: "packetIn";
  /** Buffer in the switch; absent = the whole packet is in `data`. */
  readonly bufferId?: number;
  /** Length of the packet; `data` may hold less. */
  readonly totalLength: number;
  /** See `PACKET_IN_REASON`. */
  readonly reason: number;
  readonly table: number;
  readonly cookie: bigint;
  /** Pipeline fields (`in_port`, registers, ...) when the packet was sent. */
  readonly match: Match;
  readonly data: Uint8Array;
  /** Of the `controller` action; carried by NXT_PACKET_IN2 only. */
  readonly userdata?: Uint8Array;
  /** Where the packet goes on when it is given back; carried by NXT_PACKET_IN2 only. */
  readonly continuation?: Continuation;
  /** The form on the wire; absent = the version's own. */
  readonly format?: "nxt" | "nxt2";
}

/** Packet-in formats a controller can choose by NXT_SET_PACKET_IN_FORMAT. */
export type PacketInFormat = "standard" | "nxt" | "nxt2";

/** One bit per reason, for a master or equal and for a slave; OpenFlow 1.4 and later may leave some as they are. */
export type AsyncMask = readonly [master: number | undefined, slave: number | undefined];

/** Which unsolicited messages a controller hears of. */
export interface AsyncMasks {
  readonly packetIn: AsyncMask;
  readonly portStatus: AsyncMask;
  readonly flowRemoved: AsyncMask;
  /** OpenFlow 1.4 and later, as the next two. */
  readonly roleStatus?: AsyncMask;
  readonly tableStatus?: AsyncMask;
  readonly requestForward?: AsyncMask;
}

/** One OpenFlow message. */
export type Message =
  /** `versions`: bit N set = wire version N offered; absent when the peer sent no bitmap. */
  | { readonly type: "hello"; readonly versions?: number }
  | {
      readonly type: "error";
      /** See `ERROR`. */
      readonly errorType: number;
      readonly code: number;
      /** Set for Nicira's and other experimenters' errors. */
      readonly experimenter?: number;
      /** The first bytes of the message at fault. */
      readonly data: Uint8Array;
    }
  | { readonly type: "echoRequest"; readonly data: Uint8Array }
  | { readonly type: "echoReply"; readonly data: Uint8Array }
  | { readonly type: "featuresRequest" }
  | {
      readonly type: "featuresReply";
      readonly datapathId: bigint;
      readonly nBuffers: number;
      readonly nTables: number;
      readonly auxiliaryId: number;
      readonly capabilities: number;
      /** OpenFlow 1.0 only: bits of the actions supported. */
      readonly actions: number;
      /** Until OpenFlow 1.2. */
      readonly ports: readonly PortDesc[];
    }
  | { readonly type: "getConfigRequest" }
  | { readonly type: "getConfigReply"; readonly flags: number; readonly missSendLength: number }
  | { readonly type: "setConfig"; readonly flags: number; readonly missSendLength: number }
  | FlowMod
  | GroupMod
  | MeterMod
  | {
      readonly type: "flowRemoved";
      readonly flow: FlowSpec;
      readonly reason: FlowRemovedReason;
      readonly durationSec: number;
      readonly nPackets: bigint;
      readonly nBytes: bigint;
    }
  | PacketIn
  | {
      readonly type: "packetOut";
      readonly bufferId?: number;
      readonly inPort: number;
      /** Other pipeline fields that the packet has, exactly; OpenFlow 1.5. */
      readonly metadata?: Match;
      readonly actions: readonly Action[];
      readonly data: Uint8Array;
    }
  | { readonly type: "portStatus"; readonly reason: "add" | "delete" | "modify"; readonly port: PortDesc }
  | {
      readonly type: "portMod";
      readonly port: number;
      readonly mac: number;
      readonly config: number;
      readonly mask: number;
      readonly advertise: number;
    }
  | { readonly type: "barrierRequest" }
  | { readonly type: "barrierReply" }
  /** Without a generation it is Nicira's message, which is that of OpenFlow 1.0 and 1.1 and holds no election. */
  | { readonly type: "roleRequest" | "roleReply"; readonly role: Role; readonly generationId?: bigint }
  /** Another controller became master, by its request, by configuration, or because the master went. */
  | {
      readonly type: "roleStatus";
      readonly role: Role;
      readonly reason: "masterRequest" | "config" | "experimenter";
      readonly generationId: bigint;
    }
  /** What another controller changed of groups or meters. */
  | { readonly type: "requestForward"; readonly message: GroupMod | MeterMod; readonly xid: number }
  | TableMod
  | TableStatus
  /** Before OpenFlow 1.4. */
  | { readonly type: "queueConfigRequest"; readonly port: number }
  | { readonly type: "queueConfigReply"; readonly port: number; readonly queues: readonly QueueDesc[] }
  /** Before OpenFlow 1.4, as the next two. */
  | { readonly type: "flowMonitorCancel"; readonly id: number }
  | { readonly type: "flowMonitorPaused" }
  | { readonly type: "flowMonitorResumed" }
  | CtFlush
  | ({ readonly type: "setAsync" | "getAsyncReply" } & AsyncMasks)
  /** OpenFlow 1.3 and later. */
  | { readonly type: "getAsyncRequest" }
  | { readonly type: "multipartRequest"; readonly request: MultipartRequest; readonly isLast: boolean }
  | { readonly type: "multipartReply"; readonly reply: MultipartReply; readonly isLast: boolean }
  | { readonly type: "bundleControl"; readonly bundleId: number; readonly kind: BundleControlKind; readonly flags: number }
  | {
      readonly type: "bundleAdd";
      readonly bundleId: number;
      readonly flags: number;
      /** The message to apply at commit, and its own transaction id. */
      readonly message: Message;
      readonly xid: number;
    }
  | { readonly type: "setFlowFormat"; readonly format: "openflow10" | "nxm" }
  | { readonly type: "flowModTableId"; readonly isOn: boolean }
  | { readonly type: "setPacketInFormat"; readonly format: PacketInFormat }
  | { readonly type: "setControllerId"; readonly controllerId: number }
  /** A packet that was paused goes on; what of it may be changed is what a packet-in tells. */
  | { readonly type: "resume"; readonly packet: PacketIn }
  /** Forget the tracked connections of a zone. */
  | { readonly type: "flushZone"; readonly zone: number }
  | TlvTableMod
  | { readonly type: "tlvTableRequest" }
  | TlvTableReply;

/** A decoded message with its header. */
export interface Envelope {
  /** Wire version of its header. */
  readonly version: number;
  readonly xid: number;
  readonly message: Message;
}
