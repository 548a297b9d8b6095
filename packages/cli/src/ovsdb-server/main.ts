/** `tenet ovsdb-server`, and `ovsdb-server` as the launcher calls it. */
import { homeOf } from "../config.ts";
import { runProgram } from "../daemon/program.ts";
import { programFolders } from "../daemon/program-folders.ts";
import { DATABASE_SERVER_MODULES } from "../daemon/vlog/modules.ts";
import { OPTION_GROUPS } from "./options.ts";
import { PROGRAM, readSettings, VERSION_LINE } from "./settings.ts";

/**
 * Runs the command, and sets the exit code of the process.
 *
 * @param args - what follows the name of the command
 * @param isOriginalName - whether it was called as `ovsdb-server`
 */
export function main(args: readonly string[], isOriginalName: boolean): Promise<void> {
  const { env } = process;
  const usage = isOriginalName
    ? `usage: ovsdb-server [OPTIONS] [DATABASE...]\nDATABASE is a database file; without any, ${programFolders({}).dbDir}/conf.db.`
    : `usage: tenet ovsdb-server [OPTIONS] [DATABASE...]\nDATABASE is a database file; without any, the three of the state folder in $TENET_HOME are served.`;
  return runProgram(
    {
      name: PROGRAM,
      options: OPTION_GROUPS,
      modules: DATABASE_SERVER_MODULES,
      versionLine: VERSION_LINE,
      usage: `${PROGRAM}: serves OVSDB databases\n${usage}`,
      workerFlags: [],
      readSettings: (line) => readSettings(line, programFolders(env), homeOf(env).runDir, process.cwd(), isOriginalName),
      loadWorker: async () => {
        const { runWorker } = await import("./worker.ts");
        return (settings, stage, vlog, stop) => runWorker({ settings, stage, home: homeOf(env), vlog }, stop);
      },
    },
    args,
  );
}
