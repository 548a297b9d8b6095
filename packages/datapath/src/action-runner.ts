/**
 * Looks packets up and carries out actions: the inner loop of the user-space datapath.
 *
 * A packet that others refer to (it waits in a send queue, or an upcall shows it) is copied before it is changed.
 */
import { type FrameArena, type ReceivedDatagrams, VNET_HEADER_BYTES } from "@tenet/linux";
import { DEFAULT_VLAN_LIMIT, FIELDS, getField, makeFlowKey, parseFlowKey, setField } from "@tenet/net";
import { Conntrack } from "./conntrack/conntrack.ts";
import type { SharedConnections } from "./conntrack/shared-connections.ts";
import type { CtDatapathAction, DatapathAction, PortRange, SetTunnelAction, TunnelPushAction, Upcall } from "./datapath.ts";
import { type Meter, raiseDropPrecedence } from "./meter/meter.ts";
import { type ChangeAction, changePacket } from "./packet/change-packet.ts";
import { hashConnection } from "./packet/connection-hash.ts";
import { isResumption, type Resumption } from "./ebpf/resumption.ts";
import { takeUnsentHeader, takeUpcallHeader, UPCALL_TAG } from "./ebpf/upcall-header.ts";
import type { FlowTable } from "./flow-table.ts";
import { Packet } from "./packet/packet.ts";
import type { PacketMemory } from "./packet/packet-memory.ts";
import type { Port } from "./port/port.ts";
import { PortOutput } from "./port/port-output.ts";
import { Reassembly } from "./packet/reassembly.ts";
import { Rewriter } from "./packet/rewrite.ts";
import { SegmentBundle } from "./packet/segment-bundle.ts";
import { PacketStack } from "./packet/packet-stack.ts";
import { noteOffload } from "./tunnel/inner-offload.ts";
import { hashInner } from "./tunnel/inner-packet.ts";
import { pushOuterHeader } from "./tunnel/outer-header.ts";
import { readTunnel } from "./tunnel/tunnel-input.ts";
import { isOuterBundle, popTunnel } from "./tunnel/tunnel-pop.ts";
import { popVlan } from "./packet/vlan-tag.ts";
import { completeFrame, completeInPlace, isSegmented } from "./packet/vnet-header.ts";

const TCP_FLAGS = FIELDS.tcp_flags.word;

/** What the runner needs of the datapath. */
export interface RunnerHost {
  portOf(portNo: number): Port | undefined;
  meterOf(id: number): Meter | undefined;
  /** What to go on with for a packet of the kernel that has this in the place of its `recirc_id`; `undefined` when that is forgotten. */
  resumption(word: number): Resumption | undefined;
}

/** What the tags of frames that the kernel sent up stand for. */
export interface TaggedSources {
  portOf(portNo: number): Port | undefined;
  /** The outer headers of packets on a path into a tunnel. */
  pathOf(id: number): SetTunnelAction | undefined;
}

/** An upcall under way. */
interface UpcallFrame {
  readonly frame: Uint8Array;
  readonly packet: Packet;
}

/** Runs packets through the flow table. */
export class ActionRunner {
  nHits = 0;
  nMisses = 0;
  /** Monotonic time of the burst. */
  nowMs = 0;
  /** UDP source ports of outer packets. */
  readonly egressPorts: PortRange = { first: 32768, last: 61000 };
  readonly reassembly: Reassembly = new Reassembly();
  /** Tags that are read of a packet. */
  vlanLimit: number = DEFAULT_VLAN_LIMIT;
  readonly #memory: PacketMemory;
  readonly #table: FlowTable;
  readonly #host: RunnerHost;
  readonly #rewriter = new Rewriter();
  readonly #conntrack: Conntrack;
  readonly #output: PortOutput;
  readonly #stack: PacketStack;
  readonly #bundle = new SegmentBundle();
  readonly #upcalls: UpcallFrame[] = [];
  /** Packets for ports that are not there. */
  nWithoutPort = 0;
  #handler: ((upcall: Upcall) => void) | undefined;

