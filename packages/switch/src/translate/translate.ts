/**
 * Translation: walks a packet through the flow tables and yields datapath actions and a megaflow mask.
 *
 * What: executes the actions of the rules it finds, on a copy of the packet's FlowKey. How: lookups and
 * actions that read the packet un-wildcard what they read (packet-state.ts); outputs first commit what was
 * rewritten; crossing a patch port is a nested walk with fresh registers. Limits: depth 64, counting only
 * steps to the same or an earlier table, and 4096 lookups; beyond them the packet is dropped.
 *
 * The walk keeps no state between calls. It changes nothing but what its {@link TranslateOptions} allow.
 */
import type { DatapathAction } from "@tenet/datapath";
import { FIELDS, getField, VLAN_PRESENT } from "@tenet/net";
import {
  type Action,
  type BundleAction,
  type CtAction,
  type FlowSpec,
  formatActions,
  formatPartValue,
  formatPort,
  formatSubField,
  type LearnAction,
  METER,
  PACKET_IN_REASON,
  PORT,
  type SubField,
} from "@tenet/openflow";
import type { Bridge } from "../bridge/bridge.ts";
import { type BridgePort, NO_FLOOD, NO_FWD, NO_RECV, PORT_DOWN, type PortLink } from "../bridge/bridge-port.ts";
import { outside } from "../bridge/bundle.ts";
import { keyOf, type Sighting } from "../bridge/mac-table.ts";
import type { Mirror } from "../bridge/mirror.ts";
import { chooseBuckets, type Liveness, needsHash, NO_BUCKET } from "../group/choose-buckets.ts";
import type { Rule } from "../table/rule.ts";
import { mergeActionSet, orderedActionSet } from "./action/action-set.ts";
import { chooseLink, chooseMember } from "./action/choose-link.ts";
import { toDatapathCt } from "./action/connection-tracking.ts";
import type { FrozenFrame, FrozenState } from "./frozen-state.ts";
import { describeLearned, learnedFlow } from "./action/learn.ts";
import { areEqual } from "../cache/same-actions.ts";
import { enterTunnel, isBackToUs, leaveTunnel } from "./output/cross-tunnel.ts";
import { finishMask, isIp, isMpls, startMask } from "./megaflow-mask.ts";
import type { Forwarding } from "./output/in-vlan.ts";
import { Mirroring } from "./output/mirroring.ts";
import { needsParsing } from "./packet/mpls.ts";
import { forwardNormally } from "./output/normal.ts";
import { CT_END, PacketState } from "./packet/packet-state.ts";
import { hasField } from "./packet/prerequisites.ts";
import type { FlowTable, TableVisit } from "../table/flow-table.ts";
import type { Effect, Surroundings, Translation, TranslationFailure, TranslationObserver } from "./translation.ts";

/** Deepest nesting of resubmits to the same or an earlier table, and of patch ports. */
const MAX_DEPTH = 64;
/** Lookups per packet. */
const MAX_RESUBMITS = MAX_DEPTH * 64;
const PORTS_WORD = FIELDS.tp_src.word;
/** `max_len` that asks for the whole packet. */
const WHOLE_PACKET = 0xffff;
/** Of packets that no rule handles. */
const NO_COOKIE = 0xffff_ffff_ffff_ffffn;
/** What cannot be undone, as a rewritten field can, and so is done to a copy. */
const NOT_UNDONE: ReadonlySet<DatapathAction["type"]> = new Set(["ct", "ctClear", "meter", "pushMpls", "popMpls"]);
/** Reserved ports that a member of a bundle may be. */
const ALWAYS_ALIVE: ReadonlySet<number> = new Set([PORT.IN_PORT, PORT.TABLE, PORT.NORMAL, PORT.FLOOD, PORT.ALL, PORT.NONE]);

/**
 * Sees to it that a flow is there that a packet teaches.
 *
 * @returns whether it is; `undefined` when that cannot be told, and then the answer is not cacheable
 */
export type LearnFlow = (bridge: Bridge, flow: FlowSpec, limit: number) => boolean | undefined;

/** What a translation may do besides answering. */
export interface TranslateOptions {
  /** Called when NORMAL sees a source address; absent: nothing is learned. */
  readonly learn?: (bridge: Bridge, sighting: Sighting) => void;
  /** Called when `learn` teaches a flow; absent: it teaches nothing. */
  readonly learnFlow?: LearnFlow;
  readonly observer?: TranslationObserver;
  /** Executes these instead of looking up table 0 (packet-out). */
  readonly actions?: readonly Action[];
  /** Goes on with this instead of looking up table 0 (the packet was recirculated). */
  readonly frozen?: FrozenState;
  /** Used for the packet; the answer's `mask` and `finalFlow` are then its own, good until it is used again. Absent: a new one. */
  readonly packet?: PacketState;
}

type TunnelLink = Extract<PortLink, { kind: "tunnel" }>;

