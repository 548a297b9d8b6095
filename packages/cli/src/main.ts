/** The tenet command: the only file that touches `process`. */
import { resolve } from "node:path";
import { Command } from "commander";
import { formatError } from "@tenet/kit";
import { up } from "./up.ts";

const stop = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.on(name, () => (stop.signal.aborted ? process.exit(130) : stop.abort()));
}

const program = new Command("tenet").description("Virtual networks and the policy over them");
program
  .command("up")
  .argument("[policies]", "folder of policy files")
  .description("serve the databases, northd, the switch, the controller and the policies until Ctrl-C")
  .action(async (policies: string | undefined) => {
    const home = resolve(process.env["TENET_HOME"] ?? ".tenet");
    await up(home, policies, (line) => process.stdout.write(`${line}\n`), stop.signal);
  });

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`${formatError(error)}\n`);
  process.exitCode = 1;
}
