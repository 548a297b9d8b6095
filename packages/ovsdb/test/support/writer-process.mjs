// A process that crash tests kill: writes rows one after another and tells on standard output which are durable.
// Plain JavaScript over the built package, because nothing here compiles TypeScript outside of vitest.
import { readFileSync, writeSync } from "node:fs";
import { Database } from "@tenet/ovsdb";

const [schemaFile, file, first] = process.argv.slice(2);
const database = await Database.open({ schema: JSON.parse(readFileSync(schemaFile, "utf8")), file });
// Compacts all the time, so that it is killed at every point of that too.
const compactOn = () => database.compact().then(() => setImmediate(() => void compactOn()));
void compactOn();
for (let n = Number(first); ; n += 3) {
  const rows = [n, n + 1, n + 2].map(async (i) => {
    const kid = { op: "insert", table: "Kid", "uuid-name": "k", row: { name: `kid ${i}`, n: i } };
    const root = { op: "insert", table: "Root", row: { name: `row ${i}`, kids: ["named-uuid", "k"], imm: "x".repeat(i % 700) } };
    await database.transact([kid, root], { remote: "writer" });
    writeSync(1, `${i}\n`);
  });
  await Promise.all(rows);
}
