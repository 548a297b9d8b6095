/** A socket in front of a server's, which notes how monitors began: from a version on or with everything, and how many rows came. */
import { connect, createServer, type Socket } from "node:net";
import type { Json, Scope } from "@tenet/kit";
import { JsonStream } from "@tenet/ovsdb";

/** The beginning of a monitor by `monitor_cond_since`. */
export interface Beginning {
  readonly isResumed: boolean;
  readonly nRows: number;
}

/** A proxy and what it saw. */
export interface ResumptionProxy {
  /** `unix:PATH`, for the client. */
  readonly remote: string;
  readonly beginnings: readonly Beginning[];
  /** Ends all connections that go through it. */
  cut(): void;
}

/** Listens at `path` and leads to `target`, a unix socket too; the scope closes it. */
export async function startResumptionProxy(scope: Scope, path: string, target: string): Promise<ResumptionProxy> {
  const beginnings: Beginning[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect({ path: target.replace("unix:", "") });
    const stream = new JsonStream();
    upstream.on("data", (bytes) => {
      for (const message of stream.push(bytes)) note(message, beginnings);
      client.write(bytes);
    });
    client.on("data", (bytes) => upstream.write(bytes));
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  scope.defer(() => {
    cut();
    server.close();
  });
  return { remote: `unix:${path}`, beginnings, cut };
}

/** Replies to `monitor_cond_since` are `[found, version, updates]`; those about `_Server` are left out. */
function note(message: Json, beginnings: Beginning[]): void {
  const { result } = message as { result?: Json };
  if (!Array.isArray(result) || typeof result[0] !== "boolean") return;
  const [isResumed, , updates] = result as [boolean, string, { [table: string]: { [uuid: string]: Json } }];
  if (updates["Database"] !== undefined) return;
  const nRows = Object.values(updates).reduce((n, rows) => n + Object.keys(rows).length, 0);
  beginnings.push({ isResumed, nRows });
}
