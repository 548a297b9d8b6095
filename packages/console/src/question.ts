/** The packet question: its form fields and its text, kept in step. */

/** What the packet carries. */
export type Protocol = "icmp" | "tcp" | "udp";

/** The fields of the explain form. */
export interface Question {
  readonly from: string;
  readonly to: string;
  readonly protocol: Protocol;
  /** Destination port as typed; ignored for ICMP. */
  readonly port: string;
}

/** `web1 -> db1 tcp 5432`. */
export function formatQuestion({ from, to, protocol, port }: Question): string {
  return protocol === "icmp" || port === "" ? `${from} -> ${to} ${protocol}` : `${from} -> ${to} ${protocol} ${port}`;
}

/** Reads a question that the form can show; `undefined` for anything richer, which stays free text. */
export function parseQuestion(text: string): Question | undefined {
  const found = /^\s*(\S+)\s*->\s*(\S+)(?:\s+(icmp|ping|tcp|udp)(?:\s+(\d{1,5}))?)?\s*$/.exec(text);
  const [, from, to, word = "icmp", port = ""] = found ?? [];
  if (from === undefined || to === undefined) return undefined;
  return { from, to, protocol: word === "tcp" || word === "udp" ? word : "icmp", port };
}
