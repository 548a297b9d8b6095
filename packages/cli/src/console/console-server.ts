/**
 * The web server of a running Tenet: the console's page, the state live, and packet stories.
 *
 * It serves the same routes on loopback and on the unix socket `tenet.sock`; only the latter takes `POST /api/stop`,
 * since whoever can open it may stop the process anyway.
 */
import { rmSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import fastifyStatic from "@fastify/static";
import { errnoOf, formatError, IoError, type Logger, messageOf } from "@tenet/kit";
import { ForeignRequestError, refuseForeign } from "@tenet/policy";
import type { Story } from "@tenet/why";
import fastify, { type FastifyInstance } from "fastify";
import { type PageDatabases, serveDatabaseSockets } from "./database-sockets.ts";
import type { StateFeed } from "./state-feed.ts";

/** What the server answers with. */
export interface ConsoleSources {
  readonly feed: StateFeed;
  /** Tells a packet's story. @throws QuestionError when the question cannot be read */
  readonly why: (question: string) => Promise<Story>;
}

/** A server that runs. */
export interface ConsoleServer {
  /** `http://127.0.0.1:8089`, or the socket's path. */
  readonly url: string;
  close(): Promise<void>;
}

const MOST_BODY_BYTES = 64 * 1024;
const LOOPBACK = "127.0.0.1";
const PAGE = join(dirname(createRequire(import.meta.url).resolve("@tenet/console/package.json")), "dist");
const CONTENT_SECURITY_POLICY =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";

/** Serves the console, and the databases to its page, on a loopback port. @throws IoError when it cannot be listened on */
export async function startConsole(
  sources: ConsoleSources,
  databases: PageDatabases,
  log: Logger,
  port: number,
): Promise<ConsoleServer> {
  const ownLog = log.child({ part: "console" });
  const app = makeApp(sources, ownLog);
  const endSessions = serveDatabaseSockets(app.server, LOOPBACK, databases, ownLog);
  app.addHook("preClose", async () => endSessions());
  app.addHook("onRequest", async (request) => refuseForeign(request.headers, LOOPBACK));
  app.addHook("onSend", async (_request, reply) => {
    reply.header("content-security-policy", CONTENT_SECURITY_POLICY).header("x-content-type-options", "nosniff");
  });
  await app.register(fastifyStatic, { root: PAGE });
  await listen(app, { host: LOOPBACK, port }, `the console on ${LOOPBACK}:${port}`, "--console-port");
  const { port: bound } = app.server.address() as AddressInfo;
  return { url: `http://${LOOPBACK}:${bound}`, close: () => app.close() };
}

/**
 * Serves state, stories and `POST /api/stop` on a unix socket.
 *
 * @param path - replaced when it exists: the caller holds the state folder, so whoever made it is gone
 * @throws IoError
 */
export async function startControlSocket(
  sources: ConsoleSources,
  log: Logger,
  path: string,
  consoleUrl: string,
  stop: () => void,
): Promise<ConsoleServer> {
  const app = makeApp(sources, log.child({ part: "console" }));
  app.get("/api/process", () => ({ pid: process.pid, consoleUrl }));
  app.post("/api/stop", async (_request, reply) => {
    await reply.code(202).send({ pid: process.pid });
    stop();
  });
  rmSync(path, { force: true });
  await listen(app, { path }, `control requests on "${path}"`, "TENET_HOME");
  return { url: path, close: () => app.close() };
}

function makeApp({ feed, why }: ConsoleSources, log: Logger): FastifyInstance {
  const app = fastify({ bodyLimit: MOST_BODY_BYTES, forceCloseConnections: true });
  app.setErrorHandler((error, _request, reply) => {
    const foreign = error instanceof ForeignRequestError;
    const status = foreign ? 403 : ((error as { statusCode?: number }).statusCode ?? 500);
    if (status >= 500) log.error({ err: messageOf(error) }, "console request failed");
    return reply.code(status).send({ error: messageOf(error) });
  });
  app.get("/api/state", () => feed.current());
  app.get("/api/events", (_request, reply) => {
    reply.hijack();
    streamStates(reply.raw, feed);
  });
  const schema = { body: { type: "object", required: ["question"], properties: { question: { type: "string" } } } };
  app.post<{ Body: { question: string } }>("/api/why", { schema }, async ({ body: { question } }) =>
    why(question).catch((error: unknown) => unreadable(question, error)),
  );
  return app;
}

/** A story that says why there is none. */
function unreadable(question: string, error: unknown): Story {
  return { question, verdict: "dropped", summary: "", layers: { logical: [], physical: [] }, error: formatError(error) };
}

/** Sends the state now and after each change; a reader that does not keep up gets the newest only. */
function streamStates(response: ServerResponse, feed: StateFeed): void {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  let isBehind = false;
  const send = (state: unknown): void => {
    if (response.writableNeedDrain) isBehind = true;
    else response.write(`event: state\ndata: ${JSON.stringify(state)}\n\n`);
  };
  response.on("drain", () => {
    if (isBehind) send(feed.current());
    isBehind = false;
  });
  const stop = feed.onState(send);
  response.on("close", stop);
  send(feed.current());
}

async function listen(
  app: FastifyInstance,
  address: { readonly host: string; readonly port: number } | { readonly path: string },
  what: string,
  setting: string,
): Promise<void> {
  try {
    await app.listen(address);
  } catch (error) {
    await app.close();
    const hint =
      errnoOf(error) === "EADDRINUSE"
        ? `Another program uses it; choose another with ${setting}`
        : `Choose another with ${setting}`;
    throw new IoError(`Cannot serve ${what}: ${messageOf(error)}`, { hint, cause: error });
  }
}
