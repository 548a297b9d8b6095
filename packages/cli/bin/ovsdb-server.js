#!/usr/bin/env node
import { loadDaemon } from "./daemon.js";

const { main } = await loadDaemon();
await main(process.argv.slice(2), true);
