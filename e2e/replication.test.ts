/** A backup daemon that is killed again and again while its active server is written, and one whose active server is. */
import { connect } from "node:net";
import { describe, expect, test } from "vitest";
import { Daemon, HAS_ORIGINAL, type Kind } from "./support/daemon.ts";

const N_KILLS = 5;
const KINDS: readonly Kind[] = ["tenet", "original"];

const schema = {
  name: "one",
  version: "1.0.0",
  tables: {
    Root: {
      isRoot: true,
      columns: {
        n: { type: "integer" },
        kids: { type: { key: { type: "uuid", refTable: "Kid" }, min: 0, max: "unlimited" } },
      },
    },
    Kid: { columns: { text: { type: "string" } } },
  },
};

/** Writes transactions one after the other until it is told to stop or cut off. @returns how many were acknowledged */
async function write(socketPath: string, stop: AbortSignal): Promise<number> {
  const socket = connect(socketPath);
  let heard = "";
  let nAcknowledged = 0;
  const closed = new Promise<void>((resolve) => socket.on("close", () => resolve()));
  const send = (n: number) => {
    const kid = { op: "insert", table: "Kid", "uuid-name": "k", row: { text: `kid ${n}` } };
    const root = { op: "insert", table: "Root", row: { n, kids: ["named-uuid", "k"] } };
    const remove = { op: "delete", table: "Root", where: [["n", "==", n - 100]] };
    socket.write(JSON.stringify({ method: "transact", params: ["one", kid, root, remove], id: n }));
  };
  socket.on("error", () => undefined);
  socket.on("data", (bytes) => {
    heard += bytes.toString();
    if (!heard.includes(`"id":${nAcknowledged}`)) return;
    if (heard.includes('"error":"')) throw new Error(heard);
    heard = "";
    nAcknowledged++;
    if (stop.aborted) socket.end();
    else send(nAcknowledged);
  });
  send(0);
  await closed;
  return nAcknowledged;
}

function makeServer(kind: Kind, ...options: string[]): Daemon & { start: () => void; kill: () => void } {
  const daemon = new Daemon(kind);
  daemon.create("one.db", schema);
  const start = (): void => {
    const { code, err } = daemon.serve(
      "one.db",
      "--remote=punix:db.sock",
      "--pidfile",
      "--detach",
      "--no-chdir",
      "--log-file",
      ...options,
    );
    if (code !== 0) throw new Error(err);
  };
  const kill = (): void => void process.kill(Number(daemon.read("ovsdb-server.pid")), "SIGKILL");
  start();
  return Object.assign(daemon, { start, kill });
}

const contentOf = (daemon: Daemon): string =>
  daemon.run("ovsdb-client", "--timeout=5", "dump", `unix:${daemon.path("db.sock")}`, "one").out;
const nRowsOf = (daemon: Daemon): number => contentOf(daemon).split("\n").length;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe.skipIf(!HAS_ORIGINAL)("our daemon as a backup", () => {
  for (const kind of KINDS) {
    test(`of ${kind} has the same content after it was killed under load, again and again`, async () => {
      using active = makeServer(kind);
      using backup = makeServer("tenet", `--sync-from=unix:${active.path("db.sock")}`);
      const stop = new AbortController();
      const written = write(active.path("db.sock"), stop.signal);
      for (let n = 0; n < N_KILLS; n++) {
        await pause(150 + 70 * n);
        await expect.poll(() => nRowsOf(backup), { timeout: 20_000 }).toBeGreaterThan(50);
        backup.kill();
        backup.start();
      }
      await expect.poll(() => nRowsOf(active), { timeout: 20_000 }).toBeGreaterThan(200);
      stop.abort();
      expect(await written).toBeGreaterThan(100);
      await expect.poll(() => contentOf(backup), { timeout: 10_000 }).toBe(contentOf(active));
      backup.kill();
      backup.start();
      active.kill(); // what the backup has now is what its file kept
      expect(backup.appctl("ovsdb-server/disconnect-active-ovsdb-server").code).toBe(0);
      expect(nRowsOf(backup)).toBeGreaterThan(200);
      const insert = '["one",{"op":"insert","table":"Root","row":{"n":-1}}]';
      expect(backup.run("ovsdb-client", "transact", `unix:${backup.path("db.sock")}`, insert).out).toContain("uuid");
    });

    test(`of ${kind} goes on when that is killed under load and comes back, again and again`, async () => {
      using active = makeServer(kind);
      using backup = makeServer("tenet", `--sync-from=unix:${active.path("db.sock")}`);
      for (let n = 0; n < N_KILLS; n++) {
        const stop = new AbortController();
        const written = write(active.path("db.sock"), stop.signal);
        await pause(150 + 70 * n);
        await expect.poll(() => nRowsOf(active), { timeout: 20_000 }).toBeGreaterThan(50);
        active.kill();
        stop.abort();
        await written;
        active.start();
      }
      const status = () => backup.appctl("ovsdb-server/sync-status").out;
      await expect.poll(status, { timeout: 20_000 }).toContain("replicating: ");
      expect(contentOf(backup)).toBe(contentOf(active));
      expect(nRowsOf(backup)).toBeGreaterThan(50);
    });
  }
});
