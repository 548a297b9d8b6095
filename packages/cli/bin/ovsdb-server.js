#!/usr/bin/env node
import { main } from "../dist/ovsdb-server/main.js";

await main(process.argv.slice(2), true);
