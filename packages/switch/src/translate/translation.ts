/** What translation takes and gives. */
import type { DatapathAction } from "@tenet/datapath";
import type { Action, FlowSpec } from "@tenet/openflow";
import type { Bridge } from "../bridge/bridge.ts";
import type { BridgePort } from "../bridge/bridge-port.ts";
import type { Sighting } from "../bridge/mac-table.ts";
import type { TunnelTable } from "../tunnel/tunnel-table.ts";
import type { NativeRoute, Underlay } from "../tunnel/underlay.ts";
import type { FrozenState } from "./frozen-state.ts";
import type { Group, RunningBucket } from "../group/group.ts";
import type { TableVisit } from "../table/flow-table.ts";
import type { Rule } from "../table/rule.ts";

/** Counts packets of megaflows. */
export interface PacketCounter {
  count(nPackets: number, nBytes: number): void;
}

/** What packets of the megaflow do besides being forwarded; carried out again when its statistics are read. */
export type Effect =
  /** NORMAL saw a packet from `mac`. */
  | { readonly type: "learn"; readonly bridge: Bridge; readonly sighting: Sighting }
  /** A mirror copied the packets, or a bond chose a member for them. */
  | { readonly type: "count"; readonly counter: PacketCounter }
  /** A group was run; `group` is absent when there is none of this number. */
  | {
      readonly type: "group";
      readonly bridge: Bridge;
      readonly id: number;
      readonly group: Group | undefined;
      /** Those of its buckets that the packets ran through. */
      readonly buckets: readonly RunningBucket[];
    }
  /** `learn` taught a flow; with a limit it depends on how many there are. */
  | { readonly type: "learnFlow"; readonly bridge: Bridge; readonly flow: FlowSpec; readonly limit: number }
  /** A flow's timeouts are lowered by packets that end a TCP connection. */
  | {
      readonly type: "finTimeout";
      readonly bridge: Bridge;
      readonly rule: Rule;
      readonly idleTimeout: number;
      readonly hardTimeout: number;
    }
  /** Packets went out by a bridge to a neighbour, with outer headers: in use, if it is known, else to be asked for. */
  | { readonly type: "neighbor"; readonly route: NativeRoute }
  /** Packets met rules with outer headers in front. */
  | { readonly type: "enclosed"; readonly visits: readonly TableVisit[]; readonly nBytes: number }
  /** Packets went into a tunnel, or came out of it. */
  | { readonly type: "tunnel"; readonly port: BridgePort; readonly isInput: boolean }
  /** Packets went out at one patch port and in at its peer. */
  | { readonly type: "patch"; readonly from: BridgePort; readonly to: BridgePort };

/** Why a translation failed. */
export type TranslationFailure = "depth" | "resubmits" | "stack";

/** The answer for one packet and all others that agree with it under `mask`. */
export interface Translation {
  readonly actions: readonly DatapathAction[];
  /** Of the megaflow; `in_port` exact. */
  readonly mask: Uint32Array;
  readonly visits: readonly TableVisit[];
  readonly effects: readonly Effect[];
  /** Addresses that NORMAL looked up, named by `keyOf`, per bridge. */
  readonly macLookups: readonly { readonly bridge: Bridge; readonly name: string }[];
  /** Whether it holds for later packets too; else each is to be translated afresh. */
  readonly isCacheable: boolean;
  /** Set when a limit was exceeded; the packet is then dropped. */
  readonly failure: TranslationFailure | undefined;
  /** The flow at the end, as the last bridge saw it. */
  readonly finalFlow: Uint32Array;
}

/** That no flow matched a packet, and a controller's version has it that it hears of that; it is told so as of NO_MATCH. */
export const IMPLICIT_MISS = 7;
/** That a table's last flow, which matches all at priority 0, says so: OpenFlow 1.0 to 1.2 hear of ACTION, later versions of NO_MATCH. */
export const EXPLICIT_MISS = 6;

/** What becomes of a packet that no rule of a table matches: it is dropped, for being a fragment maybe, or goes to controllers. */
export type Miss = "drop" | "fragment" | "controller";

/** A packet for controllers: what the `controller` action said, and where it said so. */
export interface Punt {
  readonly bridge: Bridge;
  readonly maxLength: number;
  /** A number of OpenFlow, {@link IMPLICIT_MISS} or {@link EXPLICIT_MISS}. */
  readonly reason: number;
  readonly controllerId: number;
  readonly userdata: Uint8Array | undefined;
  readonly table: number;
  readonly cookie: bigint;
  /** The datapath's number of the meter that limits these packets. */
  readonly meter: number | undefined;
  /** Where the packet goes on when the controller gives it back. */
  readonly paused: FrozenState | undefined;
  /** Whether the tables had seen what the connection tracker says of the packet. */
  readonly isTracked: boolean;
  /** Pipeline fields at that moment; `in_port` is the OpenFlow port. */
  readonly metadata: Uint32Array;
}

/** What translation asks of the switch around it. */
export interface Surroundings {
  readonly underlay: Underlay;
  readonly tunnels: TunnelTable;
  /** How many tags of a packet the datapath reads. */
  readonly vlanLimit: number;
  /** The port at the other end of a patch port, and its bridge. */
  peerOf(port: BridgePort): { readonly bridge: Bridge; readonly port: BridgePort } | undefined;
  /** A number by which the datapath hands packets of this punt back. */
  puntId(punt: Punt): number;
  /** A number by which the datapath hands packets back that go on with this; `flow` is the packet now. */
  recircId(state: FrozenState, flow: Uint32Array): number;
}

/** Listens to a translation step by step. */
export interface TranslationObserver {
  /** The translation begins; `mask` will be its megaflow's, `flow` is the packet: both change under way. */
  start(mask: Uint32Array, flow: Uint32Array): void;
  enterBridge(bridge: Bridge): void;
  leaveBridge(): void;
  enterTable(bridge: Bridge, table: number, depth: number, found: Rule | Miss): void;
  leaveTable(): void;
  /** By its number in the group. */
  enterBucket(id: number): void;
  leaveBucket(): void;
  /** The action set is executed. */
  enterActionSet(): void;
  leaveActionSet(): void;
  action(action: Action): void;
  /** Actions inside another one, before they are executed. */
  innerActions(actions: readonly Action[]): void;
  /** A packet comes back and goes on in a table. */
  thaw(table: number): void;
  note(text: string): void;
  warning(text: string): void;
  failure(text: string): void;
}
