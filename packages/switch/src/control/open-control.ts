/** Where `ovs-appctl -t NAME` finds a daemon: a pid file, and a control socket that its pid is in the name of. */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Logger, Scope } from "@tenet/kit";
import { holdPidFile } from "@tenet/linux";
import { type Command, ControlServer } from "@tenet/ovsdb";

/**
 * Serves commands on `<runDir>/<name>.<pid>.ctl` until the scope closes. Sockets that killed daemons of this name left
 * in the folder are removed.
 *
 * @throws IoError when the folder cannot be written, or another process holds `<runDir>/<name>.pid`
 */
export async function openControl(
  name: string,
  runDir: string,
  commands: readonly Command[],
  scope: Scope,
  log: Logger,
): Promise<void> {
  if (process.platform === "linux") {
    scope.use(holdPidFile(join(runDir, `${name}.pid`)));
    const [before, after] = [`${name}.`, ".ctl"];
    for (const file of readdirSync(runDir)) {
      const isDead = file.startsWith(before) && file.endsWith(after) && /^\d+$/.test(file.slice(before.length, -after.length));
      if (isDead) rmSync(join(runDir, file), { force: true });
    }
  }
  const control = scope.use(new ControlServer(commands, log));
  const socketPath = join(runDir, `${name}.${process.pid}.ctl`);
  await control.listen(socketPath);
  scope.defer(() => rmSync(socketPath, { force: true }));
}
