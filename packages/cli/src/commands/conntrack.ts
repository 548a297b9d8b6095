/** `tenet conntrack`: the connections that a running switch tracks, and their limits. */
import { AppError } from "@tenet/kit";
import type { ConnectionDescription, DirectionDescription } from "@tenet/switch";
import { askSwitch } from "@tenet/why";
import { styleFor } from "../up/style.ts";
import { formatTable } from "../up/table.ts";

/** What can be done. */
export type ConntrackVerb = "list" | "flush" | "stats" | "limits";

/** A limit that cannot be read. */
class LimitError extends AppError {
  static override readonly code: string = "CLI_LIMIT";
}

/** How to show it. */
export interface ConntrackOptions {
  readonly format: "text" | "json";
  readonly hasColor: boolean;
  readonly signal: AbortSignal;
}

/**
 * Asks the switch of a run folder and formats its answer.
 *
 * @param args - of `list` and `flush`: conditions `NAME=VALUE`, all of which hold; of `limits`: `max=N`, `zone=N,limit=L`
 *   and `zone=N,limit=none`, which are set
 * @throws IoError when no switch answers, or it refuses a condition
 */
export async function conntrack(
  runDir: string,
  verb: ConntrackVerb,
  args: readonly string[],
  options: ConntrackOptions,
): Promise<string> {
  const ask = (...command: readonly [string, ...string[]]): Promise<string> =>
    askSwitch(runDir, verb === "flush" ? "flush connections" : "read connections", command, options.signal);
  switch (verb) {
    case "list": {
      const connections = JSON.parse(await ask("tenet/conntrack", ...args)) as ConnectionDescription[];
      return options.format === "json" ? json(connections) : listed(connections, options.hasColor);
    }
    case "flush": {
      const n = Number(await ask("tenet/conntrack-flush", ...args));
      return options.format === "json" ? json({ nFlushed: n }) : `${n} ${n === 1 ? "connection" : "connections"} forgotten\n`;
    }
    case "stats": {
      const connections = JSON.parse(await ask("tenet/conntrack", ...args)) as ConnectionDescription[];
      return counted(connections, options.format);
    }
    case "limits":
      return limits(ask, args, options.format);
  }
}

function listed(connections: readonly ConnectionDescription[], hasColor: boolean): string {
  const style = styleFor(hasColor);
  const rows = connections.map(({ proto, zone, original, reply, mark, label, tcpStates, timeoutMs }) => [
    proto,
    String(zone),
    describe(original),
    describe(reply),
    tcpStates?.join(" / ") ?? "",
    `${Math.round(timeoutMs / 1000)} s`,
    mark === 0 ? "" : `0x${mark.toString(16)}`,
    label === "0" ? "" : label,
  ]);
  const heads = ["proto", "zone", "original", "answers", "states", "lives", "mark", "label"].map(style.dim);
  return rows.length === 0 ? "no connections\n" : `${formatTable([heads, ...rows])}\n`;
}

function describe({ src, dst, sport, dport, id, type, code }: DirectionDescription): string {
  if (id !== undefined) return `${src} -> ${dst} id ${id} type ${type} code ${code}`;
  const withPort = (address: string, port: number | undefined): string =>
    port === undefined ? address : address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
  return `${withPort(src, sport)} -> ${withPort(dst, dport)}`;
}

/** How many of each protocol and state there are. */
function counted(connections: readonly ConnectionDescription[], format: "text" | "json"): string {
  const counts = new Map<string, number>();
  for (const { proto, zone, tcpStates } of connections) {
    const name = [proto, zone, tcpStates?.join(" / ") ?? ""].join("\t");
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const rows = [...counts].map(([name, n]) => [...name.split("\t"), String(n)]).toSorted((a, b) => Number(b[3]) - Number(a[3]));
  if (format === "json") {
    return json({
      total: connections.length,
      groups: rows.map(([proto, zone, states, n]) => ({ proto, zone: Number(zone), states, n: Number(n) })),
    });
  }
  return `${formatTable([["proto", "zone", "states", "connections"], ...rows, ["all", "", "", String(connections.length)]])}\n`;
}

async function limits(
  ask: (...command: readonly [string, ...string[]]) => Promise<string>,
  settings: readonly string[],
  format: "text" | "json",
): Promise<string> {
  for (const setting of settings) {
    const [, max] = /^max=(\d+)$/.exec(setting) ?? [];
    const [, zone] = /^zone=(\d+),limit=none$/.exec(setting) ?? [];
    if (max !== undefined) await ask("dpctl/ct-set-maxconns", max);
    else if (zone !== undefined) await ask("dpctl/ct-del-limits", `zone=${zone}`);
    else if (/^zone=\d+,limit=\d+$/.test(setting)) await ask("dpctl/ct-set-limits", setting);
    else {
      throw new LimitError(`Cannot read the limit "${setting}"`, { hint: "Write max=N, zone=N,limit=L or zone=N,limit=none" });
    }
  }
  const max = Number(await ask("dpctl/ct-get-maxconns"));
  const total = Number(await ask("dpctl/ct-get-nconns"));
  const zones = [...(await ask("dpctl/ct-get-limits")).matchAll(/zone=(\d+),limit=(\d+),count=(\d+)/g)].map(
    ([, zone, limit, count]) => ({ zone: Number(zone), limit: Number(limit), count: Number(count) }),
  );
  if (format === "json") return json({ max, count: total, zones });
  const rows = zones.map(({ zone, limit, count }) => [`zone ${zone}`, String(limit), String(count)]);
  return `${formatTable([["", "limit", "connections"], ["all", String(max), String(total)], ...rows])}\n`;
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
