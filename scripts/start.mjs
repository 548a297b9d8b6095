/** Sets everything up, then runs `tenet up` on the example cloud in this process; further arguments go to it. */
import { readFileSync } from "node:fs";
import "./setup.mjs";

const LOOK_MS = 500;

// Whoever killed npm, or the shell that npm runs this in, meant this process too.
const ancestors = [process.ppid, parentOf(process.ppid)];
setInterval(() => {
  const now = [process.ppid, parentOf(process.ppid)];
  if (now.some((pid, i) => pid !== ancestors[i])) process.kill(process.pid, "SIGTERM");
}, LOOK_MS).unref();

process.argv.splice(2, 0, "up", "examples/three-tier");
await import("../packages/cli/bin/tenet.js");

/** The parent of a process, where the system tells; 0 when the process is gone. */
function parentOf(pid) {
  if (process.platform !== "linux") return undefined;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return 0;
  }
}
