/** A cluster of three original servers on loopback, made with the original's own tool. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Json, Scope } from "@tenet/kit";
import { freePorts } from "./free-ports.ts";
import { backgroundPeer, peer } from "./peers.ts";

/** One server of a cluster. */
export interface Member {
  /** `unix:PATH`, for clients. */
  readonly remote: string;
  /** Ends it without warning; resolves when it has let go of its file. */
  kill(): Promise<void>;
  /** Lets it hang, as a dead machine does for those who talk to it; `false` lets it go on. */
  hang(hangs: boolean): void;
  /** Starts it again on its file after `kill`. */
  restart(): Promise<void>;
}

/** Starts a cluster of three members that serve one database; the scope ends them. */
export async function startCluster(scope: Scope, folder: string, schema: Json): Promise<Member[]> {
  const { name } = schema as { name: string };
  const schemaFile = join(folder, "schema.json");
  writeFileSync(schemaFile, JSON.stringify(schema));
  const addresses = (await freePorts(3)).map((port) => `tcp:127.0.0.1:${port}`);
  const files = addresses.map((_, i) => join(folder, `member${i}.db`));
  const [first = "", ...others] = addresses;
  await peer(folder, "ovsdb-tool", "create-cluster", files[0] ?? "", schemaFile, first);
  for (const [i, address] of others.entries()) {
    await peer(
      folder,
      "ovsdb-tool",
      "join-cluster",
      files[i + 1] ?? "",
      name,
      address,
      ...addresses.filter((a) => a !== address),
    );
  }
  const members: Member[] = [];
  for (const [i, file] of files.entries()) members.push(await startMember(scope, join(folder, `run${i}`), file, name));
  return members;
}

async function startMember(scope: Scope, folder: string, file: string, database: string): Promise<Member> {
  mkdirSync(folder);
  const socket = join(folder, "db.sock");
  const options = [`--remote=punix:${socket}`, `--unixctl=${join(folder, "ctl")}`, "-vconsole:off", "--log-file=/dev/null", file];
  let child: ChildProcess;
  const start = async (): Promise<void> => {
    child = backgroundPeer(scope, folder, "ovsdb-server", ...options);
    await until(() => existsSync(socket));
    await peer(folder, "ovsdb-client", "--timeout=20", "wait", `unix:${socket}`, database, "connected");
  };
  await start();
  return {
    remote: `unix:${socket}`,
    kill: async () => {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
    hang: (hangs) => void child.kill(hangs ? "SIGSTOP" : "SIGCONT"),
    restart: start,
  };
}

async function until(isReached: () => boolean): Promise<void> {
  for (let nTries = 0; !isReached(); nTries++) {
    if (nTries > 400) throw new Error("a member of the cluster did not start");
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
