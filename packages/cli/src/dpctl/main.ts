/**
 * `ovs-dpctl` as its launcher calls it: the datapath belongs to the running switch, which is asked over its control socket.
 *
 * @see ovs-dpctl(8)
 */
import { messageOf } from "@tenet/kit";
import { RpcError } from "@tenet/ovsdb";
import { askSwitch } from "@tenet/why";
import { programFolders } from "../daemon/program-folders.ts";

const PROGRAM = "ovs-dpctl";
const VERSION_LINE = `${PROGRAM} (Open vSwitch) 3.1.0`;
const HELP = `${PROGRAM}: Open vSwitch datapath management utility
usage: ${PROGRAM} [OPTIONS] COMMAND [ARG...]
The commands, of which \`${PROGRAM} list-commands\` prints a list, are those of \`ovs-appctl dpctl/COMMAND\`.

Options:
  -m, --more        show more of flows and connections
  -s, --statistics  show statistics
  --names           show ports by their names
  --no-names        show ports by their numbers
  --may-create      let mod-flow create the flow
  --clear           reset the flow's statistics
  -h, --help        print this
  -V, --version     print the version`;
/** Options that say how this program works, which the switch does not see. */
const OWN_OPTION = /^(-v.*|--verbose(=.*)?|--log-file(=.*)?|--syslog-(method|target)=.*|(-t|--timeout=)\d+)$/;

/** Runs the command, and sets the exit code of the process. @param args - what follows the name of the command */
export async function main(args: readonly string[]): Promise<void> {
  const options = args.filter((arg) => arg.startsWith("-") && !OWN_OPTION.test(arg));
  const [command, ...operands] = args.filter((arg) => !arg.startsWith("-"));
  if (options.some((option) => option === "-V" || option === "--version")) return print(VERSION_LINE);
  if (options.some((option) => option === "-h" || option === "--help")) return print(HELP);
  if (command === undefined) return fail("missing command name; use --help for help");
  try {
    const { runDir } = programFolders(process.env);
    const answer = await askSwitch(runDir, `run "${command}"`, [`dpctl/${command}`, ...options, ...operands], NEVER);
    if (answer !== "") print(answer.trimEnd());
  } catch (error) {
    fail(problemOf(error, command));
  }
}

const NEVER = new AbortController().signal;

/** What a refusal says, in this program's words. */
function problemOf(error: unknown, command: string): string {
  const cause = error instanceof Error ? error.cause : undefined;
  if (!(cause instanceof RpcError)) return messageOf(error);
  const text = String(cause.error).trim();
  if (text.includes("is not a valid command")) return `unknown command '${command}'; use --help for help`;
  return text.replaceAll("ovs-vswitchd: ", "").replaceAll(`"dpctl/${command}" command`, `'${command}' command`);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function fail(problem: string): void {
  process.stderr.write(`${PROGRAM}: ${problem}\n`);
  process.exitCode = 1;
}
