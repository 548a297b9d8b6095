/**
 * Raw frames of a network device through AF_PACKET.
 *
 * Frames carry a virtio-net header both ways, so that partial checksums and TCP segments of up to 64 KiB pass
 * through unchanged; the kernel cuts them for a device that takes none. Our own transmissions are not looped back.
 *
 * One socket receives, through a ring (frame-ring.ts), and another sends: then no one waits for the sending socket, and the
 * kernel has nobody to wake each time a frame has left.
 *
 * @see packet(7)
 */
import { close } from "node:fs";
import { AF, ERRNO, MSG_DONTWAIT, PACKET, SO, SOCK, SOL } from "./constants.ts";
import type { FrameDevice, ReceivedFrames, SendQueue } from "./frame-device.ts";
import { FrameRing } from "./frame-ring.ts";
import { libc } from "./libc.ts";
import { linkIndex } from "./link.ts";
import { setSocketOption } from "./socket-option.ts";
import { checked } from "./system-call-error.ts";

const ETH_P_ALL = 0x0003;
/** Of a socket that receives nothing. */
const NO_PROTOCOL = 0;
const PACKET_MR_PROMISC = 1;
const BUFFER_BYTES = 8 * 1024 * 1024;

/**
 * Opens a device for raw frames.
 *
 * @param isReceiving - whether its frames come here, too
 * @throws SystemCallError `ENODEV` when there is no such device
 */
export function openPacketSocket(name: string, isReceiving = true): FrameDevice {
  return new PacketSocket(name, isReceiving);
}

class PacketSocket implements FrameDevice {
  readonly name: string;
  readonly fd: number;
  readonly #sendFd: number;
  readonly #ring: FrameRing;

  constructor(name: string, isReceiving: boolean) {
    const action = `open device "${name}" for raw frames`;
    const index = linkIndex(name);
    this.name = name;
    this.fd = openSocket(action);
    this.#sendFd = this.#orClose(() => openSocket(action));
    this.#ring = this.#orClose(() => {
      setSocketOption(this.fd, SOL.packet, PACKET.ignoreOutgoing, action, 1);
      setSocketOption(this.fd, SOL.socket, SO.rcvbufforce, action, BUFFER_BYTES);
      return new FrameRing(this.fd, action);
    });
    this.#orClose(() => {
      setSocketOption(this.#sendFd, SOL.socket, SO.sndbufforce, action, BUFFER_BYTES);
      setSocketOption(this.fd, SOL.packet, PACKET.addMembership, action, index, PACKET_MR_PROMISC, 0, 0);
      bind(this.#sendFd, index, NO_PROTOCOL, action);
      bind(this.fd, index, isReceiving ? ETH_P_ALL : NO_PROTOCOL, action);
    });
  }

  get hasMore(): boolean {
    return this.#ring.hasMore;
  }

  receive(batch: ReceivedFrames, limit: number): number {
    const n = this.#ring.receive(batch, limit);
    return n === 0 && this.#hasFailed() ? -1 : n;
  }

  release(): void {
    this.#ring.release();
  }

  send(queue: SendQueue): number {
    const call = libc();
    const { vector, length } = queue;
    let nSent = 0;
    for (let i = 0; i < length; ) {
      const n = call.sendmmsg(this.#sendFd, vector.messageAddress(i), length - i, MSG_DONTWAIT);
      if (n > 0) {
        nSent += n;
        i += n;
        continue;
      }
      const errno = call.errno();
      // One frame that this device cannot take (too long, malformed) does not hold up the others.
      if (errno === ERRNO.EMSGSIZE || errno === ERRNO.EINVAL) i++;
      else if (errno !== ERRNO.EINTR) break;
    }
    queue.length = 0;
    return nSent;
  }

  takeDropped(): number {
    const bytes = new Uint8Array(8); // tp_packets u32, tp_drops u32; reading clears them
    const length = Uint8Array.of(8, 0, 0, 0);
    libc().getsockopt(this.fd, SOL.packet, PACKET.statistics, bytes, length); // on failure nothing is counted
    return new DataView(bytes.buffer).getUint32(4, true) + this.#ring.takeCut();
  }

  isElsewhere(): boolean {
    return false; // the kernel unbinds the socket
  }

  stay(): void {
    // The device is the host's.
  }

  /** Off this thread: the kernel waits some ms for every processor to let go of the socket. */
  close(): void {
    this.#ring.close();
    for (const fd of [this.fd, this.#sendFd]) close(fd, () => undefined); // a failure leaves nothing to be done
  }

  /** Whether the kernel has reported an error since the last time: the device is down or gone. */
  #hasFailed(): boolean {
    const error = new Uint8Array(4);
    libc().getsockopt(this.fd, SOL.socket, SO.error, error, Uint8Array.of(4, 0, 0, 0));
    return error.some((byte) => byte !== 0);
  }

  #orClose<T>(step: () => T): T {
    try {
      return step();
    } catch (error) {
      for (const fd of [this.fd, this.#sendFd]) if (fd !== undefined) libc().close(fd);
      throw error;
    }
  }
}

/** A socket with virtio-net headers that receives nothing until it is bound. */
function openSocket(action: string): number {
  const fd = checked(libc().socket(AF.packet, SOCK.raw | SOCK.nonblock | SOCK.cloexec, NO_PROTOCOL), action, "socket AF_PACKET");
  setSocketOption(fd, SOL.packet, PACKET.vnetHdr, action, 1);
  return fd;
}

function bind(fd: number, ifIndex: number, protocol: number, action: string): void {
  const address = new Uint8Array(20); // sockaddr_ll: family u16, protocol be16, ifindex i32, ...
  const view = new DataView(address.buffer);
  view.setUint16(0, AF.packet, true);
  view.setUint16(2, protocol);
  view.setInt32(4, ifIndex, true);
  checked(libc().bind(fd, address, address.length), action, "bind AF_PACKET");
}
