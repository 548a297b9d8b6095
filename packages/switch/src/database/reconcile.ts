/**
 * Makes the bridges and ports of the switch what the database asks for.
 *
 * Compares and changes only what differs, so that flows, learned addresses and port numbers survive every change
 * that does not concern them. A device that cannot be opened leaves its error behind and is tried again.
 */
import { createHash } from "node:crypto";
import { type Clock, type Logger, messageOf } from "@tenet/kit";
import { setMac, setMtu, SystemCallError } from "@tenet/linux";
import { type FlowSpec, PORT } from "@tenet/openflow";
import type { Bridge } from "../bridge/bridge.ts";
import { Bond } from "../bridge/bond.ts";
import type { BridgePort, Bundle } from "../bridge/bridge-port.ts";
import { makeBundle } from "../bridge/bundle.ts";
import { isSameVlan } from "../bridge/port-vlan.ts";
import { type ControllerSpec, isPassive } from "../controller/controller-spec.ts";
import type { DummyPorts } from "../dummy/dummy-ports.ts";
import { phraseOf } from "../controller/describe-failure.ts";
import { everyRule } from "../table/every-rule.ts";
import type { NewPort, VirtualSwitch } from "../virtual-switch.ts";
import { isDeepStrictEqual } from "node:util";
import type { WantedBridge, WantedInterface, WantedMirror, WantedPort } from "./wanted.ts";

/** What became of an interface. */
export interface InterfaceState {
  readonly uuid: string;
  readonly bridge: Bridge;
  /** Absent when it could not be opened. */
  readonly port: BridgePort | undefined;
  readonly error: string | undefined;
  /** Of a dummy, which has no device to ask. */
  readonly dummyMtu?: number;
}

/** What became of a port. */
export interface PortState {
  readonly uuid: string;
  readonly bundle: Bundle;
}

/** What became of a bridge. */
export interface BridgeState {
  readonly uuid: string;
  readonly bridge: Bridge;
  readonly ports: readonly PortState[];
  /** In the order of `bridge.mirrors`. */
  readonly mirrors: readonly WantedMirror[];
  readonly isStandalone: boolean;
  readonly controllers: readonly ControllerSpec[];
}

interface HeldBridge {
  readonly bridge: Bridge;
  readonly bundleByName: Map<string, Bundle>;
  uuid: string;
  ports: readonly PortState[];
  mirrors: readonly WantedMirror[];
  isStandalone: boolean;
  controllers: readonly ControllerSpec[];
  /** Which flows it started over with. */
  start: "standalone" | "secure" | "controlled" | undefined;
}

/** Keeps a switch as wanted. */
export class Reconciler {
  readonly #vswitch: VirtualSwitch;
  readonly #dummies: DummyPorts;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #heldByName = new Map<string, HeldBridge>();
  /** How each open port was asked for, to see when it must be opened anew. */
  readonly #openedByPort = new Map<BridgePort, NewPort>();
  /** Numbers of interfaces whose device went away, by bridge and name. */
  readonly #numberByInterface = new Map<string, number>();
  readonly #policingByPort = new WeakMap<BridgePort, WantedInterface["policing"]>();
  readonly #refusedNames = new Set<string>();
  #states: InterfaceState[] = [];

  constructor(vswitch: VirtualSwitch, dummies: DummyPorts, clock: Clock, log: Logger) {
    this.#vswitch = vswitch;
    this.#dummies = dummies;
    this.#clock = clock;
    this.#log = log;
  }

  /** Every interface of the last run. */
  get interfaces(): readonly InterfaceState[] {
    return this.#states;
  }

