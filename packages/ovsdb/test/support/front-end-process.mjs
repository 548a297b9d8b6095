// A front end that tests kill: serves a database of an etcd cluster on a socket.
// Plain JavaScript over the built package, because nothing here compiles TypeScript outside of vitest.
import { readFileSync } from "node:fs";
import { silentLogger } from "@tenet/kit";
import { openSharedDatabase, OvsdbServer } from "@tenet/ovsdb";

const [schemaFile, storage, socket, logEntries] = process.argv.slice(2);
const schema = JSON.parse(readFileSync(schemaFile, "utf8"));
const logLimits = { entries: Number(logEntries), bytes: 1e9 };
const database = await openSharedDatabase({ schema, storage, logLimits });
const server = new OvsdbServer([database], silentLogger);
await server.listen(`punix:${socket}`);
