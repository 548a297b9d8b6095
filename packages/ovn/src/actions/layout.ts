/**
 * Where OVN 23.03's controller puts the stages of a logical pipeline among the OpenFlow tables of the bridge.
 *
 * @see ovn-architecture(7), "Architectural Physical Life Cycle of a Packet"
 */

/** OpenFlow table numbers by purpose. */
export const TABLE: {
  /** From physical ports to logical ones. */
  readonly physicalToLogical: 0;
  /** Logical ingress table 0. */
  readonly ingress: 8;
  /** Packets too large for a tunnel are found and answered here, then outputs begin. */
  readonly output: 37;
  readonly largePackets: 38;
  readonly remoteOutput: 39;
  readonly localOutput: 40;
  readonly checkLoopback: 41;
  /** Logical egress table 0. */
  readonly egress: 42;
  readonly saveInport: 64;
  /** From logical ports to physical ones. */
  readonly logicalToPhysical: 65;
  readonly getFdb: 71;
  readonly lookupFdb: 72;
  readonly checkInPortSecurity: 73;
  readonly checkInNeighbours: 74;
  readonly checkOutPortSecurity: 75;
} = {
  physicalToLogical: 0,
  ingress: 8,
  output: 37,
  largePackets: 38,
  remoteOutput: 39,
  localOutput: 40,
  checkLoopback: 41,
  egress: 42,
  saveInport: 64,
  logicalToPhysical: 65,
  getFdb: 71,
  lookupFdb: 72,
  checkInPortSecurity: 73,
  checkInNeighbours: 74,
  checkOutPortSecurity: 75,
};
