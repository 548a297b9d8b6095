/**
 * The switch: bridges over one datapath.
 *
 * Takes the datapath's misses, translates them, installs the answers and keeps them true as tables, addresses
 * and ports change. A change is seen by the cache before the next packet that arrives through the event loop
 * (it runs as a microtask), or at once with {@link VirtualSwitch.settle}.
 */
import type { Datapath, MeterConfig, PortInfo, PortSpec, Upcall } from "@tenet/datapath";
import { AppError, type Clock } from "@tenet/kit";
import { FIELDS, getField, makeFlowKey, parseFlowKey, setField } from "@tenet/net";
import { type Action, type Match, METER, PORT } from "@tenet/openflow";
import { Bridge, type FragmentHandling } from "./bridge/bridge.ts";
import { announcementsOf } from "./bridge/announcement.ts";
import type { Bond } from "./bridge/bond.ts";
import type { BridgePort, Bundle, PortLink } from "./bridge/bridge-port.ts";
import { makeBundle } from "./bridge/bundle.ts";
import { keyOf, type MacEntry, type Sighting } from "./bridge/mac-table.ts";
import { Mirror, type MirrorSpec } from "./bridge/mirror.ts";
import type { SideEffects, Traffic } from "./cache/cached-flow.ts";
import { Dirt } from "./cache/dirt.ts";
import { MegaflowCache } from "./cache/megaflow-cache.ts";
import { PuntRegistry } from "./cache/punt-registry.ts";
import { Recirculations } from "./cache/recirculations.ts";
import { References } from "./cache/references.ts";
import type { FrozenState } from "./translate/frozen-state.ts";
import { finish, Turns, type Work } from "./turns.ts";
import { PacketState } from "./translate/packet/packet-state.ts";
import { CT_END } from "./translate/packet/pipeline-flow.ts";
import { type LearnFlow, translate, type TranslateOptions } from "./translate/translate.ts";
import type { TunnelConfig } from "./tunnel/tunnel-config.ts";
import { toDatapathOptionsMask, toPipelineOptions } from "./tunnel/tunnel-options.ts";
import { type PortHome, TunnelTable } from "./tunnel/tunnel-table.ts";
import type { Punt, Surroundings, Translation, TranslationObserver } from "./translate/translation.ts";

/** How to add a port to a bridge. */
export interface NewPort {
  readonly name: string;
  /** `patch` needs `peer`, the name of the interface at the other end; `tunnel` needs `tunnel`. */
  readonly kind: PortSpec["kind"] | "patch";
  readonly peer?: string;
  readonly tunnel?: TunnelConfig;
  /** Number wanted, taken when it is free. */
  readonly ofport?: number;
  /** What it is a part of; absent: a bundle of its own, a trunk of all VLANs. */
  readonly bundle?: Bundle;
}

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
}

/** Where a traced packet went into the connection tracker. */
export interface TraceFork {
  readonly frozen: FrozenState;
  /** The packet then. */
  readonly flow: Uint32Array;
}

/** A bridge or port name that is taken or unknown. */
export class SwitchNameError extends AppError {
  static override readonly code: string = "SWITCH_NAME";
}

/** TCP flags that end a connection: FIN and RST. */
const ENDING_FLAGS = 5;

/** Adds or refreshes a flow that a packet teaches. */
const teachFlow: LearnFlow = (bridge, flow, limit) => bridge.pipeline.learn(flow, limit);

/** Whether a flow is there; when its number is limited, and it is not, only the next packet will tell whether there is room. */
const recallFlow: LearnFlow = (bridge, flow, limit) => (limit === 0 || bridge.pipeline.hasLearned(flow) ? true : undefined);

