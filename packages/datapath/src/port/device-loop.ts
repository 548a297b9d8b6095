/**
 * Receives from devices on the event loop, fairly and in bounded bursts, and follows what happens to the devices.
 *
 * In each turn every ready port gives up to a few batches, one batch per round, so that a busy port does not starve a
 * quiet one. A port whose batch had misses waits for the next turn: the slow path is the expensive part, and the
 * kernel's receive buffer is the queue in front of it.
 */
import {
  findLink,
  type FrameDevice,
  type LinkInfo,
  LinkMonitor,
  listLinks,
  Poller,
  ReceivedDatagrams,
  ReceivedFrames,
  SystemCallError,
  type TunnelReceiver,
} from "@tenet/linux";
import type { ActionRunner, TaggedSources } from "../action-runner.ts";
import { N_RECEIVE_SLOTS, type PacketMemory } from "../packet/packet-memory.ts";
import type { Port } from "./port.ts";

/** After so long, timers and other sockets have their turn. */
const TURN_MS = 1;
const MAX_READY = 64;
const MONITOR_TAG = 0;
const COLLECTOR_TAG = -1;

/** What the loop tells the datapath. */
export interface LoopEvents {
  /** Runs work as one burst. */
  burst(run: () => void): void;
  changed(port: Port): void;
  gone(port: Port): void;
  appeared(name: string): void;
}

/** What there is to know of packets that the kernel sends up. */
export interface CollectorEvents extends Pick<TaggedSources, "pathOf"> {
  /** A packet of this port came. */
  taken(portNo: number): void;
}

/** The devices of one datapath. */
export class DeviceLoop {
  readonly #poller = new Poller();
  readonly #monitor = new LinkMonitor();
  readonly #runner: ActionRunner;
  readonly #events: LoopEvents;
  readonly #batch: ReceivedFrames;
  /** In the same memory: a batch is done with before the next is received. */
  readonly #datagrams: ReceivedDatagrams;
  readonly #ports = new Map<number, Port>();
  readonly #tags = new Int32Array(MAX_READY);
  #collector: (CollectorEvents & { readonly device: FrameDevice }) | undefined;

  constructor(memory: PacketMemory, runner: ActionRunner, events: LoopEvents) {
    this.#runner = runner;
    this.#events = events;
    this.#batch = new ReceivedFrames(memory.arena, N_RECEIVE_SLOTS);
    this.#datagrams = new ReceivedDatagrams(memory.arena, N_RECEIVE_SLOTS);
    this.#poller.add(this.#monitor.fd, MONITOR_TAG);
  }

  /** Starts receiving from a port. */
  add(port: Port): void {
    const { end } = port;
    if (end.kind === "memory") return;
    if (end.kind === "device") {
      const link = findLink(port.spec.name);
      if (link !== undefined) port.update(link);
    }
    const receiver = end.kind === "device" ? end.device : end.sockets?.receiver;
    if (receiver === undefined) return;
    this.#ports.set(port.portNo, port);
    this.#poller.add(receiver.fd, port.portNo);
  }

  /** Starts receiving what the kernel sends up, with a tag that tells the port. */
  collect(device: FrameDevice, events: CollectorEvents): void {
    this.#collector = { device, ...events };
    this.#poller.add(device.fd, COLLECTOR_TAG);
  }