  get bridges(): BridgeState[] {
    return [...this.#heldByName.values()];
  }

  /** Changes the switch to what is wanted. Never throws for one port's sake. */
  apply(asked: readonly WantedBridge[]): void {
    const wanted = asked.filter(({ name }) => this.#isFileName(name));
    const names = new Set(wanted.map(({ name }) => name));
    for (const [name, { bridge }] of this.#heldByName) if (!names.has(name)) this.#dropBridge(bridge);
    for (const each of wanted) this.#closeUnwanted(each);
    this.#states = wanted.flatMap((each) => this.#applyBridge(each));
  }

  /** A bridge's name becomes that of its sockets: whoever may write the database may not choose their folder. */
  #isFileName(name: string): boolean {
    if (/^[^/\\]+$/.test(name)) return true;
    if (!this.#refusedNames.has(name)) this.#log.warn({ bridge: name }, "bridge ignored: its name cannot be a file's");
    this.#refusedNames.add(name);
    return false;
  }

  #dropBridge(bridge: Bridge): void {
    for (const port of bridge.ports()) this.#openedByPort.delete(port);
    this.#vswitch.removeBridge(bridge);
    this.#heldByName.delete(bridge.name);
    this.#log.info({ bridge: bridge.name }, "bridge removed");
  }

  /** Before anything is opened: a device may move from one bridge to another. */
  #closeUnwanted({ name, ports }: WantedBridge): void {
    const bridge = this.#heldByName.get(name)?.bridge;
    if (bridge === undefined) return;
    const wantedByName = new Map(
      ports.flatMap(({ name: bundle, interfaces }) => interfaces.map((each) => [each.name, { ...each, bundle }])),
    );
    for (const port of bridge.ports()) {
      const found = wantedByName.get(port.name);
      const wanted = found?.bundle === port.bundle.name ? found : undefined;
      const opened = this.#openedByPort.get(port);
      if (wanted !== undefined && "kind" in wanted.port && opened !== undefined && isSameDevice(opened, wanted.port)) continue;
      this.#openedByPort.delete(port);
      this.#vswitch.removePort(bridge, port.ofport);
      if (wanted === undefined) this.#numberByInterface.delete(`${name}/${port.name}`);
    }
  }

  #applyBridge(wanted: WantedBridge): InterfaceState[] {
    const held = this.#holdBridge(wanted);
    const { bridge } = held;
    held.uuid = wanted.uuid;
    bridge.versions = wanted.versions;
    bridge.datapathType = wanted.datapathType;
    bridge.macs.ageingMs = wanted.macAgeingMs;
    bridge.macs.maxEntries = wanted.maxMacs;
    bridge.pipeline.configureTables(wanted.flowTables);
    held.ports = wanted.ports.map((each) => ({ uuid: each.uuid, bundle: this.#applyPort(held, each) }));
    this.#forgetBundles(held);
    const interfaces = wanted.ports.flatMap((port) => port.interfaces.map((each) => ({ ...each, bundle: port.name })));
    const locals = interfaces.filter(({ name }) => name === bridge.name);
    const others = interfaces.filter(({ name }) => name !== bridge.name);
    const states = [...locals, ...others.sort(byNumberWanted)].map((each) => this.#applyInterface(held, each, each.bundle));
    const sized = this.#applyMtus(states, interfaces);
    this.#applyMirrors(held, wanted.mirrors);
    this.#applyFloodVlans(bridge, wanted.floodVlans);
    this.#applyBridgeMac(bridge, locals[0]);
    const mac = bridge.port(PORT.LOCAL)?.mac ?? stableMac(wanted.uuid);
    bridge.datapathId = wanted.datapathId ?? BigInt(mac);
    this.#applyFailMode(held, wanted);
    return sized;
  }

  #holdBridge({ name, uuid }: WantedBridge): HeldBridge {
    const known = this.#heldByName.get(name);
    if (known !== undefined) return known;
    const bridge = this.#vswitch.addBridge(name);
    const held: HeldBridge = {
      bridge,
      uuid,
      bundleByName: new Map(),
      ports: [],
      mirrors: [],
      isStandalone: true,
      controllers: [],
      start: undefined,
    };
    this.#heldByName.set(name, held);
    this.#log.info({ bridge: name }, "bridge added");
    return held;
  }

  /** Gives the bundle of a port the settings of its row. */
  #applyPort({ bridge, bundleByName }: HeldBridge, { name, vlan, isProtected, bond }: WantedPort): Bundle {
    const known = bundleByName.get(name);
    const bundle = known ?? makeBundle(name, vlan);
    bundleByName.set(name, bundle);
    const hadBond = bundle.bond !== undefined;
    this.#applyBond(bundle, bond);
    const isSame = isSameVlan(bundle.vlan, vlan) && bundle.isProtected === isProtected && hadBond === (bond !== undefined);
    bundle.vlan = vlan;
    bundle.isProtected = isProtected;
    if (known !== undefined && !isSame) this.#vswitch.bundleChanged(bridge, bundle);
    return bundle;
  }

  #applyBond(bundle: Bundle, wanted: WantedPort["bond"]): void {
    if (isDeepStrictEqual(bundle.bond?.settings, wanted)) return;
    if (wanted === undefined) bundle.bond = undefined;
    else if (bundle.bond !== undefined) {
      bundle.bond.configure(wanted);
      this.#vswitch.bondsChanged();
    } else {
      bundle.bond = new Bond(wanted, this.#clock);
      for (const port of bundle.members) bundle.bond.add(port);
    }
  }

  #forgetBundles({ bundleByName, ports }: HeldBridge): void {
    const names = new Set(ports.map(({ bundle }) => bundle.name));
    for (const name of bundleByName.keys()) if (!names.has(name)) bundleByName.delete(name);
  }

  #applyMirrors(held: HeldBridge, wanted: readonly WantedMirror[]): void {
    const known = new Map(held.mirrors.map((mirror) => [mirror.uuid, mirror]));
    const mirrors = wanted.map((each) => {
      const old = known.get(each.uuid);
      return old !== undefined && isDeepStrictEqual(old.spec, each.spec) ? old : each;
    });
    const isSame = mirrors.length === held.mirrors.length && mirrors.every((each, i) => each === held.mirrors[i]);
    held.mirrors = mirrors;
    if (!isSame)
      this.#vswitch.setMirrors(
        held.bridge,
        mirrors.map(({ spec }) => spec),
      );
  }

  #applyFloodVlans(bridge: Bridge, wanted: readonly number[]): void {
    if (wanted.length === bridge.floodVlans.size && wanted.every((vlan) => bridge.floodVlans.has(vlan))) return;
    bridge.floodVlans = new Set(wanted);
    this.#vswitch.floodVlansChanged(bridge);
  }

  #applyInterface({ bridge, bundleByName }: HeldBridge, wanted: WantedInterface, bundleName: string): InterfaceState {
    const state = this.#openInterface(bridge, wanted, bundleByName.get(bundleName));
    if (state.port === undefined) return state;
    try {
      this.#applyMac(bridge, state.port, wanted);
      this.#applyPolicing(state.port, wanted);
      if (isDummy(wanted)) this.#dummies.configure(wanted.name, wanted.dummyOptions);
      return state;
    } catch (error) {
      return { ...state, error: messageOf(error) };
    }
  }

  /** Only devices are limited, as at the original. */
  #applyPolicing(port: BridgePort, wanted: WantedInterface): void {
    const limits = port.link.kind === "datapath" && !isDummy(wanted) ? wanted.policing : [];
    const known = this.#policingByPort.get(port) ?? [];
    if (isDeepStrictEqual(known, limits)) return;
    this.#policingByPort.set(port, limits);
    this.#vswitch.setPolicing(port, limits);
  }

  /** The switch gives addresses to devices that it makes itself. */
  #applyMac(bridge: Bridge, port: BridgePort, { name, mac, port: opened }: WantedInterface): void {
    const kind = "kind" in opened ? opened.kind : undefined;
    if (mac === undefined || port.mac === mac || (kind !== "internal" && kind !== "memory")) return;
    if (kind === "internal") setMac(name, mac);
    port.mac = mac;
    this.#vswitch.portChanged(bridge, port);
  }

  /** A bridge that asks for none has the lowest address among those that the makers of its devices gave. */
  #applyBridgeMac(bridge: Bridge, local: WantedInterface | undefined): void {
    const port = bridge.port(PORT.LOCAL);
    if (local === undefined || port === undefined || local.mac !== undefined) return;
    const given = bridge.ports().filter((each) => this.#vswitch.infoOf(each)?.kind === "system" && isUniversal(each.mac));
    if (given.length === 0) return;
    const mac = Math.min(...given.map((each) => each.mac));
    try {
      this.#applyMac(bridge, port, { ...local, mac });
    } catch (error) {
      this.#log.warn({ bridge: bridge.name, error: messageOf(error) }, "address of the bridge not set");
    }
  }

  /** Internal devices that ask for none have the smallest MTU among the others: the host then sends what all can carry. */
  #applyMtus(states: readonly InterfaceState[], interfaces: readonly WantedInterface[]): InterfaceState[] {
    const wantedByUuid = new Map(interfaces.map((each) => [each.uuid, each]));
    const sized = states.map((state) => {
      const wanted = wantedByUuid.get(state.uuid);
      const info = state.port === undefined ? undefined : this.#vswitch.infoOf(state.port);
      return { state, info, wantedMtu: wanted?.mtu, isInternal: wanted?.isInternal === true };
    });
    const others = sized.flatMap(({ info, wantedMtu, isInternal }) =>
      isInternal || info === undefined ? [] : [wantedMtu ?? info.mtu],
    );
    return sized.map(({ state, info, wantedMtu, isInternal }) => {
      const mtu = wantedMtu ?? (isInternal && others.length > 0 ? Math.min(...others) : undefined);
      if (info === undefined || mtu === undefined || mtu === info.mtu) return state;
      return info.kind === "memory" ? { ...state, dummyMtu: mtu } : this.#setMtu(state, info.name, mtu);
    });
  }

  #setMtu(state: InterfaceState, name: string, mtu: number): InterfaceState {
    try {
      setMtu(name, mtu);
      return state;
    } catch (error) {
      return { ...state, error: state.error ?? messageOf(error) };
    }
  }

  #openInterface(
    bridge: Bridge,
    { uuid, name, port: wanted, lastOfport }: WantedInterface,
    bundle: Bundle | undefined,
  ): InterfaceState {
    if (!("kind" in wanted)) return { uuid, bridge, port: undefined, error: wanted.problem };
    const open = bridge.portNamed(name);
    if (open !== undefined) return { uuid, bridge, port: open, error: undefined };
    const memory = `${bridge.name}/${name}`;
    const ofport = wanted.ofport ?? this.#numberByInterface.get(memory) ?? lastOfport;
    try {
      const port = this.#vswitch.addPort(bridge, {
        ...wanted,
        ...(ofport === undefined ? {} : { ofport }),
        ...(bundle === undefined ? {} : { bundle }),
      });
      this.#numberByInterface.set(memory, port.ofport);
      this.#openedByPort.set(port, wanted);
      if (wanted.kind === "memory") port.mac = this.#dummies.nextMac();
      if (wanted.kind === "patch") port.mac = stableMac(uuid);
      this.#log.info({ bridge: bridge.name, port: name, ofport: port.ofport }, "port added");
      return { uuid, bridge, port, error: undefined };
    } catch (error) {
      this.#log.debug({ bridge: bridge.name, port: name, error: messageOf(error) }, "port not opened");
      const reason = error instanceof SystemCallError ? phraseOf(error.errno) : messageOf(error);
      return { uuid, bridge, port: undefined, error: `could not open network device ${name} (${reason})` };
    }
  }

  /**
   * A bridge starts over when it gets its first controller or loses its last, and without any when its fail mode changes:
   * with one NORMAL flow when it is standalone and alone, and with none else.
   */
  #applyFailMode(held: HeldBridge, { isStandalone, controllers }: WantedBridge): void {
    held.isStandalone = isStandalone;
    held.controllers = controllers;
    const isControlled = controllers.some((controller) => !isPassive(controller));
    const start = isControlled ? "controlled" : isStandalone ? "standalone" : "secure";
    if (held.start === start) return;
    held.start = start;
    const { pipeline } = held.bridge;
    const nothing = { ...NORMAL_FLOW, ...everyRule() };
    pipeline.apply([
      { command: "delete", flow: nothing },
      ...(start === "standalone" ? [{ command: "add" as const, flow: NORMAL_FLOW }] : []),
    ]);
  }
}