/** Parts of the `controller` action that most have not. */
type ControllerAction = Extract<Action, { type: "controller" }>;
type CheckPacketLarger = Extract<Action, { type: "checkPacketLarger" }>;
type PuntOptions = Pick<ControllerAction, "userdata" | "meter"> & { readonly paused?: FrozenState };

/** Translates a packet that came in at a bridge; `key.in_port` is an OpenFlow port of it. */
export function translate(bridge: Bridge, key: Uint32Array, around: Surroundings, options: TranslateOptions = {}): Translation {
  return new Walk(bridge, key, around, options).run(options);
}

/** A translation that leaves off. */
interface Freezing {
  readonly frames: FrozenFrame[];
  /** Basis of the hash that the datapath is to make first. */
  readonly hashBasis?: number;
  /** The action by which a controller is to hold the packet. */
  readonly pause?: ControllerAction;
}

class Walk {
  #bridge: Bridge;
  #table = 0;
  #rule: Rule | undefined;
  /** Of the rule whose actions are executed. */
  #cookie = NO_COOKIE;
  #depth = 0;
  #nesting = 0;
  #nLookups = 0;
  #isOver = false;
  /** Set while the walk unwinds to leave off, and what is left of each list of actions is kept. */
  #freezing: Freezing | undefined;
  #isCacheable = true;
  /** Whether the tables see what the connection tracker said. */
  #isTracked = false;
  #failure: TranslationFailure | undefined;
  #actionSet: Action[] = [];
  #stack: bigint[] = [];
  readonly #key: Uint32Array;
  readonly #packet: PacketState;
  readonly #around: Surroundings;
  readonly #learn: TranslateOptions["learn"];
  readonly #learnFlow: LearnFlow | undefined;
  readonly #observer: TranslationObserver | undefined;
  #out: DatapathAction[] = [];
  readonly #visits: TableVisit[] = [];
  readonly #effects: Effect[] = [];
  readonly #macLookups: { bridge: Bridge; name: string }[] = [];
  /** Copies for the mirrors of the bridge in hand, if it has any. */
  #mirroring: Mirroring | undefined;
  readonly #forwarding: Forwarding;

