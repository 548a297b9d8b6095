#!/usr/bin/env node
const [command, ...args] = process.argv.slice(2);
if (command === "ovsdb-server") {
  const { main } = await import("../dist/ovsdb-server/main.js");
  await main(args, false);
} else await import("../dist/main.js");
