/**
 * The switch: bridges over one datapath.
 *
 * Takes the datapath's misses, translates them, installs the answers and keeps them true as tables, addresses
 * and ports change. The cache follows a change in turns, which begin before the next packet that arrives through the event loop (when
 * many ports change together, after the last of them), or at once with {@link VirtualSwitch.settle}.
 */
import { Classifier } from "@tenet/classifier";
import type { Datapath, MeterConfig } from "@tenet/datapath";
import { AppError, type Clock } from "@tenet/kit";
import { type Action, type FlowSpec, type Match, PORT, type TableMod } from "@tenet/openflow";
import { Bridge, type FragmentHandling } from "./bridge/bridge.ts";
import type { BridgePort, Bundle } from "./bridge/bridge-port.ts";
import { makeBundle } from "./bridge/bundle.ts";
import { keyOf, type MacEntry } from "./bridge/mac-table.ts";
import { Mirror, type MirrorSpec } from "./bridge/mirror.ts";
import { type NewPort, PortDirectory } from "./bridge/port-directory.ts";
import { runBonds } from "./bridge/run-bonds.ts";
import type { MegaflowCache } from "./cache/megaflow-cache.ts";
import type { Revalidation } from "./cache/revalidation.ts";
import { allCounts, type EventCounts, makeEventCounts } from "./event-counts.ts";
import { SlowPath, type TraceOptions } from "./slow-path.ts";
import { RecordStore } from "./table/record-store.ts";
import type { Rule } from "./table/rule.ts";
import type { Translation } from "./translate/translation.ts";
import { MetersInUse } from "./meter/meters-in-use.ts";
import { type HostNetwork, NO_NETWORK } from "./tunnel/host-network.ts";
import { Underlay } from "./tunnel/underlay.ts";
import { finish, Turns, type Work } from "./turns.ts";

/** How long a bundle stays to which nothing is added, if the database does not say, as in Open vSwitch. */
export const DEFAULT_BUNDLE_IDLE_MS = 10_000;

/** A bridge or port name that is taken or unknown. */
export class SwitchNameError extends AppError {
  static override readonly code: string = "SWITCH_NAME";
}

/** Bridges over one datapath. */
export class VirtualSwitch {
  readonly datapath: Datapath;
  /** For long work. */
  readonly turns: Turns = new Turns();
  /** How long a controller's bundle stays to which nothing is added; `other_config:bundle-idle-timeout`. */
  bundleIdleMs: number = DEFAULT_BUNDLE_IDLE_MS;
  readonly ports: PortDirectory;
  readonly underlay: Underlay;
  readonly slowPath: SlowPath;
  readonly counts: EventCounts = makeEventCounts();
  readonly cache: MegaflowCache;
  readonly #clock: Clock;
  readonly #bridges = new Map<string, Bridge>();
  readonly #revalidation: Revalidation;
  readonly #changeListeners = new Set<() => void>();
  readonly #meters: MetersInUse;
  #tick: Work | undefined;
  /** Whether megaflows are looked at when the work on many ports is done, and whether any of them may be out of date. */
  #isChangingPorts = false;
  #havePortsChanged = false;

