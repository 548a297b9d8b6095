/**
 * The configuration file of `--config-file`: databases and remotes as JSON, read again by `ovsdb-server/reload`.
 *
 *     { "databases": { "/var/lib/nb.db": {}, "sb.db": { "service-model": "standalone" },
 *                      "bk.db": { "service-model": "active-backup", "backup": true, "source": { "tcp:10.0.0.3:6641": {} },
 *                                 "exclude-tables": ["Chassis_Private"] },
 *                      "IC_SB": { "service-model": "relay",
 *                                 "source": { "tcp:10.0.0.1:6648,tcp:10.0.0.2:6648": { "max-backoff": 4000 } } } },
 *       "remotes": { "punix:db.sock": {}, "ptcp:6641": { "inactivity-probe": 60000, "read-only": true } } }
 *
 * @see ovsdb-server(1) of Open vSwitch 3.3 and later
 */
import { readFileSync } from "node:fs";
import { AppError, type Json, messageOf } from "@tenet/kit";
import type { RemoteSettings } from "@tenet/ovsdb";

/** A configuration that cannot be used. */
class ConfigFileError extends AppError {
  static override readonly code: string = "OVSDB_CONFIG_FILE";
}

/** How another server is connected to. */
export interface SourceSettings {
  readonly probeIntervalMs?: number;
  readonly maxBackoffMs?: number;
}

/** Whose backup a database is. */
export interface BackupSettings {
  readonly remote: string;
  readonly connection: SourceSettings;
  readonly excludedTables: readonly string[];
}

/** A database. */
export interface ConfiguredDatabase {
  /** A file, or a relay as `relay:DATABASE:REMOTE[,REMOTE...]`. */
  readonly argument: string;
  /** Of a relay. */
  readonly source: SourceSettings;
  readonly backup: BackupSettings | undefined;
}

/** What a file asks for. */
export interface ServerConfig {
  readonly databases: readonly ConfiguredDatabase[];
  readonly remotes: ReadonlyMap<string, RemoteSettings>;
}

type Fail = (problem: string, hint: string) => ConfigFileError;

type JsonObject = { readonly [key: string]: Json | undefined };

/** What each member of a remote means; `undefined` when it cannot have that value. */
const MEMBERS: Readonly<Record<string, (value: Json) => RemoteSettings | undefined>> = {
  "inactivity-probe": (value) => (isMs(value) ? { probeIntervalMs: value } : undefined),
  "max-backoff": (value) => (isMs(value) ? { maxBackoffMs: value } : undefined),
  "read-only": (value) => (typeof value === "boolean" ? (value ? { isReadOnly: true } : {}) : undefined),
  role: (value) => (typeof value === "string" ? (value === "" ? {} : { role: value }) : undefined),
  // How packets are marked; node marks none.
  dscp: (value) => (typeof value === "number" ? {} : undefined),
};

/** Reads a file. @throws ConfigFileError */
export function readConfigFile(file: string): ServerConfig {
  const fail: Fail = (problem, hint) => new ConfigFileError(`${file}: ${problem}`, { hint, details: { file } });
  let json: Json;
  try {
    json = JSON.parse(readFileSync(file, "utf8")) as Json;
  } catch (error) {
    throw fail(`cannot read the configuration: ${messageOf(error)}`, "Write a JSON object with databases and remotes");
  }
  if (!isObject(json)) throw fail("is not a JSON object", 'Write { "databases": {…}, "remotes": {…} }');
  const unknown = Object.keys(json).find((key) => key !== "databases" && key !== "remotes");
  if (unknown !== undefined) throw fail(`"${unknown}" is not known`, "Use databases and remotes");
  const section = (name: "databases" | "remotes"): [string, JsonObject][] => {
    const { [name]: members = {} } = json;
    if (!isObject(members)) throw fail(`"${name}" is not a JSON object`, "Give an object by name");
    return Object.entries(members).map(([key, value = null]) => {
      if (value === null) return [key, {}];
      if (!isObject(value)) throw fail(`"${key}" in "${name}" is not a JSON object`, "Give {} for the defaults");
      return [key, value];
    });
  };
  return {
    databases: section("databases").map(([name, settings]) => configuredDatabase(name, settings, fail)),
    remotes: new Map(section("remotes").map(([name, settings]) => [name, remoteSettings(name, settings, fail)])),
  };
}

