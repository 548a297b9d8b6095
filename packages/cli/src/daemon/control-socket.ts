/** The socket that `ovs-appctl -t NAME` finds, by the pid in the pid file. */
import { readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { AppError, errnoOf, type Logger, type Scope } from "@tenet/kit";
import { type Command, ControlServer } from "@tenet/ovsdb";
import { describeErrno } from "./errno-text.ts";
import type { Coverage } from "./coverage.ts";

/** The control socket cannot be made. */
class ControlSocketError extends AppError {
  static override readonly code: string = "DAEMON_CONTROL_SOCKET";
}

/** Where the socket of a process is, unless another place is named. */
export function defaultControlPath(runDir: string, program: string, pid: number): string {
  return join(runDir, `${program}.${pid}.ctl`);
}

/** Serves commands until the scope closes. @throws ControlSocketError */
export async function openControlSocket(
  path: string,
  program: string,
  commands: readonly Command[],
  coverage: Coverage,
  log: Logger,
  scope: Scope,
): Promise<void> {
  removeDeadSockets(dirname(path), program);
  const control = scope.use(new ControlServer(commands, log, (event) => coverage.count(`unixctl_${event}`)));
  try {
    await control.listen(path);
  } catch (error) {
    throw new ControlSocketError(`${path}: could not initialize control socket (${describeErrno(error)})`, { cause: error });
  }
  scope.defer(() => rmSync(path, { force: true }));
}

/** Removes what daemons that were killed left. */
function removeDeadSockets(folder: string, program: string): void {
  for (const file of listFolder(folder)) {
    const [, name, pid] = /^(.+)\.(\d+)\.ctl$/.exec(file) ?? [];
    if (name === program && pid !== undefined && !isAlive(Number(pid))) rmSync(join(folder, file), { force: true });
  }
}

function listFolder(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // that the socket cannot be made there is told when it is tried
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return errnoOf(error) === "EPERM";
  }
}
