/** Bits of `ct_state`, in OpenFlow's order. */
export const CT_STATE = {
  /** Begins a connection that is not committed, or not answered. */
  new: 0x01,
  /** Belongs to a connection. */
  est: 0x02,
  /** Is about a connection: an ICMP error. */
  rel: 0x04,
  /** Goes to the side that began. */
  rpl: 0x08,
  /** Fits no connection and cannot begin one. */
  inv: 0x10,
  /** Went through the tracker. */
  trk: 0x20,
  /** Its source was translated. */
  snat: 0x40,
  /** Its destination was translated. */
  dnat: 0x80,
} as const;

/** Both bits of translation. */
export const NAT_STATES: number = CT_STATE.snat | CT_STATE.dnat;
