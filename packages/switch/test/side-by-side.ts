/** The same commands to this switch and to Debian's, and what each printed. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { LiveSwitch, type Outcome, tool } from "./live-switch.ts";
import { Original } from "./original-switch.ts";

/** Both switches with a bridge `br0` of three dummy ports, fail mode secure. */
export class SideBySide implements AsyncDisposable {
  readonly #original = new Original();
  #live: LiveSwitch | undefined;

  static async start(): Promise<SideBySide> {
    const pair = new SideBySide();
    await pair.#original.start();
    pair.#live = await LiveSwitch.start({ hasSystemRoutes: false });
    for (const dir of pair.dirs) {
      const add = [
        "--",
        "set",
        "Bridge",
        "br0",
        "datapath_type=dummy",
        "fail_mode=secure",
        "other-config:hwaddr=02:00:00:00:00:aa",
      ];
      for (const n of [1, 2, 3]) {
        add.push("--", "add-port", "br0", `p${n}`, "--", "set", "Interface", `p${n}`, "type=dummy", `ofport_request=${n}`);
      }
      const { err } = await tool("ovs-vsctl", [`--db=unix:${dir}/db.sock`, "--timeout=10", "add-br", "br0", ...add]);
      if (err !== "") throw new Error(err);
    }
    return pair;
  }

  /** Run folders: the original's, then ours. */
  get dirs(): readonly string[] {
    return [this.#original.dir, ...(this.#live === undefined ? [] : [this.#live.dir])];
  }

  /** Writes a file into both run folders; commands name it `DIR/name`. */
  writeFile(name: string, text: string): void {
    for (const dir of this.dirs) writeFileSync(join(dir, name), text);
  }

  /** How often what has happened in this switch, and in the original, of the events that this one counts. */
  async countEvents(): Promise<[theirs: Record<string, number>, ours: Record<string, number>]> {
    const ours = this.#live?.countEvents() ?? {};
    const names = Object.keys(ours);
    const counts = await this.#original.control(names.map((name) => ["coverage/read-counter", name]));
    return [Object.fromEntries(names.map((name, i) => [name, Number(counts[i])])), ours];
  }

  /** Runs a command on both; `DIR` in an argument is the run folder. @returns what they printed, without what time decides */
  async run(program: string, ...args: string[]): Promise<[theirs: string, ours: string]> {
    const [theirs, ours] = await Promise.all(
      this.dirs.map(async (dir) => {
        const outcome = await tool(
          program,
          args.map((arg) => arg.replaceAll("DIR", dir)),
          { OVS_RUNDIR: dir },
        );
        return normalized(outcome, dir);
      }),
    );
    return [theirs ?? "", ours ?? ""];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#live?.[Symbol.asyncDispose]();
    await this.#original[Symbol.asyncDispose]();
  }
}

/** Transaction ids, durations and the order of a hash table differ from run to run. */
function normalized({ out, err }: Outcome, dir: string): string {
  return `${out}${err}`
    .replaceAll(dir, "DIR")
    .replace(/ \(xid=0x[0-9a-f]*\)/g, "")
    .replace(/duration([=:])[0-9.]+s/g, "duration$1?")
    .replace(/, idle_age=\d+/g, "")
    .replace(/^\d{4}-\d\d-\d\dT\S*\|.*\n/gm, "")
    .replace(/(?:^ (?: port |group_id=|cookie=).*\n)+/gm, (lines) => `${lines.trimEnd().split("\n").sort().join("\n")}\n`);
}
