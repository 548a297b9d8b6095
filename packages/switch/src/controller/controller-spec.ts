/** What the database says of a controller, and what is reported of it. */
import { resolve, sep } from "node:path";
import type { PacketLimit } from "../service/packet-queue.ts";

/** A controller of a bridge. @see ovs-vswitchd.conf.db(5), Controller table */
export interface ControllerSpec {
  /** Of its row. */
  readonly uuid: string;
  /** `tcp:IP[:PORT]`, `ssl:IP[:PORT]`, `unix:FILE` to call it; `ptcp:[PORT][:IP]`, `pssl:[PORT][:IP]`, `punix:FILE` to be called. */
  readonly target: string;
  /** Whether it looks in now and then, as tools do, instead of giving the bridge its flows. */
  readonly isService: boolean;
  /** Whether it hears of events only after asking for them. */
  readonly isQuiet: boolean;
  /** The longest pause between attempts to connect. */
  readonly maxBackoffMs: number;
  /** How long nothing may be heard until it is asked whether it is there; 0 = for ever. Three times that without any, and a bridge fails open. */
  readonly probeMs: number;
  /** How many packets it is sent; absent: all. */
  readonly packetLimit?: PacketLimit;
}

/** What became of a controller. */
export interface ControllerStatus {
  readonly isConnected: boolean;
  readonly role: "master" | "slave" | "other" | undefined;
  /** The column `status`. */
  readonly status: Readonly<Record<string, string>>;
}

/** Where controllers listen when nothing else is said. */
export const OPENFLOW_PORT = 6653;

/** A target as sockets take it, with the port that it leaves out. */
export function completeTarget(target: string, defaultPort: number = OPENFLOW_PORT): string {
  const [, listens, address = ""] = /^(ptcp|pssl):(.*)$/.exec(target) ?? [];
  if (listens !== undefined) {
    if (address === "") return `${listens}:${defaultPort}`;
    return address.startsWith(":") ? `${listens}:${defaultPort}${address}` : target;
  }
  const [, calls, host = ""] = /^(tcp|ssl):(\[[^\]]*\]|[^:]*)$/.exec(target) ?? [];
  return calls === undefined ? target : `${calls}:${host}:${defaultPort}`;
}

/** Whether the switch is called, instead of calling. */
export function isPassive({ target }: Pick<ControllerSpec, "target">): boolean {
  return /^p(tcp|ssl|unix):/.test(target);
}

/**
 * Why a switch does not use a controller that the database names; `undefined`: it does. Of sockets of the host it calls those in its run folder
 * alone, and makes those alone that begin with the name of their bridge.
 */
export function whyRefused(target: string, bridge: string, runDir: string): string | undefined {
  if (!/^p?(tcp|ssl|unix):/.test(target)) return `unsupported controller "${target}"`;
  const [, kind, path = ""] = /^(p?unix):(.*)$/.exec(target) ?? [];
  const [dir, place] = [resolve(runDir), resolve(path)];
  const always = `"unix:${dir}/${bridge}.mgmt" is there always`;
  if (kind === "unix" && path.includes("/") && !place.startsWith(dir + sep)) {
    return `Not adding Unix domain socket controller "${target}": it could be any service of this host; name a socket in "${dir}/" (${always})`;
  }
  const front = `${dir}/${bridge}.`;
  if (kind === "punix" && (!place.startsWith(front) || place.slice(front.length).includes("/"))) {
    return `Not adding Unix domain socket controller "${target}": it could be any file of this host; name a socket like "punix:${front}NAME" (${always})`;
  }
  return undefined;
}
