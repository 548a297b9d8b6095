/**
 * Makes the bridges and ports of the switch what the database asks for.
 *
 * Compares and changes only what differs, so that flows, learned addresses and port numbers survive every change
 * that does not concern them. A device that cannot be opened leaves its error behind and is tried again.
 */
import { createHash } from "node:crypto";
import { type Logger, messageOf } from "@tenet/kit";
import { setMac, setMtu } from "@tenet/linux";
import { type FlowSpec, PORT } from "@tenet/openflow";
import type { Bridge } from "../bridge/bridge.ts";
import type { BridgePort, PortVlan } from "../bridge/bridge-port.ts";
import { everyRule } from "../table/every-rule.ts";
import type { NewPort, VirtualSwitch } from "../virtual-switch.ts";
import type { WantedBridge, WantedInterface } from "./wanted.ts";

/** What became of an interface. */
export interface InterfaceState {
  readonly uuid: string;
  readonly bridge: Bridge;
  /** Absent when it could not be opened. */
  readonly port: BridgePort | undefined;
  readonly error: string | undefined;
}

/** What became of a bridge. */
export interface BridgeState {
  readonly uuid: string;
  readonly bridge: Bridge;
}

interface HeldBridge {
  readonly bridge: Bridge;
  uuid: string;
  isStandalone: boolean | undefined;
}

/** Keeps a switch as wanted. */
export class Reconciler {
  readonly #vswitch: VirtualSwitch;
  readonly #log: Logger;
  readonly #heldByName = new Map<string, HeldBridge>();
  /** How each open port was asked for, to see when it must be opened anew. */
  readonly #openedByPort = new Map<BridgePort, NewPort>();
  /** Numbers of interfaces whose device went away, by bridge and name. */
  readonly #numberByInterface = new Map<string, number>();
  readonly #refusedNames = new Set<string>();
  #states: InterfaceState[] = [];

  constructor(vswitch: VirtualSwitch, log: Logger) {
    this.#vswitch = vswitch;
    this.#log = log;
  }

  /** Every interface of the last run. */
  get interfaces(): readonly InterfaceState[] {
    return this.#states;
  }

  get bridges(): BridgeState[] {
    return [...this.#heldByName.values()].map(({ uuid, bridge }) => ({ uuid, bridge }));
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
  #closeUnwanted({ name, interfaces }: WantedBridge): void {
    const bridge = this.#heldByName.get(name)?.bridge;
    if (bridge === undefined) return;
    const wantedByName = new Map(interfaces.map((each) => [each.name, each]));
    for (const port of bridge.ports()) {
      const wanted = wantedByName.get(port.name);
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
    bridge.macs.ageingMs = wanted.macAgeingMs;
    bridge.macs.maxEntries = wanted.maxMacs;
    const locals = wanted.interfaces.filter(({ name }) => name === bridge.name);
    const others = wanted.interfaces.filter(({ name }) => name !== bridge.name);
    const states = [...locals, ...others.sort(byNumberWanted)].map((each) => this.#applyInterface(bridge, each));
    const mac = bridge.port(PORT.LOCAL)?.mac ?? stableMac(wanted.uuid);
    bridge.datapathId = wanted.datapathId ?? BigInt(mac);
    this.#applyFailMode(held, wanted.isStandalone);
    return states;
  }

  #holdBridge({ name, uuid }: WantedBridge): HeldBridge {
    const known = this.#heldByName.get(name);
    if (known !== undefined) return known;
    const held: HeldBridge = { bridge: this.#vswitch.addBridge(name), uuid, isStandalone: undefined };
    this.#heldByName.set(name, held);
    this.#log.info({ bridge: name }, "bridge added");
    return held;
  }

  #applyInterface(bridge: Bridge, wanted: WantedInterface): InterfaceState {
    const state = this.#openInterface(bridge, wanted);
    if (state.port === undefined) return state;
    try {
      this.#applyMac(bridge, state.port, wanted);
      this.#applyMtu(state.port, wanted);
      return state;
    } catch (error) {
      return { ...state, error: messageOf(error) };
    }
  }

  /** The switch gives addresses to devices that it makes itself. */
  #applyMac(bridge: Bridge, port: BridgePort, { name, mac, port: opened }: WantedInterface): void {
    const kind = "kind" in opened ? opened.kind : undefined;
    if (mac === undefined || port.mac === mac || (kind !== "internal" && kind !== "memory")) return;
    if (kind === "internal") setMac(name, mac);
    port.mac = mac;
    this.#vswitch.portChanged(bridge, port);
  }

  #applyMtu(port: BridgePort, { name, mtu }: WantedInterface): void {
    const info = mtu === undefined ? undefined : this.#vswitch.infoOf(port);
    if (mtu === undefined || info === undefined || info.kind === "memory" || info.mtu === mtu) return;
    setMtu(name, mtu);
  }

  #openInterface(bridge: Bridge, { uuid, name, port: wanted, lastOfport }: WantedInterface): InterfaceState {
    if (!("kind" in wanted)) return { uuid, bridge, port: undefined, error: wanted.problem };
    const open = bridge.portNamed(name);
    if (open !== undefined) {
      this.#applyVlan(bridge, open, wanted.vlan);
      return { uuid, bridge, port: open, error: undefined };
    }
    const memory = `${bridge.name}/${name}`;
    const ofport = wanted.ofport ?? this.#numberByInterface.get(memory) ?? lastOfport;
    try {
      const port = this.#vswitch.addPort(bridge, { ...wanted, ...(ofport === undefined ? {} : { ofport }) });
      this.#numberByInterface.set(memory, port.ofport);
      this.#openedByPort.set(port, wanted);
      this.#log.info({ bridge: bridge.name, port: name, ofport: port.ofport }, "port added");
      return { uuid, bridge, port, error: undefined };
    } catch (error) {
      this.#log.debug({ bridge: bridge.name, port: name, error: messageOf(error) }, "port not opened");
      return { uuid, bridge, port: undefined, error: `could not open network device ${name} (${messageOf(error)})` };
    }
  }

  #applyVlan(bridge: Bridge, port: BridgePort, vlan: PortVlan | undefined): void {
    if (vlan === undefined || isSameVlan(port.vlan, vlan)) return;
    port.vlan = vlan;
    this.#vswitch.portChanged(bridge, port);
  }

  /** A change of the fail mode starts the bridge over: with one NORMAL flow, or with none. */
  #applyFailMode(held: HeldBridge, isStandalone: boolean): void {
    if (held.isStandalone === isStandalone) return;
    held.isStandalone = isStandalone;
    const { pipeline } = held.bridge;
    const nothing = { ...NORMAL_FLOW, ...everyRule() };
    pipeline.apply([
      { command: "delete", flow: nothing },
      ...(isStandalone ? [{ command: "add" as const, flow: NORMAL_FLOW }] : []),
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

function isSameDevice(opened: NewPort, wanted: NewPort): boolean {
  return opened.kind === wanted.kind && opened.peer === wanted.peer && opened.ofport === wanted.ofport;
}

function isSameVlan(a: PortVlan, b: PortVlan): boolean {
  return a.mode === b.mode && a.tag === b.tag && a.trunks.join() === b.trunks.join();
}

/** Interfaces that ask for a number come first, then those that had one, so that none is taken from under them. */
function byNumberWanted(a: WantedInterface, b: WantedInterface): number {
  const rank = ({ port, lastOfport }: WantedInterface): number => {
    if ("kind" in port && port.ofport !== undefined) return 0;
    return lastOfport === undefined ? 2 : 1;
  };
  return rank(a) - rank(b);
}
