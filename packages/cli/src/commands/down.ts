/** `tenet down`: asks the running Tenet to stop and waits until it has; of one that was killed, it takes away what that left. */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { errnoOf, IoError } from "@tenet/kit";
import type { Home } from "../config.ts";
import { describeLeftBehind, removeLeftBehind } from "../up/left-behind.ts";
import { ask, NotRunningError } from "./control-client.ts";

const WAIT_MS = 15_000;
const LOOK_MS = 50;

/** @returns what was stopped, as text. @throws NotRunningError; IoError when it still runs after 15 s */
export async function down(home: Home): Promise<string> {
  try {
    return `stopped (pid ${await stop(home)})`;
  } catch (error) {
    if (!(error instanceof NotRunningError)) throw error;
    const left = describeLeftBehind(await removeLeftBehind(home));
    if (left === "") throw error;
    return `nothing ran; what one that was killed had left is gone: ${left}`;
  }
}

async function stop(home: Home): Promise<number> {
  const { pid } = await ask<{ readonly pid: number }>(home, "POST", "/api/stop");
  for (let waitedMs = 0; isAlive(pid); waitedMs += LOOK_MS) {
    if (waitedMs > WAIT_MS) {
      throw new IoError(`Process ${pid} has not stopped after ${WAIT_MS / 1000} s`, {
        hint: `See tenet.log; kill -9 ${pid} ends it`,
      });
    }
    await sleep(LOOK_MS);
  }
  return pid;
}

/** A process that has ended but that its parent has not looked at yet counts as ended. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return errnoOf(error) !== "ESRCH";
  }
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return process.platform !== "linux";
  }
}
