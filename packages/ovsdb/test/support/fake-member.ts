/** A member of a cluster that says of itself whatever a test wants, and serves the test's schema without rows. */
import { createServer } from "node:net";
import { type Json, type Scope, silentLogger } from "@tenet/kit";
import { JsonRpcConnection, ZERO_UUID } from "@tenet/ovsdb";
import { SCHEMA } from "./fixtures.ts";

/** What a member says in the table `Database` of `_Server`. */
export interface Said {
  readonly leader?: boolean;
  readonly connected?: boolean;
  readonly index?: number;
  /** Says this of its leadership right behind the first answer. */
  readonly thenLeader?: boolean;
}

/** A fake member. */
export interface FakeMember {
  /** `unix:PATH`, for clients. */
  readonly remote: string;
  /** How many clients have followed its database. */
  nFollowers(): number;
  /** Says something else from now on, to connected clients too. */
  say(said: Said): void;
}

const ABOUT: Json = {
  name: "_Server",
  version: "1.2.0",
  tables: {
    Database: {
      columns: {
        name: { type: "string" },
        model: { type: "string" },
        connected: { type: "boolean" },
        leader: { type: "boolean" },
        index: { type: { key: "integer", min: 0, max: 1 } },
      },
    },
  },
};
const ROW = "11111111-1111-4111-8111-111111111111";

/** Listens at `path` until the scope closes. @param knowsItself - an old server has no `_Server` */
export async function startFakeMember(scope: Scope, path: string, said: Said, knowsItself = true): Promise<FakeMember> {
  const connections = new Set<JsonRpcConnection>();
  let now = said;
  let nFollowers = 0;
  const row = (): { readonly [column: string]: Json } => {
    const { connected = true, leader = false, index = 1 } = now;
    return { name: "T", model: "clustered", connected, leader, index };
  };
  const answer = (connection: JsonRpcConnection, method: string, params: Json, id: Json): void => {
    const [database] = params as readonly Json[];
    if (database === "_Server" && !knowsItself) connection.replyError(id, { error: "unknown database" });
    else if (method === "get_schema") connection.reply(id, database === "_Server" ? ABOUT : SCHEMA);
    else if (method === "set_db_change_aware") connection.reply(id, {});
    else if (database === "_Server") answerAbout(connection, id);
    else {
      nFollowers++;
      connection.reply(id, [false, ZERO_UUID, {}]);
    }
  };
  const answerAbout = (connection: JsonRpcConnection, id: Json): void => {
    const result = [false, ZERO_UUID, { Database: { [ROW]: { initial: row() } } }];
    if (now.thenLeader === undefined) return connection.reply(id, result);
    const params = ["server", ZERO_UUID, { Database: { [ROW]: { modify: { leader: now.thenLeader } } } }];
    connection.send(JSON.stringify({ id, result, error: null }) + JSON.stringify({ id: null, method: "update3", params }));
  };
  const server = createServer((socket) => {
    const handler = {
      request: (method: string, params: Json, id: Json) => answer(connection, method, params, id),
      notification: () => undefined,
      closed: () => void connections.delete(connection),
    };
    const connection = new JsonRpcConnection(socket, handler, silentLogger);
    connections.add(connection);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  scope.defer(() => {
    for (const connection of connections) connection.close();
    server.close();
  });
  return {
    remote: `unix:${path}`,
    nFollowers: () => nFollowers,
    say: (next) => {
      now = next;
      for (const connection of connections)
        connection.notify("update3", ["server", ZERO_UUID, { Database: { [ROW]: { modify: row() } } }]);
    },
  };
}
