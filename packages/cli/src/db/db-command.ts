/** `tenet db`: database files and served databases by hand. */
import { statSync } from "node:fs";
import { Command, InvalidArgumentError, Option } from "commander";
import type { TlsFiles } from "@tenet/ovsdb";
import type { LogFlags } from "./log.ts";
import { Meter, type MeterOutput } from "./meter.ts";
import type { Link } from "./source.ts";

/** What the commands need of the process. */
export interface DbSurroundings {
  readonly write: (text: string) => void;
  readonly signal: AbortSignal;
  /** Whether the text may have colours. */
  readonly hasColor: boolean;
  /** Where somebody sees how far long work is. */
  readonly progress: MeterOutput;
}

type Format = "text" | "json";
type Flags = { output: Format; database?: string };

/** The command with all that is below it. */
export function dbCommand(surroundings: DbSurroundings): Command {
  const command = new Command("db")
    .option("--private-key <file>", "our private key, for ssl: remotes")
    .option("--certificate <file>", "our certificate")
    .option("--ca-cert <file>", "the certificate of the authority that signs servers")
    .description("make, read, change, back up and restore databases, in files and on servers");
  const link = () => ({ signal: surroundings.signal, tls: tlsOf(command.opts<TlsFlags>()) });
  for (const part of [
    ...fileCommands(surroundings, link),
    ...rowCommands(surroundings, link),
    ...serverCommands(surroundings, link),
  ]) {
    command.addCommand(part);
  }
  return command;
}

const REMOTE = "unix:PATH, tcp:HOST:PORT or ssl:HOST:PORT";
const format = () => new Option("-o, --output <format>", "text or json").choices(["text", "json"]).default("text");
const database = () => new Option("--database <name>", "which one of the server's databases, when it has several");

interface TlsFlags {
  readonly privateKey?: string;
  readonly certificate?: string;
  readonly caCert?: string;
}

/** All three files, or none: whoever trusts any server has no need of ours. */
function tlsOf({ privateKey, certificate, caCert }: TlsFlags): TlsFiles | undefined {
  if (privateKey === undefined && certificate === undefined && caCert === undefined) return undefined;
  if (privateKey !== undefined && certificate !== undefined && caCert !== undefined) return { privateKey, certificate, caCert };
  throw new InvalidArgumentError("Give --private-key, --certificate and --ca-cert together.");
}

/** Lets `work` show how far it is, and takes that away before anything else is printed. */
async function metered<T>({ progress }: DbSurroundings, work: (meter: Meter) => Promise<T>): Promise<T> {
  const meter = new Meter(progress);
  try {
    return await work(meter);
  } finally {
    meter.end();
  }
}

function fileCommands(surroundings: DbSurroundings, link: () => Link): Command[] {
  const { write } = surroundings;
  const files = () => import("@tenet/ovsdb");
  const create = new Command("create")
    .argument("<file>")
    .argument("<schema>", "schema file, or OVN_Northbound, OVN_Southbound, Open_vSwitch")
    .description("make a file with an empty database")
    .action(async (file: string, schema: string) => {
      const { readSchema } = await import("./source.ts");
      const parsed = readSchema(schema);
      (await files()).createDatabaseFile(file, parsed);
      write(`${file}: empty, ${parsed.name} ${parsed.version}\n`);
    });
  const compact = new Command("compact")
    .argument("<file>")
    .argument("[target]", "new file; without it the file itself is replaced")
    .option("--drop-history", "keep no transactions at all, the rows alone")
    .description("leave of a file's transactions the latest, and the rows")
    .action(async (file: string, target: string | undefined, { dropHistory }: { dropHistory?: boolean }) => {
      const beforeBytes = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
      const { compactDatabaseFile } = await files();
      await metered(surroundings, ({ rows }) =>
        compactDatabaseFile(file, { target, dropsHistory: dropHistory, onProgress: rows }),
      );
      write(`${target ?? file}: ${statSync(target ?? file).size} bytes instead of ${beforeBytes}\n`);
    });
  const convert = new Command("convert")
    .argument("<file>")
    .argument("<schema>", "as for create")
    .argument("[target]", "new file; without it the file itself is replaced")
    .option("--check", "change nothing; tell whether the file has another schema: yes or no")
    .description("bring a file's rows under another schema")
    .action(async (file: string, schema: string, target: string | undefined, { check }: { check?: boolean }) => {
      const [{ readSchema }, { needsConversion }] = await Promise.all([import("./source.ts"), import("./schema-command.ts")]);
      const parsed = readSchema(schema);
      if (check === true) return write(needsConversion(file, parsed) ? "yes\n" : "no\n");
      const { convertDatabaseFile } = await files();
      await metered(surroundings, ({ rows }) => convertDatabaseFile(file, parsed, { target, onProgress: rows }));
      write(`${target ?? file}: now ${parsed.name} ${parsed.version}\n`);
    });
  const types = new Command("types")
    .argument("<schema>", "as for create")
    .description("write TypeScript for the rows of a schema's tables")
    .action(async (schema: string) => {
      const [{ schemaTypes }, { readSchema }] = await Promise.all([import("./schema-types.ts"), import("./source.ts")]);
      write(schemaTypes(readSchema(schema)));
    });
  const schema = new Command("schema")
    .argument("<source>", `database file, ${REMOTE}`)
    .addOption(format())
    .addOption(database())
    .description("show what tables a database has; with -o json its schema")
    .action(async (source: string, flags: Flags) => {
      const { schemaOf } = await import("./schema-command.ts");
      write(await schemaOf(source, flags.database, flags.output, link()));
    });
  const list = new Command("list")
    .argument("<remote>", REMOTE)
    .description("name the databases that a server has, and their versions")
    .action(async (remote: string) => {
      const { listServed } = await import("./schema-command.ts");
      write(await listServed(remote, link()));
    });
  return [list, schema, create, compact, convert, types];
}

