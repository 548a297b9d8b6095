/** Who reaches whom, as measured. */

/** The whole matrix. */
export interface Reachability {
  /** Names, in the order of the lab file. */
  readonly hosts: readonly string[];
  /** One cell per ordered pair of hosts. */
  readonly cells: readonly ReachabilityCell[];
  /** Milliseconds since 1970 UTC. */
  readonly measuredAt: number;
}

/** What one host can do to another. */
export interface ReachabilityCell {
  readonly from: string;
  readonly to: string;
  readonly ping: "ok" | "no";
  /** The ports that `to` serves. */
  readonly tcp: readonly TcpReachability[];
}

/** Whether a TCP connection opened. */
export interface TcpReachability {
  readonly port: number;
  readonly open: boolean;
}
