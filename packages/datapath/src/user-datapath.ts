/**
 * What: the datapath in user space: receive, look up, act, send.
 *
 * Why: it needs no kernel module and no CAP_BPF, and with memory ports alone no privileges at all.
 *
 * How: everything is synchronous in bursts. A burst is one batch of frames received from a port (or one frame of
 * this process). Each frame is looked up and acted on; outputs are queued by reference and sent at the end of the
 * burst, before its memory is used again. A frame that is forwarded unchanged is never copied. Frames that listeners
 * send while a burst runs wait until it has ended, so the call stack stays flat.
 *
 * Limits: one thread. Misses are handled inside the burst, so a port gives way to others after a batch with misses.
 */
import { AppError, type Clock, errnoOf, IoError, messageOf, systemClock } from "@tenet/kit";
import { openPacketSocket, openTap, SystemCallError } from "@tenet/linux";
import { ActionRunner, type RunnerHost } from "./action-runner.ts";
import { TrackedConnections } from "./conntrack/connection-tracker.ts";
import { nestedActions } from "./datapath.ts";
import type {
  ConnectionTracker,
  Datapath,
  DatapathAction,
  DatapathStats,
  DatapathTraffic,
  Megaflow,
  PortInfo,
  PortRange,
  PortSpec,
  TakeOver,
  Upcall,
} from "./datapath.ts";
import { DeviceLoop } from "./port/device-loop.ts";
import { closeCollector, type Collector, openCollector } from "./ebpf/collector.ts";
import { ConnectionMaps } from "./ebpf/conntrack/connection-maps.ts";
import { KernelFlows } from "./ebpf/kernel-flows.ts";
import { KernelPins } from "./ebpf/kernel-pins.ts";
import type { LeftFlows } from "./ebpf/restart/left-flows.ts";
import { CachedFlow, NO_SLOT } from "./flow-records.ts";
import { FlowTable } from "./flow-table.ts";
import { MemoryLink } from "./port/memory-link.ts";
import type { MeterConfig, MeterStats } from "./meter/meter.ts";
import { MeterTable } from "./meter/meter-table.ts";
import { PacketMemory } from "./packet/packet-memory.ts";
import { PendingFrames } from "./port/pending-frames.ts";
import { deviceEnd, Port, type PortEnd, tunnelEnd } from "./port/port.ts";

const TIDY_PERIOD_MS = 1000;
/** While so long, the kernel makes connections with the ids that it was given. */
const KERNEL_PERIOD_MS = 100;
/** Flows that the kernel had no room for, in a turn. */
const MAX_PUT_AT_ONCE = 256;
/** As many as one call receives from a device: misses may be among them, and others wait. */
const MAX_BURST = 32;

/** What a {@link UserDatapath} can be given. */
export interface UserDatapathOptions {
  readonly clock?: Clock;
  /** 0 <= n < 1: the seed of the connection table's hash, random ports. */
  readonly random?: () => number;
  /** Forwards in the kernel what can be; needs root and a kernel with BPF. */
  readonly isKernelUsed?: boolean;
  /**
   * Keeps the programs on devices in the kernel when this process dies; the next datapath of this name takes them over, see `takeOver`.
   * Letters, digits and dashes.
   */
  readonly pinName?: string;
  /** Is told what the kernel refuses while it forwards, once for each thing: this process does it then. */
  readonly onRefusal?: (refusal: string) => void;
  /** Gives the cable for a new memory port; a fresh one (see `memoryLink`) when absent. */
  readonly openMemoryLink?: (name: string) => MemoryLink;
}

/** What of the kernel is used. */
interface Kernel {
  readonly flows: KernelFlows;
  readonly connections: ConnectionMaps;
  readonly collector: Collector;
  /** Looks after the connections of packets that do not come here. */
  readonly timer: NodeJS.Timeout;
}

