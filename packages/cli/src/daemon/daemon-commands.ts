/** The commands that every daemon answers to `ovs-appctl`. @see ovs-appctl(8), "Common commands" */
import { ArgumentError, type Command, command } from "@tenet/ovsdb";
import type { Coverage } from "./coverage.ts";
import type { Vlog } from "./vlog/vlog.ts";

/** What the commands work on. */
export interface Daemon {
  readonly version: string;
  readonly vlog: Vlog;
  readonly coverage: Coverage;
  /** Ends the daemon; called after the reply was sent. */
  readonly exit: () => void;
  /** How much of what it holds, by name. */
  readonly memory: () => Promise<ReadonlyMap<string, number>>;
}

/** `version`, `exit`, `vlog/*`, `coverage/*` and `memory/show`. */
export function daemonCommands({ version, vlog, coverage, exit, memory }: Daemon): Command[] {
  const quietly =
    (act: (args: readonly string[]) => void) =>
    (args: readonly string[]): string => {
      act(args);
      return "";
    };
  return [
    command("version", "", [0, 0], () => version),
    command(
      "exit",
      "",
      [0, 0],
      quietly(() => void setImmediate(exit)),
    ),
    command("memory/show", "", [0, 0], async () => formatMemory(await memory())),
    command("coverage/show", "", [0, 0], () => coverage.show()),
    command("coverage/read-counter", "COUNTER", [1, 1], ([name = ""]) => {
      const total = coverage.read(name);
      if (total === undefined) throw new ArgumentError("No such counter");
      return String(total);
    }),
    command("vlog/list", "", [0, 0], () => vlog.list()),
    command("vlog/list-pattern", "", [0, 0], () => vlog.listPatterns()),
    command(
      "vlog/set",
      "{spec | PATTERN:destination:pattern}",
      [0, Infinity],
      quietly((specs) => {
        for (const spec of specs.length === 0 ? [""] : specs) vlog.set(spec);
      }),
    ),
    command(
      "vlog/close",
      "",
      [0, 0],
      quietly(() => vlog.close()),
    ),
    command(
      "vlog/reopen",
      "",
      [0, 0],
      quietly(() => vlog.reopen()),
    ),
    command(
      "vlog/enable-rate-limit",
      "[module]...",
      [0, Infinity],
      quietly((names) => vlog.limitRate(names, true)),
    ),
    command(
      "vlog/disable-rate-limit",
      "[module]...",
      [0, Infinity],
      quietly((names) => vlog.limitRate(names, false)),
    ),
  ];
}

/** The answer of `memory/show`: `name:n name:n`, by name. */
export function formatMemory(usage: ReadonlyMap<string, number>): string {
  return [...usage]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, n]) => `${name}:${n}`)
    .join(" ");
}
