/**
 * Receives frames of a packet socket through memory that the kernel writes and we read, without a system call.
 *
 * The ring has slots of 512 bytes. The kernel fills them in order and sets the slot's status; we set it back when the
 * frame is done with. A frame that is too long for a slot waits in the socket's own queue instead, at its turn, and has to
 * be received from there: long frames cost a copy anyway, and slots for 64 KiB would cost 64 MiB for each port.
 *
 *  tpacket2_hdr: | status 4 | len 4 | snaplen 4 | mac 2 | net 2 | sec 4 | nsec 4 | vlan_tci 2 | vlan_tpid 2 | pad 4 |
 *
 * @see packet(7), Documentation/networking/packet_mmap.rst of the kernel
 */
import { MAP, MSG_DONTWAIT, PACKET, PROT, SOL } from "./constants.ts";
import { FRAME_OFFSET, FrameArena, VNET_HEADER_BYTES } from "./frame-arena.ts";
import type { ReceivedFrames } from "./frame-device.ts";
import { libc } from "./libc.ts";
import { setSocketOption } from "./socket-option.ts";
import { checked } from "./system-call-error.ts";

const TPACKET_V2 = 1;
const SLOT_BYTES = 512;
const SLOT_WORDS = SLOT_BYTES / 4;
const N_SLOTS = 1024;
const BLOCK_BYTES = 64 * 1024;
const RING_BYTES = N_SLOTS * SLOT_BYTES;
/** Where the kernel puts a frame that has a virtio-net header and is given no room of ours: after its header and address. */
const DEFAULT_FRAME_OFFSET = 76;
const STATUS = { kernel: 0, user: 1, copied: 2, vlanValid: 0x10, tpidValid: 0x40 } as const;
const NEEDS_CHECKSUM = 1;
const TAG_BYTES = 4;

/** Frames that one call gives, at most. */
const MAX_BATCH = 64;

/** The receiving side of one packet socket. */
export class FrameRing {
  readonly #fd: number;
  readonly #arena: FrameArena;
  readonly #words: Int32Array;
  #next = 0;
  /** Slots before `#next` that we still hold. */
  #nHeld = 0;
  /** Frames that were too long for a slot when the socket's own queue was full. */
  #nCut = 0;
  /** Of the batch in hand: the VLAN tag that the kernel took off each frame; 0 = none. */
  readonly #tags = new Int32Array(MAX_BATCH);
  /** Of the batch in hand: which frames are in the socket's own queue. */
  readonly #long = new Int32Array(MAX_BATCH);

  /** Makes the ring of a socket that is not bound yet. @throws SystemCallError */
  constructor(fd: number, action: string) {
    this.#fd = fd;
    setSocketOption(fd, SOL.packet, PACKET.version, action, TPACKET_V2);
    setSocketOption(fd, SOL.packet, PACKET.reserve, action, FRAME_OFFSET - DEFAULT_FRAME_OFFSET);
    setSocketOption(fd, SOL.packet, PACKET.copyThreshold, action, 1);
    setSocketOption(fd, SOL.packet, PACKET.receiveRing, action, BLOCK_BYTES, RING_BYTES / BLOCK_BYTES, SLOT_BYTES, N_SLOTS);
    const address = checked(libc().mmap(null, RING_BYTES, PROT.read | PROT.write, MAP.shared, fd, 0), action, "mmap");
    const bytes = libc().viewOf(address, RING_BYTES);
    this.#arena = new FrameArena(N_SLOTS, { bytes, address, slotBytes: SLOT_BYTES });
    this.#words = new Int32Array(bytes.buffer);
  }

