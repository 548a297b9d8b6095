/**
 * TAP devices: a network device whose other end is this process. It exists as long as it is open, or stays when the process dies.
 *
 * Frames carry a virtio-net header as with packet sockets, and the kernel may hand us TCP segments of up to 64 KiB.
 */
import { ERRNO, O } from "./constants.ts";
import { VNET_HEADER_BYTES } from "./frame-arena.ts";
import type { FrameDevice, ReceivedFrames, SendQueue } from "./frame-device.ts";
import { libc } from "./libc.ts";
import { checked, SystemCallError } from "./system-call-error.ts";

const TUNSETIFF = 0x400454ca;
const TUNGETIFF = 0x800454d2;
const TUNSETOFFLOAD = 0x400454d0;
const TUNSETPERSIST = 0x400454cb;
/** The kernel looks only whether it is a null pointer. */
const YES = new Uint8Array(1);
const IFF_TAP = 2;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;
const TUN_F_CSUM_TSO4_TSO6 = 7;
const IFNAMSIZ = 16;

/**
 * Makes a TAP device, down and without addresses, or opens the one of this name that has stayed; it goes when it is closed.
 *
 * @throws SystemCallError `EBUSY` when the name is in use, `ENAMETOOLONG`
 */
export function openTap(name: string): FrameDevice {
  return new Tap(name);
}

class Tap implements FrameDevice {
  readonly name: string;
  readonly fd: number;
  /** The last batch was full. */
  hasMore = false;

  constructor(name: string) {
    const call = libc();
    const action = `make TAP device "${name}"`;
    this.name = name;
    if (name.length >= IFNAMSIZ) throw new SystemCallError(action, "make TAP device", "ENAMETOOLONG");
    this.fd = checked(call.open("/dev/net/tun", O.rdwr | O.nonblock | O.cloexec, 0), action, "open /dev/net/tun");
    try {
      const request = new Uint8Array(40); // ifreq: name 16, flags u16
      request.set(new TextEncoder().encode(name).subarray(0, IFNAMSIZ - 1));
      new DataView(request.buffer).setUint16(IFNAMSIZ, IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, true);
      checked(call.ioctl(this.fd, TUNSETIFF, request), action, "ioctl TUNSETIFF");
      checked(call.ioctl(this.fd, TUNSETOFFLOAD, TUN_F_CSUM_TSO4_TSO6), action, "ioctl TUNSETOFFLOAD");
      this.#setPersistent(false);
    } catch (error) {
      call.close(this.fd);
      throw error;
    }
  }

  receive(batch: ReceivedFrames, limit: number): number {
    const call = libc();
    const { vector, arena } = batch;
    const most = Math.min(limit, vector.capacity);
    this.hasMore = false;
    for (let i = 0; i < most; i++) {
      const nBytes = call.readv(this.fd, vector.iovAddress(i), 1);
      if (nBytes < 0) {
        const errno = call.errno();
        return i > 0 || errno === ERRNO.EAGAIN || errno === ERRNO.EINTR ? i : -1;
      }
      batch.setCopied(i, i, nBytes);
      const headerAt = (batch.frameAt[i] ?? 0) - VNET_HEADER_BYTES;
      arena.bytes[headerAt] = (arena.bytes[headerAt] ?? 0) & 1;
    }
    this.hasMore = true;
    return most;
  }

  release(): void {
    // Frames are copied; nothing is held.
  }

  send(queue: SendQueue): number {
    const call = libc();
    let nSent = 0;
    for (let i = 0; i < queue.length; i++) {
      if (call.writev(this.fd, queue.vector.iovAddress(i), 1) >= 0) nSent++;
    }
    queue.length = 0;
    return nSent;
  }

  takeDropped(): number {
    return 0;
  }

  isElsewhere(): boolean {
    return libc().ioctl(this.fd, TUNGETIFF, new Uint8Array(40)) >= 0;
  }

  stay(): void {
    this.#setPersistent(true);
  }

  close(): void {
    this.#setPersistent(false);
    libc().close(this.fd);
  }

  #setPersistent(isPersistent: boolean): void {
    libc().ioctl(this.fd, TUNSETPERSIST, isPersistent ? YES : null); // in vain where the device went away
  }
}
