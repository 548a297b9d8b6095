/**
 * The slow path: takes the datapath's misses, translates them, installs the answers, and does what packets do besides
 * being forwarded.
 */
import type { Datapath, Megaflow, Upcall } from "@tenet/datapath";
import type { Clock } from "@tenet/kit";
import { FIELDS, getField, makeFlowKey, parseFlowKey, setField } from "@tenet/net";
import { type Action, type Match, PORT } from "@tenet/openflow";
import type { Bridge } from "./bridge/bridge.ts";
import type { Sighting } from "./bridge/mac-table.ts";
import { admitsVlan } from "./bridge/port-vlan.ts";
import type { PortDirectory } from "./bridge/port-directory.ts";
import { attribute, type TrafficListener } from "./cache/attribute.ts";
import type { Traffic } from "./cache/flow-notes.ts";
import { MegaflowCache } from "./cache/megaflow-cache.ts";
import { PuntRegistry } from "./cache/punt-registry.ts";
import { Recirculations } from "./cache/recirculations.ts";
import { References } from "./cache/references.ts";
import { Revalidation } from "./cache/revalidation.ts";
import type { EventCounts } from "./event-counts.ts";
import type { FrozenState } from "./translate/frozen-state.ts";
import { hasExtraBits } from "./translate/megaflow-mask.ts";
import { PacketState } from "./translate/packet/packet-state.ts";
import { CT_END } from "./translate/packet/pipeline-flow.ts";
import { type LearnFlow, type MeetNeighbor, translate, type TranslateOptions } from "./translate/translate.ts";
import type { TableVisit } from "./table/flow-table.ts";
import type { Effect, Punt, Surroundings, Translation, TranslationObserver } from "./translate/translation.ts";
import { neighborRequest } from "./tunnel/neighbor-request.ts";
import { toDatapathOptionsMask, toPipelineOptions } from "./tunnel/tunnel-options.ts";
import type { NativeRoute, Underlay } from "./tunnel/underlay.ts";
import type { Turns, Work } from "./turns.ts";

/** A packet on its way to the controllers of a bridge. */
export interface PacketForController {
  readonly punt: Punt;
  readonly frame: Uint8Array;
}

/** How to trace. */
export interface TraceOptions {
  readonly observer?: TranslationObserver;
  /** Gets what each `recirc` action of the answer goes on with; the action's number is the length of the list then. */
  readonly forks?: TraceFork[];
  /** Of one of `forks`, to go on with it. */
  readonly frozen?: FrozenState;
  /** Executes these instead of looking up table 0. */
  readonly actions?: readonly Action[];
  /** Whether the packet teaches addresses and flows, as a real one does. */
  readonly teaches?: boolean;
  /** Gets what each `userspace` action of the answer is for; its number is the length of the list then. */
  readonly punts?: Punt[];
}

/** Where a traced packet went into the connection tracker. */
export interface TraceFork {
  readonly frozen: FrozenState;
  /** The packet then. */
  readonly flow: Uint32Array;
}

/** A packet that the tables of a bridge have no answer for. */
export interface FailedPacket {
  readonly bridge: Bridge;
  /** `in_port` is an OpenFlow port; good for the call. */
  readonly key: Uint32Array;
  /** Where it went on that was in the tables before. */
  readonly frozen: FrozenState | undefined;
}

/** What the slow path looks at. */
export interface SlowPathParts {
  readonly datapath: Datapath;
  readonly ports: PortDirectory;
  readonly bridges: ReadonlyMap<string, Bridge>;
  readonly underlay: Underlay;
  readonly clock: Clock;
  readonly turns: Turns;
  readonly counts: EventCounts;
}

/** Adds or refreshes a flow that a packet teaches. What the packet found in its table before may be wrong then, and its megaflow with it. */
const teachFlow: LearnFlow = (bridge, flow, limit) => {
  const table = bridge.pipeline.table(flow.table);
  table.nDependents++;
  const isThere = bridge.pipeline.learned.learn(flow, limit);
  table.nDependents--;
  return isThere;
};

