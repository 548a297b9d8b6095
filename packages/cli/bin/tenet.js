#!/usr/bin/env node
const [command, ...args] = process.argv.slice(2);
if (command === "ovsdb-server" || command === "vswitchd") {
  const { main } = await import(`../dist/bundle/${command}.js`);
  await main(args, false);
} else await import("../dist/bundle/tenet.js");
