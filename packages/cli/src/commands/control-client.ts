/** Asks a running Tenet over its unix socket. */
import { request } from "node:http";
import { join } from "node:path";
import { AppError, errnoOf, IoError, messageOf } from "@tenet/kit";
import type { Home } from "../config.ts";
import { pidIn } from "../daemon/pid-file.ts";

/** Nobody answers on the state folder's socket. */
export class NotRunningError extends AppError {
  static override readonly code: string = "CLI_NOT_RUNNING";

  /** @param left - what one that was killed has left, in words */
  constructor(home: Home, left: string, cause: unknown) {
    super(`Nothing runs on "${home.path}"${left === "" ? "" : `; one that was killed has left ${left}`}`, {
      hint:
        left === ""
          ? "`tenet up` starts it; TENET_HOME chooses another state folder"
          : "`tenet up` starts it again, `tenet down` takes away what is left",
      details: { home: home.path, left },
      cause,
    });
  }
}

/** Sends a request and reads the JSON answer. @throws NotRunningError, IoError */
export async function ask<T>(home: Home, method: "GET" | "POST", path: string): Promise<T> {
  const socketPath = join(home.runDir, "tenet.sock");
  try {
    return await send(socketPath, method, path);
  } catch (error) {
    if (error instanceof AppError) throw error;
    if (["ENOENT", "ECONNREFUSED"].includes(errnoOf(error) ?? "")) {
      const { describeLeftBehind, findLeftBehind } = await import("../up/left-behind.ts");
      throw new NotRunningError(home, describeLeftBehind(await findLeftBehind(home)), error);
    }
    throw new IoError(`Cannot ask "${socketPath}": ${messageOf(error)}`, { hint: hintFor(error, home), cause: error });
  }
}

function hintFor(error: unknown, { runDir }: Home): string {
  if (!(error instanceof NoAnswerError)) return "TENET_HOME chooses another state folder";
  const pid = pidIn(join(runDir, "ovsdb-server.pid"));
  const end = pid === "?" ? "when it is killed" : `\`kill -9 ${pid}\` ends it, and`;
  return `It may be stopped or very busy, see tenet.log; ${end} \`tenet down\` takes away what it leaves`;
}

class NoAnswerError extends Error {
  constructor() {
    super("no answer within 10 s");
  }
}

function send<T>(socketPath: string, method: "GET" | "POST", path: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, method, path, timeout: 10_000 }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (body += chunk));
      response.on("error", reject);
      response.on("end", () => {
        const { statusCode = 500 } = response;
        if (statusCode < 300) resolve(JSON.parse(body) as T);
        else reject(new IoError(`Cannot ask "${socketPath}": ${method} ${path} was answered ${statusCode}: ${body}`));
      });
    });
    sent.on("timeout", () => sent.destroy(new NoAnswerError()));
    sent.on("error", reject);
    sent.end();
  });
}