/** Whether a flow is there; when its number is limited, and it is not, only the next packet will tell whether there is room. */
const recallFlow: LearnFlow = (bridge, flow, limit) => (limit === 0 || bridge.pipeline.learned.has(flow) ? true : undefined);

/** Translates packets over one datapath. */
export class SlowPath {
  readonly cache: MegaflowCache;
  readonly revalidation: Revalidation;
  /** While flows are being restored, packets that no megaflow knows are dropped; `other_config:flow-restore-wait`. */
  isRestoring = false;
  /** Is told of packets that are dropped because translation failed. */
  onFailure: ((packet: FailedPacket) => void) | undefined;
  readonly #datapath: Datapath;
  readonly #ports: PortDirectory;
  readonly #bridges: ReadonlyMap<string, Bridge>;
  readonly #underlay: Underlay;
  readonly #clock: Clock;
  readonly #counts: EventCounts;
  readonly #punts = new PuntRegistry();
  readonly #recirculations = new Recirculations();
  readonly #references = new References(this.#punts, this.#recirculations);
  readonly #around: Surroundings;
  /** Used for every packet of the datapath: arrays of this width are dear to make. */
  readonly #packet = new PacketState();
  readonly #key = makeFlowKey();
  readonly #packetListeners = new Set<(packet: PacketForController) => void>();

