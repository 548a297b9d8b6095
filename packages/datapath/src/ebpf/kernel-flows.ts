/**
 * Megaflows in the kernel: a cache in front of the flow table of this process.
 *
 * What: flows whose masks and actions the kernel's program can do are put there, too; their packets never come to this
 * process. All others do, as do packets that the program does not want to read, and find their flow here.
 * How: there are two programs (see flow-pass.ts). The first has the packets of devices; the later one goes on, by a tail call, with
 * those that are to be looked up again. They are replaced one after the other: whatever the two find of each other's flows
 * is in maps that both see, and what they do not find comes here.
 */
import { FIELDS } from "@tenet/net";
import { attach, type BpfMap, BpfProgram, GracePeriod, type Link, wasInterrupted } from "@tenet/bpf";
import { AppError, messageOf } from "@tenet/kit";
import { SystemCallError } from "@tenet/linux";
import type { DatapathAction, KernelStats, Megaflow, SetTunnelAction, TakeOver, TunnelSpec } from "../datapath.ts";
import type { KernelPort } from "./actions/action-kind.ts";
import { toKernelActions, type Translation } from "./actions/actions.ts";
import { TRACKS } from "./actions/track.ts";
import { NO_SLOT, type SlotCounters } from "../flow-records.ts";
import type { Collector } from "./collector.ts";
import { DeviceBypass } from "./device-bypass.ts";
import { FlowPass, isFirst, maskedKey } from "./flow-pass.ts";
import { hasMetadata } from "./key-layout.ts";
import { INTERNAL, type KernelPins } from "./kernel-pins.ts";
import { openKernelMaps } from "./kernel-maps.ts";
import { ListPass } from "./list-pass.ts";
import { orRefusal } from "./or-refusal.ts";
import { PortTraffic } from "./port-traffic.ts";
import { KernelMeters } from "./kernel-meters.ts";
import { cloneProgram, copierProgram } from "./program/clone-program.ts";
import type { ConnectionReferences } from "./program/program-maps.ts";
import { trackProgram } from "./program/track-program.ts";
import type { FlowRecord } from "./restart/flow-record.ts";
import { LeftFlows } from "./restart/left-flows.ts";
import { type Resumption, Resumptions } from "./resumption.ts";
import { SlotMemory } from "./slot-memory.ts";
import { KernelTunnels } from "./tunnel/kernel-tunnels.ts";

const RECIRC_ID = FIELDS.recirc_id.word;
/** Between two programs, at least: new masks come together. */
const RELOAD_MS = 100;
/** What more it is for each word of masks: as long as the kernel works on it. */
const RELOAD_MS_PER_WORD = 0.15;
const TIDY_MS = 1000;
const LACK_OF_ROOM = "lack of room for flows";
/** Before flows are taken over, while new masks come. */
const MAX_PROGRAMS_AT_ONCE = 10;
/** Times in a row that signals may come while a program is verified, before it counts as refused. */
const MAX_INTERRUPTIONS = 10;

/** A device with a program on it. */
interface AttachedPort extends KernelPort {
  /** Its name among the pins. */
  readonly place: string;
  readonly link: Link;
  /** Whether the program is that of the process before. */
  isLeft: boolean;
}