/** The members that databases of a service model may have. */
const MODELS: Readonly<Record<string, readonly string[]>> = {
  standalone: [],
  relay: ["source"],
  "active-backup": ["source", "backup", "exclude-tables"],
};

function configuredDatabase(name: string, json: JsonObject, fail: Fail): ConfiguredDatabase {
  const { "service-model": model = "standalone", ...rest } = json;
  const known = typeof model === "string" && Object.hasOwn(MODELS, model) ? MODELS[model] : undefined;
  if (known === undefined) {
    const models = "Use standalone, relay or active-backup";
    throw fail(`service model ${JSON.stringify(model)} of "${name}" is not supported in a file`, models);
  }
  const odd = Object.keys(rest).find((key) => !known.includes(key));
  if (odd !== undefined) throw fail(`"${odd}" of "${name}" has no meaning for its service model`, "Leave it out");
  if (model === "standalone") return { argument: name, source: {}, backup: undefined };
  if (model === "active-backup") return { argument: name, source: {}, backup: backupSettings(name, rest, fail) };
  const { remote, connection } = sourceOf(name, rest["source"], fail);
  return { argument: `relay:${name}:${remote}`, source: connection, backup: undefined };
}

function backupSettings(name: string, json: JsonObject, fail: Fail): BackupSettings | undefined {
  const { backup = false, source, "exclude-tables": excluded = [] } = json;
  if (typeof backup !== "boolean") throw fail(`"backup" of "${name}" cannot be ${JSON.stringify(backup)}`, "Use true or false");
  if (!Array.isArray(excluded) || !excluded.every((table) => typeof table === "string")) {
    throw fail(`"exclude-tables" of "${name}" cannot be ${JSON.stringify(excluded)}`, "Give an array of names of tables");
  }
  return backup ? { ...sourceOf(name, source, fail), excludedTables: excluded } : undefined;
}

/** `{ "REMOTE": { "inactivity-probe": ms, "max-backoff": ms } }` */
function sourceOf(name: string, source: Json | undefined, fail: Fail): Pick<BackupSettings, "remote" | "connection"> {
  const [only, ...others] = isObject(source) ? Object.entries(source) : [];
  if (only === undefined || others.length > 0) {
    throw fail(
      `"source" of "${name}" is not an object with one member`,
      'Give { "REMOTE": {} }, for a relay { "REMOTE,REMOTE": {} }',
    );
  }
  const [remote, settings] = only;
  if (settings !== null && !isObject(settings))
    throw fail(`the source of "${name}" is not a JSON object`, "Give {} for the defaults");
  const { isReadOnly, role, ...connection } = remoteSettings(remote, settings ?? {}, fail);
  if (isReadOnly !== undefined || role !== undefined) {
    throw fail(`the source of "${name}" can have neither read-only nor role`, "Use inactivity-probe and max-backoff (ms)");
  }
  return { remote, connection };
}

function remoteSettings(remote: string, json: JsonObject, fail: Fail): RemoteSettings {
  let settings: RemoteSettings = {};
  for (const [key, value = null] of Object.entries(json)) {
    const read = MEMBERS[key]?.(value);
    if (read === undefined) {
      throw fail(
        `"${key}" of "${remote}" cannot be ${JSON.stringify(value)}`,
        "Use inactivity-probe and max-backoff (ms), read-only, role",
      );
    }
    settings = { ...settings, ...read };
  }
  return settings;
}

function isMs(value: Json): value is number {
  return typeof value === "number" && value >= 0;
}

function isObject(json: Json | undefined): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}
