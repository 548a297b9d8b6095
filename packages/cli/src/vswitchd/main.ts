/** `tenet vswitchd`, and `ovs-vswitchd` as the launcher calls it. */
import { homeOf } from "../config.ts";
import { runProgram } from "../daemon/program.ts";
import { compileAhead, ROOM_FOR_OLD } from "../daemon/short-pauses.ts";
import { programFolders } from "../daemon/program-folders.ts";
import { SWITCH_MODULES } from "../daemon/vlog/modules.ts";
import { OPTION_GROUPS } from "./options.ts";
import { PROGRAM, readSettings, VERSION_LINE } from "./settings.ts";

/**
 * Runs the command, and sets the exit code of the process.
 *
 * @param args - what follows the name of the command
 * @param isOriginalName - whether it was called as `ovs-vswitchd`
 */
export function main(args: readonly string[], isOriginalName: boolean): Promise<void> {
  const { env } = process;
  const command = isOriginalName ? PROGRAM : "tenet vswitchd";
  const runDir = isOriginalName ? programFolders({}).runDir : "HOME/run";
  return runProgram(
    {
      name: PROGRAM,
      options: OPTION_GROUPS,
      modules: SWITCH_MODULES,
      versionLine: VERSION_LINE,
      usage: `${PROGRAM}: runs the bridges of an Open_vSwitch database\nusage: ${command} [OPTIONS] [DATABASE]\nDATABASE is unix:FILE, tcp:HOST:PORT or ssl:HOST:PORT; without it, unix:${runDir}/db.sock.`,
      workerFlags: [ROOM_FOR_OLD],
      readSettings: (line) => readSettings(line, programFolders(env), homeOf(env).runDir, process.cwd(), isOriginalName),
      loadWorker: async () => {
        compileAhead();
        return (await import("./worker.ts")).runWorker;
      },
    },
    args,
  );
}