/** Puts flows into the kernel; each is known by its slot. */
export class KernelFlows implements SlotCounters {
  /** Why no flow comes here any more. */
  whyNone: string | undefined;
  /** Memory of the meters that the program runs, too. */
  readonly meters: KernelMeters;
  /** From this process's monotonic clock to the kernel's. */
  readonly #clockOffsetMs: number;
  readonly #tellLack = (refusal: AppError): string => this.#refused(LACK_OF_ROOM, refusal);
  readonly #shared = openKernelMaps(this.#tellLack);
  readonly #grace = new GracePeriod();
  readonly #slots = new SlotMemory(this.#shared.slots, () => this.#grace.wait());
  /** What the program counts of ports. */
  readonly traffic: PortTraffic = new PortTraffic(this.#shared.counters);
  /** None where the kernel does not let us see other namespaces. */
  readonly #bypass: DeviceBypass | undefined;
  readonly #ports = new Map<number, AttachedPort>();
  readonly #pins: KernelPins | undefined;
  readonly #record: FlowRecord | undefined;
  /** Read from what processes before left, until it is taken over. */
  #leftFlows: LeftFlows[] = [];
  /** Lists of outputs to devices alone, which most flows share, as the program has them; until ports change. */
  #outputs = new WeakMap<readonly DatapathAction[], Translation>();
  /** Where to go on when the program leaves a packet to this process in the middle of a list. */
  readonly #resumptions = new Resumptions();
  /** Numbers of the tunnel paths that flows use, by slot, of those that use any. */
  readonly #pathsBySlot = new Map<number, readonly number[]>();
  readonly #nLeftByReason = new Map<string, number>();
  readonly #first: FlowPass;
  readonly #later: FlowPass;
  /** Programs that go on with lists of both: behind a `ct`, and on copies. */
  readonly #lists: readonly ListPass[];
  readonly #programs: readonly (FlowPass | ListPass)[];
  /** Of the program that copies come to. */
  readonly #copier: Link;
  readonly #tunnels: KernelTunnels;
  /** What the kernel has refused, and who is told. */
  readonly #refusals = new Set<string>();
  readonly #tell: (refusal: string) => void;
  #nInterruptions = 0;
  #reload: NodeJS.Timeout | undefined;
  readonly #tidying: NodeJS.Timeout;
  /** The programs are being made anew. */
  #making: Promise<void> | undefined;
  #isClosed = false;

  /**
   * @param collector - where packets come up
   * @param connections - those that the programs follow
   * @param pins - by which it stays in the kernel when this process dies; absent: it does not
   * @param tell - is called once for each thing that the kernel refuses from now on
   * @throws SystemCallError when the kernel refuses a map or the program
   */
  constructor(
    collector: Collector,
    nowMs: () => number,
    connections: ConnectionReferences,
    pins: KernelPins | undefined,
    tell: (refusal: string) => void,
  ) {
    this.#tell = tell;
    this.#clockOffsetMs = Number(process.hrtime.bigint()) / 1e6 - nowMs();
    this.meters = new KernelMeters(this.#clockOffsetMs);
    const shared = { ...this.#shared.maps, slots: this.#shared.slots.pieces, counters: this.#shared.counters.pieces };
    this.#tunnels = new KernelTunnels({ maps: shared, collector: collector.ifindex, collectorPeer: collector.peer, nowMs });
    const devices = { collector: collector.ifindex, copier: collector.peer };
    const maps = { ...shared, ...devices, meters: this.meters.map, tunnels: this.#tunnels.entry };
    this.#lists = [
      new ListPass({
        name: "tenet_track",
        after: TRACKS,
        entry: shared.tracker,
        code: (actions) => trackProgram(actions, maps, connections),
      }),
      new ListPass({
        name: "tenet_clone",
        after: ["clone"],
        entry: shared.clones,
        code: (actions) => cloneProgram(actions, maps),
      }),
    ];
    const open: { close(): void }[] = [this.#shared, this.#grace, this.#tunnels, this.meters];
    try {
      this.#copier = attachCopier(shared.clones, collector.peer);
      open.push({ close: () => this.#copier.detach() });
      this.#pins = pins;
      const { later, tracker, clones } = shared;
      const objects = { later, tracker, clones, tunnel: this.#tunnels.entry, copier: this.#copier };
      this.#record = pins?.begin(collector, shared.slots, objects);
      if (this.#record !== undefined) open.push(this.#record);
      this.#first = new FlowPass("first", maps, this.#slots, this.#lists, this.#record, this.#tellLack);
      open.push(this.#first);
      this.#later = new FlowPass("later", maps, this.#slots, this.#lists, this.#record, this.#tellLack);
    } catch (error) {
      for (const object of open.toReversed()) object.close();
      throw error;
    }
    const bypass = orRefusal(() => new DeviceBypass((portNo, word) => this.traffic.setBypass(portNo, word)));
    if (bypass instanceof AppError) this.#refused("watching the cables of ports", bypass);
    else this.#bypass = bypass;
    this.#programs = [this.#first, this.#later, ...this.#lists];
    this.#putLater();
    this.#tidying = setInterval(() => {
      if (!collector.device.hasMore) this.traffic.forgetLost();
      for (const pass of [this.#first, this.#later]) pass.ageMasks();
      this.#reloadSoon();
    }, TIDY_MS).unref();
  }

  /** Whether packets of devices go on to be forwarded here when this process dies. */
  get isLasting(): boolean {
    return this.#pins !== undefined && this.#ports.size > 0;
  }

  /** Whether packets may go past the devices of ports, where nobody can tell. */
  set bypassesDevices(isWanted: boolean) {
    if (this.#bypass !== undefined) this.#bypass.isWanted = isWanted;
  }

  /** How many flows are here, and why others are not. */
  stats(): Omit<KernelStats, "nTrackedHereByReason"> {
    return { nFlows: this.#first.nFlows + this.#later.nFlows, nLeftByReason: this.#nLeftByReason };
  }

  /**
   * Lets the program have a device's packets.
   *
   * @throws SystemCallError
   * @throws IoError when another datapath has them
   */
  addPort(portNo: number, name: string, port: KernelPort): void {
    const direction = port.isInternal ? INTERNAL : "ingress";
    const place = `${port.ifindex}-${direction}`;
    const left = this.#pins?.take(place);
    if (left === undefined && this.#pins?.claim(place) === true) {
      this.#tell(`${name} had flows of a switch of another run folder that was killed: they end`);
    }
    this.#outputs = new WeakMap();
    this.traffic.watch(portNo);
    this.#record?.notePort(portNo, name);
    this.#shared.maps.ports.update(Uint32Array.of(port.ifindex), Uint32Array.of(portNo, port.isInternal ? 1 : 0));
    const link = left ?? attach(this.#first.program, { ifindex: port.ifindex, direction });
    this.#ports.set(portNo, { ...port, place, link, isLeft: left !== undefined });
    if (left === undefined) this.#pins?.keep(place, link);
    if (!port.isInternal) this.#bypass?.add(portNo, port.ifindex);
  }

  /**
   * The flows that processes before left, one after the other, until they are taken over. Those that cannot be read are not there.
   *
   * @param slotOf - where a flow is here, if it is
   * @param portNoOf - the number that a port has now
   */
  readLeft(slotOf: (flow: Megaflow) => number | undefined, portNoOf: (name: string) => number | undefined): readonly LeftFlows[] {
    for (const folder of this.#pins?.recordsLeft ?? []) {
      const left = orRefusal(() => new LeftFlows(folder, { slots: this.#slots, slotOf, portNoOf }));
      if (left instanceof AppError) this.#refused("flows of the process before", left);
      else this.#leftFlows.push(left);
    }
    return this.#leftFlows;
  }

  /**
   * Puts the program in the place of what the process before left on devices, as soon as it is made for the flows there are, and ends all
   * else of it.
   */
  async takeOver(): Promise<TakeOver> {
    await this.#makeFitting();
    if (this.#isClosed) return { nLeft: 0, nKept: 0 };
    for (const [portNo, port] of this.#ports) {
      if (!port.isLeft) continue;
      port.isLeft = false;
      const refused = orRefusal(() => port.link.replace(this.#first.program));
      if (refused === undefined) continue;
      this.#refused("a device that a program was left on", refused);
      this.removePort(portNo);
    }
    if (this.#leftFlows.length > 0) await this.#grace.wait();
    const nLeft = sum(this.#leftFlows.map(({ size }) => size));
    const nKept = sum(this.#leftFlows.map((left) => left.handOver()));
    this.#closeLeft();
    this.#pins?.endLeft();
    return { nLeft, nKept };
  }

  /** Lets the program send packets into a tunnel. @throws SystemCallError */
  addTunnelPort(portNo: number, name: string, spec: TunnelSpec): void {
    this.traffic.watch(portNo);
    this.#record?.notePort(portNo, name);
    this.#tunnels.addPort(portNo, spec);
  }

  /** The outer headers of a packet that came up because the program could not send it into its tunnel. */
  outerOf(path: number): SetTunnelAction | undefined {
    return this.#tunnels.outerOf(path);
  }

  /** Takes the program off a device. */
  removePort(portNo: number): void {
    this.#outputs = new WeakMap();
    this.#bypass?.remove(portNo);
    this.traffic.unwatch(portNo);
    this.#record?.forgetPort(portNo);
    this.#tunnels.removePort(portNo);
    const port = this.#ports.get(portNo);
    if (port === undefined) return;
    port.link.detach();
    this.#pins?.drop(port.place);
    this.#shared.maps.ports.delete(Uint32Array.of(port.ifindex));
    this.#ports.delete(portNo);
  }

  /** Puts a flow into the kernel. @returns its slot; {@link NO_SLOT} when the program cannot do it, or there is no room: that is counted */
  put(key: Uint32Array, mask: Uint32Array, actions: readonly DatapathAction[]): number {
    const slot = this.whyNone ?? this.#place(key, mask, actions);
    if (typeof slot === "number") return slot;
    this.#nLeftByReason.set(slot, (this.#nLeftByReason.get(slot) ?? 0) + 1);
    return NO_SLOT;
  }

  /** @returns the flow's slot, or why there is none */
  #place(key: Uint32Array, mask: Uint32Array, actions: readonly DatapathAction[]): number | string {
    const known = this.#outputs.get(actions);
    if (known !== undefined) return this.#enter(key, mask, known);
    const paths: number[] = [];
    const translation = toKernelActions(
      { key, mask, actions },
      {
        portOf: (portNo) => this.#ports.get(portNo),
        pathInto: (portNo, outer) => {
          const path = this.#tunnels.take(portNo, outer);
          if (path !== undefined) paths.push(path);
          return path;
        },
        canMeter: (id, canRemark) => this.meters.canRun(id, canRemark),
      },
    );
    const slot = typeof translation === "string" ? translation : this.#enter(key, mask, translation);
    if (typeof slot === "string") for (const path of paths) this.#tunnels.release(path);
    else if (paths.length > 0) this.#pathsBySlot.set(slot, paths);
    else if (typeof translation !== "string" && actions.every(({ type }) => type === "output"))
      this.#outputs.set(actions, translation);
    return slot;
  }

  /** @returns as {@link KernelFlows.#place} */
  #enter(key: Uint32Array, mask: Uint32Array, { actions, resumptions }: Translation): number | string {
    const pass = hasMetadata(key, mask) ? this.#later : this.#first;
    const table = pass.tableOf(key, mask);
    if (table === undefined) return "a mask that the program cannot look up";
    if (!SlotMemory.hasRoom(actions.length, table.words.length)) return "too many actions";
    const points = this.#resumptions.add(resumptions, key[RECIRC_ID] ?? 0);
    const slot = this.#slots.take(actions, table.number, maskedKey(table, key), points);
    const isIn = slot >= 0 && pass.add(table, slot, actions);
    this.#reloadSoon();
    if (isIn) return slot;
    if (slot >= 0) this.#slots.release(slot);
    this.#resumptions.release(points);
    return LACK_OF_ROOM;
  }

  /** Whether there is room for another flow; else there may be some later. */
  makeRoom(): boolean {
    return this.#slots.makeRoom();
  }

  /** What to go on with, by what a packet has in the place of its `recirc_id`; `undefined` when the flow is long gone. */
  resumption(word: number): Resumption | undefined {
    return this.#resumptions.find(word);
  }

  /** Takes a flow away; what it has counted can still be read, until the next flow is put. */
  remove(slot: number): void {
    const pass = isFirst(this.#slots.maskOf(slot)) ? this.#first : this.#later;
    pass.remove(slot);
    this.#resumptions.release(this.#slots.pointsOf(slot));
    this.#slots.release(slot);
    this.#releasePaths(slot);
    this.#reloadSoon();
  }

  packetsOf(slot: number): number {
    return this.#slots.packets(slot);
  }

  bytesOf(slot: number): number {
    return this.#slots.bytes(slot);
  }

  usedMsOf(slot: number): number {
    const usedMs = this.#slots.usedMs(slot);
    return usedMs === 0 ? 0 : usedMs - this.#clockOffsetMs;
  }

  tcpFlagsOf(slot: number): number {
    return this.#slots.tcpFlags(slot);
  }

  /** Changes nothing any more. */
  leave(): void {
    this.#isClosed = true;
    clearTimeout(this.#reload);
    clearInterval(this.#tidying);
    for (const program of this.#programs) program.leave();
    this.#bypass?.close();
  }

  /** Ends the programs, and gives all memory back. */
  close(): void {
    this.leave();
    for (const portNo of this.#ports.keys()) this.removePort(portNo);
    this.#tunnels.close();
    this.#copier.detach();
    this.#closeLeft();
    this.#pins?.close();
    this.#record?.close();
    for (const object of [this.meters, ...this.#programs, this.#grace, this.#shared]) object.close();
  }

  #releasePaths(slot: number): void {
    const paths = this.#pathsBySlot.get(slot);
    if (paths === undefined) return;
    this.#pathsBySlot.delete(slot);
    for (const path of paths) this.#tunnels.release(path);
  }

  #closeLeft(): void {
    for (const left of this.#leftFlows) left.close();
    this.#leftFlows = [];
  }

  /** When a program does not fit its flows any more. */
  #reloadSoon(): void {
    if (this.#isClosed || this.#making !== undefined || !this.#isStale()) return;
    this.#reload ??= setTimeout(
      () => {
        this.#reload = undefined;
        void this.#make();
      },
      RELOAD_MS + RELOAD_MS_PER_WORD * (this.#first.nWords + this.#later.nWords),
    ).unref();
  }

  /** Makes the programs that do not fit their flows; one that is refused fits as well as it can. */
  async #makeFitting(): Promise<void> {
    clearTimeout(this.#reload);
    this.#reload = undefined;
    for (let n = 0; n < MAX_PROGRAMS_AT_ONCE && !this.#isClosed && (this.#making !== undefined || this.#isStale()); n++) {
      await (this.#making ?? this.#make());
    }
    this.#reloadSoon();
  }

  #make(): Promise<void> {
    this.#making = this.#replacePrograms().finally(() => {
      this.#making = undefined;
      this.#reloadSoon(); // what changed meanwhile
    });
    return this.#making;
  }

  #isStale(): boolean {
    return this.#programs.some((each) => each.isStale);
  }

  async #replacePrograms(): Promise<void> {
    for (const list of this.#lists) {
      await this.#replaceProgram(list, () => {
        for (const pass of [this.#later, this.#first]) pass.enterWaiting();
      });
    }
    await this.#replaceProgram(this.#later, () => this.#putLater());
    await this.#replaceProgram(this.#first, () => this.#putFirst());
  }

  /**
   * What ran before goes on when the kernel refuses the new one: flows that need that stay with this process. When a signal came meanwhile, it
   * is tried again.
   */
  async #replaceProgram(pass: FlowPass | ListPass, install: () => void): Promise<void> {
    if (!pass.isStale || this.#isClosed) return;
    try {
      await pass.replaceProgram(install);
      this.#nInterruptions = 0;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      if (this.#isClosed) return;
      if (wasInterrupted(error) && this.#nInterruptions++ < MAX_INTERRUPTIONS) pass.isStale = true;
      else this.#refused("a program that the kernel refuses", error);
    }
  }

  /** The kernel refused something: it is told the first time. @returns the reason */
  #refused(reason: string, error: unknown): string {
    if (!this.#refusals.has(reason)) this.#tell(`${reason}: ${messageOf(error)}`);
    this.#refusals.add(reason);
    return reason;
  }

  #putFirst(): void {
    for (const { link, isLeft } of this.#ports.values()) {
      if (isLeft) continue;
      const refused = orRefusal(() => link.replace(this.#first.program));
      // The link of a device that is gone; its port goes, too, as soon as that is read.
      if (refused instanceof SystemCallError && refused.errno !== "ENOLINK") throw refused;
    }
  }

  #putLater(): void {
    this.#shared.maps.later.update(Uint32Array.of(0), Uint32Array.of(this.#later.program.fd));
  }
}

/** Lets copies of packets go on with the program that is in `clones`. @throws SystemCallError */
function attachCopier(clones: BpfMap, ifindex: number): Link {
  const program = BpfProgram.load({ name: "tenet_copier", kind: "sched_cls", code: copierProgram(clones) });
  try {
    return attach(program, { ifindex, direction: "egress" });
  } finally {
    program.close();
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0);
}
