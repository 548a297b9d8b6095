/**
 * From logical actions to OpenFlow actions: names become keys, tables become numbers, registers become fields.
 *
 * @see ovn-architecture(7), "Architectural Physical Life Cycle of a Packet"
 */
import { FIELDS, type FieldName, type FieldSpec } from "@tenet/net";
import { type Action, type CtAction, findMatchField, formatActions, PACKET_IN_REASON, type SubField } from "@tenet/openflow";
import type { BitRange, Operand } from "../expression/syntax.ts";
import { FLAGS_FIELD, OUTPORT_FIELD, subRange, ZONE_FIELD } from "../expression/symbol-table.ts";
import { TABLE } from "./layout.ts";
import { type BitLookup, LOG_SEVERITIES, LOG_VERDICTS, type LogicalAction, type Pipeline } from "./logical-action.ts";

/** What the encoding of actions depends on. */
export interface ActionContext {
  readonly pipeline: Pipeline;
  /** Logical table of the flow. */
  readonly table: number;
  /** The key of a logical port or multicast group of this datapath; unknown names encode as port 0, "none". */
  portKey(name: string): number | undefined;
}

/**
 * What the controller is asked to do with a packet: the first four bytes of userdata, numbered as in OVN 23.03; four
 * zero bytes follow, then what the request needs. For advertisements that is the actions' text, in our own form.
 */
export const CONTROLLER_OPCODE: {
  readonly advertise: 0x03;
  readonly log: 0x07;
  readonly advertiseRouter: 0x0c;
  readonly putFdb: 0x19;
} = { advertise: 0x03, log: 0x07, advertiseRouter: 0x0c, putFdb: 0x19 };

const LOOKUPS: Readonly<Record<BitLookup, { table: number; flagBit: number }>> = {
  check_in_port_sec: { table: TABLE.checkInPortSecurity, flagBit: 12 },
  check_out_port_sec: { table: TABLE.checkOutPortSecurity, flagBit: 12 },
  lookup_fdb: { table: TABLE.lookupFdb, flagBit: 8 },
};

/** Encodes logical actions; the empty list is drop. */
export function encodeActions(actions: readonly LogicalAction[], context: ActionContext): Action[] {
  return actions.flatMap((action) => encodeAction(action, context));
}

function encodeAction(action: LogicalAction, context: ActionContext): Action[] {
  switch (action.type) {
    case "output":
      return [resubmit(context.pipeline === "ingress" ? TABLE.output : TABLE.saveInport)];
    case "next":
      return [resubmit(tableOf(action.pipeline ?? context.pipeline, action.table ?? context.table + 1))];
    case "assign":
      return [assign(action.target, action.value, context)];
    case "copy":
      return [{ type: "move", source: subFieldOf(action.source), target: subFieldOf(action.target) }];
    case "exchange":
      return exchange(subFieldOf(action.a), subFieldOf(action.b));
    case "push":
      return [{ type: "push", source: subFieldOf(action.source) }];
    case "pop":
      return [{ type: "pop", target: subFieldOf(action.target) }];
    case "decrementTtl":
      return [{ type: "decTtl" }];
    case "clone":
      return [{ type: "clone", actions: encodeActions(action.actions, context) }];
    case "lookupBit": {
      const { table, flagBit } = LOOKUPS[action.lookup];
      const flag: SubField = { field: FIELDS[FLAGS_FIELD], start: flagBit, nBits: 1 };
      return [setBits(flag, 0n, 1n), resubmit(table), { type: "move", source: flag, target: subFieldOf(action.target) }];
    }
    case "getFdb":
      return [setField(OUTPORT_FIELD, 0), resubmit(TABLE.getFdb)];
    case "putFdb":
      return [toController(CONTROLLER_OPCODE.putFdb)];
    case "advertise": {
      const opcode = action.isRouter ? CONTROLLER_OPCODE.advertiseRouter : CONTROLLER_OPCODE.advertise;
      return [toController(opcode, new TextEncoder().encode(formatActions(encodeActions(action.actions, context))))];
    }
    case "track":
      return [track(context, action.translates ? [{ type: "nat" }] : [])];
    case "commit":
      // The source's port changes when its answers would be taken for another connection's, which was translated.
      return [commit([{ type: "nat", side: "src" }, ...encodeActions(action.actions, context)])];
    case "commitTranslated":
      return [{ ...commit([{ type: "nat" }]), table: tableOf(context.pipeline, context.table + 1) }];
    case "untrack":
      return [{ type: "ctClear" }];
    case "log": {
      const head = [LOG_VERDICTS.indexOf(action.verdict), LOG_SEVERITIES[action.severity]];
      return [toController(CONTROLLER_OPCODE.log, [...head, ...new TextEncoder().encode(action.name)])];
    }
  }
}

/** The zone of the logical port that the packet comes from or goes to; see controller.dl. */
const ZONE: SubField = { field: FIELDS[ZONE_FIELD], start: 0, nBits: 16 };

