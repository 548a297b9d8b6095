/**
 * Makes the bridges and ports of the switch what the database asks for.
 *
 * Compares and changes only what differs, so that flows, learned addresses and port numbers survive every change
 * that does not concern them. A device that cannot be opened leaves its error behind and is tried again.
 */
import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { type Clock, type Logger, messageOf } from "@tenet/kit";
import { SystemCallError } from "@tenet/linux";
import { PORT } from "@tenet/openflow";
import { type Bridge, DATAPATH_TYPES } from "../bridge/bridge.ts";
import type { BridgePort, Bundle } from "../bridge/bridge-port.ts";
import { isLoopback } from "../bridge/device-counters.ts";
import type { NewPort } from "../bridge/port-directory.ts";
import type { ControllerSpec } from "../controller/controller-spec.ts";
import { type InBandSpec, NO_IN_BAND } from "../controller/in-band.ts";
import { phraseOf } from "../controller/describe-failure.ts";
import type { DummyPorts } from "../dummy/dummy-ports.ts";
import type { VirtualSwitch } from "../virtual-switch.ts";
import { inSteps, type Work } from "../turns.ts";
import { BundleKeeper } from "./bundle-keeper.ts";
import { DeviceKeeper, type Placed } from "./device-keeper.ts";
import { type Start, startingOver, startOf } from "./start-over.ts";
import type { BridgeState, InterfaceState } from "./states.ts";
import type { WantedBridge, WantedInterface, WantedPort } from "./read/wanted.ts";

interface HeldBridge {
  readonly bridge: Bridge;
  readonly bundles: BundleKeeper;
  uuid: string;
  isStandalone: boolean;
  controllers: readonly ControllerSpec[];
  inBand: InBandSpec;
  /** Which flows it started over with. */
  start: Start | undefined;
}

/** Keeps a switch as wanted. */
export class Reconciler {
  readonly #vswitch: VirtualSwitch;
  readonly #dummies: DummyPorts;
  readonly #devices: DeviceKeeper;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #heldByName = new Map<string, HeldBridge>();
  /** How each open port was asked for, to see when it must be opened anew. */
  readonly #openedByPort = new Map<BridgePort, NewPort>();
  /** Numbers of interfaces whose device went away, by bridge and name. */
  readonly #numberByInterface = new Map<string, number>();
  /** Bridges that could not be made in the last run, with their datapath types. */
  #refusedTypes: ReadonlyMap<string, string> = new Map();
  /** What was said of rows that cannot be carried out. */
  #toldProblems: ReadonlySet<string> = new Set();
  #states: InterfaceState[] = [];
  #isUnsettled = false;

  constructor(vswitch: VirtualSwitch, dummies: DummyPorts, clock: Clock, log: Logger) {
    this.#vswitch = vswitch;
    this.#dummies = dummies;
    this.#devices = new DeviceKeeper(vswitch, dummies, log);
    this.#clock = clock;
    this.#log = log;
  }

  /** Every interface of the last run. */
  get interfaces(): readonly InterfaceState[] {
    return this.#states;
  }

  /** Whether the last run gave an interface another number than it asks for: those that have it by chance are to move. */
  get isUnsettled(): boolean {
    return this.#isUnsettled;
  }

