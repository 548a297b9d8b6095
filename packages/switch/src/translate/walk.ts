/**
 * One packet's way through bridges and flow tables: where it is, and what has come of it so far.
 *
 * What: looks up tables and executes the actions of the rules it finds, on a copy of the packet's FlowKey. Whatever goes in
 * circles (a table that is resubmitted to, actions within actions, a bridge behind a patch port) comes back here; what a single
 * action does is told in action/ and output/. Limits: depth 64, counting only steps to the same or an earlier table, 4096
 * lookups, and the values on the stack; beyond them the packet is dropped.
 */
import type { Classifier } from "@tenet/classifier";
import type { DatapathAction } from "@tenet/datapath";
import { FIELDS, getField } from "@tenet/net";
import type { Action } from "@tenet/openflow";
import type { Bridge } from "../bridge/bridge.ts";
import { type BridgePort, NO_RECV, NO_RECV_STP, PORT_DOWN } from "../bridge/bridge-port.ts";
import type { Mirror } from "../bridge/mirror.ts";
import { STP_MAC } from "../bridge/reserved-mac.ts";
import { N_TABLES } from "../table/flow-mod.ts";
import type { FlowTable, TableVisit } from "../table/flow-table.ts";
import type { Rule } from "../table/rule.ts";
import { orderedActionSet, outputOfSet } from "./action/action-set.ts";
import { branchByLength } from "./action/branch-by-length.ts";
import { decMplsTtl, decTtl } from "./action/change-packet.ts";
import { executeAction } from "./action/execute-action.ts";
import { type Freezing, freeze, leaveOff } from "./freeze.ts";
import type { FrozenFrame } from "./frozen-state.ts";
import { leaveTunnel } from "./output/cross-tunnel.ts";
import { Mirroring } from "./output/mirroring.ts";
import { forwardNormally } from "./output/normal.ts";
import { punt, type PuntReason, WHOLE_PACKET } from "./output/punt.ts";
import { needsParsing } from "./packet/mpls.ts";
import { PacketState } from "./packet/packet-state.ts";
import type { TranslateOptions } from "./translate.ts";
import {
  type Effect,
  IMPLICIT_MISS,
  type Miss,
  type Surroundings,
  type Translation,
  type TranslationFailure,
  type TranslationObserver,
} from "./translation.ts";

/** Deepest nesting of resubmits to the same or an earlier table, of groups, and of patch ports. */
const MAX_DEPTH = 64;
/** Lookups per packet. */
const MAX_RESUBMITS = MAX_DEPTH * 64;
/** Values on the stack with which a table may be looked up: so many registers are 64 KiB at the original. */
const MAX_STACK = 13_107;
const IN_PORT_WORD = FIELDS.in_port.word;
const PORTS_WORD = FIELDS.tp_src.word;
/** Of packets that no rule handles. */
const NO_COOKIE = 0xffff_ffff_ffff_ffffn;
/** Of packets that a table sends to controllers for want of a rule. */
const MISS_PUNT: PuntReason = { maxLength: WHOLE_PACKET, reason: IMPLICIT_MISS, controllerId: 0 };
/** What cannot be undone, as a rewritten field can, and so is done to a copy. */
const NOT_UNDONE: ReadonlySet<DatapathAction["type"]> = new Set(["ct", "ctClear", "meter", "pushMpls", "popMpls"]);