/** A datapath over packet sockets, TAP devices and memory links. */
export class UserDatapath implements Datapath {
  readonly type: string;
  readonly conntrack: ConnectionTracker;
  readonly #clock: Clock;
  readonly #openMemoryLink: (name: string) => MemoryLink;
  readonly #memory = new PacketMemory();
  readonly #table = new FlowTable();
  readonly #meters: MeterTable;
  readonly #ports: (Port | undefined)[] = [undefined];
  /** The last number that was not wanted. */
  #lastPortNo = 0;
  readonly #runner: ActionRunner;
  readonly #listeners: ((portNo: number) => void)[] = [];
  readonly #deviceListeners: ((name: string) => void)[] = [];
  /** Made with the first port on a device. */
  #loop: DeviceLoop | undefined;
  #signal: AbortSignal | undefined;
  /** Frames of this process that wait for the burst to end. */
  readonly #pending = new PendingFrames();
  #isBusy = false;
  /** Removed while a burst runs, which may use their memory until it ends. */
  readonly #leaving: Port[] = [];
  #continuation: NodeJS.Immediate | undefined;
  #tidying: NodeJS.Immediate | undefined;
  #kernel: Kernel | undefined;
  /** Flows that came while the kernel had no room, and are put there when it has. */
  readonly #withoutRoom = new Set<CachedFlow>();
  readonly #onRefusal: (refusal: string) => void;
  #bypassesDevices = true;
  #tidiedAtMs = 0;
  /** Of ports that are gone. */
  #departed: PortTraffic = { nReceived: 0, nSent: 0, nLost: 0 };

