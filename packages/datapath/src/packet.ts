/** A frame on its way through the datapath: where it is in the arena, and who else looks at it. */

/** Reused for many frames; the fields say which one it is now. */
export class Packet {
  /** Start of the Ethernet header in the arena. */
  at = 0;
  length = 0;
  /** Start of the virtio-net header in the arena. */
  headerAt = 0;
  /** Lowest position that `at` may move down to when a tag is pushed. */
  floor = 0;
  /** The scratch slot it is in, or -1 in a receive slot. */
  slot = -1;
  /** Whether the slot is free again when this packet is done with. */
  ownsSlot = false;
  inPort = 0;
  /** Others refer to these bytes (a send queue, an upcall): copy before changing them. */
  isShared = false;
}
