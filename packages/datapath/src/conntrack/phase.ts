/** How long connections live after a packet, by what happened last. The values are the original's. */

/** What happened last to a connection. */
export const PHASE = {
  tcpFirst: 0,
  tcpOpening: 1,
  tcpEstablished: 2,
  tcpClosing: 3,
  tcpFinWait: 4,
  tcpClosed: 5,
  otherFirst: 6,
  otherMultiple: 7,
  otherBoth: 8,
  icmpFirst: 9,
  icmpReply: 10,
} as const;

/** A number of {@link PHASE}. */
export type Phase = (typeof PHASE)[keyof typeof PHASE];

/** By phase. */
export const TIMEOUT_MS: Readonly<Record<Phase, number>> = {
  [PHASE.tcpFirst]: 30_000,
  [PHASE.tcpOpening]: 30_000,
  [PHASE.tcpEstablished]: 86_400_000,
  [PHASE.tcpClosing]: 900_000,
  [PHASE.tcpFinWait]: 45_000,
  [PHASE.tcpClosed]: 30_000,
  [PHASE.otherFirst]: 60_000,
  [PHASE.otherMultiple]: 60_000,
  [PHASE.otherBoth]: 30_000,
  [PHASE.icmpFirst]: 60_000,
  [PHASE.icmpReply]: 30_000,
};
