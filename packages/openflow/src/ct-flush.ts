/** A request to forget tracked connections (NXT_CT_FLUSH). */

/** One direction of the connections that are meant; what is absent may be anything. */
export interface CtFlushTuple {
  /** 16 bytes; an IPv4 address comes after 10 zeros and two 0xff. */
  readonly src?: Uint8Array;
  readonly dst?: Uint8Array;
  /** For ICMP the identifier is a port. */
  readonly srcPort?: number;
  readonly dstPort?: number;
  readonly icmpId?: number;
  readonly icmpType?: number;
  readonly icmpCode?: number;
}

/** Forget the connections of a zone, or of all, that have these addresses. */
export interface CtFlush {
  readonly type: "ctFlush";
  readonly zone?: number;
  /** IP protocol; 0 = any. */
  readonly protocol: number;
  readonly original: CtFlushTuple;
  readonly reply: CtFlushTuple;
}