  constructor(bridge: Bridge, key: Uint32Array, around: Surroundings, options: TranslateOptions) {
    this.#bridge = bridge;
    this.#key = key;
    this.#around = around;
    this.#packet = options.packet ?? new PacketState();
    this.#packet.start(key);
    this.#learn = options.learn;
    this.#learnFlow = options.learnFlow;
    this.#observer = options.observer;
    this.#forwarding = {
      packet: this.#packet,
      output: (port) => this.#outputTo(port),
      outputCut: (port, maxLength) => this.#outputCut(port.ofport, maxLength),
      pushTag: (ethType, tci) => this.#packet.pushVlan(this.#out, ethType, tci),
      popTag: () => this.#packet.popVlan(this.#out),
      count: (counter) => this.#effects.push({ type: "count", counter }),
    };
  }

  run({ actions, frozen }: TranslateOptions): Translation {
    const { wildcards, flow } = this.#packet;
    startMask(wildcards, this.#key);
    this.#observer?.start(wildcards, flow);
    this.#observer?.enterBridge(this.#bridge);
    this.#startMirroring(frozen?.mirrored);
    if (frozen !== undefined) this.#resume(frozen);
    else if (actions === undefined) this.#enterBridge();
    else this.#execute(actions);
    this.#leaveOff();
    this.#observer?.leaveBridge();
    finishMask(wildcards, this.#key);
    return {
      actions: this.#failure === undefined ? this.#out : [],
      mask: wildcards,
      visits: this.#visits,
      effects: this.#effects,
      macLookups: this.#macLookups,
      isCacheable: this.#isCacheable,
      failure: this.#failure,
      finalFlow: flow,
    };
  }

  /** Looks up table 0 and at the end executes the action set. */
  #enterBridge(): void {
    const inPort = this.#bridge.port(this.#inPort());
    if (inPort?.link.kind === "tunnel" && !this.#leaveTunnel(inPort)) return;
    if (inPort !== undefined && (inPort.config & (PORT_DOWN | NO_RECV)) !== 0)
      return this.#warn("port is configured not to receive");
    for (const meter of inPort?.policers ?? []) this.#out.push({ type: "meter", meter });
    if (inPort !== undefined && !this.#mirrorInput(inPort)) return;
    if (this.#bridge.isFailingOpen) return this.#normal();
    this.#lookUp(0, undefined, 0);
    this.#executeActionSet();
  }

  #startMirroring(served?: readonly Mirror[]): void {
    this.#mirroring = this.#bridge.mirrors.length === 0 ? undefined : new Mirroring(this.#bridge, this.#forwarding, served);
  }

  /** @returns whether the packet goes on: ports that mirrors send to take nothing in */
  #mirrorInput({ bundle }: BridgePort): boolean {
    if (this.#bridge.mirrors.some((mirror) => mirror.isReserved(bundle))) {
      this.#note(`dropping packet received on port ${bundle.name}, which is reserved exclusively for mirroring`);
      return false;
    }
    this.#mirroring?.copyInput(bundle);
    return true;
  }

  /** What outer headers say of congestion goes on inside. @returns false when it cannot, and the packet is dropped */
  #leaveTunnel(port: BridgePort): boolean {
    this.#effects.push({ type: "tunnel", port, isInput: true });
    if (leaveTunnel(this.#packet)) return true;
    this.#note("dropping tunnel packet marked ECN CE but is not ECN capable");
    return false;
  }

  #executeActionSet(): void {
    if (this.#actionSet.length === 0 || this.#isOver) return;
    const set = orderedActionSet(this.#actionSet);
    this.#actionSet = [];
    if (set.length === 0) return;
    this.#observer?.enterActionSet();
    this.#execute(set);
    this.#observer?.leaveActionSet();
  }

  /** @param verb - "is", or "was" when it is no more */
  #noteActionSet(verb: "is" | "was"): void {
    if (this.#observer === undefined) return;
    const set = orderedActionSet(this.#actionSet);
    this.#note(set.length === 0 ? `action set ${verb} empty` : `action set ${verb}: ${formatActions(set)}`);
  }

  /** Goes on where a translation left off. */
  #resume({ frames, table, inPort, packet, stack, actionSet, isTracked }: FrozenState): void {
    this.#packet.thaw(packet);
    this.#packet.writeNumber(FIELDS.in_port, inPort);
    this.#isTracked = isTracked;
    if (!isTracked) this.#packet.clearConnection();
    this.#stack = [...stack];
    this.#actionSet = [...actionSet];
    this.#observer?.thaw(table);
    if (frames.length === 0) this.#lookUp(table, undefined, 0);
    else for (const [i, frame] of frames.entries()) this.#executeFrame(frame, frames.slice(i + 1));
    this.#executeActionSet();
  }

  /** Goes on with what was left of a list; when that leaves off in turn, `others` are left too. */
  #executeFrame({ table, cookie, actions }: FrozenFrame, others: readonly FrozenFrame[]): void {
    if (this.#isOver) return;
    this.#table = table;
    this.#cookie = cookie;
    const next = this.#execute(actions);
    if (next !== undefined && !this.#isOver) this.#lookUp(next, undefined, 0);
    this.#freezing?.frames.push(...others);
  }

  /** Finds the rule of a table and executes it; `inPort` replaces the ingress port for the lookup alone. */
  #lookUp(table: number, inPort: number | undefined, deepens: 0 | 1, usesCtTuple = false): void {
    if (this.#depth >= MAX_DEPTH) return this.#fail("depth", `over max translation depth ${MAX_DEPTH}`);
    if (this.#nLookups >= MAX_RESUBMITS) return this.#fail("resubmits", `over ${MAX_RESUBMITS} resubmit actions`);
    this.#nLookups++;
    const found = this.#bridge.pipeline.table(table);
    const rule = this.#findRule(found, inPort, usesCtTuple);
    this.#visits.push(found.visitOf(rule));
    this.#observer?.enterTable(this.#bridge, table, this.#nesting, rule);
    const outer = { table: this.#table, rule: this.#rule, cookie: this.#cookie };
    this.#table = table;
    this.#rule = rule;
    this.#cookie = rule?.cookie ?? NO_COOKIE;
    this.#depth += deepens;
    this.#nesting++;
    const next = rule === undefined ? undefined : this.#execute(rule.actions);
    this.#nesting--;
    if (next !== undefined && !this.#isOver) this.#lookUp(next, undefined, 0);
    this.#observer?.leaveTable();
    this.#depth -= deepens;
    this.#table = outer.table;
    this.#rule = outer.rule;
    this.#cookie = outer.cookie;
  }

  #findRule({ classifier }: FlowTable, inPort: number | undefined, usesCtTuple: boolean): Rule | undefined {
    const { flow } = this.#packet;
    const { fragments } = this.#bridge;
    const isFragment = getField(flow, FIELDS.nw_frag) !== 0; // in every megaflow
    if (isFragment && fragments === "drop") return undefined;
    const own = this.#inPort();
    const ports = flow[PORTS_WORD] ?? 0;
    if (inPort !== undefined) flow[FIELDS.in_port.word] = inPort;
    if (isFragment && fragments === "normal") flow[PORTS_WORD] = 0;
    const rule = usesCtTuple ? this.#packet.lookUpByTuple(classifier) : this.#packet.lookUp(classifier);
    flow[FIELDS.in_port.word] = own;
    flow[PORTS_WORD] = ports;
    return rule;
  }

  /** Executes a list of actions. @returns the table that `goto_table` asks for */
  #execute(actions: readonly Action[]): number | undefined {
    for (let i = 0; i < actions.length; i++) {
      const action = actions[i] as Action;
      if (this.#packet.isUnparsed && needsParsing(action)) {
        this.#freeze({ frames: [this.#frameOf(actions, i)] });
        return undefined;
      }
      this.#observer?.action(action);
      if (action.type === "gotoTable") return action.table;
      if (action.type === "decTtl" && !this.#decTtl(action.controllerIds ?? [0])) return undefined;
      if (action.type === "decMplsTtl" && !this.#decMplsTtl()) return undefined;
      if (action.type === "checkPacketLarger") return this.#branch(action, actions.slice(i + 1));
      this.#executeOne(action);
      if (!this.#isOver) continue;
      // An action that the datapath has to hash for comes first when the packet is back.
      const isWaiting = this.#freezing?.frames.length === 0 && this.#freezing.hashBasis !== undefined;
      this.#freezing?.frames.push(this.#frameOf(actions, isWaiting ? i : i + 1));
      return undefined;
    }
    return undefined;
  }

  /** What is left of a list from an action on. */
  #frameOf(actions: readonly Action[], first: number): FrozenFrame {
    return { table: this.#table, cookie: this.#cookie, actions: actions.slice(first) };
  }

  /** Sees to it that the datapath tells both lengths of packets apart; what is left of the list is done for either. */
  #branch({ sizeBytes, target }: CheckPacketLarger, rest: readonly Action[]): undefined {
    if (rest.length === 0) return;
    // Each branch doubles what is left to do.
    if (this.#nLookups++ >= MAX_RESUBMITS) {
      this.#fail("resubmits", `over ${MAX_RESUBMITS} resubmit actions`);
      return;
    }
    const outer = { actionSet: this.#actionSet, stack: this.#stack };
    // The action set is executed for longer packets alone, as at the original.
    const [greater = [], lessOrEqual = []] = [1n, 0n].map((isLarger) => {
      this.#stack = [...outer.stack];
      return this.#aside(() => {
        this.#packet.store(target, isLarger);
        const next = this.#execute(rest);
        if (next !== undefined && !this.#isOver) this.#lookUp(next, undefined, 0);
        this.#executeActionSet();
      });
    });
    this.#actionSet = outer.actionSet;
    this.#stack = outer.stack;
    this.#out.push({ type: "checkLength", sizeBytes, greater, lessOrEqual });
  }

  /** As at the original, the action set is executed on the copy too. */
  #clone(actions: readonly Action[]): void {
    const outer = { actionSet: this.#actionSet, stack: this.#stack };
    this.#stack = [...outer.stack];
    this.#apart(() => {
      this.#execute(actions);
      this.#executeActionSet();
    });
    this.#actionSet = outer.actionSet;
    this.#stack = outer.stack;
  }

  /** Leaves off: what is left of every list that is being executed is done when the packet is back. */
  #freeze(freezing: Freezing): void {
    this.#freezing = freezing;
    this.#isOver = true;
  }

  /** Gives the packet to the datapath, when the walk left off. */
  #leaveOff(): void {
    const freezing = this.#freezing;
    if (freezing === undefined) return;
    this.#freezing = undefined;
    this.#isOver = this.#failure !== undefined;
    this.#packet.commit(this.#out);
    const { hashBasis, pause, frames } = freezing;
    if (pause !== undefined) return this.#pause(pause, frames);
    if (hashBasis !== undefined) this.#out.push({ type: "hash", basis: hashBasis });
    this.#recirculate(this.#table, this.#isTracked, leftIn(frames));
  }

  /** Gives the packet to a controller, as from the rule whose actions were begun first. */
  #pause({ maxLength, reason, controllerId, userdata, meter }: ControllerAction, frames: readonly FrozenFrame[]): void {
    const outer = { table: this.#table, cookie: this.#cookie };
    ({ table: this.#table, cookie: this.#cookie } = frames.at(-1) ?? outer);
    const left = leftIn(frames);
    const paused = this.#frozen(this.#table, this.#isTracked, left.length > 0 ? left : frames);
    const more = { ...(userdata === undefined ? {} : { userdata }), ...(meter === undefined ? {} : { meter }) };
    this.#punt(maxLength, reason, controllerId, { paused, ...more });
    this.#table = outer.table;
    this.#cookie = outer.cookie;
  }

  /** Actions that decide where the walk goes; the others change the packet. */
  #executeOne(action: Action): void {
    switch (action.type) {
      case "output":
        return action.maxLength === undefined
          ? this.#output(action.port, WHOLE_PACKET)
          : this.#outputCut(action.port, action.maxLength);
      case "outputField":
        return this.#outputField(action.source);
      case "enqueue":
        return this.#enqueue(action.port, action.queue);
      case "setQueue":
        this.#packet.queue = action.queue;
        return;
      case "popQueue":
        if (this.#packet.queue !== 0) this.#note("queue = 0");
        this.#packet.queue = 0;
        return;
      case "controller":
        if (action.pauses === true) return this.#freeze({ frames: [], pause: action });
        return this.#punt(action.maxLength, action.reason, action.controllerId, action);
      case "resubmit":
        return this.#resubmit(action.table ?? this.#table, action.port, action.usesCtTuple);
      case "group":
        return this.#runGroup(action.group);
      case "meter":
        return this.#meter(action.meter);
      case "ct":
        return this.#track(action);
      case "ctClear":
        return this.#clearConnection();
      case "clone":
        return this.#clone(action.actions);
      case "exit":
        this.#isOver = true;
        return;
      case "multipath":
        return this.#store(action.target, BigInt(chooseLink(action, this.#packet)));
      case "bundle":
        return this.#bundle(action);
      case "learn":
        return this.#teach(action);
      case "finTimeout":
        return this.#lowerTimeouts(action);
      case "clearActions":
        this.#noteActionSet("was");
        this.#actionSet = [];
        return;
      case "writeActions":
        this.#actionSet = mergeActionSet(this.#actionSet, action.actions);
        return this.#noteActionSet("is");
      default:
        this.#changePacket(action);
    }
  }

  /** `note`, `conjunction` and queues have no effect on the packet. */
  #changePacket(action: Action): void {
    const packet = this.#packet;
    switch (action.type) {
      case "setField":
        return this.#setField(action);
      case "setVlanVid":
        return this.#setTag(action.vid, 0xfff);
      case "setVlanPcp":
        return this.#setTag(action.pcp << 13, 0xe000);
      case "writeMetadata":
        return packet.write(FIELDS.metadata, action.value, action.mask);
      case "move":
        if (!hasField(packet, action.source.field) || !hasField(packet, action.target.field)) return;
        packet.move(action.source, action.target);
        return this.#noteValue(action.target);
      case "push":
        this.#stack.push(packet.load(action.source));
        return;
      case "pop": {
        const top = this.#stack.pop();
        if (top === undefined) return this.#observer?.failure("stack underflow");
        return hasField(packet, action.target.field) ? this.#store(action.target, top) : undefined;
      }
      case "setMplsLabel":
        return this.#setMpls(action.label << 12, 0xfffff000);
      case "setMplsTc":
        return this.#setMpls(action.tc << 9, 0xe00);
      case "setMplsTtl":
        return this.#setMpls(action.ttl, 0xff);
      case "pushMpls":
        return packet.pushMpls(this.#out, action.ethType);
      case "popMpls":
        return packet.popMpls(this.#out, action.ethType);
      case "deleteField":
        return packet.deleteOption(action.field);
      case "pushVlan":
        return packet.pushVlan(this.#out, action.ethType);
      case "popVlan":
        return packet.popVlan(this.#out);
    }
  }

  /** Sets bits of a field and says so. */
  #store(target: SubField, value: bigint): void {
    this.#packet.store(target, value);
    this.#noteValue(target);
  }

  /** Says what a part of a field that was set holds. */
  #noteValue(part: SubField): void {
    if (this.#observer === undefined) return;
    this.#note(`${formatSubField(part)} is now ${formatPartValue(part, this.#packet.load(part))}`);
  }

  #bundle(action: BundleAction): void {
    const { isPortLive } = this.#livenessOf(this.#bridge);
    const isAlive = (port: number): boolean =>
      port >= PORT.IN_PORT ? ALWAYS_ALIVE.has(port) || (port === PORT.LOCAL && isPortLive(port)) : isPortLive(port);
    const port = chooseMember(action, this.#packet, isAlive);
    if (action.target === undefined) this.#output(port, WHOLE_PACKET);
    else this.#store(action.target, BigInt(port));
  }

  #teach(action: LearnAction): void {
    const flow = learnedFlow(action, this.#packet);
    if (this.#learnFlow === undefined) return this.#warn("suppressing side effects, so learn action ignored");
    const { limit, result } = action;
    this.#note(describeLearned(flow));
    const isThere = this.#learnFlow(this.#bridge, flow, limit);
    if (isThere === undefined) this.#isCacheable = false;
    if (result !== undefined) this.#store(result, isThere === true ? 1n : 0n);
    this.#effects.push({ type: "learnFlow", bridge: this.#bridge, flow, limit });
  }

  /** Whether a packet ends a connection is not in the megaflow: its statistics tell. */
  #lowerTimeouts({ idleTimeout, hardTimeout }: Extract<Action, { type: "finTimeout" }>): void {
    const rule = this.#rule;
    this.#packet.read(FIELDS.nw_proto);
    if (rule !== undefined) this.#effects.push({ type: "finTimeout", bridge: this.#bridge, rule, idleTimeout, hardTimeout });
  }

  /** Sends the packet through the connection tracker; where the copy goes on, what it needs is frozen. */
  #track(action: CtAction): void {
    const packet = this.#packet;
    const { table } = action;
    packet.commit(this.#out);
    this.#observer?.innerActions(action.actions);
    const execute = (): void => action.actions.forEach((inner) => this.#changePacket(inner));
    this.#out.push(toDatapathCt(action, packet, execute));
    if (table !== undefined) {
      this.#note(`A clone of the packet is forked to recirculate. The forked pipeline will be resumed at table ${table}.`);
      this.#recirculate(table, true);
    }
    this.#note("Sets the packet to an untracked state, and clears all the conntrack fields.");
    packet.clearConnection();
    this.#isTracked = false;
  }

  #recirculate(table: number, isTracked: boolean, frames: readonly FrozenFrame[] = []): void {
    this.#out.push({ type: "recirc", id: this.#around.recircId(this.#frozen(table, isTracked, frames), this.#packet.flow) });
  }

  /** What to go on with. */
  #frozen(table: number, isTracked: boolean, frames: readonly FrozenFrame[]): FrozenState {
    return {
      bridge: this.#bridge,
      frames,
      table,
      inPort: this.#inPort(),
      packet: this.#packet.freeze(),
      stack: this.#stack,
      actionSet: this.#actionSet,
      isTracked,
      mirrored: this.#mirroring?.served ?? [],
    };
  }

  #clearConnection(): void {
    if (!this.#isTracked) return;
    this.#packet.clearConnection();
    this.#isTracked = false;
    this.#out.push({ type: "ctClear" });
  }

  #setField({ field, value, mask }: Extract<Action, { type: "setField" }>): void {
    const packet = this.#packet;
    if (!hasField(packet, field)) return;
    const setsPartOfTag = field.name === "vlan_tci" && (mask[0] ?? 0) >>> field.shift !== 0xffff;
    if (setsPartOfTag && getField(packet.flow, FIELDS.vlan_tci) === 0) return;
    packet.write(field, value, mask);
  }

  /** Sets bits of the outermost label, if there is one. */
  #setMpls(value: number, mask: number): void {
    if (!isMpls(this.#packet.read(FIELDS.eth_type))) return;
    this.#packet.write(FIELDS.mpls_lse, Uint32Array.of(value), Uint32Array.of(mask));
  }

  /** @returns false where the TTL ran out, as {@link #decTtl} */
  #decMplsTtl(): boolean {
    const packet = this.#packet;
    if (!isMpls(packet.read(FIELDS.eth_type))) return true;
    const ttl = Number(packet.load({ field: FIELDS.mpls_lse, start: 0, nBits: 8 }));
    if (ttl > 1) {
      this.#setMpls(ttl - 1, 0xff);
      return true;
    }
    this.#warn("MPLS decrement TTL exception");
    this.#punt(WHOLE_PACKET, PACKET_IN_REASON.INVALID_TTL, 0);
    return false;
  }

  /** Sets bits of the tag, which is made when there is none. */
  #setTag(bits: number, mask: number): void {
    const { shift } = FIELDS.vlan_tci;
    const value = Uint32Array.of((bits | VLAN_PRESENT) << shift);
    this.#packet.write(FIELDS.vlan_tci, value, Uint32Array.of((mask | VLAN_PRESENT) << shift));
  }

  #resubmit(table: number, port: number | undefined, usesCtTuple = false): void {
    const inPort = port === undefined || port === PORT.IN_PORT ? undefined : port;
    this.#lookUp(table, inPort, table <= this.#table ? 1 : 0, usesCtTuple);
  }

  /** @returns false where the TTL ran out, which ends the list of actions, not what comes after the list */
  #decTtl(controllerIds: readonly number[]): boolean {
    const packet = this.#packet;
    if (!isIp(packet.read(FIELDS.eth_type))) return true;
    const ttl = packet.read(FIELDS.nw_ttl);
    if (ttl > 1) {
      packet.writeNumber(FIELDS.nw_ttl, ttl - 1);
      return true;
    }
    this.#warn("IPv4 decrement TTL exception");
    for (const id of controllerIds) this.#punt(WHOLE_PACKET, PACKET_IN_REASON.INVALID_TTL, id);
    return false;
  }

  #output(port: number, maxLength: number): void {
    switch (port) {
      case PORT.IN_PORT:
        return this.#outputTo(this.#bridge.port(this.#inPort()));
      case PORT.TABLE:
        return this.#lookUp(0, undefined, 0);
      case PORT.NORMAL:
        return this.#normal();
      case PORT.FLOOD:
      case PORT.ALL:
        return this.#flood(port === PORT.FLOOD ? NO_FLOOD : 0);
      case PORT.CONTROLLER:
        return this.#punt(maxLength, this.#rule?.priority === 0 ? PACKET_IN_REASON.NO_MATCH : PACKET_IN_REASON.ACTION, 0);
      case PORT.NONE:
        return;
      default:
        if (port === this.#inPort()) return this.#warn("skipping output to input port");
        this.#outputTo(this.#bridge.port(port));
    }
  }

  #outputField(source: SubField): void {
    const port = Number(this.#packet.load(source));
    this.#note(`output port is ${port}`);
    this.#output(port, WHOLE_PACKET);
  }

  #enqueue(port: number, queue: number): void {
    const outer = this.#packet.queue;
    this.#packet.queue = queue;
    this.#output(port, WHOLE_PACKET);
    this.#packet.queue = outer;
  }

  /** Sends the first bytes, which only one port of the datapath can get. */
  #outputCut(ofport: number, maxLength: number): void {
    if (ofport === this.#inPort()) return this.#warn("skipping output to input port");
    const port = this.#bridge.port(ofport);
    if (port?.link.kind !== "datapath") {
      const name = ofport >= PORT.IN_PORT ? formatPort(ofport) : this.#bridge.portLabel(ofport);
      return this.#observer?.failure(`output_trunc does not support patch port ${name}`);
    }
    this.#out.push({ type: "truncate", maxLength });
    this.#outputTo(port);
    if (this.#out.at(-1)?.type === "truncate") this.#out.pop();
  }

  #flood(exceptConfig: number): void {
    const inPort = this.#inPort();
    for (const port of this.#bridge.ports()) {
      if (port.ofport !== inPort && (port.config & exceptConfig) === 0) this.#outputTo(port);
    }
  }

  #outputTo(port: BridgePort | undefined): void {
    if (port === undefined) return this.#warn("Nonexistent output port");
    if (!port.isEnabled || (port.config & (PORT_DOWN | NO_FWD)) !== 0) return this.#warn("port is configured not to forward");
    if (this.#isBetweenProtected(port)) return this.#warn("Flow is between protected ports, skipping output.");
    switch (port.link.kind) {
      case "datapath":
        this.#packet.commit(this.#out);
        this.#out.push({ type: "output", port: port.link.portNo });
        this.#mirroring?.copyOutput(port.bundle);
        return;
      case "patch":
        return this.#crossPatch(port);
      case "tunnel":
        return this.#enterTunnel(port, port.link);
      case "none":
        this.#warn(`port ${port.name} has no device`);
    }
  }

  #isBetweenProtected({ bundle }: BridgePort): boolean {
    return bundle.isProtected && this.#bridge.port(this.#inPort())?.bundle.isProtected === true;
  }

  #enterTunnel(port: BridgePort, { config, portNo }: TunnelLink): void {
    this.#note("output to kernel tunnel");
    const action = enterTunnel(this.#packet, config, this.#bridge.pipeline.tlvTable);
    if (action === undefined) return this.#note("Tunneling decided against output");
    if (isBackToUs(action.key, this.#key)) return this.#note("not tunneling to our own address");
    this.#packet.commit(this.#out);
    const last = this.#out.findLast(({ type }) => type === "setTunnel");
    if (last?.type !== "setTunnel" || !areEqual([last], [action])) this.#out.push(action);
    this.#out.push({ type: "output", port: portNo });
    this.#effects.push({ type: "tunnel", port, isInput: false });
  }

  #crossPatch(port: BridgePort): void {
    const peer = this.#around.peerOf(port);
    if (peer === undefined) return this.#warn(`patch port ${port.name} has no peer`);
    if (this.#depth >= MAX_DEPTH) return this.#fail("depth", `over max translation depth ${MAX_DEPTH}`);
    this.#effects.push({ type: "patch", from: port, to: peer.port });
    const outer = { bridge: this.#bridge, table: this.#table, rule: this.#rule, actionSet: this.#actionSet, stack: this.#stack };
    const cookie = this.#cookie;
    const mirroring = this.#mirroring;
    this.#depth++;
    this.#apart(() => {
      this.#bridge = peer.bridge;
      this.#startMirroring();
      this.#actionSet = [];
      this.#stack = [];
      this.#isTracked = false;
      this.#packet.enterBridge(peer.port.ofport);
      this.#observer?.enterBridge(peer.bridge);
      this.#enterBridge();
      this.#leaveOff();
      this.#observer?.leaveBridge();
    });
    this.#depth--;
    this.#bridge = outer.bridge;
    this.#mirroring = mirroring;
    this.#table = outer.table;
    this.#rule = outer.rule;
    this.#cookie = cookie;
    this.#actionSet = outer.actionSet;
    this.#stack = outer.stack;
  }

  /** A meter that is not there (in a bucket of a group) lets everything pass. */
  #meter(id: number): void {
    const meter = this.#bridge.pipeline.meters.get(id)?.datapathMeter;
    if (meter !== undefined) this.#out.push({ type: "meter", meter });
  }

  /** Runs the buckets of a group, each on the packet as it is now. */
  #runGroup(id: number): void {
    const bridge = this.#bridge;
    if (this.#depth >= MAX_DEPTH) return this.#fail("depth", `over max translation depth ${MAX_DEPTH}`);
    const group = bridge.pipeline.groups.get(id);
    if (group !== undefined && needsHash(group, this.#packet)) {
      this.#note(NO_BUCKET);
      this.#effects.push({ type: "group", bridge, id, group: undefined, buckets: [] });
      return this.#freeze({ frames: [], hashBasis: Number((group.spec.selection?.parameter ?? 0n) & 0xffff_ffffn) });
    }
    const buckets = group === undefined ? [] : chooseBuckets(group, this.#packet, this.#livenessOf(bridge));
    this.#effects.push({ type: "group", bridge, id, group, buckets });
    if (group === undefined) return this.#warn(`output to nonexistent group ${id}`);
    this.#depth++;
    for (const bucket of buckets) {
      this.#observer?.enterBucket(bucket.spec.id);
      this.#apart(() => this.#execute(bucket.actions));
      this.#observer?.leaveBucket();
    }
    this.#depth--;
  }

  #livenessOf(bridge: Bridge): Liveness {
    return {
      isPortLive: (ofport) => {
        const port = bridge.port(ofport);
        return port !== undefined && port.isUp && (port.config & PORT_DOWN) === 0 && port.link.kind !== "none";
      },
      group: (id) => bridge.pipeline.groups.get(id),
      note: (text) => this.#note(text),
    };
  }

  /** Runs a walk whose changes to the packet, and whose `exit`, stay inside. */
  #apart(walk: () => void): void {
    const saved = this.#packet.save();
    const inner = this.#collect(walk);
    const needsCopy = inner.some(({ type }) => NOT_UNDONE.has(type));
    this.#packet.restore(saved, needsCopy);
    if (needsCopy) this.#out.push({ type: "clone", actions: inner });
    else this.#out.push(...inner);
  }

  /** As {@link #apart}, but what the datapath does to a copy is given back. */
  #aside(walk: () => void): DatapathAction[] {
    const saved = this.#packet.save();
    const inner = this.#collect(walk);
    this.#packet.restore(saved, true);
    return inner;
  }

  #collect(walk: () => void): DatapathAction[] {
    const outer = { out: this.#out, isTracked: this.#isTracked };
    this.#out = [];
    walk();
    this.#leaveOff();
    const inner = this.#out;
    this.#out = outer.out;
    this.#isTracked = outer.isTracked;
    this.#isOver = this.#failure !== undefined;
    return inner;
  }

  #normal(): void {
    const bridge = this.#bridge;
    const ofport = this.#inPort();
    const inPort = bridge.port(ofport);
    if (inPort === undefined && ofport !== PORT.NONE && ofport !== PORT.CONTROLLER) {
      return this.#warn(`no input port ${ofport}, dropping`);
    }
    forwardNormally({
      ...this.#forwarding,
      bridge,
      inPort: inPort ?? outside(ofport),
      learn: (sighting) => {
        if (inPort === undefined) return;
        this.#effects.push({ type: "learn", bridge, sighting });
        this.#learn?.(bridge, sighting);
      },
      lookUp: (vlan, mac) => {
        this.#macLookups.push({ bridge, name: keyOf(vlan, mac) });
        return bridge.macs.lookup(vlan, mac);
      },
      note: (text) => this.#note(text),
    });
  }

  #punt(maxLength: number, reason: number, controllerId: number, more: PuntOptions = {}): void {
    this.#packet.commit(this.#out);
    const { flow } = this.#packet;
    const id = this.#around.puntId({
      bridge: this.#bridge,
      maxLength,
      reason,
      controllerId,
      userdata: more.userdata,
      meter: this.#bridge.pipeline.meters.get(more.meter ?? METER.CONTROLLER)?.datapathMeter,
      table: this.#table,
      cookie: this.#cookie,
      paused: more.paused,
      metadata: metadataOf(flow),
    });
    this.#out.push({ type: "userspace", userdata: id });
  }

  #inPort(): number {
    return getField(this.#packet.flow, FIELDS.in_port);
  }

  #note(text: string): void {
    this.#observer?.note(text);
  }

  #warn(text: string): void {
    this.#observer?.warning(text);
  }

  #fail(failure: TranslationFailure, text: string): void {
    this.#failure ??= failure;
    this.#isOver = true;
    this.#observer?.failure(text);
  }
}

/** The lists of which something is left. */
function leftIn(frames: readonly FrozenFrame[]): FrozenFrame[] {
  return frames.filter(({ actions }) => actions.length > 0);
}

/** The pipeline fields of a flow, without packet headers and what the connection tracker says of each packet anew. */
function metadataOf(flow: Uint32Array): Uint32Array {
  const metadata = flow.slice();
  metadata.fill(0, FIELDS.ct_state.word, CT_END);
  metadata.fill(0, FIELDS.eth_dst.word);
  return metadata;
}
