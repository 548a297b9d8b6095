/**
 * The policy API: REST in the shapes of Congress v1.
 *
 * It answers on loopback without authentication, so requests that a foreign page may have caused are refused.
 */
import type { AddressInfo } from "node:net";
import { isIP } from "node:net";
import { AppError, errnoOf, IoError, type Logger, messageOf } from "@tenet/kit";
import fastify, { type FastifyInstance, type FastifyReply } from "fastify";
import type { PolicyService } from "../policy-service.ts";
import { ApiError } from "./api-error.ts";
import { ForeignRequestError, refuseForeign } from "./foreign-requests.ts";
import { policyRoutes } from "./policy-routes.ts";
import type { ApiRoute } from "./route.ts";
import { sourceRoutes } from "./source-routes.ts";

/** Where to listen. */
export interface PolicyApiOptions {
  /** Default `127.0.0.1`. */
  readonly host?: string;
  /** Default 1789, Congress's port; 0 for any free one. */
  readonly port?: number;
}

/** A running API. */
export interface PolicyApi {
  /** `http://127.0.0.1:1789`. */
  readonly url: string;
  /** Stops listening and ends the connections. */
  close(): Promise<void>;
}

const MOST_BODY_BYTES = 1 << 20;
const UPDATED = "2013-08-12T17:42:13Z";

/**
 * Serves the policy API until `signal` aborts or it is closed.
 *
 * @throws IoError when the address cannot be listened on
 */
export async function startPolicyApi(
  service: PolicyService,
  options: PolicyApiOptions,
  log: Logger,
  signal: AbortSignal,
): Promise<PolicyApi> {
  const { host = "127.0.0.1", port = 1789 } = options;
  const app = fastify({ bodyLimit: MOST_BODY_BYTES, forceCloseConnections: true, routerOptions: { ignoreTrailingSlash: true } });
  app.addHook("onRequest", async (request) => refuseForeign(request.headers, host));
  app.setErrorHandler((error, _request, reply) => sendError(error, reply, log));
  app.setNotFoundHandler(() => {
    throw new ApiError("notFound", "The resource could not be found");
  });
  for (const route of [...versionRoutes(), ...policyRoutes(service), ...sourceRoutes(service)]) addRoute(app, route);
  try {
    await app.listen({ host, port });
  } catch (error) {
    await app.close();
    const hint =
      errnoOf(error) === "EADDRINUSE" ? "Another program uses it; choose another with --policy-port" : "Choose another address";
    throw new IoError(`Cannot serve the policy API on ${host}:${port}: ${messageOf(error)}`, { hint, cause: error });
  }
  const close = async (): Promise<void> => {
    signal.removeEventListener("abort", onAbort);
    await app.close();
  };
  const onAbort = (): void => void close();
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) await close();
  const address = app.server.address() as AddressInfo | null;
  const url = `http://${isIP(host) === 6 ? `[${host}]` : host}:${address?.port ?? port}`;
  log.info({ url }, "policy api ready");
  return { url, close };
}

function versionRoutes(): ApiRoute[] {
  const version = { id: "v1", status: "CURRENT", updated: UPDATED, links: [{ rel: "self", href: "/v1" }] };
  return [
    { path: "/", verbs: { GET: () => ({ body: { versions: [version] } }) } },
    { path: "/v1", verbs: { GET: () => ({ body: { versions: [version] } }) } },
  ];
}

function addRoute(app: FastifyInstance, { path, verbs }: ApiRoute): void {
  app.all(path, (request, reply) => {
    const verb = request.method === "HEAD" ? "GET" : request.method;
    const handler = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined;
    if (handler === undefined) throw new ApiError("notSupported", `Method ${request.method} is not supported here`);
    const params = request.params as Readonly<Record<string, string>>;
    const query = request.query as Readonly<Record<string, string>>;
    const { status = 200, location, body } = handler({ params, query, body: request.body });
    if (location !== undefined) reply.header("location", location);
    return reply.code(status).send(body);
  });
}

function sendError(error: unknown, reply: FastifyReply, log: Logger): FastifyReply {
  if (error instanceof ApiError) return reply.code(error.status).send(error.body);
  const { status, message } = describe(error);
  if (status >= 500) log.error({ err: messageOf(error) }, "policy api request failed");
  return reply.code(status).send({ error: { message, error_code: status, error_data: null } });
}

function describe(error: unknown): { status: number; message: string } {
  if (error instanceof ForeignRequestError) return { status: 403, message: error.message };
  if (error instanceof AppError) return { status: error instanceof IoError ? 500 : 400, message: error.message };
  const status = error instanceof Error ? (error as { statusCode?: unknown }).statusCode : undefined;
  return typeof status === "number" && status < 500
    ? { status, message: messageOf(error) }
    : { status: 500, message: "Internal server error" };
}
