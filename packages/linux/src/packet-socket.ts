/**
 * Raw frames of a network device through AF_PACKET.
 *
 * Frames carry a virtio-net header both ways, so that partial checksums and TCP segments of up to 64 KiB pass
 * through unchanged; the kernel cuts them for a device that takes none, which it would not do if the socket bypassed
 * the queueing discipline. Our own transmissions are not looped back. A VLAN tag that the kernel took off is put back.
 *
 * @see packet(7)
 */
import { close } from "node:fs";
import { AF, ERRNO, MSG_DONTWAIT, PACKET, SO, SOCK, SOL } from "./constants.ts";
import { FRAME_OFFSET, VNET_HEADER_BYTES } from "./frame-arena.ts";
import type { FrameDevice, ReceivedFrames, SendQueue } from "./frame-device.ts";
import { libc } from "./libc.ts";
import { linkIndex } from "./link.ts";
import { checked } from "./system-call-error.ts";

const ETH_P_ALL = 0x0300; // in network order, as a little-endian number
const PACKET_MR_PROMISC = 1;
const BUFFER_BYTES = 8 * 1024 * 1024;
const AUXDATA_AT = 16; // after the cmsghdr
const TP_STATUS_VLAN_VALID = 0x10;
const TP_STATUS_VLAN_TPID_VALID = 0x40;
const NEEDS_CSUM = 1;

/** Opens a device for raw frames. @throws SystemCallError `ENODEV` when there is no such device */
export function openPacketSocket(name: string): FrameDevice {
  return new PacketSocket(name);
}

class PacketSocket implements FrameDevice {
  readonly name: string;
  readonly fd: number;
  #nDropped = 0;

  constructor(name: string) {
    const call = libc();
    const action = `open device "${name}" for raw frames`;
    const index = linkIndex(name);
    this.name = name;
    // Protocol 0 until bound: nothing is received before every option is set.
    this.fd = checked(call.socket(AF.packet, SOCK.raw | SOCK.nonblock | SOCK.cloexec, 0), action, "socket AF_PACKET");
    try {
      this.#setOption(SOL.packet, PACKET.vnetHdr, 1, action);
      this.#setOption(SOL.packet, PACKET.auxdata, 1, action);
      this.#setOption(SOL.packet, PACKET.ignoreOutgoing, 1, action);
      this.#setOption(SOL.socket, SO.rcvbufforce, BUFFER_BYTES, action);
      this.#setOption(SOL.socket, SO.sndbufforce, BUFFER_BYTES, action);
      this.#bind(index, action);
    } catch (error) {
      call.close(this.fd);
      throw error;
    }
  }

  receive(batch: ReceivedFrames, limit: number): number {
    const call = libc();
    const { vector } = batch;
    const n = call.recvmmsg(this.fd, vector.bytes, Math.min(limit, vector.capacity), MSG_DONTWAIT, null);
    if (n < 0) {
      const errno = call.errno();
      return errno === ERRNO.EAGAIN || errno === ERRNO.EINTR || errno === ERRNO.ENOBUFS ? 0 : -1;
    }
    for (let i = 0; i < n; i++) this.#accept(batch, i);
    return n;
  }

  send(queue: SendQueue): number {
    const call = libc();
    const { vector, length } = queue;
    let nSent = 0;
    for (let i = 0; i < length; ) {
      const n = call.sendmmsg(this.fd, vector.messageAddress(i), length - i, MSG_DONTWAIT);
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
    if (libc().getsockopt(this.fd, SOL.packet, PACKET.statistics, bytes, length) < 0) return 0;
    const taken = this.#nDropped + new DataView(bytes.buffer).getUint32(4, true);
    this.#nDropped = 0;
    return taken;
  }

  isElsewhere(): boolean {
    return false; // the kernel unbinds the socket
  }

  /** Off this thread: the kernel waits some ms for every processor to let go of the socket. */
  close(): void {
    close(this.fd, () => undefined); // a failure leaves nothing to be done
  }

  #accept(batch: ReceivedFrames, i: number): void {
    const { vector, arena } = batch;
    const slot = batch.headerAt[i] ?? 0;
    batch.frameAt[i] = slot + FRAME_OFFSET;
    batch.frameLength[i] = Math.max(0, vector.messageLength(i) - VNET_HEADER_BYTES);
    if (vector.controlLength(i) >= AUXDATA_AT + 20) this.#restoreTag(batch, i);
    vector.resetControl(i);
    // Only a checksum to complete and segmentation matter from here on.
    const flags = arena.bytes[slot] ?? 0;
    if ((flags & ~NEEDS_CSUM) !== 0) arena.bytes[slot] = flags & NEEDS_CSUM;
  }

  /** Puts a VLAN tag that came beside the frame back in front of the EtherType. */
  #restoreTag(batch: ReceivedFrames, i: number): void {
    const control = batch.vector.bytes;
    const aux = batch.vector.controlAt(i) + AUXDATA_AT; // status u32, len, snaplen u32, mac, net, tci, tpid u16
    const status = control[aux] ?? 0;
    if ((status & TP_STATUS_VLAN_VALID) === 0) return;
    const { bytes, view } = batch.arena;
    const slot = batch.headerAt[i] ?? 0;
    const from = slot + FRAME_OFFSET;
    bytes.copyWithin(from - 4, from, from + 12);
    const hasTpid = (status & TP_STATUS_VLAN_TPID_VALID) !== 0;
    bytes[from + 8] = hasTpid ? (control[aux + 19] ?? 0) : 0x81;
    bytes[from + 9] = hasTpid ? (control[aux + 18] ?? 0) : 0;
    bytes[from + 10] = control[aux + 17] ?? 0;
    bytes[from + 11] = control[aux + 16] ?? 0;
    batch.frameAt[i] = from - 4;
    batch.frameLength[i] = (batch.frameLength[i] ?? 0) + 4;
    if (((bytes[slot] ?? 0) & NEEDS_CSUM) !== 0) view.setUint16(slot + 6, view.getUint16(slot + 6, true) + 4, true);
    if (bytes[slot + 1] !== 0) view.setUint16(slot + 2, view.getUint16(slot + 2, true) + 4, true);
  }

  #setOption(level: number, name: number, value: number, action: string): void {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setInt32(0, value, true);
    checked(libc().setsockopt(this.fd, level, name, bytes, 4), action, `setsockopt ${level} ${name}`);
  }

  #bind(index: number, action: string): void {
    const call = libc();
    const membership = new Uint8Array(16); // ifindex i32, type u16, address length u16, address 8
    const view = new DataView(membership.buffer);
    view.setInt32(0, index, true);
    view.setUint16(4, PACKET_MR_PROMISC, true);
    checked(call.setsockopt(this.fd, SOL.packet, PACKET.addMembership, membership, 16), action, "setsockopt promiscuous");
    const address = new Uint8Array(20); // sockaddr_ll: family u16, protocol be16, ifindex i32, ...
    const addressView = new DataView(address.buffer);
    addressView.setUint16(0, AF.packet, true);
    addressView.setUint16(2, ETH_P_ALL, true);
    addressView.setInt32(4, index, true);
    checked(call.bind(this.fd, address, address.length), action, "bind AF_PACKET");
  }
}
