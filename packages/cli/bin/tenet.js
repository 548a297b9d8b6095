#!/usr/bin/env node
const [command, ...args] = process.argv.slice(2);
if (command === "ovsdb-server") {
  const { loadDaemon } = await import("./daemon.js");
  const { main } = await loadDaemon();
  await main(args, false);
} else if (command === "vswitchd") {
  const { main } = await import("../dist/vswitchd/main.js");
  await main(args, false);
} else await import("../dist/main.js");