/** Sends the packet through the tracker, to come back in the next table. */
function track(context: ActionContext, actions: readonly Action[]): CtAction {
  const table = tableOf(context.pipeline, context.table + 1);
  return { type: "ct", isCommit: false, isForce: false, table, zone: ZONE, actions, alg: 0 };
}

function commit(actions: readonly Action[]): CtAction {
  return { type: "ct", isCommit: true, isForce: false, zone: ZONE, actions, alg: 0 };
}

function toController(opcode: number, rest: ArrayLike<number> = []): Action {
  const userdata = new Uint8Array(8 + rest.length);
  userdata[3] = opcode;
  userdata.set(rest, 8);
  return { type: "controller", maxLength: 0xffff, reason: PACKET_IN_REASON.ACTION, controllerId: 0, userdata };
}

/** The OpenFlow table of a logical table. */
export function tableOf(pipeline: Pipeline, table: number): number {
  return (pipeline === "ingress" ? TABLE.ingress : TABLE.egress) + table;
}

/** "Look up this table too, then go on". */
function resubmit(table: number): Action {
  return { type: "resubmit", table };
}

/** Sets a whole field of at most 32 bits. */
function setField(name: FieldName, value: number): Action {
  const field = FIELDS[name];
  return setBits({ field, start: 0, nBits: field.nBits }, BigInt(value), (1n << BigInt(field.nBits)) - 1n);
}

/** Sets bits of a field; `value` and `mask` count from the lowest bit of the subfield. */
export function setBits({ field, start }: SubField, value: bigint, mask: bigint): Action {
  const words = { value: new Uint32Array(field.nWords), mask: new Uint32Array(field.nWords) };
  // A FlowKey keeps a field of less than a word shifted; the words here lie as they lie there.
  const up = BigInt(start + field.shift);
  for (let i = 0; i < field.nWords; i++) {
    const down = BigInt(32 * (field.nWords - 1 - i));
    words.value[i] = Number((((value & mask) << up) >> down) & 0xffffffffn);
    words.mask[i] = Number(((mask << up) >> down) & 0xffffffffn);
  }
  return { type: "setField", field, ...words, form: "load" };
}

function assign(target: Operand, value: Extract<LogicalAction, { type: "assign" }>["value"], context: ActionContext): Action {
  const ones = (1n << BigInt(target.nBits)) - 1n;
  const subField = subFieldOf(target);
  if (value.type === "string") return setBits(subField, BigInt(context.portKey(value.value) ?? 0), ones);
  if (value.type !== "integer") throw new TypeError("A set cannot be assigned");
  return setBits(subField, value.value, (value.mask ?? ones) & ones);
}

function exchange(a: SubField, b: SubField): Action[] {
  return [
    { type: "push", source: b },
    { type: "push", source: a },
    { type: "pop", target: b },
    { type: "pop", target: a },
  ];
}

/** Symbols whose bits OpenFlow knows by several names, and the name that fits. */
const OPENFLOW_NAMES: Readonly<Record<string, string>> = {
  "arp.op": "arp_op",
  "arp.sha": "arp_sha",
  "arp.spa": "arp_spa",
  "arp.tha": "arp_tha",
  "arp.tpa": "arp_tpa",
  "icmp4.code": "icmp_code",
  "icmp4.type": "icmp_type",
  "icmp6.code": "icmpv6_code",
  "icmp6.type": "icmpv6_type",
  "ip.dscp": "ip_dscp",
  "ip.ecn": "nw_ecn",
  "nd.sll": "nd_sll",
  "nd.tll": "nd_tll",
  "sctp.dst": "sctp_dst",
  "sctp.src": "sctp_src",
  "tcp.dst": "tcp_dst",
  "tcp.src": "tcp_src",
  "udp.dst": "udp_dst",
  "udp.src": "udp_src",
};
const FLOW_KEY_FIELDS: readonly FieldSpec[] = Object.values(FIELDS);

/** The OpenFlow field and bits behind an operand. @throws TypeError when the bits span several fields */
export function subFieldOf(operand: Operand): SubField {
  const range = subRange(operand.symbol.bits, operand.start, operand.nBits);
  const name = OPENFLOW_NAMES[operand.symbol.name.replace(/^rarp/, "arp")];
  const named = name === undefined ? undefined : findMatchField(name);
  const field = [named, ...FLOW_KEY_FIELDS].find((candidate) => candidate !== undefined && holds(candidate, range));
  if (field === undefined) throw new TypeError(`"${operand.symbol.name}" spans several OpenFlow fields`);
  const wordsBelow = field.word + field.nWords - (range.word + range.nWords);
  return { field, start: 32 * wordsBelow + range.shift - field.shift, nBits: range.nBits };
}

function holds(field: FieldSpec, range: BitRange): boolean {
  if (range.word < field.word || range.word + range.nWords > field.word + field.nWords) return false;
  if (field.nWords > 1) return true;
  return range.shift >= field.shift && range.shift + range.nBits <= field.shift + field.nBits;
}
