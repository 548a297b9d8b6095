/** Asks a running Tenet over its unix socket. */
import { request } from "node:http";
import { join } from "node:path";
import { AppError, errnoOf, IoError } from "@tenet/kit";
import type { Home } from "../config.ts";

/** Nobody answers on the state folder's socket. */
export class NotRunningError extends AppError {
  static override readonly code: string = "CLI_NOT_RUNNING";

  constructor(home: Home, cause: Error) {
    super(`Nothing runs on "${home.path}"`, {
      hint: "`tenet up` starts it; TENET_HOME chooses another state folder",
      details: { home: home.path },
      cause,
    });
  }
}

/** Sends a request and reads the JSON answer. @throws NotRunningError, IoError */
export function ask<T>(home: Home, method: "GET" | "POST", path: string): Promise<T> {
  const socketPath = join(home.runDir, "tenet.sock");
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
    sent.on("timeout", () => sent.destroy(new Error("no answer within 10 s")));
    sent.on("error", (error) => {
      const isGone = ["ENOENT", "ECONNREFUSED"].includes(errnoOf(error) ?? "");
      reject(
        isGone ? new NotRunningError(home, error) : new IoError(`Cannot ask "${socketPath}": ${error.message}`, { cause: error }),
      );
    });
    sent.end();
  });
}
