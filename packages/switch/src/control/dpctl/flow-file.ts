/** Files of changes of datapath flows, one a line: `[add|modify|delete] FLOW [ACTIONS]`. @see ovs-dpctl(8), "add-flows" */
import { ArgumentError } from "@tenet/ovsdb";

/** What is done to a flow. */
export type LineChange = "add" | "modify" | "delete";

/** What a line asks for. */
export interface FlowLine {
  readonly change: LineChange;
  readonly flow: string;
  /** None when it is deleted. */
  readonly actions: string;
}

/**
 * Reads a line; `undefined` when it is blank.
 *
 * @param change - what is done to a flow whose line does not say it
 * @param lineNo - counted from 1, for the message
 * @throws ArgumentError
 */
export function readFlowLine(line: string, change: LineChange, lineNo: number): FlowLine | undefined {
  const text = line.replace(/#.*/, "").trim();
  if (text === "") return undefined;
  const [, word, flow = "", actions = ""] = /^(?:(add|modify|delete)\s+)?(\S+)\s*(.*)$/.exec(text) ?? [];
  const asked = { change: (word as LineChange | undefined) ?? change, flow, actions };
  if ((asked.change === "delete") === (actions === "")) return asked;
  throw new ArgumentError(`ovs-vswitchd: Failed parsing line number ${lineNo}, skipped!`);
}
