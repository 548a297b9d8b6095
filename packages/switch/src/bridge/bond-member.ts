/** An interface of a bond, and the senders that go out of it. */
import type { BridgePort } from "./bridge-port.ts";

/** An interface of a bond. */
export interface BondMember {
  readonly port: BridgePort;
  isEnabled: boolean;
  /** Monotonic ms when it is enabled or disabled, as its link is; `undefined`: it is as its link is. */
  changesAtMs: number | undefined;
}

/** Senders with one hash, and the member that they go out of. */
export class SenderHash {
  readonly value: number;
  member: BondMember | undefined;
  /** Sent lately; halved when the bond is rebalanced. */
  nBytes = 0;

  constructor(value: number) {
    this.value = value;
  }

  count(_nPackets: number, nBytes: number): void {
    this.nBytes += nBytes;
  }
}