  get bridges(): BridgeState[] {
    return [...this.#heldByName.values()].map(({ bundles: { ports, mirrors }, ...rest }) => ({ ...rest, ports, mirrors }));
  }

  /** Changes the switch to what is wanted, one port after the other. Never throws for one port's sake. */
  *applying(asked: readonly WantedBridge[]): Work {
    this.#isUnsettled = false;
    const wanted = this.#withDatapath(asked.filter(({ name }) => canNameFiles(name)));
    const names = new Set(wanted.map(({ name }) => name));
    for (const [name, { bridge }] of this.#heldByName) if (!names.has(name)) yield* this.#droppingBridge(bridge);
    for (const each of wanted) yield* this.#closeUnwanted(each);
    const states: InterfaceState[] = [];
    for (const each of wanted) for (const state of yield* this.#applyBridge(each)) states.push(state);
    this.#states = states;
    yield* this.#dummies.closingUnplugged();
    yield* this.#tellingProblems(asked);
  }

  /** Says what is wrong with rows, each thing once. */
  *#tellingProblems(asked: readonly WantedBridge[]): Work {
    const told = new Set<string>();
    const tell = (problem: string, level: "warn" | "error" = "warn"): void => {
      if (!this.#toldProblems.has(problem) && !told.has(problem)) this.#log[level]({ problem }, "not as the database says");
      told.add(problem);
    };
    for (const { error } of this.#states) {
      if (error !== undefined) tell(error);
      yield;
    }
    for (const { name, refusals, problems, ports } of asked) {
      if (!canNameFiles(name)) tell(`ignoring bridge with invalid name "${name}"`);
      for (const problem of refusals) tell(problem, "error");
      for (const problem of problems) tell(problem);
      for (const { interfaces } of ports) {
        for (const each of interfaces) for (const problem of each.problems) tell(problem);
        yield;
      }
    }
    this.#toldProblems = told;
  }

  /** The bridges whose datapath is there; says of each other that it is not made, once until that changes. */
  #withDatapath(bridges: readonly WantedBridge[]): WantedBridge[] {
    const refusedTypes = new Map<string, string>();
    for (const { uuid, name: bridge, datapathType } of bridges) {
      if (DATAPATH_TYPES.includes(datapathType)) continue;
      refusedTypes.set(uuid, datapathType);
      const error = "Address family not supported by protocol";
      if (this.#refusedTypes.get(uuid) !== datapathType) this.#log.error({ bridge, error }, "bridge not made");
    }
    this.#refusedTypes = refusedTypes;
    return bridges.filter(({ uuid }) => !refusedTypes.has(uuid));
  }

  *#droppingBridge(bridge: Bridge): Work {
    for (const port of bridge.ports()) {
      this.#openedByPort.delete(port);
      this.#vswitch.removePort(bridge, port.ofport);
      yield;
    }
    this.#vswitch.removeBridge(bridge);
    this.#heldByName.delete(bridge.name);
    this.#log.info({ bridge: bridge.name }, "bridge removed");
  }

  /** Before anything is opened: a device may move from one bridge to another. */
  *#closeUnwanted({ name, ports }: WantedBridge): Work {
    const bridge = this.#heldByName.get(name)?.bridge;
    if (bridge === undefined) return;
    const wantedByName = new Map<string, { readonly port: WantedInterface["port"]; readonly bundle: string }>();
    const numbers = { asked: new Set<number>(), granted: new Set<number>() };
    for (const { name: bundle, interfaces } of ports) {
      for (const each of interfaces) {
        wantedByName.set(each.name, { port: each.port, bundle });
        const number = askedNumber(each);
        const ofport = bridge.portNamed(each.name)?.ofport;
        if (number === undefined || ofport === undefined || ofport === PORT.LOCAL) continue;
        numbers.asked.add(number);
        if (ofport === number) numbers.granted.add(number);
      }
      yield;
    }
    for (const port of bridge.ports()) {
      yield;
      const found = wantedByName.get(port.name);
      const wanted = found?.bundle === port.bundle.name ? found : undefined;
      const opened = this.#openedByPort.get(port);
      const isSame = wanted !== undefined && "kind" in wanted.port && opened !== undefined && isSameDevice(opened, wanted.port);
      if (isSame && !hasToMove(port, wanted, numbers)) continue;
      this.#openedByPort.delete(port);
      this.#vswitch.removePort(bridge, port.ofport);
      this.#log.info({ bridge: name, port: port.name, ofport: port.ofport }, "port removed");
      if (wanted === undefined) this.#numberByInterface.delete(`${name}/${port.name}`);
    }
  }

  *#applyBridge(wanted: WantedBridge): Work<InterfaceState[]> {
    const held = this.#holdBridge(wanted);
    const { bridge } = held;
    held.uuid = wanted.uuid;
    bridge.versions = wanted.versions;
    bridge.datapathType = wanted.datapathType;
    bridge.label = wanted.label;
    this.#vswitch.setForwardsReserved(bridge, wanted.forwardsReserved);
    bridge.macs.ageingMs = wanted.macAgeingMs;
    bridge.macs.maxEntries = wanted.maxMacs;
    yield* this.#vswitch.changingTables(bridge.pipeline.configuringTables(wanted.flowTables));
    yield* held.bundles.applyingPorts(wanted.ports);
    const placed = yield* rankInterfaces(bridge.name, wanted.ports);
    const states = yield* inSteps(placed, (each) => this.#applyInterface(held, each.wanted, each.bundle));
    yield* this.#devices.applyingMtus(placed, states);
    held.bundles.applyMirrors(wanted.mirrors);
    held.bundles.applyFloodVlans(wanted.floodVlans);
    yield* this.#devices.applyingBridgeMac(bridge, placed.find((each) => each.wanted.name === bridge.name)?.wanted);
    const mac = bridge.port(PORT.LOCAL)?.mac ?? stableMac(wanted.uuid);
    this.#applyDatapathId(bridge, wanted.datapathId ?? BigInt(mac));
    yield* this.#applyFailMode(held, wanted);
    return states;
  }

  #applyDatapathId(bridge: Bridge, datapathId: bigint): void {
    if (bridge.datapathId === datapathId) return;
    bridge.datapathId = datapathId;
    this.#log.info({ bridge: bridge.name, datapathId: datapathId.toString(16).padStart(16, "0") }, "using datapath id");
  }

  #holdBridge({ name, uuid }: WantedBridge): HeldBridge {
    const known = this.#heldByName.get(name);
    if (known !== undefined) return known;
    const bridge = this.#vswitch.addBridge(name);
    const bundles = new BundleKeeper(bridge, this.#vswitch, this.#clock, this.#log);
    const held: HeldBridge = { bridge, bundles, uuid, isStandalone: true, controllers: [], inBand: NO_IN_BAND, start: undefined };
    this.#heldByName.set(name, held);
    this.#log.info({ bridge: name }, "bridge added");
    return held;
  }