  /** Whether a frame waits. */
  get hasMore(): boolean {
    return (Atomics.load(this.#words, this.#next * SLOT_WORDS) & STATUS.user) !== 0;
  }

  /** Takes up to `limit` frames; they are valid until `release`. One that was lost has length 0. @returns how many */
  receive(batch: ReceivedFrames, limit: number): number {
    const most = Math.min(limit, batch.vector.capacity, MAX_BATCH);
    let n = 0;
    let nLong = 0;
    for (; n < most && this.hasMore; n++) {
      if (this.#take(batch, n)) this.#long[nLong++] = n;
      this.#next = (this.#next + 1) % N_SLOTS;
    }
    this.#nHeld += n;
    if (nLong > 0) this.#takeLong(batch, nLong);
    for (let i = 0; i < n; i++) finishFrame(batch, i, this.#tags[i] ?? 0);
    return n;
  }

  /** Gives the slots of all frames taken back to the kernel. */
  release(): void {
    for (; this.#nHeld > 0; this.#nHeld--) {
      const slot = (this.#next - this.#nHeld + N_SLOTS) % N_SLOTS;
      Atomics.store(this.#words, slot * SLOT_WORDS, STATUS.kernel);
    }
  }

  /** Frames lost here since the last call, beside those that the kernel counts. */
  takeCut(): number {
    const n = this.#nCut;
    this.#nCut = 0;
    return n;
  }

  /**
   * Gives the memory back to the kernel, which frees the socket with it. The address range stays ours, with nothing in
   * it, so that a reference which somebody kept reads zeros instead of ending the process.
   */
  close(): void {
    this.#nHeld = 0;
    const flags = MAP.private | MAP.fixed | MAP.anonymous | MAP.noreserve;
    checked(libc().mmap(this.#arena.address, RING_BYTES, PROT.read | PROT.write, flags, -1, 0), "close a ring", "mmap");
  }

  /** Notes the frame in the next slot. @returns whether it is too long for it, and in the socket's queue */
  #take(batch: ReceivedFrames, i: number): boolean {
    const { view } = this.#arena;
    const at = this.#arena.slotAt(this.#next);
    const status = view.getUint32(at, true);
    const tpid = (status & STATUS.tpidValid) === 0 ? 0x8100 : view.getUint16(at + 26, true);
    this.#tags[i] = (status & STATUS.vlanValid) === 0 ? 0 : (tpid << 16) | view.getUint16(at + 24, true);
    const length = view.getUint32(at + 4, true);
    const isWhole = view.getUint32(at + 8, true) === length;
    const isCopied = (status & STATUS.copied) !== 0;
    batch.arenas[i] = this.#arena;
    batch.frameAt[i] = at + view.getUint16(at + 12, true);
    batch.frameLength[i] = isWhole ? length : 0;
    if (!isWhole && !isCopied) this.#nCut++;
    return isCopied;
  }

  #takeLong(batch: ReceivedFrames, n: number): void {
    const { vector } = batch;
    const nReceived = libc().recvmmsg(this.#fd, vector.bytes, n, MSG_DONTWAIT, null);
    for (let slot = 0; slot < n; slot++) {
      const i = this.#long[slot] ?? 0;
      batch.setCopied(i, slot, slot < nReceived ? vector.messageLength(slot) : 0);
    }
  }
}

/** Only a checksum to complete and segmentation matter from here on; a tag that came beside the frame is put back. */
function finishFrame(batch: ReceivedFrames, i: number, tag: number): void {
  const arena = batch.arenas[i] ?? batch.arena;
  const { bytes, view } = arena;
  const headerAt = (batch.frameAt[i] ?? 0) - VNET_HEADER_BYTES;
  const flags = (bytes[headerAt] ?? 0) & NEEDS_CHECKSUM;
  bytes[headerAt] = flags;
  if (tag === 0 || batch.frameLength[i] === 0) return;
  bytes.copyWithin(headerAt - TAG_BYTES, headerAt, headerAt + VNET_HEADER_BYTES + 12);
  const from = headerAt - TAG_BYTES;
  view.setInt32(from + VNET_HEADER_BYTES + 12, tag);
  batch.frameAt[i] = from + VNET_HEADER_BYTES;
  batch.frameLength[i] = (batch.frameLength[i] ?? 0) + TAG_BYTES;
  if (flags !== 0) view.setUint16(from + 6, view.getUint16(from + 6, true) + TAG_BYTES, true);
  if (bytes[from + 1] !== 0) view.setUint16(from + 2, view.getUint16(from + 2, true) + TAG_BYTES, true);
}