/** Bridges over one datapath. */
export class VirtualSwitch {
  readonly datapath: Datapath;
  readonly cache: MegaflowCache;
  readonly #clock: Clock;
  readonly #bridges = new Map<string, Bridge>();
  readonly #homeByPortNo = new Map<number, { bridge: Bridge; port: BridgePort }>();
  readonly #patchByName = new Map<string, { bridge: Bridge; port: BridgePort }>();
  readonly tunnels: TunnelTable;
  readonly #punts = new PuntRegistry();
  readonly #recirculations = new Recirculations();
  readonly #references = new References(this.#punts, this.#recirculations);
  readonly #around: Surroundings;
  readonly #dirt = new Dirt();
  /** Used for every packet of the datapath: arrays of this width are dear to make. */
  readonly #packet = new PacketState();
  readonly #key = makeFlowKey();
  readonly #changeListeners = new Set<() => void>();
  readonly #packetListeners = new Set<(packet: PacketForController) => void>();
  /** For long work. */
  readonly turns: Turns = new Turns();
  /** While flows are being restored, packets that no megaflow knows are dropped; `other_config:flow-restore-wait`. */
  isRestoring = false;
  #isRevalidationDue = false;
  /** What goes on of it. */
  #revalidation: Work | undefined;
  #tick: Work | undefined;

