/** What tests begin with when they track connections. */
import type { CtDatapathAction, CtNat } from "@tenet/datapath";

/** Looks a packet up in zone 0, and commits nothing. */
export const TRACK: CtDatapathAction = {
  type: "ct",
  isCommit: false,
  isForce: false,
  zone: 0,
  mark: 0,
  markMask: 0,
  label: undefined,
  labelMask: undefined,
  nat: undefined,
};

/** Translates packets of connections that are translated, and begins no translation. */
export const KNOWN_NAT: CtNat = {
  side: undefined,
  firstAddress: undefined,
  lastAddress: undefined,
  firstPort: 0,
  lastPort: 0,
  isPersistent: false,
  portChoice: undefined,
};
