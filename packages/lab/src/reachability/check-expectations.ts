/** Holds a measurement against what the lab file promises. */
import { basename } from "node:path";
import type { Expectation } from "../file/expectation.ts";
import type { LabFile } from "../file/lab-file.ts";
import type { Reachability } from "./reachability.ts";

/** Expectations that the measurement contradicts, as sentences with the line of the lab file; none when all hold. */
export function checkExpectations(lab: LabFile, reachability: Reachability): readonly string[] {
  return lab.expectations.flatMap((expectation) => {
    const isOpen = found(expectation, reachability);
    if (isOpen === expectation.isOpen) return [];
    const { from, to, tcpPort, at } = expectation;
    const what = `${from} -> ${to} ${tcpPort === undefined ? "ping" : `tcp ${tcpPort}`}`;
    const measured = isOpen === undefined ? "it was not measured" : `it is ${wordOf(isOpen)}`;
    return [`${what} should be ${wordOf(expectation.isOpen)}, but ${measured} (${basename(at.file)}:${at.line})`];
  });
}

function found({ from, to, tcpPort }: Expectation, reachability: Reachability): boolean | undefined {
  const cell = reachability.cells.find((each) => each.from === from && each.to === to);
  if (tcpPort === undefined) return cell === undefined ? undefined : cell.ping === "ok";
  return cell?.tcp.find(({ port }) => port === tcpPort)?.open;
}

function wordOf(isOpen: boolean): string {
  return isOpen ? "open" : "blocked";
}