  constructor(options: UserDatapathOptions = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#openMemoryLink = options.openMemoryLink ?? (() => new MemoryLink());
    const host: RunnerHost = {
      portOf: (portNo) => this.#ports[portNo],
      meterOf: (id) => this.#meters.get(id),
      resumption: (word) => this.#kernel?.flows.resumption(word),
    };
    this.#onRefusal = options.onRefusal ?? (() => undefined);
    const isKernelUsed = options.isKernelUsed === true;
    const pins = isKernelUsed ? this.#openPins(options.pinName) : undefined;
    const nowMs = (): number => this.#clock.monotonicMs();
    const tell = ({ message }: AppError): void => this.#onRefusal(`lack of room for connections: ${message}`);
    const connections = isKernelUsed ? new ConnectionMaps(nowMs, { folder: pins?.connections, tell }) : undefined;
    this.#runner = new ActionRunner(this.#memory, this.#table, host, options.random ?? Math.random, connections);
    this.type = isKernelUsed ? "ebpf" : "user";
    if (connections !== undefined) this.#kernel = this.#openKernel(connections, pins);
    this.#meters = new MeterTable(() => this.#kernel?.flows.meters);
    this.conntrack = new TrackedConnections(this.#runner.conntrack, () => this.#clock.monotonicMs());
  }

  get egressPorts(): PortRange {
    return this.#runner.egressPorts;
  }

  get vlanLimit(): number {
    return this.#runner.vlanLimit;
  }

  set vlanLimit(limit: number) {
    this.#runner.vlanLimit = limit;
  }

  get bypassesDevices(): boolean {
    return this.#bypassesDevices;
  }

  set bypassesDevices(isWanted: boolean) {
    this.#bypassesDevices = isWanted;
    if (this.#kernel !== undefined) this.#kernel.flows.bypassesDevices = isWanted;
  }

  addPort(spec: PortSpec): number {
    const taken = this.#portNamed(spec.name);
    if (taken !== undefined) {
      throw new IoError(`Cannot add port "${spec.name}": it is port ${taken.portNo} already`, { hint: "Remove it first" });
    }
    const { name, kind, tunnel, isInUserSpace = false } = spec;
    const own = { name, kind, isInUserSpace, ...(tunnel === undefined ? {} : { tunnel }) };
    const end = this.#openEnd(spec);
    const port = new Port(this.#numberFor(spec), own, end);
    this.#ports[port.portNo] = port;
    if (end.kind === "memory") end.link.plug((frame) => this.#inject(port, frame));
    else if (spec.tunnel?.isNative !== true) this.#deviceLoop().add(port);
    try {
      this.#enterKernel(port);
    } catch (error) {
      this.removePort(port.portNo);
      if (!(error instanceof SystemCallError)) throw error;
      this.#onRefusal(`${name} stays in user space: ${error.message}`);
      return this.addPort({ ...spec, isInUserSpace: true });
    }
    return port.portNo;
  }

  removePort(portNo: number): void {
    const port = this.#ports[portNo];
    if (port === undefined) return;
    this.#departed = withTraffic(this.#departed, port);
    this.#ports[portNo] = undefined;
    port.isClosed = true;
    this.#kernel?.flows.removePort(portNo);
    if (port.end.kind === "memory") port.end.link.plug(undefined);
    else if (this.#isBusy) this.#leaving.push(port);
    else this.#loop?.remove(port);
  }

  readDeviceChanges(): void {
    this.#loop?.readLinkChanges();
  }

  *ports(): IterableIterator<PortInfo> {
    this.readDeviceChanges();
    for (const port of this.#ports) if (port !== undefined) yield port.info();
  }

  port(portNo: number): PortInfo | undefined {
    return this.#ports[portNo]?.info();
  }

  portNamed(name: string): PortInfo | undefined {
    return this.#portNamed(name)?.info();
  }

  /** The link of a memory port; `undefined` for other ports. */
  memoryLink(portNo: number): MemoryLink | undefined {
    const end = this.#ports[portNo]?.end;
    return end?.kind === "memory" ? end.link : undefined;
  }

  /**
   * A port whose device went away is no longer in `ports()` when the listener is called; its number is not given
   * out again.
   */
  onPortChange(listener: (portNo: number) => void): void {
    this.#listeners.push(listener);
  }

  /** Called with the name of a network device that is not a port here when it appears or changes. */
  onDeviceChange(listener: (name: string) => void): void {
    this.#deviceListeners.push(listener);
    this.#deviceLoop();
  }

  putFlow(key: Uint32Array, mask: Uint32Array, actions: readonly DatapathAction[]): Megaflow {
    const flow = this.#table.put(key, mask, actions);
    if (this.#kernel !== undefined) {
      this.#leaveKernel(flow);
      flow.slot = this.#kernel.flows.put(key, flow.mask, actions);
      if (flow.slot === NO_SLOT && !this.#kernel.flows.makeRoom()) this.#withoutRoom.add(flow);
    }
    return flow;
  }

  deleteFlow(flow: Megaflow): void {
    if (flow instanceof CachedFlow) this.#leaveKernel(flow);
    this.#table.delete(flow);
  }

  /**
   * From now on all flows are carried out by this process alone, as when its clock is not the kernel's any more.
   *
   * @param reason - is told where flows outside of the kernel are counted
   */
  keepFlows(reason: string): void {
    if (this.#kernel === undefined || this.#kernel.flows.whyNone !== undefined) return;
    this.#kernel.flows.whyNone = reason;
    this.#putAgain();
  }

  findFlow(key: Uint32Array): Megaflow | undefined {
    return this.#table.lookup(key);
  }

  flows(): IterableIterator<Megaflow> {
    return this.#table.flows();
  }

  execute(frame: Uint8Array, inPort: number, actions: readonly DatapathAction[]): void {
    this.#burst(() => this.#runner.execute(frame, inPort, actions));
  }

  onUpcall(handler: (upcall: Upcall) => void): void {
    this.#runner.onUpcall(handler);
  }

  addMeter(config: MeterConfig): number {
    const meter = this.#meters.add(config, this.#clock.monotonicMs());
    this.#meterChanged(meter);
    return meter;
  }

  setMeter(meter: number, config: MeterConfig): void {
    this.#meters.set(meter, config, this.#clock.monotonicMs());
    this.#meterChanged(meter);
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

  /**
   * The flows that processes before left in the kernel, which go on there until {@link UserDatapath.takeOver}; of each process for itself,
   * since numbers in them are its own. To be called once, when all ports were added.
   */
  leftFlows(): readonly LeftFlows[] {
    const portNoOf = (name: string): number | undefined => this.#portNamed(name)?.portNo;
    const slotOf = (flow: Megaflow): number | undefined =>
      flow instanceof CachedFlow && flow.slot !== NO_SLOT ? flow.slot : undefined;
    return this.#kernel?.flows.readLeft(slotOf, portNoOf) ?? [];
  }

  /**
   * Forwards by flows of its own the packets of devices that a process before this one left a program on; until then its flows hold.
   * To be called once, when all its ports were added and the slow path knows what to do.
   */
  async takeOver(): Promise<TakeOver> {
    return (await this.#kernel?.flows.takeOver()) ?? { nLeft: 0, nKept: 0 };
  }

  stats(): DatapathStats {
    const { nHits, nMisses, nLost } = this.#runner;
    let nKernelHits = 0;
    let nLostInKernel = 0;
    for (const port of this.#ports) {
      const traffic = port?.kernelTraffic?.();
      nKernelHits += traffic?.rxPackets ?? 0;
      nLostInKernel += traffic?.nLost ?? 0;
    }
    const { size: nFlows, nMasks } = this.#table;
    return {
      hits: nHits + nKernelHits,
      misses: nMisses,
      lost: nLost + nLostInKernel,
      nFlows,
      nMasks,
      kernel: this.#kernel && { ...this.#kernel.flows.stats(), nTrackedHereByReason: this.#kernel.connections.nLeftByReason },
    };
  }

  traffic(): DatapathTraffic {
    const { nReceived, nSent, nLost } = this.#ports.reduce<PortTraffic>(withTraffic, this.#departed);
    const { nLost: nLostHere, nWithoutPort } = this.#runner;
    return { nReceived, nSent, nLost: nLost + nLostHere, nWithoutPort };
  }

  /** Forwards between devices on the event loop until `signal` aborts. Memory ports work without it. */
  start(signal: AbortSignal): void {
    if (signal.aborted) return;
    this.#signal = signal;
    this.#loop?.start();
    signal.addEventListener("abort", () => this.#loop?.stop(), { once: true });
  }

  /**
   * Leaves flows, connections and devices as they are in the kernel, to the next process, as if this one was killed. It forwards no more, and
   * ends soon: what it holds there until then is not given back. Nothing is left of a datapath without `pinName`, or without ports there.
   */
  leave(): void {
    if (this.#kernel?.flows.isLasting !== true) return;
    const { flows, timer } = this.#kernel;
    clearInterval(timer);
    clearImmediate(this.#tidying);
    flows.leave();
    this.#loop?.close();
    this.#loop = undefined;
    this.#kernel = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearImmediate(this.#continuation);
    clearImmediate(this.#tidying);
    this.#pending.clear();
    for (const port of this.#ports) if (port !== undefined) this.removePort(port.portNo);
    this.#loop?.close();
    this.#loop = undefined;
    if (this.#kernel === undefined) return;
    for (const flow of this.#table.flows()) flow.leaveKernel(); // whoever holds it may still ask what it counted
    this.#meters.clear();
    clearInterval(this.#kernel.timer);
    this.#kernel.flows.close();
    this.#runner.conntrack.close();
    this.#kernel.connections.close();
    closeCollector(this.#kernel.collector);
    this.#kernel = undefined;
  }

  #openPins(name: string | undefined): KernelPins | undefined {
    if (name === undefined) return undefined;
    try {
      const pins = new KernelPins(name);
      if (pins.foreign.length > 0) this.#onRefusal(`another version left its ${pins.foreign.join(" and ")}: they begin anew`);
      return pins;
    } catch (error) {
      if (!(error instanceof AppError) && errnoOf(error) === undefined) throw error;
      this.#onRefusal(`flows and connections end with this process: ${messageOf(error)}`);
      return undefined;
    }
  }

  #openKernel(connections: ConnectionMaps, pins: KernelPins | undefined): Kernel {
    const collector = openCollector();
    const flows = this.#openFlows(collector, connections, pins);
    this.#table.kernel = flows;
    this.#deviceLoop().collect(collector.device, {
      taken: (portNo) => flows.traffic.taken(portNo),
      pathOf: (id) => flows.outerOf(id),
    });
    const timer = setInterval(() => {
      this.#tidyConnections();
      this.#putWithoutRoom(flows);
    }, KERNEL_PERIOD_MS).unref();
    return { flows, connections, collector, timer };
  }

  /** Forgets connections that are over, a few at a time. */
  #tidyConnections(): void {
    clearImmediate(this.#tidying);
    if (!this.#runner.conntrack.tidy(this.#clock.monotonicMs())) this.#tidying = setImmediate(() => this.#tidyConnections());
  }

  #openFlows(collector: Collector, connections: ConnectionMaps, pins: KernelPins | undefined): KernelFlows {
    try {
      return new KernelFlows(collector, () => this.#clock.monotonicMs(), connections, pins, this.#onRefusal);
    } catch (error) {
      collector.device.close();
      closeCollector(collector);
      connections.close();
      pins?.close();
      throw error;
    }
  }

  #numberFor({ wantedPortNo }: PortSpec): number {
    if (wantedPortNo !== undefined && this.#ports[wantedPortNo] === undefined) return wantedPortNo;
    while (this.#ports[++this.#lastPortNo] !== undefined);
    return this.#lastPortNo;
  }

  /** Lets the kernel have a port's packets; a device in another namespace cannot be reached from there. */
  #enterKernel(port: Port): void {
    const flows = this.#kernel?.flows;
    if (flows === undefined || port.spec.isInUserSpace === true) return;
    if (port.end.kind === "tunnel" && port.end.sockets !== undefined)
      flows.addTunnelPort(port.portNo, port.spec.name, port.end.tunnel);
    else if (port.ifIndex !== 0)
      flows.addPort(port.portNo, port.spec.name, { ifindex: port.ifIndex, isInternal: port.spec.kind === "internal" });
    else return;
    if (flows.isLasting && port.end.kind === "device") port.end.device.stay();
    port.kernelTraffic = () => flows.traffic.of(port.portNo);
  }

  /** The port's device went to another namespace: flows that lead there are carried out here from now on. */
  #withdraw(port: Port): void {
    if (this.#kernel === undefined) return;
    this.#kernel.flows.removePort(port.portNo);
    this.#putAgain();
  }

  /** Flows that the kernel has stay there only where it still can do them. */
  #putAgain(): void {
    for (const flow of this.#table.flows()) {
      if (flow.slot !== NO_SLOT) this.putFlow(flow.key, flow.mask, flow.actions);
    }
  }

  /** Some of the flows that the kernel had no room for; they are put one by one, as any other. */
  #putWithoutRoom(flows: KernelFlows): void {
    let n = 0;
    for (const flow of this.#withoutRoom) {
      if (n++ === MAX_PUT_AT_ONCE || !flows.makeRoom()) return;
      this.putFlow(flow.key, flow.mask, flow.actions);
    }
  }

  /** Flows are carried out here that have a meter which the kernel cannot run, or which changes packets that it cannot change, as soon as it is such a one. */
  #meterChanged(meter: number): void {
    if (this.#kernel?.flows.meters.canRun(meter, false) !== false) return;
    const isWithMeter = (action: DatapathAction): boolean =>
      (action.type === "meter" && action.meter === meter) || nestedActions(action).some((list) => list.some(isWithMeter));
    for (const flow of this.#table.flows()) {
      if (flow.slot !== NO_SLOT && flow.actions.some(isWithMeter)) this.putFlow(flow.key, flow.mask, flow.actions);
    }
  }

  #leaveKernel(flow: CachedFlow): void {
    this.#withoutRoom.delete(flow);
    const slot = flow.leaveKernel();
    if (slot !== NO_SLOT) this.#kernel?.flows.remove(slot);
  }

  #portNamed(name: string): Port | undefined {
    return this.#ports.find((port) => port?.spec.name === name);
  }

  #openEnd(spec: PortSpec): PortEnd {
    if (spec.kind === "memory") return { kind: "memory", link: this.#openMemoryLink(spec.name) };
    if (spec.tunnel?.isNative === true) return tunnelEnd(spec.tunnel, this.#memory, false);
    this.#deviceLoop(); // before the device is opened, so that no change of it is missed
    if (spec.kind === "tunnel") {
      if (spec.tunnel !== undefined) return tunnelEnd(spec.tunnel, this.#memory, this.#kernel !== undefined);
      throw new IoError(`Cannot add port "${spec.name}": it has no "tunnel"`, { hint: "Say what kind of tunnel it is" });
    }
    const isReceiving = this.#kernel === undefined || spec.isInUserSpace === true;
    return deviceEnd(spec.kind === "system" ? openPacketSocket(spec.name, isReceiving) : openTap(spec.name));
  }

  #deviceLoop(): DeviceLoop {
    if (this.#loop !== undefined) return this.#loop;
    this.#loop = new DeviceLoop(this.#memory, this.#runner, {
      burst: (run) => this.#burst(run),
      changed: (port) => {
        if (port.ifIndex === 0) this.#withdraw(port);
        this.#notify(port.portNo);
      },
      gone: (port) => {
        this.removePort(port.portNo);
        this.#notify(port.portNo);
      },
      appeared: (name) => {
        for (const listener of this.#deviceListeners) listener(name);
      },
    });
    if (this.#signal?.aborted === false) this.#loop.start();
    return this.#loop;
  }

  #notify(portNo: number): void {
    for (const listener of this.#listeners) listener(portNo);
  }

  #inject(port: Port, frame: Uint8Array): void {
    if (this.#isBusy || this.#continuation !== undefined) {
      this.#pending.push(port, frame);
      return;
    }
    this.#burst(() => this.#runner.receiveFrame(port, frame));
  }

  /** Runs `work` (at once when a burst is under way), then what was sent meanwhile, then sends all outputs. */
  #burst(work: () => void): void {
    if (this.#isBusy) {
      work();
      return;
    }
    this.#isBusy = true;
    try {
      this.#runner.nowMs = this.#clock.monotonicMs();
      this.#tidy(this.#runner.nowMs);
      work();
      this.#runner.flush();
      this.#forwardPending();
    } finally {
      this.#isBusy = false;
      this.#runner.flush();
      this.#runner.reset();
      for (let port = this.#leaving.pop(); port !== undefined; port = this.#leaving.pop()) this.#loop?.remove(port);
    }
  }

  /** Forwards frames that listeners sent; a storm of answers goes on in the next turn of the event loop. */
  #forwardPending(): void {
    for (let n = 0; n < MAX_BURST; n++) {
      const next = this.#pending.shift();
      if (next === undefined) return;
      this.#runner.receiveFrame(next.port, next.frame);
      this.#runner.flush();
    }
    if (this.#pending.isEmpty || this.#continuation !== undefined) return;
    this.#continuation = setImmediate(() => {
      this.#continuation = undefined;
      this.#burst(() => undefined);
    });
  }

  #tidy(nowMs: number): void {
    if (nowMs - this.#tidiedAtMs < TIDY_PERIOD_MS) return;
    if (!this.#runner.conntrack.tidy(nowMs)) return; // the next burst goes on with it
    this.#tidiedAtMs = nowMs;
    this.#table.sortByHits();
    this.#runner.reassembly.expire(nowMs);
  }
}

/** What passed at ports. */
type PortTraffic = Omit<DatapathTraffic, "nWithoutPort">;

/** Some traffic with that of a port. */
function withTraffic({ nReceived, nSent, nLost }: PortTraffic, port: Port | undefined): PortTraffic {
  const kernel = port?.kernelTraffic?.();
  return {
    nReceived: nReceived + (port?.counters.rxPackets ?? 0) + (kernel?.rxPackets ?? 0),
    nSent: nSent + (port?.counters.txPackets ?? 0) + (kernel?.txPackets ?? 0),
    nLost: nLost + (kernel?.nLost ?? 0),
  };
}
