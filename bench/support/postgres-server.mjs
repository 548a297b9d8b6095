/** A PostgreSQL of our own in a temporary folder, reached over a socket in it, gone when closed. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Where Debian puts the server's programs; `undefined` if it is not installed. */
export function findPostgres() {
  const versions = existsSync("/usr/lib/postgresql") ? readdirSync("/usr/lib/postgresql") : [];
  const [newest] = versions.toSorted((a, b) => Number(b) - Number(a));
  const bin = `/usr/lib/postgresql/${newest}/bin`;
  return newest !== undefined && existsSync(join(bin, "initdb")) ? bin : undefined;
}

/** Starts a server. It refuses to run as root, so root starts it as the user postgres. */
export async function startPostgres(bin, settings = {}) {
  const folder = mkdtempSync(join(tmpdir(), "tenet-postgres-"));
  const owner = process.getuid() === 0 ? ownerOf("postgres") : {};
  if (owner.uid !== undefined) chownSync(folder, owner.uid, owner.gid);
  const data = join(folder, "data");
  const init = ["-D", data, "-U", "postgres", "-A", "trust", "--locale=C", "--encoding=UTF8", "--no-sync"];
  execFileSync(join(bin, "initdb"), init, { ...owner, stdio: "ignore" });
  const options = { listen_addresses: "", unix_socket_directories: folder, fsync: "off", ...settings };
  const flags = Object.entries(options).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const server = spawn(join(bin, "postgres"), ["-D", data, ...flags], { ...owner, stdio: "ignore" });
  const stop = () => server.kill("SIGINT");
  process.once("exit", stop);
  const psql = (args, input) =>
    spawnSync(
      join(bin, "psql"),
      ["-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-h", folder, "-U", "postgres", ...args, "postgres"],
      {
        input,
        encoding: "utf8",
        maxBuffer: 2 ** 30,
      },
    );
  for (let nTries = 0; psql(["-c", "select 1"]).status !== 0; nTries++) {
    if (nTries > 100 || server.exitCode !== null) throw new Error("PostgreSQL does not start");
    await sleep(100);
  }
  return {
    /** Runs a script; returns what it printed, line by line. */
    run(sql) {
      const { status, stdout, stderr } = psql(["-f", "-"], sql);
      if (status !== 0) throw new Error(`${stderr.slice(0, 2000)}\n${sql.slice(0, 4000)}`);
      return stdout.split("\n").slice(0, -1);
    },
    /** Makes a table and fills it. */
    load(table, types, tuples) {
      const file = join(folder, "rows");
      writeFileSync(file, tuples.map((tuple) => `${tuple.map(copyText).join("\t")}\n`).join(""));
      const columns = types.map((type, i) => `c${i} ${type} not null`).join(", ");
      this.run(`create unlogged table ${table} (${columns});\n\\copy ${table} from '${file}'\nanalyze ${table};`);
    },
    async close() {
      const ended = new Promise((resolve) => server.once("exit", resolve));
      stop();
      await ended;
      process.removeListener("exit", stop);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function ownerOf(user) {
  const idOf = (flag) => Number(execFileSync("id", [flag, user], { encoding: "utf8" }));
  return { uid: idOf("-u"), gid: idOf("-g") };
}

const ESCAPES = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" };

function copyText(value) {
  return String(value).replaceAll(/[\\\t\n\r]/g, (character) => ESCAPES[character]);
}