function rowCommands(surroundings: DbSurroundings, link: () => Link): Command[] {
  const { write, hasColor } = surroundings;
  const log = new Command("log")
    .argument("<source>", `database file, ${REMOTE}`)
    .addOption(format())
    .addOption(database())
    .option("--table <name>", "only changes of rows of this table")
    .option("--row <name>", "only changes of the row of this name, or of this uuid (8 digits or more)")
    .option("--since <time>", "not before a time: 2026-03-01, 14:30, 10m or 2d (ago)")
    .option("--until <time>", "not after a time")
    .option("--by <text>", "only by whose process, address or certificate has this in its name, or with this pid")
    .option("-n, --number <count>", "only so many transactions, the newest", parseCount)
    .option("--full", "all rows of large transactions")
    .description("tell who changed what, when and why")
    .action(async (source: string, flags: LogFlags) => {
      const [show, { styleFor }] = await Promise.all([import("./log.ts"), import("../up/style.ts")]);
      const style = styleFor(hasColor);
      write(await metered(surroundings, (meter) => show.log(source, flags, style, Date.now(), meter, link())));
    });
  const dump = new Command("dump")
    .argument("<source>", `database file, ${REMOTE}`)
    .argument("[tables...]", "all that have rows when none is named")
    .addOption(format())
    .addOption(database())
    .option("--at <moment>", "as they were at a time (see log), or after the transaction of this version")
    .description("show the rows of tables")
    .action(async (source: string, tables: string[], flags: Flags & { at?: string }) => {
      const { dump: text } = await import("./dump.ts");
      if (flags.at !== undefined) {
        const { pastRows } = await import("./past.ts");
        const { at } = flags;
        const rows = await metered(surroundings, (meter) => pastRows(source, at, flags.database, Date.now(), meter, link()));
        write(flags.output === "json" ? "" : `${rows.schema.name} as of ${rows.moment}\n\n`);
        write(text(rows, tables, flags.output));
        return;
      }
      const { withRows } = await import("./source.ts");
      const show = (meter: Meter) => withRows(source, flags.database, link(), meter, (rows) => text(rows, tables, flags.output));
      write(await metered(surroundings, show));
    });
  const transact = new Command("transact")
    .argument("<source>", `database file that nobody serves, ${REMOTE}`)
    .argument("<operations>", "JSON array of operations of RFC 7047")
    .addOption(format())
    .addOption(database())
    .description("execute one transaction")
    .action(async (source: string, operations: string, flags: Flags) => {
      const { transact: execute } = await import("./transact.ts");
      write(await execute(source, operations, flags.database, flags.output, link()));
    });
  return [log, dump, transact];
}

function serverCommands(surroundings: DbSurroundings, link: () => Link): Command[] {
  const { write } = surroundings;
  const monitor = new Command("monitor")
    .argument("<remote>", REMOTE)
    .argument("[tables...]", "all when none is named")
    .addOption(format())
    .addOption(database())
    .option("--watch", "show the rows as they are now, instead of the changes")
    .description("show rows, and each change as it is committed, until Ctrl-C")
    .action(async (remote: string, tables: string[], flags: Flags & { watch?: boolean }) => {
      const show = await import("./monitor.ts");
      const options = { tables, database: flags.database, format: flags.output, watch: flags.watch === true };
      await show.monitor(remote, options, write, link());
    });
  const backup = new Command("backup")
    .argument("<remote>", REMOTE)
    .argument("<file>", "new file")
    .addOption(database())
    .description("write a served database to a file that can be served or restored")
    .action(async (remote: string, file: string, flags: Flags) => {
      const { backup: save } = await import("./backup.ts");
      const nRows = await metered(surroundings, (meter) => save(remote, file, flags.database, meter, link()));
      write(`${nRows} rows in ${file}\n`);
    });
  const restore = new Command("restore")
    .argument("<remote>", REMOTE)
    .argument("<file>")
    .addOption(database())
    .option("--force", "although the schemas differ: leave out what the server lacks")
    .description("replace the rows of a served database by those of a file, at once")
    .action(async (remote: string, file: string, flags: Flags & { force?: boolean }) => {
      const { restore: load } = await import("./restore.ts");
      const isForced = flags.force === true;
      const nRows = await metered(surroundings, (meter) => load(remote, file, flags.database, isForced, meter, link()));
      write(`${nRows} rows from ${file}\n`);
    });
  return [monitor, backup, restore];
}

function parseCount(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It has to be a whole number.");
}
