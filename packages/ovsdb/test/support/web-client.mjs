// A program without node's sockets: it follows a database over the platform's own WebSocket, writes when told, and tells
// what it sees. Usage: node --experimental-websocket web-client.mjs URL [NAME-TO-INSERT]
import { connect } from "@tenet/ovsdb/browser";

const [url, name] = process.argv.slice(2);
const replica = await connect(url, "T", { tables: ["Root"], maxBackoffMs: 100 }, new AbortController().signal);
const tell = (what) => console.log(JSON.stringify(what));
const names = () => [...replica.table("Root").values()].map((row) => row.name).sort();
tell({ names: names() });
replica.onChange(() => tell({ names: names() }));
if (name !== undefined) {
  const transaction = replica.transaction();
  transaction.insert("Root", { name });
  await transaction.commit().then(
    () => tell({ committed: name }),
    (error) => tell({ refused: error.message }),
  );
}
