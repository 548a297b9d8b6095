/**
 * OpenFlow actions and instructions as data, independent of the protocol version that carried them.
 *
 * As in Open vSwitch, instructions are kept in the same list as actions (`gotoTable`, `meter`,
 * `writeMetadata`, ...), in execution order, so that translation walks one list.
 */
import type { FieldSpec } from "@tenet/net";
import type { OptionMatch } from "./tlv-table.ts";

/** Bits `start .. start+nBits-1` (0 = least significant) of a field. */
export interface SubField {
  readonly field: FieldSpec;
  readonly start: number;
  readonly nBits: number;
}

/** Reserved OpenFlow port numbers, 16-bit form (OpenFlow 1.0); the codec widens them for later versions. */
export const PORT: {
  readonly IN_PORT: 0xfff8;
  readonly TABLE: 0xfff9;
  readonly NORMAL: 0xfffa;
  readonly FLOOD: 0xfffb;
  readonly ALL: 0xfffc;
  readonly CONTROLLER: 0xfffd;
  readonly LOCAL: 0xfffe;
  readonly NONE: 0xffff;
} = {
  IN_PORT: 0xfff8,
  TABLE: 0xfff9,
  NORMAL: 0xfffa,
  FLOOD: 0xfffb,
  ALL: 0xfffc,
  CONTROLLER: 0xfffd,
  LOCAL: 0xfffe,
  NONE: 0xffff,
};

/** Why a packet is sent to the controller. */
export const PACKET_IN_REASON: {
  readonly NO_MATCH: 0;
  readonly ACTION: 1;
  readonly INVALID_TTL: 2;
  readonly ACTION_SET: 3;
  readonly GROUP: 4;
  readonly PACKET_OUT: 5;
} = { NO_MATCH: 0, ACTION: 1, INVALID_TTL: 2, ACTION_SET: 3, GROUP: 4, PACKET_OUT: 5 };

/** Addresses and ports that a `nat` action chooses from; both ends belong to a range. */
export interface NatRange {
  readonly family: 4 | 6;
  /** One word (IPv4) or four (IPv6), most significant first. */
  readonly firstAddress: Uint32Array;
  readonly lastAddress: Uint32Array;
}

/** How a connection's address is translated; only inside `ct`. */
export interface NatAction {
  readonly type: "nat";
  /** Absent: translate packets as their connection says, set up nothing. */
  readonly side?: "src" | "dst";
  /** Absent: the address stays, only a clash of ports is resolved. */
  readonly addresses?: NatRange;
  /** Absent: the port stays if it can. */
  readonly ports?: readonly [first: number, last: number];
  readonly isPersistent?: boolean;
  readonly portChoice?: "hash" | "random";
}

/** Send the packet through the connection tracker. */
export interface CtAction {
  readonly type: "ct";
  /** Remember the connection. */
  readonly isCommit: boolean;
  /** With `isCommit`: forget a connection that was begun from the other side. */
  readonly isForce: boolean;
  /** A tracked copy of the packet goes on in this table; absent = there is none. */
  readonly table?: number;
  /** A number below 65536, or 16 bits of a field. */
  readonly zone: number | SubField;
  /** Sets of `ct_mark` and `ct_label`, moves to them, and `nat`. */
  readonly actions: readonly Action[];
  /** Port of the application protocol that is helped (21 ftp, 69 tftp); 0 = none. */
  readonly alg: number;
}

/**
 * One thing that `learn` says of the flow it makes: bits that it matches or loads, taken from the packet in hand or
 * given as a number, or the field of the packet that holds the port it outputs to.
 */
export type LearnSpec =
  | { readonly type: "match" | "load"; readonly target: SubField; readonly source: SubField | bigint }
  | { readonly type: "output"; readonly source: SubField };