  constructor({ datapath, ports, bridges, underlay, clock, turns, counts }: SlowPathParts) {
    this.#counts = counts;
    this.#datapath = datapath;
    this.#ports = ports;
    this.#bridges = bridges;
    this.#underlay = underlay;
    this.#clock = clock;
    this.#around = {
      underlay,
      tunnels: ports.tunnels,
      get vlanLimit(): number {
        return datapath.vlanLimit;
      },
      peerOf: (port) => ports.peerOf(port),
      puntId: (punt) => this.#punts.idOf(punt),
      recircId: (state) => this.#recirculations.idOf(state),
    };
    const owner = {
      retranslate: (key: Uint32Array): Translation | undefined => this.#translate(key, this.#quietly),
      attribute: (visits: readonly TableVisit[], effects: readonly Effect[], traffic: Traffic): void =>
        attribute(visits, effects, traffic, this.#listener),
    };
    this.cache = new MegaflowCache(datapath, this.#references, owner, clock, counts);
    this.revalidation = new Revalidation(this.cache, turns, counts);
    underlay.neighbors.onChange((neighbor) => this.revalidation.neighborChanged(neighbor));
    datapath.onUpcall((upcall) => this.#receive(upcall));
  }

  /** How many tags of a packet the tables see, at most 2; `other_config:vlan-limit`. */
  get vlanLimit(): number {
    return this.#datapath.vlanLimit;
  }

  /** Changes {@link vlanLimit}; megaflows of the one before go in turns. */
  *changingVlanLimit(limit: number): Work {
    if (limit === this.vlanLimit) return;
    this.#datapath.vlanLimit = limit;
    yield* this.cache.purging();
  }

  /** The key of a frame as packets that come in at a port have it. */
  keyOf(frame: Uint8Array, inPort: number): Uint32Array {
    const key = makeFlowKey();
    this.#counts.flow_extract++;
    parseFlowKey(frame, frame.length, inPort, key, 0, this.vlanLimit);
    return key;
  }

  /** Calls `listener` with packets for controllers; the frame is theirs to keep. @returns stops it */
  onPacketForController(listener: (packet: PacketForController) => void): () => void {
    this.#packetListeners.add(listener);
    return () => this.#packetListeners.delete(listener);
  }

  /**
   * Executes actions on a frame as if it came in at OpenFlow port `inPort` (packet-out).
   *
   * @param metadata - further pipeline fields that the packet has, options where they lie in a FlowKey
   */
  packetOut(bridge: Bridge, frame: Uint8Array, inPort: number, actions: readonly Action[], metadata?: Match): void {
    const key = this.keyOf(frame, inPort);
    if (metadata !== undefined) for (let i = 0; i < key.length; i++) key[i] = (key[i] ?? 0) | (metadata.key[i] ?? 0);
    const translation = this.#answer(bridge, key, this.#around, { actions, ...this.#effective });
    this.#execute(translation, frame, this.#ports.portNoOf(bridge, inPort), getField(key, FIELDS.tcp_flags));
  }

  /** Lets a packet go on that a controller held. @param metadata - a key that has what the connection tracker said of it */
  resume(frozen: FrozenState, frame: Uint8Array, metadata: Uint32Array): void {
    const { bridge, inPort } = frozen;
    const key = this.keyOf(frame, inPort);
    key.set(metadata.subarray(FIELDS.ct_state.word, CT_END), FIELDS.ct_state.word);
    const translation = this.#answer(bridge, key, this.#around, { frozen, ...this.#effective });
    this.#execute(translation, frame, this.#ports.portNoOf(bridge, inPort), getField(key, FIELDS.tcp_flags));
  }

  /** Where packets go on that the datapath hands back by a number of {@link Surroundings.recircId}; nowhere when their bridge is gone. */
  frozenState(recircId: number): FrozenState | undefined {
    const state = this.#recirculations.state(recircId);
    return state !== undefined && this.#isThere(state.bridge) ? state : undefined;
  }

  /** Translates alone: nothing is installed or sent, or learned unless asked for. `key.in_port` is an OpenFlow port. */
  trace(bridge: Bridge, key: Uint32Array, options: TraceOptions = {}): Translation {
    const { observer, forks = [], frozen, actions, teaches, punts = [] } = options;
    const around: Surroundings = {
      ...this.#around,
      puntId: (punt) => punts.push(punt),
      recircId: (state, flow) => forks.push({ frozen: state, flow: flow.slice() }),
    };
    return this.#answer(bridge, key, around, {
      ...(observer === undefined ? {} : { observer }),
      ...(frozen === undefined ? {} : { frozen }),
      ...(actions === undefined ? {} : { actions }),
      ...(teaches === true ? this.#effective : {}),
    });
  }

  /**
   * Installs what is true now of the packets of a flow that was left by another process: it teaches what its packets did.
   *
   * @param mask - bits of the packets that are known to be as in the key
   * @returns `undefined` when that says too little of them, or they come from nowhere that is known
   */
  adopt(key: Uint32Array, mask: Uint32Array): Megaflow | undefined {
    const translation = this.#translate(key, this.#learning);
    if (translation === undefined || hasExtraBits(translation.mask, mask)) return undefined;
    return this.cache.install(key, translation);
  }

  /** What a `userspace` action of an installed megaflow is for. */
  puntOf(userdata: number): Punt | undefined {
    return this.#punts.punt(userdata);
  }

  /** Drops what translations asked for but nothing holds; due every 500 ms. */
  collecting(): Work {
    return this.#recirculations.collecting();
  }

  #receive(upcall: Upcall): void {
    if (upcall.reason === "action") return this.#deliver(upcall);
    if (this.isRestoring) return;
    const translation = this.#translate(upcall.key, this.#learning);
    if (translation === undefined) return;
    this.cache.install(upcall.key, translation);
    this.#execute(translation, upcall.frame, upcall.inPort, getField(upcall.key, FIELDS.tcp_flags));
  }