/** A translation under way. */
export class Walk {
  /** The key that the packet came with. */
  readonly key: Uint32Array;
  readonly packet: PacketState;
  readonly around: Surroundings;
  readonly learn: TranslateOptions["learn"];
  readonly learnFlow: TranslateOptions["learnFlow"];
  readonly meetNeighbor: TranslateOptions["meetNeighbor"];
  readonly observer: TranslationObserver | undefined;
  bridge: Bridge;
  table = 0;
  /** The rule whose actions are executed, and its cookie. */
  rule: Rule | undefined = undefined;
  cookie: bigint = NO_COOKIE;
  /** Whether the actions are those that a controller sent with a packet, of a bucket, or of the action set. */
  readonly isPacketOut: boolean;
  isInBucket = false;
  isInActionSet = false;
  /** Whether the tables see what the connection tracker said. */
  isTracked = false;
  stack: bigint[] = [];
  /** Copies for the mirrors of the bridge in hand, if it has any. */
  mirroring: Mirroring | undefined = undefined;
  /** Set while the walk unwinds to leave off, and what is left of each list of actions is kept. */
  freezing: Freezing | undefined = undefined;
  /** Nothing more is executed, up to the {@link apart} that the walk is in. */
  isOver = false;
  isCacheable = true;
  /** Whether the packet is a fragment of one that is for a tunnel's end, maybe: that is translated when it is whole. */
  needsWhole = false;
  out: DatapathAction[] = [];
  readonly effects: Effect[] = [];
  readonly macLookups: { bridge: Bridge; name: string }[] = [];
  readonly visits: TableVisit[] = [];
  /** Tunnel blocks of the outer headers that are in front of the packet. */
  readonly enclosing: Uint32Array[] = [];
  #actionSet: readonly Action[] = [];
  #failure: TranslationFailure | undefined = undefined;
  #depth = 0;
  #nesting = 0;
  #nLookups = 0;

  constructor(bridge: Bridge, key: Uint32Array, around: Surroundings, options: TranslateOptions) {
    this.bridge = bridge;
    this.key = key;
    this.around = around;
    this.learn = options.learn;
    this.learnFlow = options.learnFlow;
    this.meetNeighbor = options.meetNeighbor;
    this.observer = options.observer;
    this.isPacketOut = options.actions !== undefined;
    this.packet = options.packet ?? new PacketState();
    this.packet.start(key);
  }

  /** What came of it. */
  get translation(): Translation {
    return {
      actions: this.#failure !== undefined ? [] : this.needsWhole ? [{ type: "reassemble" }] : withoutLastCopy(this.out),
      mask: this.packet.wildcards,
      visits: this.visits,
      effects: this.effects,
      macLookups: this.macLookups,
      isCacheable: this.isCacheable,
      failure: this.#failure,
      finalFlow: this.packet.flow,
    };
  }

  get actionSet(): readonly Action[] {
    return this.#actionSet;
  }

  set actionSet(set: readonly Action[]) {
    this.#actionSet = set;
    this.packet.setActionSetOutput(outputOfSet(set));
  }

  /** OpenFlow number of the port that the packet came in at. */
  get inPort(): number {
    return this.packet.flow[IN_PORT_WORD] as number;
  }

  /** Takes the packet in at a port of the bridge: looks up table 0 and at the end executes the action set. */
  enterBridge(): void {
    const port = this.bridge.port(this.inPort);
    if (port !== undefined && !this.#takeIn(port)) return;
    if (this.bridge.isFailingOpen) return forwardNormally(this);
    const first = this.visits.length;
    this.lookUp(0);
    this.cookie = this.visits[first]?.rule?.cookie ?? NO_COOKIE;
    this.executeActionSet();
  }

  /** A packet of a controller is copied as if it had come in at its port. */
  mirrorInput(): void {
    const port = this.bridge.port(this.inPort);
    if (port !== undefined) this.mirroring?.takeIn(port.bundle);
  }

  /** @returns whether the packet goes on */
  #takeIn(port: BridgePort): boolean {
    if (port.link.kind === "tunnel" && !this.#leaveTunnel(port)) return false;
    if (this.#isRefused(port)) {
      this.observer?.warning("port is configured not to receive");
      return false;
    }
    for (const meter of port.policers) this.out.push({ type: "meter", meter });
    return this.mirroring === undefined || this.mirroring.takeIn(port.bundle);
  }

  /** Whether its configuration keeps out what comes in at a port. */
  #isRefused({ config }: BridgePort): boolean {
    if ((config & (NO_RECV | NO_RECV_STP)) === 0) return (config & PORT_DOWN) !== 0;
    const refusing = this.packet.readMac(FIELDS.eth_dst) === STP_MAC ? NO_RECV_STP : NO_RECV;
    return (config & (PORT_DOWN | refusing)) !== 0;
  }

