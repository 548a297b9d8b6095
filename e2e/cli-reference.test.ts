/** docs/reference/cli.md says what `--help` says: each command, flag and environment variable, and no other. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { run } from "./support/tenet.ts";

const REFERENCE = readFileSync("docs/reference/cli.md", "utf8");
const FROM_OUTSIDE = ["FORCE_COLOR", "NO_COLOR"];
const MAIN = help();
const COMMANDS = commandsOf(MAIN).flatMap((name) => [name, ...commandsOf(help(name)).map((part) => `${name} ${part}`)]);
const HELP = new Map(COMMANDS.map((name) => [name, help(...name.split(" "))]));

function help(...command: readonly string[]): string {
  return run(process.execPath, ["packages/cli/bin/tenet.js", ...command, "--help"]).out;
}

/** The commands that a help lists. */
function commandsOf(text: string): string[] {
  const list = /^Commands:\n([^]*?)(?=\n\n|$(?![^]))/m.exec(text)?.[1] ?? "";
  return [...list.matchAll(/^ {2}([a-z][a-z-]*) .* {2}\S/gm)].map(([, name = ""]) => name).filter((name) => name !== "help");
}

/** The part below a heading. */
function section(title: string): string {
  return new RegExp(`^## ${title}\\n([^]*?)(?=^## |$(?![^]))`, "m").exec(REFERENCE)?.[1] ?? "";
}

/** What the first column of a part's tables names. */
function firstColumn(text: string): string[] {
  return [...text.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell = ""]) =>
    [...cell.matchAll(/`([^` ]+)[^`]*`/g)].map(([, name = ""]) => name),
  );
}

/** Flags of an `Options:` part, long and short. */
function flagsOf(text: string): string[] {
  const lines = [...text.matchAll(/^ {2}(-\S.*)/gm)].map(([, line = ""]) => line.split(/ {2}/, 1)[0] ?? "");
  return lines.flatMap((line) => line.match(/--?[a-zA-Z][\w-]*/g) ?? []);
}

describe("the command line reference", () => {
  test("has a part for each command, and no other", () => {
    const parts = [...REFERENCE.matchAll(/^## tenet (\S.*)$/gm)].map(([, name]) => name);
    expect(COMMANDS.length).toBeGreaterThan(5);
    expect(parts).toEqual(COMMANDS);
  });

  test("names the flags of tenet itself", () => {
    expect(firstColumn(section("tenet")).toSorted()).toEqual(flagsOf(MAIN).toSorted());
  });

  test.each(COMMANDS)("names the flags of tenet %s, and no other", (name) => {
    const flags = flagsOf(HELP.get(name) ?? "").filter((flag) => flag !== "-h" && flag !== "--help");
    expect(firstColumn(section(`tenet ${name}`)).toSorted()).toEqual(flags.toSorted());
  });

  test("names the environment variables of the help, and no other", () => {
    const inHelp = [MAIN, ...HELP.values()].join("\n").match(/\bTENET_[A-Z_]+/g) ?? [];
    expect(firstColumn(section("Environment")).toSorted()).toEqual([...FROM_OUTSIDE, ...new Set(inHelp)].toSorted());
  });

  test("gives the defaults of the help", () => {
    for (const [name, text] of HELP) {
      for (const [, value = ""] of text.replace(/\s+/g, " ").matchAll(/, default ([^ [\]]+)/g)) {
        expect(section(`tenet ${name}`)).toContain(`\`${value.replace("<home>", "HOME")}\``);
      }
    }
  });
});