  #execute(translation: Translation, frame: Uint8Array, portNo: number, tcpFlags: number): void {
    this.#references.retain(translation.actions);
    if (translation.actions.length > 0) {
      this.#counts.dpif_execute++;
      this.#datapath.execute(frame, portNo, translation.actions);
    }
    this.#references.release(translation.actions);
    const usedMs = Math.floor(this.#clock.monotonicMs()); // rules hold it in place
    const traffic = { nPackets: 1, nBytes: frame.length, usedMs, tcpFlags };
    attribute(translation.visits, translation.effects, traffic, this.#executed);
  }

  #deliver({ userdata, frame, key }: Upcall): void {
    const found = this.#punts.punt(userdata);
    if (found === undefined) return;
    if (found.meter !== undefined && !this.#datapath.meterPacket(found.meter, frame.length)) return;
    if (this.#packetListeners.size === 0) return;
    const punt = { ...found, metadata: found.metadata.slice() };
    if (found.isTracked) {
      punt.metadata.set(key.subarray(FIELDS.ct_state.word, CT_END), FIELDS.ct_state.word);
      setField(punt.metadata, FIELDS.eth_type, getField(key, FIELDS.eth_type));
    }
    const packet = { punt, frame: frame.slice() };
    for (const listener of this.#packetListeners) listener(packet);
  }

  /** Translates a key of the datapath; `undefined` when its port, or what it goes on with, is gone. */
  #translate(datapathKey: Uint32Array, options: TranslateOptions): Translation | undefined {
    const recircId = datapathKey[FIELDS.recirc_id.word] ?? 0;
    const frozen = recircId === 0 ? undefined : this.frozenState(recircId);
    const home = this.#ports.homeOfKey(datapathKey);
    const bridge = recircId === 0 ? home?.bridge : frozen?.bridge;
    if (bridge === undefined || !this.#isThere(bridge)) return undefined;
    const key = this.#key;
    key.set(datapathKey);
    if (home !== undefined) setField(key, FIELDS.in_port, home.port.ofport);
    const { tlvTable } = bridge.pipeline;
    toPipelineOptions(key, tlvTable);
    const translation = this.#answer(bridge, key, this.#around, frozen === undefined ? options : { frozen, ...options });
    if (translation.failure !== undefined && options === this.#learning) this.onFailure?.({ bridge, key, frozen });
    toDatapathOptionsMask(translation.mask, datapathKey, tlvTable);
    return translation;
  }

  #isThere(bridge: Bridge): boolean {
    return this.#bridges.get(bridge.name) === bridge;
  }

  #answer(bridge: Bridge, key: Uint32Array, around: Surroundings, options: TranslateOptions): Translation {
    const translation = translate(bridge, key, around, options);
    this.#counts.xlate_actions++;
    if (translation.failure === "depth") this.#counts.drop_action_recursion_too_deep++;
    else if (translation.failure === "resubmits") this.#counts.drop_action_too_many_resubmit++;
    else if (translation.failure === "stack") this.#counts.drop_action_stack_too_deep++;
    return translation;
  }

  readonly #learn = (bridge: Bridge, sighting: Sighting): boolean => {
    const { bundle, vlan } = sighting;
    // Packets that came when its members or VLANs were others are counted late.
    if (bundle.members.length === 0 || !admitsVlan(bundle.vlan, vlan) || !bridge.macs.learn(sighting)) return false;
    this.revalidation.macsChanged(bridge, [sighting]);
    return true;
  };

  readonly #meetNeighbor: MeetNeighbor = (bridge, { address, mac }) => {
    this.#underlay.neighbors.set({ bridge: bridge.name, address }, mac);
  };

  /** Asks for a neighbour that is not known, but not for every packet. */
  readonly #useNeighbor = ({ bridge, port, nextHop, source }: NativeRoute): void => {
    const { neighbors } = this.#underlay;
    const name = { bridge: bridge.name, address: nextHop };
    if (neighbors.use(name) || !neighbors.takeRequest(name)) return;
    const from = this.#underlay.sourceAt(port.name, nextHop) ?? source;
    this.packetOut(bridge, neighborRequest(port.mac, from, nextHop), port.ofport, [{ type: "output", port: PORT.TABLE }]);
  };

  readonly #listener: TrafficListener = { learn: this.#learn, useNeighbor: this.#useNeighbor };
  /** For packets whose translation has learned where they come from. */
  readonly #executed: TrafficListener = { learn: () => undefined, useNeighbor: this.#useNeighbor };
  readonly #effective = { learn: this.#learn, learnFlow: teachFlow, meetNeighbor: this.#meetNeighbor };
  readonly #quietly: TranslateOptions = { packet: this.#packet, learnFlow: recallFlow };
  readonly #learning: TranslateOptions = { packet: this.#packet, ...this.#effective };
}
