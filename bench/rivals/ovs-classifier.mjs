/**
 * Open vSwitch's classifier alone, in C, in a process that measures a round whenever it is asked to.
 *
 * No package has it as a program, so it is linked from a tree of the original's source that is built already, and that the
 * environment variable OVS_SOURCE names; docs/benchmarks.md tells how to make one.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { FIELDS, getFieldBig } from "@tenet/net";
import { RULE_FIELDS } from "../classifier-rules.mjs";

const LIBRARY = "lib/.libs/libopenvswitch.a";
const LINKED = ["-lm", "-latomic", "-lpthread", "-lrt"];

/** Builds it. @returns the rival; `undefined` when there is no source to build it from */
export function buildOvsClassifier() {
  const source = process.env.OVS_SOURCE;
  if (source === undefined || !existsSync(join(source, LIBRARY))) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "tenet-bench-"));
  const program = join(folder, "ovs-classifier");
  const code = new URL("ovs-classifier.c", import.meta.url).pathname;
  const includes = ["", "include", "lib"].map((part) => `-I${join(source, part)}`);
  execFileSync("gcc", ["-O2", "-o", program, code, ...includes, join(source, LIBRARY), ...LINKED]);
  return {
    /** Starts it on these rules and packets. */
    load: (rules, packets) => load(folder, program, rules, packets),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

async function load(folder, program, rules, packets) {
  const lines = (texts) => `${texts.join("\n")}\n`;
  writeFileSync(
    join(folder, "rules"),
    lines(rules.map(({ priority, match: { key, mask } }) => `${priority.toString(16)} ${numbers(key)} ${numbers(mask)}`)),
  );
  writeFileSync(join(folder, "packets"), lines(packets.map(numbers)));
  const child = spawn(program, [join(folder, "rules"), join(folder, "packets")], { stdio: ["pipe", "pipe", "inherit"] });
  const answers = createInterface({ input: child.stdout });
  const answer = async () => Number((await once(answers, "line"))[0]);
  return {
    /** Bits that a lookup looks at, on average. */
    bits: await answer(),
    /** Millions of lookups per second of CPU time, in one round. */
    rate() {
      child.stdin.write("\n");
      return answer();
    },
    /** Its input ends, and so it does. */
    stop: () => child.stdin.end(),
  };
}

function numbers(key) {
  return RULE_FIELDS.map((name) => getFieldBig(key, FIELDS[name]).toString(16)).join(" ");
}
