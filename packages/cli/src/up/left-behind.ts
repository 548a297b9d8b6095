/** What a Tenet that was killed left behind: hosts, flows that the kernel goes on with, sockets; found, told, and taken away. */
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { errnoOf, IoError, type Scope } from "@tenet/kit";
import { findLeftHosts, removeLeftHosts } from "@tenet/lab";
import { holdPidFile } from "@tenet/linux";
import { hasLeftFlows, removeLeftFlows } from "@tenet/switch";
import type { Home } from "../config.ts";

/** What is there, and nobody that lives has any more. */
export interface LeftBehind {
  readonly hosts: readonly string[];
  readonly hasFlows: boolean;
  /** Names in the run folder. */
  readonly sockets: readonly string[];
}

/** In the run folder: how the names of the lab's hosts begin. */
const LAB = "lab-prefix";

/** Notes that hosts of this prefix are about to be made, until the scope closes. */
export function noteHosts(home: Home, prefix: string, scope: Scope): void {
  const path = join(home.runDir, LAB);
  scope.defer(() => rmSync(path, { force: true }));
  writeFileSync(path, prefix);
}

/** Looks what there is, and takes nothing away. */
export async function findLeftBehind(home: Home): Promise<LeftBehind> {
  const prefix = notedPrefix(home);
  const hosts = prefix === undefined ? [] : findLeftHosts(prefix);
  return { hosts, hasFlows: hasLeftFlows(home.runDir), sockets: await deadSockets(home.runDir) };
}

/** Takes it away. @returns what it was */
export async function removeLeftBehind(home: Home): Promise<LeftBehind> {
  const hosts = removeNotedHosts(home);
  const hasFlows = removeLeftFlows(home.runDir);
  const sockets = await deadSockets(home.runDir);
  for (const name of sockets) rmSync(join(home.runDir, name), { force: true });
  removePidFiles(home.runDir);
  return { hosts, hasFlows, sockets };
}

/** Takes the hosts of a lab that was killed away. @returns their namespaces */
export function removeNotedHosts(home: Home): readonly string[] {
  const prefix = notedPrefix(home);
  if (prefix === undefined) return [];
  const hosts = removeLeftHosts(prefix);
  if (hosts !== undefined) rmSync(join(home.runDir, LAB), { force: true });
  return hosts ?? [];
}

/** `7 hosts, flows in the kernel and 9 sockets`; empty when there is nothing. */
export function describeLeftBehind({ hosts, hasFlows, sockets }: LeftBehind): string {
  const count = (n: number, what: string): string[] => (n === 0 ? [] : [`${n} ${what}${n === 1 ? "" : "s"}`]);
  const parts = [
    ...count(hosts.length, "host"),
    ...(hasFlows ? ["flows in the kernel"] : []),
    ...count(sockets.length, "socket"),
  ];
  return parts.join(", ").replace(/, ([^,]*)$/, " and $1");
}

function notedPrefix(home: Home): string | undefined {
  const path = join(home.runDir, LAB);
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}

async function deadSockets(runDir: string): Promise<string[]> {
  const names = existsSync(runDir) ? readdirSync(runDir) : [];
  const dead = await Promise.all(names.map((name) => isDeadSocket(join(runDir, name))));
  return names.filter((_, i) => dead[i]);
}

/** Whether it is a socket that nobody listens on. */
async function isDeadSocket(path: string): Promise<boolean> {
  if (statSync(path, { throwIfNoEntry: false })?.isSocket() !== true) return false;
  return new Promise((resolve) => {
    const socket = connect(path);
    const done = (isDead: boolean): void => {
      socket.destroy();
      resolve(isDead);
    };
    socket.on("connect", () => done(false)).on("error", (error) => done(errnoOf(error) === "ECONNREFUSED"));
  });
}

function removePidFiles(runDir: string): void {
  for (const name of existsSync(runDir) ? readdirSync(runDir) : []) {
    if (!name.endsWith(".pid")) continue;
    try {
      holdPidFile(join(runDir, name)).close();
    } catch (error) {
      if (!(error instanceof IoError)) throw error; // else whom it names lives
    }
  }
}