  #applyInterface({ bridge, bundles }: HeldBridge, wanted: WantedInterface, bundleName: string): InterfaceState {
    const state = this.#openInterface(bridge, wanted, bundles.bundle(bundleName));
    if (state.port === undefined) return state;
    try {
      this.#devices.apply(bridge, state.port, wanted);
      return state;
    } catch (error) {
      return { ...state, error: messageOf(error) };
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
    if (wanted.kind === "system" && isLoopback(name)) {
      return { uuid, bridge, port: undefined, error: `could not add network device ${name} to ofproto (Invalid argument)` };
    }
    const memory = `${bridge.name}/${name}`;
    const ofport = wanted.ofport ?? this.#numberByInterface.get(memory) ?? lastOfport;
    const mac = this.#macOf(uuid, wanted.kind);
    try {
      const port = this.#vswitch.addPort(bridge, {
        ...wanted,
        ...(mac === undefined ? {} : { mac }),
        ...(ofport === undefined ? {} : { ofport }),
        ...(bundle === undefined ? {} : { bundle }),
      });
      if (wanted.ofport !== undefined && wanted.ofport !== port.ofport && port.ofport !== PORT.LOCAL) this.#isUnsettled = true;
      this.#numberByInterface.set(memory, port.ofport);
      this.#openedByPort.set(port, wanted);
      this.#log.info({ bridge: bridge.name, port: name, ofport: port.ofport }, "port added");
      return { uuid, bridge, port, error: undefined };
    } catch (error) {
      this.#log.debug({ bridge: bridge.name, port: name, error: messageOf(error) }, "port not opened");
      const reason = error instanceof SystemCallError ? phraseOf(error.errno) : messageOf(error);
      return { uuid, bridge, port: undefined, error: `could not open network device ${name} (${reason})` };
    }
  }

  /** The address of an interface without a device. */
  #macOf(uuid: string, kind: NewPort["kind"]): number | undefined {
    if (kind === "memory") return this.#dummies.nextMac();
    return kind === "patch" || kind === "tunnel" ? stableMac(uuid) : undefined;
  }

  /**
   * A bridge starts over when it gets its first controller or loses its last, and without any when its fail mode changes:
   * with one NORMAL flow when it is standalone and alone, and with none else.
   */
  *#applyFailMode(held: HeldBridge, { isStandalone, controllers, inBand }: WantedBridge): Work {
    held.inBand = inBand;
    held.isStandalone = isStandalone;
    held.controllers = controllers;
    const start = startOf(isStandalone, controllers);
    if (held.start === start) return;
    held.start = start;
    yield* this.#vswitch.changingTables(startingOver(held.bridge, start));
  }
}

/** Whether a bridge may have this name: it becomes that of its sockets, whose folder the database may not choose. */
function canNameFiles(name: string): boolean {
  return /^[^/\\]+$/.test(name);
}

/** An address for a bridge without a device of its own: locally administered, the same every time. */
function stableMac(uuid: string): number {
  const digest = createHash("sha256").update(uuid).digest();
  return (((digest[0] ?? 0) & 0xfc) | 0x02) * 0x100_0000_0000 + digest.readUIntBE(1, 5);
}

function isSameDevice(opened: NewPort, wanted: NewPort): boolean {
  const isSame = opened.kind === wanted.kind && opened.peer === wanted.peer && opened.isInternal === wanted.isInternal;
  return isSame && isDeepStrictEqual(opened.tunnel, wanted.tunnel);
}

/** Numbers that interfaces of a bridge ask for which are open: who may never be takes none from another. */
interface AskedNumbers {
  readonly asked: ReadonlySet<number>;
  /** Those that an interface has which asks for it. */
  readonly granted: ReadonlySet<number>;
}

/** Whether an interface can have the number that it asks for now, or has one by chance that another asks for. */
function hasToMove({ ofport }: BridgePort, wanted: Pick<WantedInterface, "port">, { asked, granted }: AskedNumbers): boolean {
  const number = askedNumber(wanted);
  if (ofport === PORT.LOCAL || number === ofport) return false;
  return asked.has(ofport) || (number !== undefined && !granted.has(number));
}

function askedNumber({ port }: Pick<WantedInterface, "port">): number | undefined {
  return "kind" in port ? port.ofport : undefined;
}

const LOCAL_RANK = 0;

/**
 * The interfaces of a bridge in the order in which they are opened: the local one, those that ask for a number, those that had
 * one, so that none is taken from under them, and the others.
 */
function* rankInterfaces(bridge: string, ports: readonly WantedPort[]): Work<Placed[]> {
  const byRank: [Placed[], Placed[], Placed[], Placed[]] = [[], [], [], []];
  for (const { name: bundle, interfaces } of ports) {
    for (const wanted of interfaces) byRank[wanted.name === bridge ? LOCAL_RANK : rankOfNumber(wanted)].push({ wanted, bundle });
    yield;
  }
  const [local, ...others] = byRank;
  return local.concat(...others);
}

function rankOfNumber({ port, lastOfport }: WantedInterface): 1 | 2 | 3 {
  if ("kind" in port && port.ofport !== undefined) return 1;
  return lastOfport === undefined ? 3 : 2;
}