/** What makes an empty bridge a learning switch. */
const NORMAL_FLOW: FlowSpec = {
  ...everyRule(),
  table: 0,
  priority: 0,
  actions: [{ type: "output", port: PORT.NORMAL }],
  idleTimeout: 0,
  hardTimeout: 0,
  flags: 0,
  importance: 0,
};

/** An address for a bridge without a device of its own: locally administered, the same every time. */
function stableMac(uuid: string): number {
  const digest = createHash("sha256").update(uuid).digest();
  return (((digest[0] ?? 0) & 0xfc) | 0x02) * 0x100_0000_0000 + digest.readUIntBE(1, 5);
}

/** Whether the maker of a device gave it the address: neither a group's nor locally administered. */
function isUniversal(mac: number): boolean {
  return mac !== 0 && (Math.floor(mac / 0x100_0000_0000) & 3) === 0;
}

function isDummy({ port }: WantedInterface): boolean {
  return "kind" in port && port.kind === "memory";
}

function isSameDevice(opened: NewPort, wanted: NewPort): boolean {
  const isSame = opened.kind === wanted.kind && opened.peer === wanted.peer && opened.ofport === wanted.ofport;
  return isSame && isDeepStrictEqual(opened.tunnel, wanted.tunnel);
}

/** Interfaces that ask for a number come first, then those that had one, so that none is taken from under them. */
function byNumberWanted(a: WantedInterface, b: WantedInterface): number {
  const rank = ({ port, lastOfport }: WantedInterface): number => {
    if ("kind" in port && port.ofport !== undefined) return 0;
    return lastOfport === undefined ? 2 : 1;
  };
  return rank(a) - rank(b);
}
