/** A lab file: hosts, the northbound rows and policies that go with them, and who is expected to reach whom. */
import { existsSync, statSync } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { type Expectation, readExpectation } from "./expectation.ts";
import { type LabHost, readHost } from "./lab-host.ts";
import { type NorthboundRows, readNorthbound } from "./northbound-rows.ts";
import { readSource, required, type SourceNode } from "./source-node.ts";

/** A lab file and all it names, read and checked. */
export interface LabFile {
  /** Absolute path. */
  readonly file: string;
  readonly name: string;
  readonly description: string;
  readonly hosts: readonly LabHost[];
  readonly northbound: NorthboundRows | undefined;
  /** Absolute path of the folder of policy files. */
  readonly policies: string | undefined;
  readonly expectations: readonly Expectation[];
  /** Commands that the lab's author would have a newcomer try. */
  readonly tryNext: readonly Suggestion[];
}

/** A command and what it shows; `$NB`, `$SB`, `$DB` and `$OPENFLOW` in it stand for the sockets. */
export interface Suggestion {
  readonly run: string;
  readonly shows: string;
}

const KEYS = ["name", "description", "northbound", "policies", "hosts", "expect", "try"];

/**
 * Reads a lab: `path` is a lab file, or a folder with a `lab.yaml`.
 *
 * @throws LabFileError for what is wrong in it, with file, line and column; IoError when it cannot be read
 */
export function readLabFile(path: string): LabFile {
  const file = labPath(path);
  const root = readSource(file);
  const fields = root.fields("a lab: name, hosts, …", KEYS);
  const hostsNode = required(root, fields, "hosts", "a list of hosts");
  const northbound = readNamedFile(fields.get("northbound"), file);
  const hosts = readHosts(hostsNode, northbound?.names("Logical_Switch_Port"));
  const expectNodes = fields.get("expect")?.items("a list of lines such as web1 -> app1 ping: open") ?? [];
  return {
    file: resolve(file),
    name: required(root, fields, "name", "three-tier").text("the lab's name"),
    description: fields.get("description")?.text("a sentence") ?? "",
    hosts,
    northbound,
    policies: readFolder(fields.get("policies"), file),
    expectations: expectNodes.map((node) => readExpectation(node, hosts)),
    tryNext: (fields.get("try")?.items("a list of commands") ?? []).map(readSuggestion),
  };
}

function readSuggestion(node: SourceNode): Suggestion {
  const fields = node.fields("a command: run, shows", ["run", "shows"]);
  return {
    run: required(node, fields, "run", "a command").text("a command"),
    shows: required(node, fields, "shows", "a few words").text("a few words"),
  };
}

/** The lab file as messages name it: the way the caller wrote it. */
function labPath(path: string): string {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  return isFolder ? join(path, "lab.yaml") : path;
}

function readHosts(node: SourceNode, ports: readonly string[] | undefined): LabHost[] {
  const hosts: LabHost[] = [];
  for (const item of node.items("a list of hosts")) {
    const host = readHost(item, ports);
    for (const other of hosts) {
      if (other.name === host.name) throw item.error(`host "${host.name}" is there twice`, { expected: "a name of its own" });
      if (other.port === host.port) {
        throw item.error(`"${other.name}" and "${host.name}" are both plugged into port "${host.port}"`);
      }
    }
    hosts.push(host);
  }
  if (hosts.length === 0) throw node.error("the lab has no hosts", { expected: "at least one host" });
  return hosts;
}

function readNamedFile(node: SourceNode | undefined, labFile: string): NorthboundRows | undefined {
  if (node === undefined) return undefined;
  const text = node.text("a file such as northbound.yaml");
  const path = isAbsolute(text) ? text : join(dirname(labFile), text); // as short in messages as the lab's own path
  if (!existsSync(path)) throw node.error(`there is no file "${path}"`, { expected: "a file of northbound rows" });
  return readNorthbound(path);
}

function readFolder(node: SourceNode | undefined, labFile: string): string | undefined {
  if (node === undefined) return undefined;
  const path = resolve(dirname(labFile), node.text("a folder such as policies"));
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  if (!isFolder) throw node.error(`there is no folder "${path}"`, { expected: "a folder of policy files" });
  return path;
}