  /** Stops receiving from a port and closes its device or sockets. */
  remove(port: Port): void {
    const { end } = port;
    if (end.kind === "memory" || !this.#ports.delete(port.portNo)) return;
    if (end.kind === "device") {
      this.#poller.remove(end.device.fd);
      return end.device.close();
    }
    const { receiver, output } = end.sockets ?? {};
    if (receiver !== undefined) this.#poller.remove(receiver.fd);
    receiver?.close();
    output?.close();
  }

  start(): void {
    this.#poller.start(() => this.#turn());
  }

  stop(): void {
    this.#poller.stop();
  }

  close(): void {
    this.#collector?.device.close();
    this.#poller.close();
    this.#monitor.close();
  }

  /** Takes in what the kernel reported of devices since the last time. */
  readLinkChanges(): void {
    const isComplete = this.#monitor.drain((link, isGone) => this.#linkChanged(link, isGone));
    if (isComplete) return;
    const links = listLinks();
    const linkByIndex = new Map(links.map((link) => [link.index, link]));
    for (const port of this.#ports.values()) {
      if (port.end.kind !== "device") continue;
      const link = port.ifIndex === 0 ? links.find(({ name }) => name === port.spec.name) : linkByIndex.get(port.ifIndex);
      if (link === undefined) this.#lose(port);
      else if (port.update(link)) this.#events.changed(port);
    }
  }

  /**
   * Asks again when the ports at hand are done: what was sent is often answered before the call that sent it returns, and
   * another turn of the event loop costs more than the question.
   */
  #turn(): void {
    const tags = this.#tags;
    const endMs = performance.now() + TURN_MS;
    let nReady = this.#poller.ready(tags);
    while (nReady > 0) {
      let nStill = 0;
      for (let i = 0; i < nReady; i++) {
        const tag = tags[i] ?? MONITOR_TAG;
        if (tag === MONITOR_TAG) this.readLinkChanges();
        else if (this.#receive(tag)) tags[nStill++] = tag;
      }
      if (performance.now() > endMs) return;
      nReady = nStill > 0 ? nStill : this.#poller.ready(tags);
    }
  }

  /** One batch of a port. @returns whether it should have another in this turn */
  #receive(portNo: number): boolean {
    if (portNo === COLLECTOR_TAG) return this.#receiveCollected();
    const port = this.#ports.get(portNo);
    if (port === undefined || port.end.kind === "memory") return false;
    if (port.end.kind === "tunnel")
      return port.end.sockets !== undefined && this.#receiveDatagrams(port, port.end.sockets.receiver);
    const { device } = port.end;
    const nMisses = this.#runner.nMisses;
    const n = device.receive(this.#batch, N_RECEIVE_SLOTS);
    if (n < 0) this.#recheck(port);
    if (n <= 0) return false;
    this.#events.burst(() => this.#run(port, n));
    device.release();
    return !port.isClosed && device.hasMore && this.#runner.nMisses === nMisses;
  }

  #run(port: Port, n: number): void {
    const { arenas, frameAt, frameLength, arena } = this.#batch;
    for (let i = 0; i < n && !port.isClosed; i++) {
      const length = frameLength[i] ?? 0;
      if (length > 0) this.#runner.receiveAt(port, arenas[i] ?? arena, frameAt[i] ?? 0, length);
    }
  }

  /** As {@link DeviceLoop.#receive}, of the collector. */
  #receiveCollected(): boolean {
    if (this.#collector === undefined) return false;
    const { device, taken, pathOf } = this.#collector;
    const { arenas, frameAt, frameLength, arena } = this.#batch;
    const n = device.receive(this.#batch, N_RECEIVE_SLOTS);
    if (n <= 0) return false;
    const sources = { portOf: (portNo: number) => this.#ports.get(portNo), pathOf };
    this.#events.burst(() => {
      for (let i = 0; i < n; i++) {
        const length = frameLength[i] ?? 0;
        if (length === 0) continue;
        const portNo = this.#runner.receiveTagged(arenas[i] ?? arena, frameAt[i] ?? 0, length, sources);
        if (portNo !== 0) taken(portNo);
      }
    });
    device.release();
    return device.hasMore;
  }

  /** As {@link DeviceLoop.#receive}, of a tunnel port. */
  #receiveDatagrams(port: Port, receiver: TunnelReceiver): boolean {
    const nMisses = this.#runner.nMisses;
    const n = receiver.receive(this.#datagrams, N_RECEIVE_SLOTS);
    if (n === 0) return false;
    this.#events.burst(() => {
      for (let i = 0; i < n && !port.isClosed; i++) this.#runner.receiveDatagram(port, this.#datagrams, i);
    });
    return n === N_RECEIVE_SLOTS && this.#runner.nMisses === nMisses;
  }

  #linkChanged(link: LinkInfo, isGone: boolean): void {
    for (const port of this.#ports.values()) {
      if (port.end.kind !== "device") continue;
      const isBack = port.ifIndex === 0 && port.spec.name === link.name && !isGone;
      if (port.ifIndex !== link.index && !isBack) continue;
      if (isGone) this.#lose(port);
      else if (port.update(link)) this.#events.changed(port);
      return;
    }
    if (!isGone) this.#events.appeared(link.name);
  }

  /** Receiving failed: the device is down, or gone. */
  #recheck(port: Port): void {
    const link = this.#findLink(port);
    if (link === undefined || link.index !== port.ifIndex) this.#lose(port);
    else if (port.update(link)) this.#events.changed(port);
  }

  /** The device is not here any more: it is gone, or serves another namespace. */
  #lose(port: Port): void {
    if (port.end.kind !== "device" || !port.end.device.isElsewhere()) this.#events.gone(port);
    else if (port.lose()) this.#events.changed(port);
  }

  #findLink(port: Port): LinkInfo | undefined {
    try {
      return findLink(port.spec.name);
    } catch (error) {
      if (error instanceof SystemCallError) return undefined;
      throw error;
    }
  }
}
