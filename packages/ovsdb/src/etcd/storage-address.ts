/** The place of databases in an etcd cluster: `etcd:HOST:PORT,HOST:PORT/PREFIX`. */
import { AppError } from "@tenet/kit";

/** An address of storage that cannot be used. */
export class BadStorageError extends AppError {
  static override readonly code: string = "OVSDB_BAD_STORAGE";
}

/** Where databases are kept. */
export interface EtcdAddress {
  /** `http://HOST:PORT` or `https://HOST:PORT`, at least one. */
  readonly endpoints: readonly string[];
  /** What all keys begin with, without a slash at its end. */
  readonly prefix: string;
}

const ENDPOINT = /^(?:(https?):\/\/)?((?:\[[0-9a-fA-F:.]+\]|[^\s:/,[\]]+):\d{1,5})$/;
const ADDRESS = /^etcd:((?:https?:\/\/)?[^/,]*(?:,(?:https?:\/\/)?[^/,]*)*)(?:\/(.*))?$/;

/**
 * Parses `etcd:ENDPOINT[,ENDPOINT...]/PREFIX`; an endpoint is `HOST:PORT`, `http://HOST:PORT` or `https://HOST:PORT`.
 *
 * @throws BadStorageError
 */
export function parseStorage(text: string): EtcdAddress {
  const [, endpointList, prefix = ""] = ADDRESS.exec(text) ?? [];
  if (endpointList === undefined) throw badStorage(text, "it is not etcd:ENDPOINTS/PREFIX");
  const endpoints = endpointList.split(",").map((endpoint) => {
    const [, scheme = "http", place] = ENDPOINT.exec(endpoint) ?? [];
    if (place === undefined) throw badStorage(text, `"${endpoint}" is not HOST:PORT`);
    return `${scheme}://${place}`;
  });
  const trimmed = prefix.replace(/\/+$/, "");
  if (trimmed === "") throw badStorage(text, "it has no prefix");
  return { endpoints, prefix: trimmed };
}

function badStorage(text: string, why: string): BadStorageError {
  return new BadStorageError(`Cannot keep databases in "${text}": ${why}`, {
    hint: "Use etcd:HOST:PORT,HOST:PORT/PREFIX, such as etcd:127.0.0.1:2379/tenet",
    details: { storage: text },
  });
}