  /** @param host - whose routes outer packets of tunnels take; absent: it has none */
  constructor(datapath: Datapath, clock: Clock, host: HostNetwork = NO_NETWORK) {
    this.datapath = datapath;
    this.#clock = clock;
    this.#meters = new MetersInUse(datapath);
    this.ports = new PortDirectory(datapath);
    this.underlay = new Underlay(host, clock, this.#bridges);
    const { ports, underlay, turns, counts } = this;
    this.slowPath = new SlowPath({ datapath, ports, underlay, bridges: this.#bridges, clock, turns, counts });
    this.cache = this.slowPath.cache;
    this.#revalidation = this.slowPath.revalidation;
    datapath.onPortChange((portNo) => this.#deviceChanged(portNo));
  }

  /** All bridges by name. */
  get bridges(): ReadonlyMap<string, Bridge> {
    return this.#bridges;
  }

  /** Adds an empty bridge. @throws SwitchNameError when the name is taken */
  addBridge(name: string): Bridge {
    if (this.#bridges.has(name)) throw new SwitchNameError(`Cannot add bridge "${name}": there is one`);
    const bridge = new Bridge(name, this.#clock, this.#meters, this.counts);
    bridge.pipeline.onChange(({ tables, groups, haveMetersChanged }) => {
      const { dirt } = this.#revalidation;
      for (const table of tables) if (table.nDependents > 0) dirt.table(table);
      for (const id of groups) dirt.group(bridge, id);
      if (haveMetersChanged) dirt.everything();
      this.counts.rev_flow_table++;
      this.#revalidation.schedule();
    });
    this.#bridges.set(name, bridge);
    return bridge;
  }

  /** Removes a bridge and closes its ports. */
  removeBridge(bridge: Bridge): void {
    for (const port of bridge.ports()) this.removePort(bridge, port.ofport);
    bridge.pipeline.meters.release();
    this.#bridges.delete(bridge.name);
    this.#portsChanged();
  }

  /** Opens a port and adds it to a bridge. @throws IoError when the device cannot be opened */
  addPort(bridge: Bridge, spec: NewPort): BridgePort {
    const { name, ofport, bundle = makeBundle(spec.name) } = spec;
    const isLocal = name === bridge.name;
    const number = isLocal ? PORT.LOCAL : bridge.freeOfport(ofport);
    const link = this.ports.open(spec, bridge.datapathType === "netdev");
    if (link.kind !== "patch") this.counts.dpif_port_add++;
    const info = link.kind === "datapath" ? this.datapath.port(link.portNo) : undefined;
    const port: BridgePort = {
      name,
      ofport: number,
      link,
      bundle,
      mac: spec.mac ?? info?.mac ?? 0,
      mtu: info?.mtu,
      config: 0,
      isUp: info?.isUp ?? true,
      isEnabled: info?.isEnabled ?? true,
      policers: [],
      nLinkChanges: 0,
      createdMs: this.#clock.monotonicMs(),
      hasDevice: spec.kind === "system" || spec.kind === "internal",
      isInternal: spec.kind === "internal" || spec.isInternal === true || isLocal,
      patchCounters: { rxPackets: 0, rxBytes: 0, txPackets: 0, txBytes: 0 },
    };
    this.ports.add({ bridge, port });
    bridge.addPort(port);
    if (bundle.bond !== undefined) {
      bundle.bond.add(port);
      this.#runBonds(); // who becomes active now is no news to hosts that are heard of later
    }
    this.#portsChanged();
    return port;
  }

  /** Removes a port and closes its device. */
  removePort(bridge: Bridge, ofport: number): void {
    const port = bridge.removePort(ofport);
    if (port === undefined) return;
    this.ports.remove(port);
    this.underlay.removeDevice(port.name);
    if (port.link.kind !== "patch") this.counts.dpif_port_del++;
    for (const meter of port.policers) this.#meters.removeMeter(meter);
    if (port.bundle.members.length === 0) {
      const learned = bridge.macs.learnedOn(port.bundle);
      bridge.macs.flush(port.bundle);
      this.turns.begin(this.#forgettingElsewhere(bridge, learned));
    }
    this.#portsChanged();
  }

  /** Senders behind a port that went may have been heard of in other bridges, too, which patch ports join. */
  *#forgettingElsewhere(bridge: Bridge, entries: Iterable<MacEntry>): Work {
    for (const entry of entries) {
      for (const other of this.#bridges.values()) {
        if (other !== bridge && other.macs.forget(entry.vlan, entry.mac)) this.#revalidation.macsChanged(other, [entry]);
      }
      yield;
    }
  }

  /** Does work that changes many ports; megaflows are brought up to date when all of it is done, not after each. */
  *changingPorts<T>(work: Work<T>): Work<T> {
    this.#isChangingPorts = true;
    try {
      return yield* work;
    } finally {
      this.#isChangingPorts = false;
      if (this.#havePortsChanged) this.#revalidation.everythingChanged();
      this.#havePortsChanged = false;
    }
  }

  /** Changes the tables of a bridge in turns; then those go on who wait to do so. */
  *changingTables(work: Work): Work {
    try {
      yield* work;
    } finally {
      this.turns.wake();
    }
  }

  /** Takes what a controller configures of tables. */
  *configuringTables(bridge: Bridge, mod: TableMod): Work {
    yield* this.changingTables(bridge.pipeline.applyingTableMod(mod));
    if (mod.miss !== undefined) this.#revalidation.everythingChanged();
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

  /** Has NORMAL forward what switches tell their neighbours, or no longer so. */
  setForwardsReserved(bridge: Bridge, forwardsReserved: boolean): void {
    if (bridge.forwardsReserved === forwardsReserved) return;
    bridge.forwardsReserved = forwardsReserved;
    this.#portsChanged();
  }

  /** To be called after VLANs, protection or bond of a bundle were changed; what was learned on it is forgotten. */
  bundleChanged(bridge: Bridge, bundle: Bundle): void {
    bridge.macs.flush(bundle);
    this.#portsChanged();
  }

  /** Limits what comes in at a port. */
  setPolicing(port: BridgePort, limits: readonly MeterConfig[]): void {
    for (const meter of port.policers) this.#meters.removeMeter(meter);
    port.policers = limits.map((limit) => this.#meters.addMeter(limit));
    this.#portsChanged();
  }

  /** Switches an interface that has no device on or off. */
  setAdminState(name: string, isEnabled: boolean): void {
    for (const bridge of this.#bridges.values()) {
      const port = bridge.portNamed(name);
      if (port === undefined || port.isEnabled === isEnabled) continue;
      port.isEnabled = isEnabled;
      port.isUp = isEnabled;
      this.portChanged(bridge, port);
      this.#runBonds();
    }
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

  /** Has packets that no flow of a bridge matches go to its controllers, or no longer so. */
  setSendsMisses(bridge: Bridge, sendsMisses: boolean): void {
    if (bridge.sendsMisses === sendsMisses) return;
    bridge.sendsMisses = sendsMisses;
    this.#portsChanged();
  }

  /** Gives the first table of a bridge flows that no controller sees, in the place of those it had. */
  setHiddenFlows(bridge: Bridge, flows: readonly FlowSpec[]): void {
    const table = bridge.pipeline.table(0);
    if (flows.length === 0 && table.hidden === undefined) return;
    table.hidden = flows.length === 0 ? undefined : new Classifier<Rule>();
    const store = new RecordStore();
    for (const flow of flows) table.hidden?.insert(bridge.pipeline.ruleOf(flow, store));
    this.#portsChanged();
  }

  /** To be called after the VLANs without learning were changed. */
  floodVlansChanged(bridge: Bridge): void {
    bridge.macs.flush();
    this.#portsChanged();
  }

  /** Forgets learned addresses of a bridge. */
  flushMacs(bridge: Bridge): void {
    bridge.macs.flush();
    this.counts.rev_mac_learning++;
    this.#revalidation.everythingChanged();
  }

  /** Enters an address of a bridge that neither ages nor moves. */
  addStaticMac(bridge: Bridge, vlan: number, mac: number, bundle: Bundle): void {
    bridge.macs.addStatic(vlan, mac, bundle);
    this.#revalidation.macsChanged(bridge, [{ vlan, mac }]);
  }

  /** Takes back {@link addStaticMac}. @returns whether it was there */
  removeStaticMac(bridge: Bridge, vlan: number, mac: number): boolean {
    const wasThere = bridge.macs.removeStatic(vlan, mac);
    if (wasThere) this.#revalidation.macsChanged(bridge, [{ vlan, mac }]);
    return wasThere;
  }

  /** Calls `listener` when ports, bonds or mirrors may have changed. @returns stops it */
  onChange(listener: () => void): () => void {
    this.#changeListeners.add(listener);
    return () => this.#changeListeners.delete(listener);
  }

  /** Executes actions on a frame as if it came in at OpenFlow port `inPort`. @see SlowPath.packetOut */
  packetOut(bridge: Bridge, frame: Uint8Array, inPort: number, actions: readonly Action[], metadata?: Match): void {
    this.counts.ofproto_packet_out++;
    this.slowPath.packetOut(bridge, frame, inPort, actions, metadata);
  }

  /** Translates alone: nothing is installed or sent, or learned unless asked for. `key.in_port` is an OpenFlow port. */
  trace(bridge: Bridge, key: Uint32Array, options?: TraceOptions): Translation {
    return this.slowPath.trace(bridge, key, options);
  }

  /** How often what has happened, by the name of the event. */
  countEvents(): Readonly<Record<string, number>> {
    return allCounts(this.counts, this.datapath.traffic());
  }

  /** Brings the cache up to date with every change so far. */
  settle(): void {
    finish(this.settling());
  }

  /** {@link settle} in turns. */
  settling(): Work {
    return this.#revalidation.settling();
  }

  /** Looks whether routes and addresses of the host have changed, and forgets neighbours that are too old. */
  followHost(): void {
    this.underlay.neighbors.expire();
    if (this.underlay.hasChanged()) this.#revalidation.everythingChanged();
  }

  /** To be called after routes were changed by hand, or a dummy was given an address. */
  underlayChanged(): void {
    this.underlay.forget();
    this.#revalidation.everythingChanged();
  }

  /** Periodic work, due every 500 ms: statistics, idle flows, timeouts of rules, ageing of addresses. */
  tick(): void {
    finish(this.tickingAnew());
  }

  /** {@link tick} in turns; one that goes on is brought to its end first. */
  *tickingAnew(): Work {
    if (this.#tick !== undefined) yield* this.ticking();
    yield* this.ticking();
  }

  /** {@link tickingAnew}, but for the one that goes on, if one does. */
  *ticking(): Work {
    this.#tick ??= this.#tickOnce();
    while (this.#tick !== undefined) {
      const { done, value } = this.#tick.next();
      if (done === true) this.#tick = undefined;
      else yield value;
    }
  }

  *#tickOnce(): Work {
    yield* this.cache.sweeping();
    yield* this.slowPath.collecting();
    this.#runBonds();
    this.followHost();
    for (const bridge of this.#bridges.values()) {
      yield* this.changingTables(bridge.pipeline.expiring());
      for (const { vlan, mac } of bridge.macs.expiring()) {
        this.#revalidation.dirt.mac(bridge, keyOf(vlan, mac));
        yield;
      }
      yield* bridge.macs.tidying();
    }
    const unwantedMeters = this.#havePortsChanged ? [] : this.#meters.takeUnwanted();
    yield* this.settling();
    for (const meter of unwantedMeters) {
      this.datapath.removeMeter(meter);
      yield;
    }
  }

  #deviceChanged(portNo: number): void {
    this.counts.rev_port_toggled++;
    const home = this.ports.homeOf(portNo);
    if (home === undefined) return;
    const info = this.ports.infoOf(home.port);
    if (info === undefined) return this.removePort(home.bridge, home.port.ofport);
    home.port.mac = info.mac;
    home.port.mtu = info.mtu;
    if (home.port.isUp !== info.isUp) home.port.nLinkChanges++;
    home.port.isUp = info.isUp;
    home.port.isEnabled = info.isEnabled;
    this.portChanged(home.bridge, home.port);
    if (home.port.bundle.bond !== undefined) this.#runBonds();
  }

  /** Follows links and delays of bonds. */
  #runBonds(): void {
    const send = (bridge: Bridge, frame: Uint8Array, port: number): void =>
      this.packetOut(bridge, frame, PORT.NONE, [{ type: "output", port }]);
    if (!runBonds(this.#bridges.values(), send, (work) => this.turns.begin(work))) return;
    this.counts.rev_bond++;
    this.#portsChanged();
  }

  #portsChanged(): void {
    this.underlay.forget();
    this.counts.ofproto_update_port++;
    this.counts.rev_reconfigure++;
    for (const listener of this.#changeListeners) listener();
    if (this.#isChangingPorts) this.#havePortsChanged = true;
    else this.#revalidation.everythingChanged();
  }
}
