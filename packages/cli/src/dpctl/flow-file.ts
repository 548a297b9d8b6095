/**
 * `add-flows`, `mod-flows` and `del-flows` with a file or standard input.
 *
 * This program reads it, in its own folder and with the rights of its user, and has the switch carry out one line after the other.
 */
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { ArgumentError, RpcError } from "@tenet/ovsdb";
import { type LineChange, readFlowLine } from "@tenet/switch";

const CHANGE_OF_COMMAND: ReadonlyMap<string, LineChange> = new Map([
  ["add-flows", "add"],
  ["mod-flows", "modify"],
  ["del-flows", "delete"],
]);
const COMMAND_OF_CHANGE = { add: "add-flow", modify: "mod-flow", delete: "del-flow" } as const;

/** Runs a command `dpctl/NAME` of the switch. */
export type RunCommand = (name: string, args: readonly string[]) => Promise<string>;

/** What a file is about. */
export interface FlowFile {
  readonly path: string;
  /** The name of a datapath, when one was given. */
  readonly datapath: readonly string[];
  /** What lines ask for that do not say it. */
  readonly change: LineChange;
  /** Options that every line is carried out with. */
  readonly options: readonly string[];
}

/** Those of the command's options that lines have: the original has no others there. */
const LINE_OPTIONS: ReadonlySet<string> = new Set(["--statistics"]);

/** The file that a command is about; `undefined` when it is about none. */
export async function flowFileOf(
  command: string,
  options: readonly string[],
  operands: readonly string[],
  run: RunCommand,
): Promise<FlowFile | undefined> {
  const change = CHANGE_OF_COMMAND.get(command);
  const [first, ...others] = operands;
  if (change === undefined || first === undefined) return undefined;
  const datapaths = (await run("dump-dps", [])).split("\n");
  const hasDatapath = datapaths.includes(first.includes("@") ? first : `system@${first}`);
  const [path, ...more] = hasDatapath ? others : operands;
  if (path === undefined || more.length > 0) return undefined;
  return { path, datapath: hasDatapath ? [first] : [], change, options: options.filter((option) => LINE_OPTIONS.has(option)) };
}

/** The lines of a file; those of standard input as they come. @throws the error of a file that cannot be read */
export async function linesOf({ path }: FlowFile): Promise<Iterable<string> | AsyncIterable<string>> {
  return path === "-" ? createInterface({ input: process.stdin }) : (await readFile(path, "utf8")).split("\n");
}

/** Carries out lines, one after the other, and tells what is answered; what is wrong with one is told, and the next one is read. */
export async function applyLines(
  lines: Iterable<string> | AsyncIterable<string>,
  { change: usual, datapath, options }: FlowFile,
  run: RunCommand,
  tell: (answer: string) => void,
  complain: (problem: string) => void,
): Promise<void> {
  let lineNo = 0;
  for await (const line of lines) {
    try {
      const asked = readFlowLine(line, usual, ++lineNo);
      if (asked === undefined) continue;
      const { change, flow, actions } = asked;
      const answer = await run(COMMAND_OF_CHANGE[change], [
        ...options,
        ...datapath,
        flow,
        ...(change === "delete" ? [] : [actions]),
      ]);
      if (answer !== "") tell(answer);
    } catch (error) {
      if (error instanceof ArgumentError) complain(error.message);
      else if (error instanceof RpcError) complain(String(error.error));
      else throw error;
    }
  }
}
