/**
 * `learn`: the flow that a packet teaches.
 *
 * What the action takes from the packet is read, and so is in the megaflow: the flow is a function of the megaflow.
 *
 * @see ovs-actions(7), "The learn action"
 */
import {
  type Action,
  asMatchField,
  FLOW_FLAG,
  type FlowSpec,
  formatActions,
  formatMatch,
  type LearnAction,
  makeMatch,
  PORT,
  setMatchField,
  type SubField,
  toFieldWords,
} from "@tenet/openflow";
import type { PacketState } from "../packet/packet-state.ts";
import type { Walk } from "../walk.ts";
import { storeAndNote } from "./change-packet.ts";

/** The first port number that is reserved. */
const FIRST_RESERVED = 0xff00;
/** Reserved ports that a learned flow may send to. */
const RESERVED: ReadonlySet<number> = new Set([PORT.IN_PORT, PORT.FLOOD, PORT.ALL, PORT.LOCAL]);

/** Teaches the flow, if the translation may. */
export function teach(walk: Walk, action: LearnAction): void {
  const { bridge, observer, learnFlow } = walk;
  const flow = learnedFlow(action, walk.packet);
  if (learnFlow === undefined) return observer?.warning("suppressing side effects, so learn action ignored");
  const { limit, result } = action;
  observer?.note(describeLearned(flow));
  const isThere = learnFlow(bridge, flow, limit);
  if (isThere === undefined) walk.isCacheable = false;
  if (result !== undefined) storeAndNote(walk, result, isThere === true ? 1n : 0n);
  walk.effects.push({ type: "learnFlow", bridge, flow, limit });
}

/** The flow to add or refresh. */
function learnedFlow(action: LearnAction, packet: PacketState): FlowSpec {
  const match = makeMatch();
  const actions: Action[] = [];
  const { finIdleTimeout, finHardTimeout } = action;
  if (finIdleTimeout !== 0 || finHardTimeout !== 0) {
    actions.push({ type: "finTimeout", idleTimeout: finIdleTimeout, hardTimeout: finHardTimeout });
  }
  for (const spec of action.specs) {
    const value = typeof spec.source === "bigint" ? spec.source : packet.load(spec.source);
    if (spec.type === "match") {
      const { field, start, nBits } = spec.target;
      setMatchField(match, asMatchField(field), value << BigInt(start), onesAt(start, nBits));
    } else if (spec.type === "load") actions.push(load(spec.target, value));
    else if (value < FIRST_RESERVED || RESERVED.has(Number(value))) actions.push({ type: "output", port: Number(value) });
  }
  return {
    table: action.table,
    priority: action.priority,
    cookie: action.cookie,
    match,
    actions,
    idleTimeout: action.idleTimeout,
    hardTimeout: action.hardTimeout,
    flags: action.sendsFlowRemoved ? FLOW_FLAG.SEND_FLOW_REM : 0,
    importance: 0,
  };
}

/** A learned flow in the words of a trace. */
function describeLearned({ table, match, priority, cookie, idleTimeout, hardTimeout, flags, actions }: FlowSpec): string {
  const parts = [`table=${table}`, formatMatch(match), `priority=${priority}`];
  if (cookie !== 0n) parts.push(`cookie=0x${cookie.toString(16)}`);
  if (idleTimeout !== 0) parts.push(`idle=${idleTimeout}`);
  if (hardTimeout !== 0) parts.push(`hard=${hardTimeout}`);
  if ((flags & FLOW_FLAG.SEND_FLOW_REM) !== 0) parts.push("send_flow_rem");
  return [...parts, `actions=${formatActions(actions)}`].filter((part) => part !== "").join(" ");
}

function load({ field, start, nBits }: SubField, value: bigint): Action {
  const mask = onesAt(start, nBits);
  return {
    type: "setField",
    field,
    value: toFieldWords(field, value << BigInt(start)),
    mask: toFieldWords(field, mask),
    form: "load",
  };
}

function onesAt(start: number, nBits: number): bigint {
  return ((1n << BigInt(nBits)) - 1n) << BigInt(start);
}