  /** What outer headers say of congestion goes on inside. @returns false when it cannot, and the packet is dropped */
  #leaveTunnel(port: BridgePort): boolean {
    this.effects.push({ type: "tunnel", port, isInput: true });
    if (leaveTunnel(this.packet)) return true;
    this.observer?.note("dropping tunnel packet marked ECN CE but is not ECN capable");
    return false;
  }

  /** @param served - mirrors that have their copy already */
  startMirroring(served?: readonly Mirror[]): void {
    this.mirroring = this.bridge.mirrors.length === 0 ? undefined : new Mirroring(this, served);
  }

  executeActionSet(): void {
    if (this.#actionSet.length === 0 || this.isOver) return;
    const set = orderedActionSet(this.#actionSet);
    this.actionSet = [];
    if (set.length === 0) return;
    this.observer?.enterActionSet();
    const { isInActionSet } = this;
    this.isInActionSet = true;
    this.execute(set);
    this.isInActionSet = isInActionSet;
    this.observer?.leaveActionSet();
  }

  /**
   * Finds the rule of a table and executes it.
   *
   * @param deepens - 1 when the table may come again and again
   * @param inPort - replaces the ingress port for the lookup alone
   * @param usesCtTuple - whether the addresses and ports to look up are those that the packet's connection began with
   * @param isResubmit - a packet that finds no rule goes on behind the action
   */
  lookUp(table: number, deepens: 0 | 1 = 0, inPort?: number, usesCtTuple = false, isResubmit = false): void {
    if (!this.countLookup()) return;
    const found = this.bridge.pipeline.table(table);
    const rule = this.#findRule(found, inPort, usesCtTuple);
    if (rule === undefined && this.#isPassedOn(found, isResubmit)) {
      this.visits.push(found.visitOf(undefined));
      return this.lookUp(table + 1, deepens, inPort, usesCtTuple);
    }
    const miss = rule === undefined ? this.#miss(found, isResubmit) : undefined;
    this.visits.push(found.visitOf(rule));
    this.observer?.enterTable(this.bridge, table, this.#nesting, rule ?? miss ?? "drop");
    const { table: outerTable, rule: outerRule, cookie: outerCookie, isInBucket } = this;
    this.isInBucket = false;
    this.table = table;
    this.rule = rule;
    this.cookie = rule?.cookie ?? 0n;
    if (miss === "controller") punt(this, MISS_PUNT);
    this.#depth += deepens;
    this.#nesting++;
    const next = rule === undefined ? undefined : this.execute(rule.actions);
    this.#nesting--;
    if (next !== undefined && !this.isOver) this.lookUp(next);
    this.observer?.leaveTable();
    this.#depth -= deepens;
    this.table = outerTable;
    this.rule = outerRule;
    this.cookie = outerCookie;
    this.isInBucket = isInBucket;
  }

  /** Counts a lookup. @returns false when it is one too many, and the walk fails */
  countLookup(): boolean {
    if (this.isTooDeep()) return false;
    if (this.#nLookups >= MAX_RESUBMITS) return !this.#fail("resubmits", `over ${MAX_RESUBMITS} resubmit actions`);
    if (this.stack.length > MAX_STACK) return !this.#fail("stack", "resubmits yielded over 64 kB of stack");
    this.#nLookups++;
    return true;
  }

  /** Whether the walk cannot go deeper, and fails. */
  isTooDeep(): boolean {
    return this.#depth >= MAX_DEPTH && this.#fail("depth", `over max translation depth ${MAX_DEPTH}`);
  }

  /** What becomes of a packet that found no rule. */
  #miss({ onMiss }: FlowTable, isResubmit: boolean): Miss {
    if (this.#isUnwantedFragment) return "fragment";
    const isPunted = onMiss === "controller" || (onMiss !== "drop" && this.bridge.sendsMisses); // nothing follows the last table
    return isPunted && !isResubmit ? "controller" : "drop";
  }

  /** Whether a packet that a table has no rule for goes on in the next one. */
  #isPassedOn({ onMiss, number }: FlowTable, isResubmit: boolean): boolean {
    return onMiss === "continue" && !isResubmit && number < N_TABLES - 2 && !this.#isUnwantedFragment;
  }

  get #isFragment(): boolean {
    return getField(this.packet.flow, FIELDS.nw_frag) !== 0; // in every megaflow
  }

  get #isUnwantedFragment(): boolean {
    return this.bridge.fragments === "drop" && this.#isFragment;
  }

  #findRule(table: FlowTable, inPort: number | undefined, usesCtTuple: boolean): Rule | undefined {
    if (this.#isUnwantedFragment) return undefined;
    const { flow } = this.packet;
    const ownPort = this.inPort;
    const ports = flow[PORTS_WORD] as number;
    if (inPort !== undefined) flow[IN_PORT_WORD] = inPort;
    if (this.bridge.fragments === "normal" && this.#isFragment) flow[PORTS_WORD] = 0;
    const { hidden } = table;
    const rule = (hidden && this.#lookUpIn(hidden, usesCtTuple)) ?? this.#lookUpIn(table.classifier, usesCtTuple);
    flow[IN_PORT_WORD] = ownPort;
    flow[PORTS_WORD] = ports;
    return rule;
  }

  #lookUpIn(rules: Classifier<Rule>, usesCtTuple: boolean): Rule | undefined {
    return usesCtTuple ? this.packet.lookUpByTuple(rules) : this.packet.lookUp(rules);
  }

  /** Executes a list of actions. @returns the table that `goto_table` asks for */
  execute(actions: readonly Action[]): number | undefined {
    for (let i = 0; i < actions.length; i++) {
      const action = actions[i] as Action;
      if (this.packet.isUnparsed && needsParsing(action)) {
        freeze(this, { frames: [this.#frameOf(actions, i)] });
        return undefined;
      }
      this.observer?.action(action);
      switch (action.type) {
        case "gotoTable":
          return action.table;
        case "decTtl":
          if (!decTtl(this, action.controllerIds)) return undefined;
          break;
        case "decMplsTtl":
          if (!decMplsTtl(this)) return undefined;
          break;
        case "checkPacketLarger":
          branchByLength(this, action, actions.slice(i + 1));
          return undefined;
        default:
          executeAction(this, action);
      }
      if (!this.isOver) continue;
      // An action that the datapath has to hash for comes first when the packet is back.
      const isWaiting = this.freezing?.frames.length === 0 && this.freezing.hashBasis !== undefined;
      this.freezing?.frames.push(this.#frameOf(actions, isWaiting ? i : i + 1));
      return undefined;
    }
    return undefined;
  }

  /** Executes what is left of a list, and goes where it says. */
  executeRest(actions: readonly Action[]): void {
    const next = this.execute(actions);
    if (next !== undefined && !this.isOver) this.lookUp(next);
  }

  /** What is left of a list from an action on. */
  #frameOf(actions: readonly Action[], first: number): FrozenFrame {
    return { table: this.table, cookie: this.cookie, actions: actions.slice(first) };
  }

  /** Runs a walk one level deeper. */
  deepen(walk: () => void): void {
    this.#depth++;
    walk();
    this.#depth--;
  }

  /** Runs a walk whose changes to the packet, and whose `exit`, stay inside. */
  apart(walk: () => void): void {
    const saved = this.packet.save();
    const inner = this.#collect(walk);
    const needsCopy = inner.some(({ type }) => NOT_UNDONE.has(type));
    this.packet.restore(saved, needsCopy);
    if (needsCopy) this.out.push({ type: "clone", actions: inner });
    else this.out.push(...inner);
  }

  /** As {@link apart}, but what the datapath does to a copy is given back. */
  aside(walk: () => void): DatapathAction[] {
    const saved = this.packet.save();
    const inner = this.#collect(walk);
    this.packet.restore(saved, true);
    return inner;
  }

  #collect(walk: () => void): DatapathAction[] {
    const { out, isTracked } = this;
    this.out = [];
    walk();
    leaveOff(this);
    const inner = this.out;
    this.out = out;
    this.isTracked = isTracked;
    this.isOver = this.#failure !== undefined;
    return inner;
  }

  /** The walk goes on after it had left off, unless it failed. */
  goOn(): void {
    this.freezing = undefined;
    this.isOver = this.#failure !== undefined;
  }

  #fail(failure: TranslationFailure, text: string): true {
    this.#failure ??= failure;
    this.isOver = true;
    this.observer?.failure(text);
    return true;
  }
}

/** Nobody needs the packet behind the last action: what that does to a copy is done to the packet. */
function withoutLastCopy(actions: readonly DatapathAction[]): readonly DatapathAction[] {
  const last = actions.at(-1);
  return last?.type === "clone" ? [...actions.slice(0, -1), ...withoutLastCopy(last.actions)] : actions;
}
