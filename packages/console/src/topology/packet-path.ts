/** Where the packet of a story goes in the drawing. */
import type { LogicalPort, Story } from "../api.ts";
import { outputsOf } from "../explain/names.ts";
import { parseQuestion } from "../question.ts";

/** The ends of a packet's way, and its fate. */
export interface PacketPath {
  /** Name of the host or port that sends. */
  readonly from: string;
  /** Name of the host or port it is meant for; `broadcast` and addresses name none. */
  readonly to: string;
  /** Names of the ports that it leaves the switch by. */
  readonly receivers: ReadonlySet<string>;
  readonly isForwarded: boolean;
}

/** What the host or port does in the story; empty when it has no part in it. */
export type Role = "" | "sends" | "receives" | "not reached";

/** The way of the story's packet; `undefined` when its question is richer than the drawing. */
export function pathOf({ question, verdict, layers }: Story, ports: readonly LogicalPort[]): PacketPath | undefined {
  const asked = parseQuestion(question);
  if (asked === undefined) return undefined;
  const ofports = new Set(layers.physical.flatMap(outputsOf));
  const receivers = ports.filter(({ ofport }) => ofport !== null && ofports.has(ofport)).map(({ name }) => name);
  return { from: asked.from, to: asked.to, receivers: new Set(receivers), isForwarded: verdict === "forwarded" };
}

/** The part of a port and its host, by their names. */
export function roleOf(port: string, host: string | undefined, path: PacketPath | undefined): Role {
  if (path === undefined) return "";
  if (path.from === port || path.from === host) return "sends";
  if (path.receivers.has(port)) return "receives";
  return path.to === port || path.to === host ? "not reached" : "";
}
