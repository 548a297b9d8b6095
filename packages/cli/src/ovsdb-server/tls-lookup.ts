/** The files for TLS of this moment: options may name columns that have the paths, which are followed as they change. */
import { messageOf } from "@tenet/kit";
import { type DatabaseEngine, readTextColumn, type TlsFiles } from "@tenet/ovsdb";
import type { TlsSettings } from "../daemon/daemon-settings.ts";
import { DaemonError } from "./database-daemon.ts";

/** Where databases are found by name. */
type FindDatabase = (name: string) => DatabaseEngine | undefined;

const PROTOCOLS = ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"] as const;

/** Checks that the columns that options name are there. @throws DaemonError */
export function checkTlsColumns(settings: TlsSettings, find: FindDatabase): void {
  try {
    for (const value of Object.values(settings)) if (isColumn(value)) readTextColumn(value, find);
  } catch (error) {
    throw new DaemonError(messageOf(error), { cause: error });
  }
}

/** The names in `--ssl-protocols` that mean nothing. */
export function unknownProtocols(settings: TlsSettings, find: FindDatabase): string[] {
  return wordsOf(lookUp(settings.protocols, find)).filter((word) => !PROTOCOLS.some((name) => name === word));
}

/** The files; `undefined` while a key, a certificate or an authority is missing. */
export function tlsFilesOf(settings: TlsSettings, find: FindDatabase): TlsFiles | undefined {
  const found = (value: string | undefined) => lookUp(value, find);
  const [privateKey, certificate] = [found(settings.privateKey), found(settings.certificate)];
  const bootstrap = found(settings.bootstrapCaCert);
  const caCert = bootstrap ?? found(settings.caCert);
  if (privateKey === undefined || certificate === undefined || caCert === undefined) return undefined;
  const [peerCaCert, ciphers, cipherSuites] = [found(settings.peerCaCert), found(settings.ciphers), found(settings.cipherSuites)];
  return {
    privateKey,
    certificate,
    ...(caCert === "none" ? {} : { caCert, isBootstrap: bootstrap !== undefined }),
    ...(peerCaCert === undefined ? {} : { peerCaCert }),
    ...(ciphers === undefined ? {} : { ciphers }),
    ...(cipherSuites === undefined ? {} : { cipherSuites }),
    ...versionsOf(found(settings.protocols)),
  };
}

/** The oldest and the newest of a list; what lies between is spoken too. */
function versionsOf(list: string | undefined): Pick<TlsFiles, "minVersion" | "maxVersion"> {
  const words = wordsOf(list);
  const known = PROTOCOLS.filter((name) => words.includes(name));
  const [minVersion, maxVersion] = [known[0], known.at(-1)];
  return minVersion === undefined || maxVersion === undefined ? {} : { minVersion, maxVersion };
}

function wordsOf(list = ""): string[] {
  return list.split(/[\s,]+/).filter((word) => word !== "");
}

function isColumn(value: string | undefined): value is string {
  return value?.startsWith("db:") === true;
}

/** A value, or the text in the column that it names; `undefined` too while that database is not served. */
function lookUp(value: string | undefined, find: FindDatabase): string | undefined {
  if (!isColumn(value)) return value;
  const [, name = ""] = /^db:([^,]+)/.exec(value) ?? [];
  return find(name) === undefined ? undefined : readTextColumn(value, find);
}
