/** Scripts of commands for the original's clients: one a line, quoted as in a shell, run against a server and noted. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";

/** What a command did, uuids and places replaced by words. */
export interface Outcome {
  readonly line: string;
  readonly code: number | string;
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
}

/** The lines of `test/subcommands/PROGRAM.txt` that are commands. */
export function readScript(program: string): string[] {
  const text = readFileSync(new URL(`../subcommands/${program}.txt`, import.meta.url), "utf8");
  return text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

/**
 * Runs a script; the commands of a script share what `name = command` kept.
 *
 * @param options - before each command's own
 * @param places - what `{name}` stands for; what is printed has the name again
 */
export async function runScript(
  program: string,
  options: readonly string[],
  places: { readonly [name: string]: string },
  environment: NodeJS.ProcessEnv,
): Promise<Outcome[]> {
  const kept = new Map<string, string>();
  const outcomes: Outcome[] = [];
  for (const line of readScript(program)) {
    const [, name, given = line] = /^(\w+) = (.*)$/.exec(line) ?? [];
    const [, command = given, input = ""] = /^(.*) < \$(\w+)$/.exec(given) ?? [];
    const words = wordsOf(command).map((word) =>
      word
        .replace(/\$(\w+)/g, (_, key: string) => kept.get(key) ?? "")
        .replace(/\{(\w+)\}/g, (all, key: string) => places[key] ?? all),
    );
    const { code, stdout, stderr } = await run(program, [...options, ...words], environment, kept.get(input) ?? "");
    if (name !== undefined) kept.set(name, stdout.trimEnd());
    outcomes.push({ line, code, stdout: normalized(stdout, places), stderr: normalized(stderr, places) });
  }
  return outcomes;
}

/** The subcommands that a program's `--help` lists. */
export function subcommandsIn(help: string): string[] {
  const usage = help.split(/^(?:Potentially unsafe|Database commands may|The default|Options:|Output formatting)/m)[0] ?? "";
  const names = usage.split("\n").flatMap((line) => /^ {2}([a-z][a-z-]+)(?: |$)/.exec(line)?.[1] ?? []);
  return [...new Set(names)];
}

function wordsOf(command: string): string[] {
  return Array.from(command.matchAll(/(?:'[^']*'|\\.|[^\s'])+/g), ([word]) => word.replace(/'([^']*)'|\\(.)/g, "$1$2"));
}

function run(
  program: string,
  words: readonly string[],
  env: NodeJS.ProcessEnv,
  input: string,
): Promise<{ code: number | string; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(program, words, { env, maxBuffer: 1e8 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : (child.exitCode ?? child.signalCode ?? "?"), stdout, stderr });
    });
    child.stdin?.on("error", () => undefined).end(input);
  });
}

/** Lines in order: which of two rows comes first is a matter of their uuids. */
function normalized(text: string, places: { readonly [name: string]: string }): string[] {
  let plain = text;
  for (const [name, place] of Object.entries(places)) plain = plain.replaceAll(place, `{${name}}`);
  return plain
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, "<uuid>")
    .replace(/uuid=0x[0-9a-f]{8}/g, "uuid=<part>")
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, "<time>")
    .replace(/^OVSDB JSON \d+ [0-9a-f]+/gm, "OVSDB JSON <size> <sum>")
    .replace(/"_date":\d+/g, '"_date":0')
    .replace(/(First|Second) row, with UUID <uuid>, ([^."]*)\./g, "A row, with UUID <uuid>, $2.")
    .replace(/(A row[^.]*\.) +(A row[^.]*\.)/g, (_, a: string, b: string) => [a, b].sort().join(" "))
    .split("\n")
    .map((line) => (line.startsWith("{") ? sortedKeys(line) : line).replace(/(-{4,}|={4,})/g, "----").replace(/\s+$/, ""))
    .sort();
}

/** The original's JSON has the members of an object in the order of a hash table. */
function sortedKeys(line: string): string {
  const sorted = (_key: string, value: unknown): unknown =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value;
  return JSON.stringify(JSON.parse(line), sorted);
}
