/** A process of its own that serves OVN_Northbound from a log file until killed: `node ovsdb-server.mjs FILE SOCKET`. */
import { silentLogger } from "@tenet/kit";
import { Database, OVN_NORTHBOUND, OvsdbServer } from "@tenet/ovsdb";

const [file, socket] = process.argv.slice(2);
const database = await Database.open({ schema: OVN_NORTHBOUND, file });
const server = new OvsdbServer([database], silentLogger);
await server.listen(`punix:${socket}`);
console.log("ready");
