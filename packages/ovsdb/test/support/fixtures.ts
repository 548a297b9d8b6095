/** A small schema with every kind of column, and shortcuts that tests share. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { connect as connectSocket, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { Scope, type Json, silentLogger } from "@tenet/kit";
import {
  type ClientIdentity,
  Database,
  type DatabaseEngine,
  type DatabaseOptions,
  JsonStream,
  OvsdbServer,
  stringifyExact,
  type OvsdbServerOptions,
  type TlsFiles,
} from "@tenet/ovsdb";

/** Scalars, optionals, sets, maps, constraints, strong and weak references, indexes, a row limit. */
export const SCHEMA: Json = {
  name: "T",
  version: "1.0.0",
  tables: {
    Root: {
      isRoot: true,
      indexes: [["name"]],
      columns: {
        name: { type: "string" },
        i: { type: { key: { type: "integer", minInteger: 0, maxInteger: 100 }, min: 0 } },
        r: { type: "real" },
        b: { type: "boolean" },
        u: { type: "uuid" },
        e: { type: { key: { type: "string", enum: ["set", ["red", "green", "blue"]] }, min: 0, max: "unlimited" } },
        m: { type: { key: "string", value: "integer", min: 0, max: "unlimited" } },
        s: { type: { key: { type: "string", minLength: 1, maxLength: 5 }, min: 0, max: 3 } },
        kids: { type: { key: { type: "uuid", refTable: "Kid" }, min: 0, max: "unlimited" } },
        pals: { type: { key: { type: "uuid", refTable: "Kid", refType: "weak" }, min: 0, max: "unlimited" } },
        imm: { type: "string", mutable: false },
        eph: { type: "integer", ephemeral: true },
      },
    },
    Kid: {
      indexes: [["name", "n"]],
      columns: {
        name: { type: "string" },
        n: { type: "integer" },
        next: { type: { key: { type: "uuid", refTable: "Kid" }, min: 0 } },
        pal1: { type: { key: { type: "uuid", refTable: "Kid", refType: "weak" }, min: 0 } },
      },
    },
    Few: { isRoot: true, maxRows: 2, columns: { x: { type: "integer" } } },
  },
};

export const TESTER: ClientIdentity = { remote: "test" };

/** Opens a database that the scope closes. */
export async function openDatabase(scope: Scope, options: Partial<DatabaseOptions> = {}): Promise<Database> {
  return scope.use(await Database.open({ schema: SCHEMA, ...options }));
}

/** The names of the files in a folder, sorted, without the locks of databases, which stay. */
export function filesIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => !name.endsWith(".~lock~"))
    .toSorted();
}

/** A fresh folder that the scope removes. */
export function temporaryFolder(scope: Scope): string {
  const folder = mkdtempSync(join(tmpdir(), "tenet-ovsdb-"));
  scope.defer(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Serves databases on a unix socket. @returns the address to connect to */
export async function serve(
  scope: Scope,
  databases: readonly DatabaseEngine[],
  options: OvsdbServerOptions = {},
): Promise<string> {
  const server = scope.use(new OvsdbServer(databases, silentLogger, options));
  return server.listen(`punix:${join(temporaryFolder(scope), "db.sock")}`);
}

/** A raw JSON-RPC client that sees every message. */
export interface RawClient {
  /** Sends bytes as they are. */
  write(text: string): void;
  /** Sends a request and resolves with its reply, `result` or `error`. */
  call(method: string, params: Json): Promise<{ readonly result?: Json; readonly error?: Json }>;
  /** Sends a request and does not wait. */
  send(method: string, params: Json, id: Json): void;
  /** The notifications so far; cleared by reading. */
  notifications(): Json[];
  /** Resolves with the next reply to a request sent with `send`. */
  reply(id: Json): Promise<{ readonly result?: Json; readonly error?: Json }>;
  readonly closed: Promise<void>;
  /** Sends what is left, then the end of the stream. */
  end(): void;
  close(): void;
}

function openRawSocket(remote: string, tls: TlsFiles | undefined): Socket {
  const [scheme = "", host = "", port = ""] = remote.split(":");
  if (scheme === "unix") return connectSocket({ path: host });
  const address = { host, port: Number(port) };
  if (tls === undefined) return connectSocket(address);
  const [key, cert] = [readFileSync(tls.privateKey), readFileSync(tls.certificate)];
  return connectTls({ ...address, key, cert, rejectUnauthorized: false });
}

type Message = { readonly [key: string]: Json };

/** Connects a raw client to `unix:PATH`, `tcp:HOST:PORT` or, with certificates, `ssl:HOST:PORT`. */
export function rawClient(scope: Scope, remote: string, tls?: TlsFiles): RawClient {
  const socket = openRawSocket(remote, tls);
  const stream = new JsonStream();
  const waiting = new Map<string, { resolve: (message: Message) => void; reject: (error: Error) => void }>();
  let seen: Json[] = [];
  socket.on("data", (bytes: Uint8Array) => {
    for (const json of stream.push(bytes)) {
      const message = json as Message;
      if (message["method"] !== undefined) seen.push([message["method"] ?? null, message["params"] ?? null]);
      else waiting.get(JSON.stringify(message["id"]))?.resolve(message);
    }
  });
  const closed = new Promise<void>((resolve) => {
    socket.on("close", () => {
      for (const { reject } of waiting.values()) reject(new Error("the server closed the connection"));
      resolve();
    });
  });
  socket.on("error", () => undefined);
  scope.defer(() => void socket.destroy());
  let nextId = 1;
  const reply = (id: Json) => new Promise<Message>((resolve, reject) => waiting.set(JSON.stringify(id), { resolve, reject }));
  const send = (method: string, params: Json, id: Json) => void socket.write(stringifyExact({ method, params, id }));
  return {
    write: (text) => void socket.write(text),
    send,
    reply,
    call: (method, params) => {
      const id = nextId++;
      const answer = reply(id);
      send(method, params, id);
      return answer;
    },
    notifications: () => {
      const notifications = seen;
      seen = [];
      return notifications;
    },
    closed,
    end: () => void socket.end(),
    close: () => void socket.destroy(),
  };
}
