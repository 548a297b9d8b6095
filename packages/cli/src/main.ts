/** The tenet command: the only file that touches `process`. Each command loads what it needs when it is given. */
import { Argument, Command, Option } from "commander";
import { createLogger, errnoOf, formatError } from "@tenet/kit";
import type { ConntrackVerb } from "./commands/conntrack.ts";
import { homeOf, policyPortOf, type UpFlags, upConfig } from "./config.ts";
import { tenetVersion } from "./daemon/tenet-version.ts";
import { dbCommand } from "./db/db-command.ts";

const { env, stdout, stderr } = process;
const stop = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.on(name, () => (stop.signal.aborted ? process.exit(130) : stop.abort()));
}
// What `ps` shows, and what the history of a row names; from now on signals are heard.
process.title = "tenet";
// Whoever read the output has gone, as in `tenet status | head -1`: an end like any other.
stdout.on("error", (error) => {
  if (errnoOf(error) !== "EPIPE") throw error;
  stop.abort();
});
const isTerminal = stdout.isTTY === true;
const hasColor = (isTerminal || env["FORCE_COLOR"] !== undefined) && env["NO_COLOR"] === undefined;
const output = { isTerminal, hasColor, write: (text: string) => stdout.write(text) };
const format = new Option("-o, --output <format>", "text or json").choices(["text", "json"]).default("text");

const program = new Command("tenet").description("Virtual networks and the policy over them").showSuggestionAfterError();
program.version(tenetVersion(), "--version", "print the version");
program.addHelpText("after", "\nState lies in $TENET_HOME (default ./.tenet), sockets in its run/.");

program
  .command("up")
  .argument("[lab]", "lab file, or folder with a lab.yaml; without one the bare stack runs")
  .option("--once", "check the lab and stop: exit code 0 when all is as the lab expects")
  .option("--hosts <kind>", "namespaces (root on Linux), simulated, or auto [TENET_HOSTS]")
  .option(
    "--datapath <kind>",
    "ebpf: the kernel forwards what its program can do (root); user; or auto, the default: ebpf where it works [TENET_DATAPATH]",
  )
  .option("--policy-port <port>", "of the policy API on loopback, default 1789 [TENET_POLICY_PORT]")
  .option("--console-port <port>", "of the console on loopback, default 8089 [TENET_CONSOLE_PORT]")
  .option("--console-writes", "let pages of the console write to the databases, not only read them")
  .option("--prefix <text>", "starts the names of namespaces and devices, default tenet- [TENET_PREFIX]")
  .description("bring up databases, network, policies, console, and the hosts of a lab")
  .action(async (lab: string | undefined, flags: UpFlags) => {
    const { up } = await import("./up/up.ts");
    const problems = await up(upConfig(lab, flags, env, process.cwd()), output, stop.signal);
    if (flags.once !== true) return;
    if (stop.signal.aborted) throw new Error("stopped before it was checked");
    stdout.write(
      problems.length === 0
        ? "\n  checked: all is as the lab expects\n"
        : problems.map((text) => `\n  ✗ ${text}`).join("") + "\n",
    );
    if (problems.length > 0) process.exitCode = 1;
  });

program
  .command("status")
  .addOption(format)
  .description("tell what runs")
  .action(async (flags: { output: "text" | "json" }) => {
    const { status } = await import("./commands/status.ts");
    stdout.write(await status(homeOf(env), flags.output, hasColor, Date.now(), stop.signal));
  });

program
  .command("down")
  .description("stop what runs, and wait until it has")
  .action(async () => {
    const { down } = await import("./commands/down.ts");
    stdout.write(`${await down(homeOf(env))}\n`);
  });

program
  .command("why")
  .argument("<question>", 'e.g. "web1 -> db1 tcp 5432", "web1 -> db1 icmp", "web1 -> 10.0.1.14 udp 53"')
  .addOption(format)
  .option("--full", "every table, not the decisive ones alone")
  .description("tell the story of a packet, from the verdict back to the row and the transaction that decided it")
  .action(async (question: string, flags: { output: "text" | "json"; full?: boolean }) => {
    const { formatStory, openWhy, why } = await import("@tenet/why");
    await using sources = await openWhy(homeOf(env).runDir, stop.signal);
    const story = await why(question, sources);
    const text = { color: hasColor, width: stdout.columns ?? 100, full: flags.full === true };
    stdout.write(flags.output === "json" ? `${JSON.stringify(story, undefined, 2)}\n` : formatStory(story, text));
  });

program
  .command("trace")
  .argument("<bridge>")
  .argument("<flow>", 'the packet as a match with its port, e.g. "in_port=1,tcp,nw_dst=10.0.0.2,tp_dst=80"')
  .addOption(format)
  .description("follow a packet through the flow tables, and tell for each bit of its megaflow which lookup needed it")
  .action(async (bridge: string, flow: string, flags: { output: "text" | "json" }) => {
    const { trace } = await import("./commands/trace.ts");
    const options = { format: flags.output, hasColor, signal: stop.signal };
    stdout.write(await trace(env["OVS_RUNDIR"] ?? homeOf(env).runDir, bridge, flow, options));
  });

program
  .command("conntrack")
  .addArgument(new Argument("[verb]", "what to do").choices(["list", "flush", "stats", "limits"]).default("list"))
  .argument(
    "[conditions...]",
    "of list, flush and stats: zone=N proto=tcp src=ADDRESS dport=N …; of limits: max=N zone=N,limit=L",
  )
  .addOption(format)
  .description("show, count, limit and forget the connections that the switch tracks")
  .action(async (verb: ConntrackVerb, conditions: string[], flags: { output: "text" | "json" }) => {
    const { conntrack } = await import("./commands/conntrack.ts");
    const options = { format: flags.output, hasColor, signal: stop.signal };
    stdout.write(await conntrack(env["OVS_RUNDIR"] ?? homeOf(env).runDir, verb, conditions, options));
  });