  constructor(memory: PacketMemory, table: FlowTable, host: RunnerHost, random: () => number, shared?: SharedConnections) {
    this.#memory = memory;
    this.#table = table;
    this.#host = host;
    this.#output = new PortOutput(memory);
    this.#stack = new PacketStack(memory, this.#output);
    this.#conntrack = new Conntrack(this.#rewriter, random, shared);
  }

  /** Packets that there was no memory, no slow path or no end for. */
  get nLost(): number {
    return this.#stack.nLost;
  }

  /** The connections of this datapath. */
  get conntrack(): Conntrack {
    return this.#conntrack;
  }

  /** Sets the slow path. */
  onUpcall(handler: (upcall: Upcall) => void): void {
    this.#handler = handler;
  }

  /** A frame received from a device. */
  receiveAt(port: Port, arena: FrameArena, at: number, length: number): void {
    const packet = this.#stack.enter();
    if (packet === undefined) return;
    this.#memory.adopt(packet, arena, at, length);
    this.#receive(port, packet);
    this.#leave(packet);
  }

  /** A frame that the kernel sent up, with a tag of its own that tells the port. @returns the port's number; 0 for a frame of somebody else's */
  receiveTagged(arena: FrameArena, at: number, length: number, { portOf, pathOf }: TaggedSources): number {
    const type = arena.view.getUint16(at + 12);
    if (type !== UPCALL_TAG.first && type !== UPCALL_TAG.later) return 0;
    const portNo = arena.view.getUint16(at + 14);
    const port = portOf(portNo);
    const packet = port === undefined ? undefined : this.#stack.enter();
    if (port === undefined || packet === undefined) return portNo;
    this.#memory.adopt(packet, arena, at, length);
    if (type === UPCALL_TAG.first) {
      popVlan(arena.bytes, packet);
      this.#receive(port, packet);
    } else this.#goOn(port, packet, pathOf);
    this.#leave(packet);
    return portNo;
  }

  /** A datagram received at a tunnel port, or several in one piece. */
  receiveDatagram(port: Port, batch: ReceivedDatagrams, i: number): void {
    const nSegments = batch.spread(i, VNET_HEADER_BYTES);
    for (let k = 0; k < nSegments; k++) this.#receiveInner(port, batch, i, k);
  }

  /** A frame sent by this process into a memory port. */
  receiveFrame(port: Port, frame: Uint8Array): void {
    const packet = this.#stack.enter();
    if (packet === undefined) return;
    if (this.#stack.load(packet, frame)) this.#receive(port, packet);
    else port.counters.rxErrors++;
    this.#leave(packet);
  }

  /** Applies actions to a frame; the frame of the upcall under way keeps its segmentation. */
  execute(frame: Uint8Array, inPort: number, actions: readonly DatapathAction[]): void {
    const packet = this.#stack.enter();
    if (packet === undefined) return;
    const upcall = this.#upcalls.findLast((candidate) => candidate.frame === frame);
    if (upcall !== undefined) this.#memory.share(packet, upcall.packet);
    if (upcall !== undefined || this.#stack.load(packet, frame)) {
      packet.inPort = inPort;
      this.#run(packet, actions);
    } else this.#stack.nLost++;
    this.#leave(packet);
  }

  /** Sends all that is queued. */
  flush(): void {
    this.#output.flush();
  }

  /** Puts things in order after a burst that a listener may have left by throwing. */
  reset(): void {
    this.#stack.reset();
    this.#upcalls.length = 0;
  }

  /** Goes on with a packet where the kernel's program could not: into a tunnel, with another look-up, in a list of actions. */
  #goOn(port: Port, packet: Packet, pathOf: TaggedSources["pathOf"]): void {
    const pathId = takeUnsentHeader(packet);
    packet.egress = pathId === 0 ? undefined : pathOf(pathId);
    if (packet.egress !== undefined) this.#output.send(port, packet);
    if (pathId !== 0 || !takeUpcallHeader(packet)) return;
    if (isResumption(packet.recircId)) this.#goOnInList(packet);
    else this.#lookUp(packet);
  }

