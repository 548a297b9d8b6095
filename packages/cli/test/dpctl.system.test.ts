/** `ovs-dpctl` by our launcher, with a control socket in the place of a switch that tells what it was asked. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { silentLogger } from "@tenet/kit";
import { ArgumentError, type Command, ControlServer } from "@tenet/ovsdb";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";

const LAUNCHER = resolve("packages/cli/bin/ovs-dpctl.js");
const MANY = 100;
/** More than a message of a peer that nobody chose may have. */
const LARGE_LENGTH = 65 * 1024 * 1024;
const folder = mkdtempSync(join(tmpdir(), "tenet-dpctl-"));
const asked: string[][] = [];

function fake(name: string, answer: Command["run"]): Command {
  const run: Command["run"] = (args) => {
    asked.push([name, ...args]);
    return answer(args);
  };
  return { name: `dpctl/${name}`, usage: "", minArgs: 0, maxArgs: MANY, run };
}

const server = new ControlServer(
  [
    fake("show", () => "shown"),
    fake("ct-set-limits", () => "shown"),
    fake("dump-dps", () => "system@ovs-system"),
    fake("add-flow", ([flow]) => {
      if (flow === "bad") throw new ArgumentError("ovs-vswitchd: parsing flow key (Invalid argument)");
      return flow === "--statistics" ? "packets:0" : "";
    }),
    fake("del-flow", ([flow]) => (flow === "--statistics" ? "packets:5" : "")),
    fake("del-flows", () => ""),
    fake("dump-flows", () => "f".repeat(LARGE_LENGTH)),
    fake("ct-bkts", () => "some connections\n".repeat(100_000)),
    fake("dump-conntrack", () => new Promise<string>(() => undefined)),
  ],
  silentLogger,
);

beforeAll(() => server.listen(join(folder, "ovs-vswitchd.7.ctl")));
beforeEach(() => void asked.splice(0));
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Outcome {
  readonly status: number | NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a command of the shell, in the folder, in which `$dpctl` is the launcher. */
function shell(command: string): Promise<Outcome> {
  const child = spawn("bash", ["-c", command], { cwd: folder, env: { ...process.env, OVS_RUNDIR: folder, dpctl: LAUNCHER } });
  const [out, err]: [string[], string[]] = [[], []];
  child.stdout.on("data", (bytes) => out.push(String(bytes)));
  child.stderr.on("data", (bytes) => err.push(String(bytes)));
  return new Promise((done) => {
    child.on("close", (code, signal) => done({ status: code ?? signal, out: out.join(""), err: err.join("") }));
  });
}

test.each([
  ["-t 50 show -s", ["show", "--statistics"]],
  ["--timeout 50 -ms show x", ["show", "--more", "--statistics", "x"]],
  ["--read-only ct-set-limits default=1", ["ct-set-limits", "default=1"]],
  ["--syslog-target 127.0.0.1:5 --log-file -vdbg show --no-n", ["show", "--no-names"]],
])("%s asks for what it says", async (words, expected) => {
  expect(await shell(`$dpctl ${words}`)).toEqual({ status: 0, out: "shown\n", err: "" });
  expect(asked).toEqual([expected]);
});

test.each([
  ["", "missing command name; use --help for help"],
  ["nosuch", "unknown command 'nosuch'; use --help for help"],
  ["-x show", "invalid option -- 'x'"],
  ["-t 0 show", "value 0 on -t or --timeout is invalid"],
  ["--read-only del-flow x", "'del-flow' command does not work in read only mode"],
  ["--read-only ipf-set-enabled v4", "'ipf-set-enabled' command does not work in read only mode"],
  ["show -- -s", 'argument -s would be an option to the switch: it must not begin with "-"'],
  ["add-flows nosuch", 'Opening file "nosuch" failed (No such file or directory)'],
])("%s is refused", async (words, problem) => {
  expect(await shell(`$dpctl ${words}`)).toEqual({ status: 1, out: "", err: `ovs-dpctl: ${problem}\n` });
});

test("an alarm clock ends it when no answer comes in the time that it was given", async () => {
  expect((await shell("exec $dpctl -t 1 dump-conntrack")).status).toBe("SIGALRM");
  expect((await shell("OVS_CTL_TIMEOUT=1 exec $dpctl dump-conntrack")).status).toBe("SIGALRM");
  expect((await shell("OVS_CTL_TIMEOUT=x exec $dpctl show")).out).toBe("shown\n");
});

const LINES = "# flows\na 1\n\nbad 1\nadd only\ndelete a\n";
const CHANGES = [
  ["add-flow", "a", "1"],
  ["add-flow", "bad", "1"],
  ["del-flow", "a"],
];
const PROBLEMS = "ovs-dpctl: parsing flow key (Invalid argument)\novs-dpctl: Failed parsing line number 5, skipped!\n";

test.each(["$dpctl add-flows flows.txt", "$dpctl add-flows - <flows.txt"])(
  "%s: lines are carried out one after the other, and what is wrong with them is told",
  async (command) => {
    writeFileSync(join(folder, "flows.txt"), LINES);
    expect(await shell(command)).toEqual({ status: 0, out: "", err: PROBLEMS });
    expect(asked).toEqual([["dump-dps"], ...CHANGES]);
  },
);

test("the counters of flows that a file is about are told where they are asked for", async () => {
  const { out } = await shell("printf 'a 1\ndelete b\n' | $dpctl -s --may-create --clear add-flows -");
  expect(out).toBe("packets:0\npackets:5\n");
  expect(asked).toEqual([["dump-dps"], ["add-flow", "--statistics", "a", "1"], ["del-flow", "--statistics", "b"]]);
});

test("the name of a datapath goes with every line, and is no file", async () => {
  await shell("echo a | $dpctl del-flows ovs-system -");
  await shell("$dpctl del-flows system@ovs-system");
  expect(asked).toEqual([["dump-dps"], ["del-flow", "ovs-system", "a"], ["dump-dps"], ["del-flows", "system@ovs-system"]]);
});

test("an answer larger than a message of a peer that nobody chose comes whole", async () => {
  expect(await shell("$dpctl dump-flows | wc -c")).toEqual({ status: 0, out: `${LARGE_LENGTH + 1}\n`, err: "" });
});

test("who does not read the answer to its end gets what it reads", async () => {
  expect(await shell("set -o pipefail; $dpctl ct-bkts | head -1")).toEqual({ status: 0, out: "some connections\n", err: "" });
});