program
  .command("ofctl")
  .argument("<verb>", "what to do; help lists the verbs")
  .argument("[bridge]", "name of a bridge, or unix:PATH or tcp:HOST:PORT of a switch")
  .argument("[args...]", "what the verb is about: a flow, a group, a file, …")
  .addOption(format)
  .option("--strict", "change and delete flows of exactly this match and priority")
  .description("read and change flows, groups, meters and ports by OpenFlow")
  .action(
    async (verb: string, bridge: string | undefined, args: string[], flags: { output: "text" | "json"; strict?: boolean }) => {
      const { ofctl } = await import("./ofctl/ofctl.ts");
      const write = (text: string): void => void stdout.write(text);
      const runDir = env["OVS_RUNDIR"] ?? homeOf(env).runDir;
      await ofctl(verb, bridge, args, {
        runDir,
        format: flags.output,
        isStrict: flags.strict === true,
        signal: stop.signal,
        write,
      });
    },
  );

program
  .command("check")
  .argument("<paths...>", "rule files, or folders with rule files below them")
  .addOption(format)
  .option("--strict", "fail on warnings too")
  .description("find the errors of rule files without running them; exit code 1 when there are any")
  .action(async (paths: string[], flags: { output: "text" | "json"; strict?: boolean }) => {
    const { check } = await import("./commands/check.ts");
    const { text, isSound } = check(paths, flags.output, flags.strict === true);
    stdout.write(text);
    if (!isSound) process.exitCode = 1;
  });

program
  .command("fmt")
  .argument("<paths...>", "rule files, or folders with rule files below them")
  .option("--check", "change nothing; exit code 1 when a file has another layout")
  .description("lay out rule files in the one way")
  .action(async (paths: string[], flags: { check?: boolean }) => {
    const { fmt } = await import("./commands/fmt.ts");
    const isCheck = flags.check === true;
    const { changed } = fmt(paths, isCheck);
    for (const file of changed) stdout.write(`${file}\n`);
    if (isCheck && changed.length > 0) process.exitCode = 1;
  });

program
  .command("test")
  .argument("<paths...>", "rule files, or folders with rule files below them")
  .addOption(format)
  .option("--coverage", "name the rules that no test reaches")
  .description("run the test blocks of rule files; exit code 1 when one fails")
  .action(async (paths: string[], flags: { output: "text" | "json"; coverage?: boolean }) => {
    const { test } = await import("./commands/test.ts");
    const { text, isSound } = test(paths, flags.output, flags.coverage === true);
    stdout.write(text);
    if (!isSound) process.exitCode = 1;
  });

program
  .command("types")
  .argument("<paths...>", "rule files of one program, or folders with rule files below them")
  .option("--out <file>", "write to a file, if its text changes")
  .option("--large-integers", "whole numbers may be bigints: those beyond ±(2^53 - 1) come as such")
  .description("write TypeScript for the rows of the program's tables")
  .action(async (paths: string[], flags: { out?: string; largeIntegers?: boolean }) => {
    const { types, writeChanged } = await import("./commands/types.ts");
    const text = types(paths, flags.largeIntegers === true);
    if (flags.out === undefined) stdout.write(text);
    else if (writeChanged(flags.out, text))
      stdout.write(`${flags.out}
`);
  });

program
  .command("lsp")
  .description("serve an editor on standard input and output, with the Language Server Protocol")
  .action(async () => {
    const { lsp } = await import("./commands/lsp.ts");
    process.exitCode = await lsp(process.stdin, stdout, stop.signal);
  });

const progress = { isTerminal: stderr.isTTY === true, write: (text: string) => stderr.write(text) };
program.addCommand(dbCommand({ write: (text) => void stdout.write(text), signal: stop.signal, hasColor, progress }));

const roles = () => import("./commands/roles.ts");
const log = () => createLogger().child({ pid: process.pid });
const nb = new Option("--nb <remote>", "northbound database, default unix:<home>/run/nb.sock");
const sb = new Option("--sb <remote>", "southbound database, default unix:<home>/run/sb.sock");
const db = new Option("--db <remote>", "Open_vSwitch database, default unix:<home>/run/db.sock");

// bin/tenet.js runs these two, without this file.
program
  .command("ovsdb-server")
  .description("serve databases alone, of the state folder or any files; its options: tenet ovsdb-server --help");
program.command("vswitchd").description("run the switch alone; its options: tenet vswitchd --help");
program
  .command("northd")
  .addOption(nb)
  .addOption(sb)
  .description("compile northbound to southbound rows alone")
  .action(async (remotes: { nb?: string; sb?: string }) =>
    (await roles()).northd(remotes.nb, remotes.sb, homeOf(env), log(), stop.signal),
  );
program
  .command("controller")
  .addOption(sb)
  .addOption(db)
  .description("compile southbound rows to flows alone")
  .action(async (remotes: { sb?: string; db?: string }) =>
    (await roles()).controller(remotes.sb, remotes.db, homeOf(env), log(), stop.signal),
  );
program
  .command("policy")
  .argument("<folder>", "of *.dl files")
  .option("--policy-port <port>", "of the API on loopback, default 1789 [TENET_POLICY_PORT]")
  .description("monitor policies over the databases and serve their API alone")
  .action(async (folder: string, flags: UpFlags) =>
    (await roles()).policy(folder, policyPortOf(flags, env), homeOf(env), log(), stop.signal),
  );

try {
  await program.parseAsync();
} catch (error) {
  if (stop.signal.aborted) process.exitCode = 130;
  else {
    stderr.write(`\n${formatError(error)}\n`);
    process.exitCode = 1;
  }
}
