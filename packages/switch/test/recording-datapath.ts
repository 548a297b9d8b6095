/** A datapath in 100 lines: linear lookup over megaflows, and a record of what would be sent. */
import {
  type ConnectionTracker,
  type Datapath,
  type DatapathAction,
  type DatapathStats,
  type DatapathTraffic,
  type Megaflow,
  type MeterConfig,
  type MeterStats,
  MeterTable,
  type PortInfo,
  type PortSpec,
  type Upcall,
} from "@tenet/datapath";
import type { Clock } from "@tenet/kit";
import { DEFAULT_VLAN_LIMIT, FIELDS, getField, makeFlowKey, parseFlowKey } from "@tenet/net";

/** A packet that left: where, and what was done to it before. */
export interface Sent {
  readonly port: string;
  readonly changes: readonly DatapathAction[];
}

type RecordedFlow = { -readonly [K in keyof Megaflow]: Megaflow[K] };

const NO_STATS = { rxPackets: 0, rxBytes: 0, rxDropped: 0, rxErrors: 0, txPackets: 0, txBytes: 0, txDropped: 0, txErrors: 0 };
const NO_FRAGMENTS = { isEnabled: true, minBytes: 0, nAccepted: 0, nCompleted: 0, nExpired: 0, nTooSmall: 0, nOverlapped: 0 };

/** Records what it is told; packets enter by {@link RecordingDatapath.receive}. */
export class RecordingDatapath implements Datapath {
  readonly type = "recording";
  readonly egressPorts = { first: 32768, last: 61000 };
  readonly conntrack: ConnectionTracker = {
    checksSequences: true,
    fragments: { maxWaiting: 0, nWaiting: 0, ip4: NO_FRAGMENTS, ip6: NO_FRAGMENTS },
    maxConnections: 0,
    zoneLimits: new Map(),
    defaultZoneLimit: 0,
    size: 0,
    sizeOfZone: () => 0,
    connections: () => [][Symbol.iterator](),
    *connectionsInSteps() {
      yield undefined;
    },
    flush: () => 0,
    *flushInSteps() {
      yield;
      return 0;
    },
  };
  vlanLimit: number = DEFAULT_VLAN_LIMIT;
  bypassesDevices = false;
  sent: Sent[] = [];
  nMisses = 0;
  #nPut = 0;
  readonly #clock: Clock;
  readonly #ports = new Map<number, PortSpec>();
  readonly #flows = new Set<RecordedFlow>();
  readonly #meters = new MeterTable();
  #handler: (upcall: Upcall) => void = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A frame arrives at a port. @returns what was sent because of it */
  receive(portName: string, frame: Uint8Array): Sent[] {
    const inPort = [...this.#ports].find(([, { name }]) => name === portName)?.[0] ?? 0;
    const key = makeFlowKey();
    parseFlowKey(frame, frame.length, inPort, key, 0, this.vlanLimit);
    return this.receiveKey(key, frame);
  }

  receiveKey(key: Uint32Array, frame: Uint8Array): Sent[] {
    this.sent = [];
    const inPort = key[0] ?? 0;
    const flow = this.findFlow(key);
    if (flow === undefined) {
      this.nMisses++;
      this.#handler({ reason: "miss", inPort, frame, key, userdata: 0 });
    } else {
      flow.nPackets++;
      flow.nBytes += frame.length;
      flow.usedMs = this.#clock.monotonicMs();
      flow.tcpFlags |= getField(key, FIELDS.tcp_flags);
      this.execute(frame, inPort, flow.actions);
    }
    return this.sent;
  }

  /** Every flow that a key matches; two or more would be an overlap. */
  flowsFor(key: Uint32Array): RecordedFlow[] {
    return [...this.#flows].filter((each) => each.mask.every((bits, i) => ((key[i] ?? 0) & bits) >>> 0 === each.key[i]));
  }

  addPort(spec: PortSpec): number {
    const portNo = this.#ports.size + 1;
    this.#ports.set(portNo, spec);
    return portNo;
  }
  removePort(portNo: number): void {
    this.#ports.delete(portNo);
  }
  readDeviceChanges(): void {}
  *ports(): IterableIterator<PortInfo> {
    for (const [portNo, spec] of this.#ports) {
      yield { ...spec, portNo, mac: portNo, mtu: 1500, isUp: true, isEnabled: true, stats: NO_STATS };
    }
  }
  port(portNo: number): PortInfo | undefined {
    return [...this.ports()].find((port) => port.portNo === portNo);
  }
  portNamed(name: string): PortInfo | undefined {
    return [...this.ports()].find((port) => port.name === name);
  }
  onPortChange(): void {}
  putFlow(unmasked: Uint32Array, mask: Uint32Array, actions: readonly DatapathAction[]): Megaflow {
    const key = unmasked.map((word, i) => word & (mask[i] ?? 0));
    for (const flow of this.#flows) {
      if (flow.key.join() !== key.join() || flow.mask.join() !== mask.join()) continue;
      flow.actions = actions;
      return flow;
    }
    const counters = { nPackets: 0, nBytes: 0, usedMs: 0, tcpFlags: 0 };
    const readKey = (into: Uint32Array): void => into.set(key);
    const flow: Megaflow = { number: this.#nPut++, key, mask: mask.slice(), actions, ...counters, owner: undefined, readKey };
    this.#flows.add(flow);
    return flow;
  }
  deleteFlow(flow: Megaflow): void {
    this.#flows.delete(flow);
  }
  findFlow(key: Uint32Array): RecordedFlow | undefined {
    return this.flowsFor(key)[0];
  }
  flows(): IterableIterator<Megaflow> {
    return this.#flows.values();
  }
  execute(frame: Uint8Array, inPort: number, actions: readonly DatapathAction[]): void {
    const changes: DatapathAction[] = [];
    for (const action of actions) {
      if (action.type === "output") {
        this.sent.push({ port: this.#ports.get(action.port)?.name ?? "?", changes: [...changes] });
      } else if (action.type === "meter") {
        if (!this.meterPacket(action.meter, frame.length)) return;
      } else if (action.type === "userspace") {
        const key = makeFlowKey();
        parseFlowKey(frame, frame.length, inPort, key);
        this.#handler({ reason: "action", inPort, frame, key, userdata: action.userdata });
      } else changes.push(action);
    }
  }
  addMeter(config: MeterConfig): number {
    return this.#meters.add(config, this.#clock.monotonicMs());
  }
  setMeter(meter: number, config: MeterConfig): void {
    this.#meters.set(meter, config, this.#clock.monotonicMs());
  }
  removeMeter(meter: number): void {
    this.#meters.remove(meter);
  }
  meterStats(meter: number): MeterStats | undefined {
    return this.#meters.stats(meter);
  }
  meterPacket(meter: number, sizeBytes: number): boolean {
    return this.#meters.get(meter)?.run(sizeBytes, this.#clock.monotonicMs())?.kind !== "drop";
  }
  onUpcall(handler: (upcall: Upcall) => void): void {
    this.#handler = handler;
  }
  traffic(): DatapathTraffic {
    return { nReceived: 0, nSent: this.sent.length, nLost: 0, nWithoutPort: 0 };
  }

  stats(): DatapathStats {
    return { hits: 0, misses: this.nMisses, lost: 0, nFlows: this.#flows.size, nMasks: 0 };
  }
  async [Symbol.asyncDispose](): Promise<void> {}
}