  constructor(datapath: Datapath, clock: Clock) {
    this.datapath = datapath;
    this.tunnels = new TunnelTable(datapath);
    this.#clock = clock;
    this.#around = {
      peerOf: (port) => this.#peerOf(port),
      puntId: (punt) => this.#punts.idOf(punt),
      recircId: (state) => this.#recirculations.idOf(state),
    };
    const owner = {
      retranslate: (key: Uint32Array): Translation | undefined => this.#retranslate(key),
      attribute: (translation: SideEffects, traffic: Traffic): void => this.#attribute(translation, traffic),
    };
    this.cache = new MegaflowCache(datapath, this.#references, owner, clock);
    datapath.onUpcall((upcall) => this.#receive(upcall));
    datapath.onPortChange((portNo) => this.#deviceChanged(portNo));
  }

  /** All bridges by name. */
  get bridges(): ReadonlyMap<string, Bridge> {
    return this.#bridges;
  }

  /** Adds an empty bridge. @throws SwitchNameError when the name is taken */
  addBridge(name: string): Bridge {
    if (this.#bridges.has(name)) throw new SwitchNameError(`Cannot add bridge "${name}": there is one`);
    const bridge = new Bridge(name, this.#clock, this.datapath);
    bridge.pipeline.onChange(({ rules, groups, meters }) => {
      for (const { rule } of rules) {
        const table = bridge.pipeline.table(rule.table);
        if (table.nDependents > 0) this.#dirt.table(table);
      }
      for (const id of groups) this.#dirt.group(bridge, id);
      if (meters.length > 0) this.#dirt.everything();
      this.#scheduleRevalidation();
    });
    this.#bridges.set(name, bridge);
    return bridge;
  }

  /** Removes a bridge and closes its ports. */
  removeBridge(bridge: Bridge): void {
    for (const port of bridge.ports()) this.removePort(bridge, port.ofport);
    bridge.pipeline.applyMeter({ type: "meterMod", command: "delete", meter: { id: METER.ALL, flags: 0, bands: [] } });
    this.#bridges.delete(bridge.name);
    this.#portsChanged();
  }

  /** Opens a port and adds it to a bridge. @throws IoError when the device cannot be opened */
  addPort(bridge: Bridge, spec: NewPort): BridgePort {
    const { name, ofport, bundle = makeBundle(spec.name) } = spec;
    const isLocal = name === bridge.name;
    const number = isLocal ? PORT.LOCAL : bridge.freeOfport(ofport);
    const link = this.#openLink(spec);
    const info = link.kind === "datapath" ? this.datapath.port(link.portNo) : undefined;
    const port: BridgePort = {
      name,
      ofport: number,
      link,
      bundle,
      mac: info?.mac ?? 0,
      config: 0,
      isUp: info?.isUp ?? true,
      isEnabled: info?.isEnabled ?? true,
      policers: [],
      nLinkChanges: 0,
      createdMs: this.#clock.monotonicMs(),
      patchCounters: { rxPackets: 0, rxBytes: 0, txPackets: 0, txBytes: 0 },
    };
    if (link.kind === "datapath") this.#homeByPortNo.set(link.portNo, { bridge, port });
    else if (link.kind === "tunnel") this.tunnels.add(link.config, { bridge, port });
    else this.#patchByName.set(name, { bridge, port });
    bridge.addPort(port);
    bundle.bond?.add(port);
    this.#portsChanged();
    return port;
  }

  /** Removes a port and closes its device. */
  removePort(bridge: Bridge, ofport: number): void {
    const port = bridge.removePort(ofport);
    if (port === undefined) return;
    if (port.link.kind === "datapath") {
      this.#homeByPortNo.delete(port.link.portNo);
      this.datapath.removePort(port.link.portNo);
    } else if (port.link.kind === "tunnel") this.tunnels.close(port.link.config);
    else this.#patchByName.delete(port.name);
    for (const meter of port.policers) this.datapath.removeMeter(meter);
    if (port.bundle.members.length === 0) bridge.macs.flush(port.bundle);
    this.#portsChanged();
  }

  /** To be called after a port's VLANs, link or configuration were changed. */
  portChanged(bridge: Bridge, port: BridgePort): void {
    bridge.touchPort(port);
    this.#portsChanged();
  }

  /** Changes what the tables of a bridge see of fragments. */
  setFragmentHandling(bridge: Bridge, fragments: FragmentHandling): void {
    if (bridge.fragments === fragments) return;
    bridge.fragments = fragments;
    this.#portsChanged();
  }

  /** To be called after VLANs, protection or bond of a bundle were changed; what was learned on it is forgotten. */
  bundleChanged(bridge: Bridge, bundle: Bundle): void {
    bridge.macs.flush(bundle);
    this.#portsChanged();
  }

  /** Limits what comes in at a port. */
  setPolicing(port: BridgePort, limits: readonly MeterConfig[]): void {
    for (const meter of port.policers) this.datapath.removeMeter(meter);
    port.policers = limits.map((limit) => this.datapath.addMeter(limit));
    this.#portsChanged();
  }

  /** Switches an interface that has no device on or off. */
  setAdminState(name: string, isEnabled: boolean): void {
    for (const bridge of this.#bridges.values()) {
      const port = bridge.portNamed(name);
      if (port === undefined || port.isEnabled === isEnabled) continue;
      port.isEnabled = isEnabled;
      port.isUp = isEnabled;
      port.nLinkChanges++;
      this.portChanged(bridge, port);
      this.#runBonds();
    }
  }

  /** Whether a patch port has its other end. */
  hasPeer(port: BridgePort): boolean {
    return this.#peerOf(port) !== undefined;
  }

  /** To be called after a bond was changed by hand. */
  bondsChanged(): void {
    this.#runBonds();
    this.#portsChanged();
  }

  /** Replaces the mirrors of a bridge; those that stay as they are go on counting. */
  setMirrors(bridge: Bridge, specs: readonly MirrorSpec[]): void {
    const known = new Map(bridge.mirrors.map((mirror) => [mirror.spec, mirror]));
    bridge.mirrors = specs.map((spec) => known.get(spec) ?? new Mirror(spec));
    this.#portsChanged();
  }

  /** Has a bridge forward as a learning switch, whatever its flows, or no longer so. */
  setFailingOpen(bridge: Bridge, isFailingOpen: boolean): void {
    if (bridge.isFailingOpen === isFailingOpen) return;
    bridge.isFailingOpen = isFailingOpen;
    this.#portsChanged();
  }

  /** To be called after the VLANs without learning were changed. */
  floodVlansChanged(bridge: Bridge): void {
    bridge.macs.flush();
    this.#portsChanged();
  }

  /** Forgets learned addresses of a bridge. */
  flushMacs(bridge: Bridge): void {
    this.#macsChanged(bridge, bridge.macs.flush());
  }

  /** Enters an address of a bridge that neither ages nor moves. */
  addStaticMac(bridge: Bridge, vlan: number, mac: number, bundle: Bundle): void {
    bridge.macs.addStatic(vlan, mac, bundle);
    this.#macsChanged(bridge, [{ vlan, mac }]);
  }

  /** Takes back {@link addStaticMac}. @returns whether it was there */
  removeStaticMac(bridge: Bridge, vlan: number, mac: number): boolean {
    const wasThere = bridge.macs.removeStatic(vlan, mac);
    if (wasThere) this.#macsChanged(bridge, [{ vlan, mac }]);
    return wasThere;
  }

  /** The bridge and port of a datapath port. */
  homeOf(portNo: number): { readonly bridge: Bridge; readonly port: BridgePort } | undefined {
    return this.#homeByPortNo.get(portNo);
  }

  /** The bridge and port where packets with a key of the datapath come in. */
  homeOfKey(key: Uint32Array): PortHome | undefined {
    const portNo = key[FIELDS.in_port.word] ?? 0;
    return this.#homeByPortNo.get(portNo) ?? this.tunnels.find(key);
  }

  /** What the datapath knows of a port; `undefined` for patch ports and tunnels. */
  infoOf({ link }: BridgePort): PortInfo | undefined {
    return link.kind === "datapath" ? this.datapath.port(link.portNo) : undefined;
  }

  /** Calls `listener` when ports, bonds or mirrors may have changed. @returns stops it */
  onChange(listener: () => void): () => void {
    this.#changeListeners.add(listener);
    return () => this.#changeListeners.delete(listener);
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
    const key = makeFlowKey();
    parseFlowKey(frame, frame.length, inPort, key);
    if (metadata !== undefined) for (let i = 0; i < key.length; i++) key[i] = (key[i] ?? 0) | (metadata.key[i] ?? 0);
    const translation = translate(bridge, key, this.#around, { actions, learn: this.#learn, learnFlow: teachFlow });
    this.#execute(translation, frame, this.#portNoOf(bridge, inPort), getField(key, FIELDS.tcp_flags));
  }

  /** Lets a packet go on that a controller held. */
  resume(frozen: FrozenState, frame: Uint8Array): void {
    const { bridge, inPort } = frozen;
    const key = makeFlowKey();
    parseFlowKey(frame, frame.length, inPort, key);
    const translation = translate(bridge, key, this.#around, { frozen, learn: this.#learn, learnFlow: teachFlow });
    this.#execute(translation, frame, this.#portNoOf(bridge, inPort), getField(key, FIELDS.tcp_flags));
  }

  /** Translates without any effect: nothing is learned, installed or sent. `key.in_port` is an OpenFlow port. */
  trace(bridge: Bridge, key: Uint32Array, options: TraceOptions = {}): Translation {
    const { observer, forks = [], frozen } = options;
    const around: Surroundings = {
      peerOf: (port) => this.#peerOf(port),
      puntId: () => 0,
      recircId: (state, flow) => forks.push({ frozen: state, flow: flow.slice() }),
    };
    return translate(bridge, key, around, {
      ...(observer === undefined ? {} : { observer }),
      ...(frozen === undefined ? {} : { frozen }),
    });
  }

  /** Brings the cache up to date with every change so far. */
  settle(): void {
    finish(this.settling());
  }

  /** {@link settle} in turns. */
  *settling(): Work {
    while (this.#revalidation !== undefined || !this.#dirt.isClean) {
      this.#revalidation ??= this.cache.revalidating(this.#dirt.take());
      if (this.#revalidation.next().done === true) this.#revalidation = undefined;
      yield;
    }
  }

  /** Reads the statistics of every megaflow into rules, ports and learned addresses. */
  readStatistics(): void {
    finish(this.cache.readingStatistics());
  }

  /** Periodic work, due every 500 ms: statistics, idle flows, timeouts of rules, ageing of addresses. */
  tick(): void {
    if (this.#tick !== undefined) finish(this.ticking());
    finish(this.ticking());
  }

  /** {@link tick} in turns; the one that goes on, if one does. */
  *ticking(): Work {
    this.#tick ??= this.#tickOnce();
    while (this.#tick !== undefined && this.#tick.next().done !== true) yield;
    this.#tick = undefined;
  }

  *#tickOnce(): Work {
    yield* this.cache.sweeping();
    this.#recirculations.collect();
    this.#runBonds();
    for (const bridge of this.#bridges.values()) {
      yield* bridge.pipeline.expiring();
      for (const { vlan, mac } of bridge.macs.expire()) this.#dirt.mac(bridge, keyOf(vlan, mac));
    }
    yield* this.settling();
  }

  #deviceChanged(portNo: number): void {
    const home = this.#homeByPortNo.get(portNo);
    if (home === undefined) return;
    const info = this.infoOf(home.port);
    if (info === undefined) return this.removePort(home.bridge, home.port.ofport);
    home.port.mac = info.mac;
    if (home.port.isUp !== info.isUp) home.port.nLinkChanges++;
    home.port.isUp = info.isUp;
    home.port.isEnabled = info.isEnabled;
    this.portChanged(home.bridge, home.port);
    if (home.port.bundle.bond !== undefined) this.#runBonds();
  }

  /** Follows links and delays of bonds. */
  #runBonds(): void {
    for (const bridge of this.#bridges.values()) {
      for (const bundle of bridge.bundles) {
        if (bundle.bond?.run() === true) this.#portsChanged();
        if (bundle.bond?.takeNewActive() === true) this.#announce(bridge, bundle, bundle.bond);
      }
    }
  }

  /** Tells the switches behind a bond where senders are now. */
  #announce(bridge: Bridge, bundle: Bundle, bond: Bond): void {
    for (const { frame, mac, vid } of announcementsOf(bundle, bridge.macs.entries())) {
      const member = bond.choose(bond.hashOf(mac, vid));
      if (member !== undefined) this.packetOut(bridge, frame, PORT.NONE, [{ type: "output", port: member.ofport }]);
    }
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
    if (translation.actions.length > 0) this.datapath.execute(frame, portNo, translation.actions);
    this.#references.release(translation.actions);
    const traffic = { nPackets: 1, nBytes: frame.length, usedMs: this.#clock.monotonicMs(), tcpFlags };
    this.#attribute(translation, traffic);
  }

  #deliver({ userdata, frame, key }: Upcall): void {
    const found = this.#punts.punt(userdata);
    if (found === undefined) return;
    if (found.meter !== undefined && !this.datapath.meterPacket(found.meter, frame.length)) return;
    if (this.#packetListeners.size === 0) return;
    const punt = { ...found, metadata: found.metadata.slice() };
    punt.metadata.set(key.subarray(FIELDS.ct_state.word, CT_END), FIELDS.ct_state.word);
    const packet = { punt, frame: frame.slice() };
    for (const listener of this.#packetListeners) listener(packet);
  }

  #retranslate(datapathKey: Uint32Array): Translation | undefined {
    return this.#translate(datapathKey, this.#quietly);
  }

  /** Translates a key of the datapath; `undefined` when its port, or what it goes on with, is gone. */
  #translate(datapathKey: Uint32Array, options: TranslateOptions): Translation | undefined {
    const recircId = datapathKey[FIELDS.recirc_id.word] ?? 0;
    const frozen = recircId === 0 ? undefined : this.#recirculations.state(recircId);
    const home = this.homeOfKey(datapathKey);
    const bridge = recircId === 0 ? home?.bridge : frozen?.bridge;
    if (bridge === undefined || this.#bridges.get(bridge.name) !== bridge) return undefined;
    const key = this.#key;
    key.set(datapathKey);
    if (home !== undefined) setField(key, FIELDS.in_port, home.port.ofport);
    const { tlvTable } = bridge.pipeline;
    toPipelineOptions(key, tlvTable);
    const translation = translate(bridge, key, this.#around, frozen === undefined ? options : { ...options, frozen });
    toDatapathOptionsMask(translation.mask, datapathKey, tlvTable);
    return translation;
  }

  #attribute({ visits, effects }: SideEffects, { nPackets, nBytes, usedMs, tcpFlags }: Traffic): void {
    for (const { table, rule } of visits) {
      table.nLookups += nPackets;
      if (rule === undefined) continue;
      table.nMatches += nPackets;
      rule.nPackets += nPackets;
      rule.nBytes += nBytes;
      rule.usedMs = Math.max(rule.usedMs, usedMs);
    }
    for (const effect of effects) {
      if (effect.type === "learn") this.#learn(effect.bridge, effect.sighting);
      else if (effect.type === "count") effect.counter.count(nPackets, nBytes);
      else if (effect.type === "learnFlow") effect.bridge.pipeline.learn(effect.flow, effect.limit);
      else if (effect.type === "finTimeout") {
        if ((tcpFlags & ENDING_FLAGS) === 0) continue;
        effect.bridge.pipeline.lowerTimeouts(effect.rule, effect.idleTimeout, effect.hardTimeout);
      } else if (effect.type === "group") effect.group?.count(effect.buckets, nPackets, nBytes);
      else if (effect.type === "tunnel") {
        const { patchCounters } = effect.port;
        patchCounters[effect.isInput ? "rxPackets" : "txPackets"] += nPackets;
        patchCounters[effect.isInput ? "rxBytes" : "txBytes"] += nBytes;
      } else {
        effect.from.patchCounters.txPackets += nPackets;
        effect.from.patchCounters.txBytes += nBytes;
        effect.to.patchCounters.rxPackets += nPackets;
        effect.to.patchCounters.rxBytes += nBytes;
      }
    }
  }

  readonly #learn = (bridge: Bridge, sighting: Sighting): void => {
    if (sighting.bundle.members.length === 0 || !bridge.macs.learn(sighting)) return;
    this.#macsChanged(bridge, [sighting]);
  };

  #macsChanged(bridge: Bridge, entries: readonly Pick<MacEntry, "vlan" | "mac">[]): void {
    for (const { vlan, mac } of entries) this.#dirt.mac(bridge, keyOf(vlan, mac));
    this.#scheduleRevalidation();
  }

  readonly #quietly: TranslateOptions = { packet: this.#packet, learnFlow: recallFlow };
  readonly #learning: TranslateOptions = { packet: this.#packet, learn: this.#learn, learnFlow: teachFlow };

  /** The other end of a patch port, when it names this one in turn. */
  #peerOf({ name, link }: BridgePort): { bridge: Bridge; port: BridgePort } | undefined {
    const peer = link.kind === "patch" ? this.#patchByName.get(link.peer) : undefined;
    return peer?.port.link.kind === "patch" && peer.port.link.peer === name ? peer : undefined;
  }

  #openLink({ name, kind, peer = "", tunnel }: NewPort): PortLink {
    if (kind === "patch") return { kind, peer };
    if (kind === "tunnel" && tunnel !== undefined) return { kind, portNo: this.tunnels.open(tunnel), config: tunnel };
    return { kind: "datapath", portNo: this.datapath.addPort({ name, kind }) };
  }

  #portNoOf(bridge: Bridge, ofport: number): number {
    const link = bridge.port(ofport)?.link;
    return link?.kind === "datapath" || link?.kind === "tunnel" ? link.portNo : 0;
  }

  #portsChanged(): void {
    for (const listener of this.#changeListeners) listener();
    this.#dirt.everything();
    this.#scheduleRevalidation();
  }

  #scheduleRevalidation(): void {
    if (this.#isRevalidationDue) return;
    this.#isRevalidationDue = true;
    queueMicrotask(() => {
      this.#isRevalidationDue = false;
      this.turns.begin(this.settling());
    });
  }
}
