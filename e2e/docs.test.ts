/** Does what README and guide tell the reader to do, in their order, and holds what is printed against what they show. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { departure, type DocStep, stepsOf } from "./support/doc-blocks.ts";
import { Sandbox, sandboxObstacle } from "./support/sandbox.ts";
import { isInstalled, run } from "./support/tenet.ts";

const DOCUMENTS = [
  "README.md",
  "packages/cli/README.md",
  "docs/reference/cli.md",
  ...readdirSync("docs/guide").map((name) => join("docs/guide", name)),
];
const PROGRAMS = ["ovs-vsctl", "ovn-nbctl", "ovn-northd", "ovn-controller", "ovs-vswitchd", "ip", "ping", "curl"];
const EXAMPLE = "npx tenet up examples/three-tier";
/** Keeps its terminal until Ctrl-C; its last lines are what to try next. */
const SERVER = /^(npx tenet up|npm start)\b(?!.*--once)/;
const LAST_LINE = /TRY NEXT[^]*\n$/;
/** A reader takes a moment before the next command: what only looks, or found nobody yet, is asked again. */
const LOOKS = /^(npx tenet (status|why)|ip netns exec \S+ ping|curl -s(?!.*-X)|ov[ns]-\w+ .*(show|list|dump|sync-status))/;
const NOBODY = /connection failed|is not a bridge or a socket|Connection refused|Nothing runs/;
const PATIENCE_MS = 20_000;
const PAUSE_MS = 200;
/** Ten seconds on a machine at rest; as long as it takes on one that is busy. */
const DOCUMENT_BOUND_MS = 180_000;
const MOST_LINES = 30;

const obstacle = missing() ?? sandboxObstacle();

function missing(): string | undefined {
  const absent = PROGRAMS.filter((name) => !isInstalled(name));
  return absent.length === 0 ? undefined : `not installed: ${absent.join(" ")}`;
}

describe.skipIf(obstacle !== undefined)(`the documents (${obstacle === undefined ? "root" : `skipped: ${obstacle}`})`, () => {
  let sandbox: Sandbox;

  afterEach(() => sandbox.close());

  test.each(DOCUMENTS)("%s is true", { timeout: DOCUMENT_BOUND_MS }, async (document) => {
    sandbox = new Sandbox();
    const steps = stepsOf(readFileSync(document, "utf8"));
    // A document that starts nothing is about the example, which its reader has started.
    if (!steps.some((step) => step.kind === "run" && /tenet (up|ovsdb-server)/.test(step.command))) {
      await sandbox.serve(EXAMPLE, LAST_LINE);
    }
    const departures: string[] = [];
    for (const [i, step] of steps.entries()) {
      if (step.kind === "write") sandbox.write(step.path, step.text);
      else departures.push(...(await follow(step, asksForStatus(steps[i + 1]))));
    }
    expect(departures.join("\n\n")).toBe("");
  });

  /** @returns what is not as the document shows, if anything */
  async function follow({ command, prints, line }: DocStep & { kind: "run" }, mayFail: boolean): Promise<string[]> {
    const isServer = SERVER.test(command);
    for (const startedAt = Date.now(); ; ) {
      const { out, status } = isServer
        ? await sandbox.serve(command.replace(/^npm start\b/, EXAMPLE), LAST_LINE)
        : await sandbox.run(command);
      const difference = departure(out, prints);
      // What fails shows how it fails, or the next command asks.
      const fails = status !== 0 && prints === "" && !mayFail;
      if (difference === undefined && !fails) return [];
      const mayAskAgain = !isServer && (LOOKS.test(command) || NOBODY.test(out));
      if (mayAskAgain && Date.now() - startedAt < PATIENCE_MS) {
        await sleep(PAUSE_MS);
        continue;
      }
      const printed = `--- it prints:\n${beginningOf(out.trim())}\n--- and ends with ${status}`;
      return [`line ${line}: $ ${command}\n${difference ?? "it fails"}\n${printed}`];
    }
  }
});

function beginningOf(text: string): string {
  const lines = text.split("\n");
  return lines.length <= MOST_LINES
    ? text
    : [...lines.slice(0, MOST_LINES), `and ${lines.length - MOST_LINES} lines more`].join("\n");
}

function asksForStatus(step: DocStep | undefined): boolean {
  return step?.kind === "run" && step.command === "echo $?";
}

test("a line that is not printed is named, and one that is not shown", () => {
  expect(departure("one\n2 two\nthree\n", "one\n… two\n…")).toBe(undefined);
  expect(departure("one\n2 two\nthree\n", "one\n… tw\n…")).toBe("not printed: … tw");
  expect(departure("one\n2 two\nthree\n", "one\n…two")).toContain("ends: three");
  expect(departure("something", "")).toBe("not printed: ");
});

test("npx finds tenet in the repository", () => {
  const { status, out } = run("npx", ["--no-install", "tenet", "--help"]);
  expect(out).toContain("Usage: tenet [options] [command]");
  expect(status).toBe(0);
});
