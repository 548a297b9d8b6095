/** Drives `idl-client.py`, a program of the original's Python IDL. */
import { spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Json, Scope } from "@tenet/kit";

/** The system's own Python, for which the package of the IDL is installed. */
const PYTHON = "/usr/bin/python3";

/** Whether the IDL is installed; says on the console when it is not. */
export function isIdlInstalled(): boolean {
  const isInstalled = spawnSync(PYTHON, ["-c", "import ovs.db.idl"]).status === 0;
  if (!isInstalled) console.log("skipped: python3-openvswitch not installed");
  return isInstalled;
}

/** Does one operation of `idl-client.py` and resolves with its answer. */
export type Idl = (op: string, values?: { readonly [name: string]: Json }) => Promise<Json>;

/** Starts the program and waits until it has the database; the scope ends it. */
export async function startIdl(scope: Scope, remote: string, schemaFile: string, member: "leader" | "any" = "any"): Promise<Idl> {
  const script = fileURLToPath(new URL("idl-client.py", import.meta.url));
  const child = spawn(PYTHON, [script, remote, schemaFile, member], { stdio: ["pipe", "pipe", "pipe"] });
  scope.defer(() => void child.kill("SIGKILL"));
  let complaints = "";
  child.stderr.on("data", (bytes: Buffer) => (complaints += bytes.toString()));
  child.stdin.on("error", () => undefined);
  const waiting: { resolve: (answer: Json) => void; reject: (error: Error) => void }[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => waiting.shift()?.resolve(JSON.parse(line) as Json));
  child.on("close", () => {
    for (const { reject } of waiting.splice(0)) reject(new Error(`the Python client ended: ${complaints}`));
  });
  const idl: Idl = (op, values = {}) =>
    new Promise((resolve, reject) => {
      waiting.push({ resolve, reject });
      child.stdin.write(`${JSON.stringify({ op, ...values })}\n`);
    });
  if ((await idl("connected")) !== true) throw new Error(`the Python client did not connect: ${complaints}`);
  return idl;
}