/** Add a flow made from the packet in hand, or refresh the one that is there. Times are seconds, 0 = never. */
export interface LearnAction {
  readonly type: "learn";
  readonly table: number;
  readonly priority: number;
  readonly cookie: bigint;
  readonly idleTimeout: number;
  readonly hardTimeout: number;
  /** The flow gets a `finTimeout` with these, when one is not 0. */
  readonly finIdleTimeout: number;
  readonly finHardTimeout: number;
  readonly sendsFlowRemoved: boolean;
  /** When the last flow that learns into this table with this cookie goes, what was learned goes too. */
  readonly deletesLearned: boolean;
  /** Flows with this cookie in the table beyond which none is added; 0 = no limit. */
  readonly limit: number;
  /** One bit that becomes 1 when the flow is there afterwards, else 0. */
  readonly result?: SubField;
  readonly specs: readonly LearnSpec[];
}

/** What of a packet `multipath` and `bundle` hash, by the names that ovs-ofctl gives them; in wire order. */
export const HASH_FIELDS: readonly [
  "eth_src",
  "symmetric_l4",
  "symmetric_l3l4",
  "symmetric_l3l4+udp",
  "nw_src",
  "nw_dst",
  "symmetric_l3",
] = ["eth_src", "symmetric_l4", "symmetric_l3l4", "symmetric_l3l4+udp", "nw_src", "nw_dst", "symmetric_l3"];
export type HashFields = (typeof HASH_FIELDS)[number];

/** How `multipath` makes a link number of a hash; in wire order. */
export const LINK_ALGORITHMS: readonly ["modulo_n", "hash_threshold", "hrw", "iter_hash"] = [
  "modulo_n",
  "hash_threshold",
  "hrw",
  "iter_hash",
];
export type LinkAlgorithm = (typeof LINK_ALGORITHMS)[number];

/** Choose one of `nLinks` by a hash of the packet, and store its number (from 0) in `target`. */
export interface MultipathAction {
  readonly type: "multipath";
  readonly fields: HashFields;
  readonly basis: number;
  readonly algorithm: LinkAlgorithm;
  /** 1-65536. */
  readonly nLinks: number;
  /** Of the algorithm; only `iter_hash` looks at it. */
  readonly argument: number;
  readonly target: SubField;
}

/** How `bundle` chooses a member; in wire order. */
export const BUNDLE_ALGORITHMS: readonly ["active_backup", "hrw"] = ["active_backup", "hrw"];
export type BundleAlgorithm = (typeof BUNDLE_ALGORITHMS)[number];

/** Choose a live port, and send to it (`bundle`) or store its number in `target` (`bundle_load`). */
export interface BundleAction {
  readonly type: "bundle";
  readonly fields: HashFields;
  readonly basis: number;
  readonly algorithm: BundleAlgorithm;
  readonly members: readonly number[];
  readonly target?: SubField;
}

/** Show one of `65536 / probability` packets to a set of collectors. */
export interface SampleAction {
  readonly type: "sample";
  /** 1-65535. */
  readonly probability: number;
  readonly collectorSet: number;
  readonly observationDomain: number;
  readonly observationPoint: number;
  readonly samplingPort?: number;
  readonly direction?: "ingress" | "egress";
}

