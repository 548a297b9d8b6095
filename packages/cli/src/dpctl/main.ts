/**
 * `ovs-dpctl` as its launcher calls it: the datapath belongs to the running switch, which is asked over its control socket.
 *
 * @see ovs-dpctl(8)
 */
import { errnoOf, messageOf } from "@tenet/kit";
import { RpcError } from "@tenet/ovsdb";
import { SwitchControl } from "@tenet/why";
import { describeErrno } from "../daemon/errno-text.ts";
import { type CommandLine, formatOptions, hasOption, lastValue, parseCommandLine } from "../daemon/option-table.ts";
import { programFolders } from "../daemon/program-folders.ts";
import { applyLines, flowFileOf, linesOf } from "./flow-file.ts";
import { OPTION_GROUPS, SWITCH_OPTIONS } from "./options.ts";

const PROGRAM = "ovs-dpctl";
const VERSION_LINE = `${PROGRAM} (Open vSwitch) 3.1.0`;
const HELP = `${PROGRAM}: Open vSwitch datapath management utility
usage: ${PROGRAM} [OPTIONS] COMMAND [ARG...]
The commands, of which \`${PROGRAM} list-commands\` prints a list, are those of \`ovs-appctl dpctl/COMMAND\`.
${formatOptions(OPTION_GROUPS)}`;
/** Commands that `--read-only` forbids: the original's, to which limits of zones do not belong. */
const WRITES: ReadonlySet<string> = new Set([
  "add-dp",
  "del-dp",
  "add-if",
  "del-if",
  "set-if",
  "add-flow",
  "mod-flow",
  "del-flow",
  "add-flows",
  "mod-flows",
  "del-flows",
  "flush-conntrack",
  "cache-set-size",
  "ct-set-maxconns",
  "ct-enable-tcp-seq-chk",
  "ct-disable-tcp-seq-chk",
  "ipf-set-enabled",
  "ipf-set-disabled",
  "ipf-set-min-frag",
  "ipf-set-max-nfrags",
]);
/** Longest time that a timer can wait. */
const MAX_TIMER_MS = 0x7fff_ffff;

/** Runs the command, and sets the exit code of the process. @param args - what follows the name of the program */
export async function main(args: readonly string[]): Promise<void> {
  // Whoever read the output has gone, as in `ovs-dpctl dump-flows | head -1`.
  process.stdout.on("error", (error) => {
    if (errnoOf(error) !== "EPIPE") throw error;
  });
  try {
    const line = parseCommandLine(
      args,
      OPTION_GROUPS.flatMap(({ options }) => options),
    );
    const [command] = line.operands;
    if (hasOption(line, "version")) return print(VERSION_LINE);
    if (hasOption(line, "help") || command === "help") return print(HELP);
    setTimeLimit(lastValue(line, "timeout"), process.env["OVS_CTL_TIMEOUT"]);
    if (command === undefined) return fail("missing command name; use --help for help");
    if (hasOption(line, "read-only") && WRITES.has(command)) {
      return fail(`'${command}' command does not work in read only mode`);
    }
    await runCommand(command, line);
  } catch (error) {
    fail(messageOf(error));
  }
}

/**
 * Ends the process by the signal of an alarm clock, as the original ends.
 *
 * @param usual - from the environment, for when the text is missing; what is no time there sets none
 * @throws Error when the text is no time
 */
function setTimeLimit(text: string | undefined, usual = ""): void {
  const seconds = secondsOf(text ?? usual);
  if (seconds > 0) setTimeout(() => process.kill(process.pid, "SIGALRM"), Math.min(1000 * seconds, MAX_TIMER_MS)).unref();
  else if (text !== undefined) throw new Error(`value ${text} on -t or --timeout is invalid`);
}

/** A whole number; 0 when it is none. */
function secondsOf(text: string): number {
  return /^\d+$/.test(text) ? Number(text) : 0;
}

async function runCommand(command: string, line: CommandLine): Promise<void> {
  const options = SWITCH_OPTIONS.filter(({ name }) => hasOption(line, name)).map(({ name }) => `--${name}`);
  const operands = line.operands.slice(1);
  using control = await SwitchControl.open(programFolders(process.env).runDir);
  const run = (name: string, args: readonly string[]): Promise<string> => control.run(`dpctl/${name}`, args);
  const file = await flowFileOf(command, options, operands, run);
  if (file !== undefined) {
    const lines = await linesOf(file).catch((error: unknown) => describeErrno(error));
    if (typeof lines === "string") return fail(`Opening file "${file.path}" failed (${lines})`);
    return await applyLines(lines, file, run, print, (problem) => warn(inOurName(problem)));
  }
  const dashed = operands.find((operand) => operand.startsWith("-") && operand !== "-");
  if (dashed !== undefined) return fail(`argument ${dashed} would be an option to the switch: it must not begin with "-"`);
  try {
    const answer = await run(command, [...options, ...operands]);
    if (answer !== "") print(answer.trimEnd());
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    fail(refusalOf(String(error.error).trim(), command));
  }
}

/** What a refusal says, in this program's words. */
function refusalOf(text: string, command: string): string {
  if (text.includes("is not a valid command")) return `unknown command '${command}'; use --help for help`;
  return inOurName(text).replaceAll(`"dpctl/${command}" command`, `'${command}' command`);
}

/** A message of the switch without its name before it. */
function inOurName(text: string): string {
  return text.replace(/^ovs-vswitchd: /gm, "").trim();
}

function print(text: string): void {
  process.stdout.write(`${text.trimEnd()}\n`);
}

function warn(problem: string): void {
  process.stderr.write(`${PROGRAM}: ${problem}\n`);
}

function fail(problem: string): void {
  warn(problem);
  process.exitCode = 1;
}