  #goOnInList(packet: Packet): void {
    const resumption = this.#host.resumption(packet.recircId);
    if (resumption === undefined) {
      this.#stack.nLost++;
      return;
    }
    packet.recircId = resumption.recircId;
    this.#run(packet, resumption.actions, resumption.first);
  }

  #leave(packet: Packet): void {
    this.#stack.leave(packet);
    if (this.#stack.isEmpty) this.#conntrack.fragments.resumeReady();
  }

  #receiveInner(port: Port, batch: ReceivedDatagrams, i: number, k: number): void {
    if (port.end.kind !== "tunnel") return;
    const packet = this.#stack.enter();
    if (packet === undefined) return;
    const at = batch.segmentAt(i, k);
    const end = at + batch.segmentLength(i, k);
    const size = readTunnel(port.end.tunnel, batch, i, at, end, packet.tunnel);
    this.#memory.adoptInner(packet, at + size, end - at - size);
    noteOffload(packet.arena.bytes, packet.headerAt, packet.at, packet.length);
    packet.hasTunnel = true;
    if (size === 0) port.counters.rxErrors++;
    else this.#receive(port, packet);
    this.#leave(packet);
  }

  #receive(port: Port, packet: Packet): void {
    const { counters } = port;
    counters.rxPackets++;
    counters.rxBytes += packet.length;
    packet.inPort = port.portNo;
    if (packet.length < 14) {
      counters.rxErrors++;
      return;
    }
    this.#lookUp(packet);
  }

  #lookUp(packet: Packet): void {
    const { key } = packet;
    parseFlowKey(packet.arena.bytes, packet.length, packet.inPort, key, packet.at, this.vlanLimit);
    if (packet.recircId !== 0 || packet.hasTunnel) packet.writeMetadata(key);
    const flow = this.#table.lookup(key);
    if (flow === undefined) {
      this.nMisses++;
      this.#upcall("miss", packet, 0);
      return;
    }
    this.nHits++;
    flow.count(packet.length, this.nowMs, (key[TCP_FLAGS] ?? 0) >>> 16);
    this.#run(packet, flow.actions);
  }

  /** Carries out the actions from the `first`-th on; the next output, or tunnel, gets the first `maxLength` bytes alone, if any. */
  #run(packet: Packet, actions: readonly DatapathAction[], first = 0, maxLength = 0): void {
    for (let i = first; i < actions.length; i++) {
      const action = actions[i];
      if (action === undefined) return;
      if (action.type === "output") {
        if (maxLength === 0) this.#send(packet, action.port);
        else this.#cut(packet, maxLength, (copy) => this.#send(copy, action.port));
        maxLength = 0;
      } else if (action.type === "truncate") ({ maxLength } = action);
      else if (action.type === "userspace") this.#upcall("action", packet, action.userdata);
      else if (action.type === "recirc") this.#recirculate(packet, action.id, i === actions.length - 1);
      else if (action.type === "clone") {
        this.#clone(packet, action.actions, i === actions.length - 1, maxLength);
        maxLength = 0;
      } else if (action.type === "setTunnel") packet.egress = action;
      else if (action.type === "reassemble") this.#reassemble(packet);
      else if (action.type === "tunnelPop") {
        if (maxLength === 0) this.#popTunnel(packet, action.port, i === actions.length - 1);
        else this.#cut(packet, maxLength, (copy) => this.#popTunnel(copy, action.port, true));
        maxLength = 0;
      } else if (action.type === "pushMpls" && isSegmented(packet.arena.bytes, packet.headerAt)) {
        // No device cuts a bundle behind a label.
        return this.#stack.eachSegment(packet, (segment) => this.#run(segment, actions, i, maxLength));
      } else if (action.type === "tunnelPush") {
        if (maxLength > 0) return this.#cut(packet, maxLength, (copy) => this.#run(copy, actions, i));
        if (isSegmented(packet.arena.bytes, packet.headerAt)) return this.#pushSegments(packet, action, actions, i + 1);
        if (!this.#pushTunnel(packet, action)) return;
      } else if (action.type === "meter") {
        if (!this.#meter(packet, action.meter)) return;
      } else if (action.type === "ct") {
        if (!this.#track(packet, action, actions, i)) return;
      } else if (action.type === "checkLength") {
        this.#clone(
          packet,
          this.#frameSize(packet) > action.sizeBytes ? action.greater : action.lessOrEqual,
          i === actions.length - 1,
        );
      } else if (!this.#note(packet, action) && !this.#change(packet, action)) return;
    }
  }

  /** Carries out an action that changes what is known of the packet; ports have no queues, and pass no marks on. */
  #note(packet: Packet, action: Exclude<DatapathAction, { type: "output" }>): action is Exclude<typeof action, ChangeAction> {
    if (action.type === "ctClear") packet.ctState = 0;
    else if (action.type === "hash") packet.dpHash = hashConnection(packet, action.basis, this.vlanLimit);
    else return action.type === "setPriority" || action.type === "setMark";
    return true;
  }

  /** Bytes of a packet, or of the first segment that a bundle is cut into. */
  #frameSize({ arena, headerAt, at, length }: Packet): number {
    const isBundle = isSegmented(arena.bytes, headerAt) && this.#bundle.read(arena.bytes, headerAt, at, length);
    return isBundle ? this.#bundle.sizeOf(0) : length;
  }

  /** Goes on with a copy of the first bytes of a packet. */
  #cut(packet: Packet, maxLength: number, goOn: (copy: Packet) => void): void {
    const { arena, headerAt, at, length } = packet;
    const start = completeFrame(arena.bytes, headerAt, at, length).slice(0, maxLength);
    const copy = this.#stack.enter();
    if (copy === undefined) return;
    if (this.#stack.load(copy, start)) {
      copy.egress = packet.egress;
      goOn(copy);
    } else this.#stack.nLost++;
    this.#leave(copy);
  }

  /** Looks the packet up again; when it is still needed, a copy. */
  #recirculate(packet: Packet, id: number, isLast: boolean): void {
    const next = this.#stack.fork(packet, isLast);
    if (next === undefined) return;
    next.recircId = id;
    this.#lookUp(next);
    this.#leave(next);
  }

  #clone(packet: Packet, actions: readonly DatapathAction[], isLast: boolean, maxLength = 0): void {
    const copy = this.#stack.fork(packet, isLast);
    if (copy === undefined) return;
    this.#run(copy, actions, 0, maxLength);
    this.#leave(copy);
  }

  /** Puts outer headers in front of the packet. @returns false when there is no memory for a copy */
  #pushTunnel(packet: Packet, { header, outPort }: TunnelPushAction): boolean {
    if (!this.#stack.makeOwn(packet, header.length)) return false;
    const { first, last } = this.egressPorts;
    const share = hashInner(packet.arena.bytes, packet.at, packet.length) / 0x1_0000_0000;
    pushOuterHeader(packet, header, first + Math.floor(share * (last - first)));
    packet.clearMetadata();
    packet.inPort = outPort;
    return true;
  }

  /** As {@link ActionRunner.#pushTunnel} for each segment of a bundle, with the actions that follow. */
  #pushSegments(bundle: Packet, action: TunnelPushAction, actions: readonly DatapathAction[], next: number): void {
    this.#stack.eachSegment(bundle, (segment) => {
      if (this.#pushTunnel(segment, action)) this.#run(segment, actions, next);
    });
  }

  /** Looks up what is inside the packet, which came in at a tunnel port; a copy, when the packet is still needed. */
  #popTunnel(packet: Packet, portNo: number, isLast: boolean): void {
    const port = this.#host.portOf(portNo);
    const outer = this.#stack.fork(packet, isLast);
    if (outer === undefined) return;
    const isBundle = isSegmented(outer.arena.bytes, outer.headerAt) && isOuterBundle(outer);
    if (port === undefined) this.#stack.nLost++;
    else if (isBundle) this.#stack.eachSegment(outer, (segment) => this.#receivePopped(port, segment));
    else if (this.#stack.makeOwn(outer)) this.#receivePopped(port, outer);
    this.#leave(outer);
  }

  #receivePopped(port: Port, packet: Packet): void {
    packet.clearMetadata();
    if (port.end.kind === "tunnel" && popTunnel(packet, port.end.tunnel)) this.#receive(port, packet);
    else port.counters.rxErrors++;
  }

  /** Looks up the packet that the one in hand is the last missing fragment of. */
  #reassemble(fragment: Packet): void {
    const { arena, headerAt, at, length } = fragment;
    completeInPlace(arena.bytes, headerAt, at, length);
    const frame = this.reassembly.add(arena.bytes, at, length, this.nowMs);
    const whole = frame === undefined ? undefined : this.#stack.enter();
    if (frame === undefined || whole === undefined) return;
    if (this.#stack.load(whole, frame)) {
      whole.copyMetadata(fragment);
      whole.inPort = fragment.inPort;
      this.#lookUp(whole);
    } else this.#stack.nLost++;
    this.#leave(whole);
  }

  /** Carries out an action that changes the packet. @returns false when the packet has to be dropped */
  #change(packet: Packet, action: ChangeAction): boolean {
    return this.#stack.makeOwn(packet) && changePacket(packet, action, this.#rewriter);
  }

  /** Runs a packet through a meter. @returns false when the packet has to be dropped */
  #meter(packet: Packet, id: number): boolean {
    const band = this.#host.meterOf(id)?.run(packet.length, this.nowMs);
    if (band?.kind === "dscpRemark") return this.#remark(packet, band.precedence);
    return band === undefined;
  }

  #remark(packet: Packet, precedence: number): boolean {
    const key = makeFlowKey();
    parseFlowKey(packet.arena.bytes, packet.length, packet.inPort, key, packet.at, this.vlanLimit);
    const tos = getField(key, FIELDS.nw_tos);
    const raised = raiseDropPrecedence(tos, precedence);
    if (raised === tos) return true;
    const mask = makeFlowKey();
    setField(key, FIELDS.nw_tos, raised);
    setField(mask, FIELDS.nw_tos, 0xfc);
    return this.#change(packet, { type: "setMasked", key, mask });
  }

  /** Sends the packet through the connection tracker. @returns whether it goes on now */
  #track(packet: Packet, action: CtDatapathAction, actions: readonly DatapathAction[], i: number): boolean {
    if (action.nat !== undefined && !this.#stack.makeOwn(packet)) return false;
    const result = this.#conntrack.track(packet, packet.arena.bytes, action, this.nowMs);
    if (result === "wait") {
      const frame = packet.arena.bytes.slice(packet.at, packet.at + packet.length);
      const state = new Packet(this.#memory.arena);
      state.copyMetadata(packet);
      state.inPort = packet.inPort;
      this.#conntrack.waitForFirst(action.zone, () => this.#resume(frame, state, actions, i));
    }
    return result === "on";
  }

  /** Goes on with a packet that has waited, at the `first`-th action. */
  #resume(frame: Uint8Array, state: Packet, actions: readonly DatapathAction[], first: number): void {
    const packet = this.#stack.enter();
    if (packet === undefined) return;
    if (this.#stack.load(packet, frame)) {
      packet.copyMetadata(state);
      packet.inPort = state.inPort;
      this.#run(packet, actions, first);
    } else this.#stack.nLost++;
    this.#leave(packet);
  }

  #send(packet: Packet, portNo: number): void {
    const port = this.#host.portOf(portNo);
    if (port === undefined) this.nWithoutPort++;
    else this.#output.send(port, packet);
  }

  #upcall(reason: Upcall["reason"], packet: Packet, userdata: number): void {
    if (this.#handler === undefined) {
      this.#stack.nLost++;
      return;
    }
    const { headerAt, at, length } = packet;
    const { bytes } = packet.arena;
    const frame = completeFrame(bytes, headerAt, at, length);
    const { key } = packet;
    if (reason === "action") parseFlowKey(bytes, length, packet.inPort, key, at, this.vlanLimit); // it was rewritten, maybe
    packet.writeMetadata(key);
    const wasShared = packet.isShared;
    packet.isShared = true; // the handler sees these bytes
    this.#upcalls.push({ frame, packet });
    try {
      this.#handler({ reason, inPort: packet.inPort, frame, key, userdata });
    } finally {
      this.#upcalls.pop();
      // A send queue may refer to it now; then it stays shared.
      packet.isShared = wasShared || !this.#output.isEmpty;
    }
  }
}