/** One action or instruction. */
export type Action =
  /** Send to an OpenFlow port (also the reserved ones of {@link PORT}, `NORMAL` among them); `maxLength` truncates. */
  | { readonly type: "output"; readonly port: number; readonly maxLength?: number }
  /** Send to the port whose number a field holds. */
  | { readonly type: "outputField"; readonly source: SubField }
  /** Send to the controller as a packet-in. */
  | {
      readonly type: "controller";
      readonly maxLength: number;
      readonly reason: number;
      readonly controllerId: number;
      readonly userdata?: Uint8Array;
      /** Stop here until the controller says how to go on (NXT_RESUME). */
      readonly pauses?: boolean;
      /** Meter that limits these packets; absent = the meter of controllers, if there is one. */
      readonly meter?: number;
    }
  /**
   * Set a field under a mask; `value` and `mask` hold `field.nWords` words as they lie in a FlowKey.
   * `form` remembers how it was written (`load:`, or `mod_dl_src:` and the like); it changes text and wire, not meaning.
   */
  | {
      readonly type: "setField";
      readonly field: FieldSpec;
      readonly value: Uint32Array;
      readonly mask: Uint32Array;
      readonly form?: "load" | "mod";
    }
  /**
   * Set the VLAN ID (0-4095), pushing an 802.1Q tag first if there is none (`mod_vlan_vid`); or, when it pushes none, of packets
   * with a tag alone (`set_vlan_vid`).
   */
  | { readonly type: "setVlanVid"; readonly vid: number; readonly pushes?: false }
  /** Set the VLAN priority (0-7), as above (`mod_vlan_pcp`, `set_vlan_pcp`). */
  | { readonly type: "setVlanPcp"; readonly pcp: number; readonly pushes?: false }
  /** Copy bits from one field to another. */
  | { readonly type: "move"; readonly source: SubField; readonly target: SubField }
  | { readonly type: "push"; readonly source: SubField }
  | { readonly type: "pop"; readonly target: SubField }
  | { readonly type: "pushVlan"; readonly ethType: number }
  /** Take the outer VLAN tag away; OpenFlow 1.0 has a name of its own for it. */
  | { readonly type: "popVlan"; readonly name?: "strip_vlan" }
  /** Decrement the IPv4 TTL or IPv6 hop limit; a packet whose TTL expires goes to `controllerIds` (default: 0) and stops. */
  | { readonly type: "decTtl"; readonly controllerIds?: readonly number[] }
  /** Look up another table (default: this one) as if received on `port` (default: unchanged), then go on. */
  | {
      readonly type: "resubmit";
      readonly port?: number;
      readonly table?: number;
      /** The addresses and ports for the lookup are those that the connection began with. */
      readonly usesCtTuple?: boolean;
    }
  | LearnAction
  /** When a TCP packet with FIN or RST comes, lower the timeouts of the flow to these (seconds, 0 = as it was). */
  | { readonly type: "finTimeout"; readonly idleTimeout: number; readonly hardTimeout: number }
  | MultipathAction
  | BundleAction
  /** Set one bit to whether the packet is longer than so many bytes. */
  | { readonly type: "checkPacketLarger"; readonly sizeBytes: number; readonly target: SubField }
  | SampleAction
  /** Take a header option away. */
  | { readonly type: "deleteField"; readonly field: FieldSpec }
  | { readonly type: "pushMpls"; readonly ethType: number }
  /** Take the outer label away; `ethType` is of what is beneath it. */
  | { readonly type: "popMpls"; readonly ethType: number }
  | { readonly type: "setMplsLabel"; readonly label: number }
  | { readonly type: "setMplsTc"; readonly tc: number }
  | { readonly type: "setMplsTtl"; readonly ttl: number }
  | { readonly type: "decMplsTtl" }
  | { readonly type: "group"; readonly group: number }
  | { readonly type: "setQueue"; readonly queue: number }
  | { readonly type: "popQueue" }
  /** Send to a port through one of its queues. */
  | { readonly type: "enqueue"; readonly port: number; readonly queue: number }
  | { readonly type: "clone"; readonly actions: readonly Action[] }
  /** Clause `clause` (from 1) of `nClauses` of the conjunctive match `id`. */
  | { readonly type: "conjunction"; readonly id: number; readonly clause: number; readonly nClauses: number }
  | { readonly type: "note"; readonly bytes: Uint8Array }
  | { readonly type: "exit" }
  | CtAction
  | NatAction
  /** Forget what the connection tracker said of the packet. */
  | { readonly type: "ctClear" }
  | { readonly type: "meter"; readonly meter: number }
  | { readonly type: "clearActions" }
  | { readonly type: "writeActions"; readonly actions: readonly Action[] }
  /** Set `metadata` under a mask, just before `gotoTable`; two words each, most significant first. */
  | { readonly type: "writeMetadata"; readonly value: Uint32Array; readonly mask: Uint32Array }
  | { readonly type: "gotoTable"; readonly table: number };

/** A match in FlowKey words; `key` has no bit outside `mask`. */
export interface Match {
  readonly key: Uint32Array;
  readonly mask: Uint32Array;
  /** What is matched of `tun_metadata` fields: only a switch's option table says where in a FlowKey they lie. */
  options?: readonly OptionMatch[] | undefined;
}
