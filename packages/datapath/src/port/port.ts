/** A port: its number, what it sends and receives through, and its counters. */
import type { FrameDevice, LinkInfo } from "@tenet/linux";
import { SendQueue, type TunnelReceiver } from "@tenet/linux";
import type { PortInfo, PortSpec, PortStats, TunnelSpec } from "../datapath.ts";
import type { KernelTraffic } from "../ebpf/port-traffic.ts";
import type { MemoryLink } from "./memory-link.ts";
import type { PacketMemory } from "../packet/packet-memory.ts";
import { openTunnelReceiver } from "../tunnel/tunnel-input.ts";
import { TunnelOutput } from "../tunnel/tunnel-output.ts";

const SEND_BATCH = 32;
const MEMORY_MTU = 1500;

/** Counters that the datapath adds to. */
export type Counters = { -readonly [K in keyof PortStats]: number };

/** What a port sends through: a device with its queue, a memory link, or sockets of the host. */
export type PortEnd =
  | { readonly kind: "device"; readonly device: FrameDevice; readonly queue: SendQueue }
  | { readonly kind: "tunnel"; readonly tunnel: TunnelSpec; readonly sockets: TunnelSockets | undefined }
  | { readonly kind: "memory"; readonly link: MemoryLink };

/** What a tunnel port that the host carries sends and receives by. */
export interface TunnelSockets {
  readonly receiver: TunnelReceiver;
  readonly output: TunnelOutput;
}

/** A port of the datapath. */
export class Port {
  readonly portNo: number;
  readonly spec: PortSpec;
  readonly end: PortEnd;
  readonly counters: Counters = {
    rxPackets: 0,
    rxBytes: 0,
    rxDropped: 0,
    rxErrors: 0,
    txPackets: 0,
    txBytes: 0,
    txDropped: 0,
    txErrors: 0,
  };
  /** Number of the network device; 0 for a memory port, and for a device in another namespace. */
  ifIndex = 0;
  mac: number;
  mtu: number = MEMORY_MTU;
  isUp = true;
  isEnabled = true;
  /** Removed: whoever still holds it must not use its end. */
  isClosed = false;
  /** What the kernel has forwarded from and to it, when it does. */
  kernelTraffic: (() => KernelTraffic) | undefined = undefined;
  /** Bytes in the send queue. */
  nBytesQueued = 0;

  constructor(portNo: number, spec: PortSpec, end: PortEnd) {
    this.portNo = portNo;
    this.spec = spec;
    this.end = end;
    this.mac = macOfName(spec.name);
  }

  /** Takes over what the kernel says of the device. @returns whether anything visible changed */
  update(link: LinkInfo): boolean {
    const isUp = link.isUp && link.isRunning;
    const hasChanged = this.isUp !== isUp || this.isEnabled !== link.isUp || this.mac !== link.mac || this.mtu !== link.mtu;
    this.ifIndex = link.index;
    this.mac = link.mac;
    this.mtu = link.mtu;
    this.isUp = isUp;
    this.isEnabled = link.isUp;
    return hasChanged;
  }

  /** Its device went to another namespace, from where the kernel tells us nothing. @returns whether that is news */
  lose(): boolean {
    const hasChanged = this.ifIndex !== 0 || !this.isUp;
    this.ifIndex = 0;
    this.isUp = true;
    this.isEnabled = true;
    return hasChanged;
  }

  /** A copy of the port's state. */
  info(): PortInfo {
    const { end } = this;
    if (end.kind === "device") this.counters.rxDropped += end.device.takeDropped();
    if (end.kind === "tunnel") this.counters.rxDropped += end.sockets?.receiver.takeDropped() ?? 0;
    const { spec, portNo, mac, mtu, isUp, isEnabled } = this;
    const kernel = this.kernelTraffic?.();
    const upcalls = kernel === undefined ? {} : { upcalls: { nSent: kernel.nSent, nLost: kernel.nLost } };
    // Copied first, `spec` would make V8 keep the object as a table of 2 KB.
    return { portNo, mac, mtu, isUp, isEnabled, stats: this.#stats(kernel), ...spec, ...upcalls };
  }

  #stats(kernel: KernelTraffic | undefined): PortStats {
    const { counters } = this;
    if (kernel === undefined) return { ...counters };
    return {
      ...counters,
      rxPackets: counters.rxPackets + kernel.rxPackets,
      rxBytes: counters.rxBytes + kernel.rxBytes,
      rxDropped: counters.rxDropped + kernel.nLost,
      txPackets: counters.txPackets + kernel.txPackets,
      txBytes: counters.txBytes + kernel.txBytes,
    };
  }
}

/** The end of a port on a network device. */
export function deviceEnd(device: FrameDevice): PortEnd {
  return { kind: "device", device, queue: new SendQueue(SEND_BATCH) };
}

/**
 * The end of a tunnel port.
 *
 * @param isInKernel - whether a program in the kernel takes packets out of the tunnel, one by one
 * @throws SystemCallError when its UDP port is taken, or without the right to raw sockets
 */
export function tunnelEnd(tunnel: TunnelSpec, memory: PacketMemory, isInKernel: boolean): PortEnd {
  if (tunnel.isNative === true) return { kind: "tunnel", tunnel, sockets: undefined };
  const sockets = { receiver: openTunnelReceiver(tunnel, !isInKernel), output: new TunnelOutput(tunnel, memory) };
  return { kind: "tunnel", tunnel, sockets };
}

/** A locally administered address that follows from the name, so that it is the same in every run. */
function macOfName(name: string): number {
  let hash = 0x811c9dc5;
  for (const character of name) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return 0x0200_0000_0000 + (hash >>> 0);
}
