/** Routes as data, so that every path answers every verb: with its result, or with 501. */
import { createHash } from "node:crypto";
import { ApiError } from "./api-error.ts";

/** What a handler gets to know of a request. */
export interface ApiRequest {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** A result: the body, and the status where it is not 200. */
export interface ApiResult {
  readonly status?: number;
  readonly location?: string;
  readonly body: unknown;
}

/** Answers one verb of one path. */
export type ApiHandler = (request: ApiRequest) => ApiResult;

/** A path in fastify's notation and the verbs it has. */
export interface ApiRoute {
  readonly path: string;
  readonly verbs: Readonly<Record<string, ApiHandler>>;
}

/** A parameter of the path. */
export function param(request: ApiRequest, name: string): string {
  return request.params[name] ?? "";
}

/** True for `?name=true`, in any case. */
export function flag(request: ApiRequest, name: string): boolean {
  return request.query[name]?.toLowerCase() === "true";
}

/** A JSON object as body. @throws ApiError for anything else */
export function objectBody(request: ApiRequest): Readonly<Record<string, unknown>> {
  const { body } = request;
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new ApiError("badRequest", "The body must be a JSON object");
  }
  return body as Readonly<Record<string, unknown>>;
}

/** A text of the body. @throws ApiError when it is there and no text */
export function textField(body: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = body[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string") throw new ApiError("badRequest", `"${name}" must be a string`);
  return value;
}

/** Always the same UUID for the same texts. */
export function stableId(...texts: readonly string[]): string {
  const hex = createHash("sha256").update(texts.join("\0")).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), `5${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join("-");
}
