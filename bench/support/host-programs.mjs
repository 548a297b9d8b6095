/** What runs at the hosts of a switch: servers at "b", and clients at "a" while they are asked to. */
import { execFile, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { childrenSecondsOf, cpuSeconds, familyOf } from "./measure.mjs";
import { ADDRESSES } from "./switches.mjs";

const SESSIONS = new URL("tcp_sessions.py", import.meta.url).pathname;
const SESSIONS_PORT = 5002;
const N_SERVERS = 8;
const run = promisify(execFile);

/** Servers for connections one after the other, and for a stream. */
export class HostPrograms {
  #rival;
  #servers;
  #family;

  constructor(rival) {
    this.#rival = rival;
    const serve = (...command) =>
      spawn("ip", ["netns", "exec", rival.namespaceOf("b"), ...command], { stdio: "ignore", detached: true });
    this.#servers = [serve("iperf3", "-s"), serve("python3", SESSIONS, "serve", SESSIONS_PORT, N_SERVERS)];
  }

  /** Connects, asks and is answered, in `n` sessions side by side. @returns how often */
  async ask(n, seconds) {
    return Number(await this.atClient("python3", SESSIONS, "ask", ADDRESSES.b, SESSIONS_PORT, n, seconds));
  }

  /** Sends as much as it can. @returns the bytes that arrived */
  async stream(seconds) {
    const { end, error } = JSON.parse(await this.atClient("iperf3", "-c", ADDRESSES.b, "-t", seconds, "-J"));
    if (error !== undefined) throw new Error(`${this.#rival.name}: iperf3 says ${error}`);
    return end.sum_received.bytes;
  }

  /** CPU time of the servers, and of all clients that have ended, of whichever hosts. */
  cpuSeconds() {
    this.#family ??= this.#servers.flatMap(({ pid }) => familyOf(pid));
    const servers = this.#family.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
    return servers + childrenSecondsOf(readFileSync("/proc/self/stat", "utf8"));
  }

  /** Ends the servers, with what they forked. */
  close() {
    for (const { pid } of this.#servers) if (pid !== undefined) process.kill(-pid, "SIGKILL");
  }

  /** Runs a command at the client's host. @returns what it printed */
  async atClient(...command) {
    const { stdout } = await run("ip", ["netns", "exec", this.#rival.namespaceOf("a"), ...command.map(String)]);
    return stdout;
  }
}
