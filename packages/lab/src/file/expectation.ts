/**
 * What a lab promises about who reaches whom: `web1 -> app1 tcp 8080: open`, `intruder -> web1 ping: blocked`.
 *
 * YAML reads such a line as a mapping of one key; in quotes it is text. Both are taken.
 */
import { didYouMean, type SourcePosition } from "@tenet/kit";
import type { LabHost } from "./lab-host.ts";
import type { SourceNode } from "./source-node.ts";

/** One line of `expect`. */
export interface Expectation {
  readonly from: string;
  readonly to: string;
  /** The TCP port to try; a ping when `undefined`. */
  readonly tcpPort: number | undefined;
  readonly isOpen: boolean;
  /** The line as a person would write it. */
  readonly text: string;
  readonly at: SourcePosition;
}

const FORM = /^(\S+)\s*->\s*(\S+)\s+(?:(ping)|tcp\s+(\d{1,5}))\s*:\s*(open|blocked)$/;
const EXPECTED = 'a line such as "web1 -> app1 tcp 8080: open" or "intruder -> web1 ping: blocked"';

/** Reads one element of `expect`. @throws LabFileError when it is unclear, or names what the lab does not have */
export function readExpectation(node: SourceNode, hosts: readonly LabHost[]): Expectation {
  const text = lineOf(node);
  const match = FORM.exec(text);
  if (match === null) throw node.error(`cannot read ${JSON.stringify(text)}`, { expected: EXPECTED });
  const [, from = "", to = "", , portText, verdict] = match;
  const names = hosts.map((host) => host.name);
  for (const name of [from, to]) {
    if (!names.includes(name)) throw node.error(`there is no host "${name}"`, { hint: didYouMean(name, names) });
  }
  if (from === to) throw node.error("a host is not measured against itself", { expected: "two hosts" });
  const tcpPort = portText === undefined ? undefined : Number(portText);
  const served = hosts.find((host) => host.name === to)?.listen ?? [];
  if (tcpPort !== undefined && !served.includes(tcpPort)) {
    const hint = `Add ${tcpPort} to "listen" of ${to}: only ports that a host serves are tried`;
    throw node.error(`${to} does not serve tcp ${tcpPort}`, { hint });
  }
  return { from, to, tcpPort, isOpen: verdict === "open", text, at: node.at };
}

function lineOf(node: SourceNode): string {
  if (!node.isMapping) return node.text(EXPECTED).trim();
  const [entry, ...others] = node.entries(EXPECTED);
  if (entry === undefined || others.length > 0) throw node.error("one line is one expectation", { expected: EXPECTED });
  return `${entry.key.text(EXPECTED)}: ${entry.value.text("open or blocked")}`;
}
