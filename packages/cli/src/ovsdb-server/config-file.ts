/**
 * The configuration file of `--config-file`: databases and remotes as JSON, read again by `ovsdb-server/reload`.
 *
 *     { "databases": { "/var/lib/nb.db": {}, "sb.db": { "service-model": "standalone" },
 *                      "IC_SB": { "service-model": "relay", "source": { "tcp:10.0.0.1:6648,tcp:10.0.0.2:6648": {} } } },
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

/** What a file asks for. */
export interface ServerConfig {
  /** Database files, and relays as `relay:DATABASE:REMOTE[,REMOTE...]`. */
  readonly databases: readonly string[];
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
    databases: section("databases").map(([name, settings]) => databaseArgument(name, settings, fail)),
    remotes: new Map(section("remotes").map(([name, settings]) => [name, remoteSettings(name, settings, fail)])),
  };
}

/** What a database would be on a command line. */
function databaseArgument(name: string, json: JsonObject, fail: Fail): string {
  const { "service-model": model = "standalone", source, ...rest } = json;
  const [key] = Object.keys(source === undefined || model === "relay" ? rest : { source, ...rest });
  if (key !== undefined) throw fail(`"${key}" of "${name}" has no meaning for its service model`, "Leave it out");
  if (model === "standalone") return name;
  if (model !== "relay") {
    throw fail(`service model "${String(model)}" of "${name}" is not supported in a file`, "Use standalone or relay");
  }
  const [remotes, ...others] = isObject(source) ? Object.entries(source) : [];
  if (remotes === undefined || others.length > 0) {
    throw fail(`"source" of "${name}" is not an object with one member`, 'Give { "REMOTE,REMOTE": {} }');
  }
  const [list, settings = null] = remotes;
  if (settings !== null && (!isObject(settings) || Object.keys(settings).length > 0)) {
    throw fail(`the source of "${name}" cannot have ${JSON.stringify(settings)}`, "Give {}: relays have their own timing");
  }
  return `relay:${name}:${list}`;
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
