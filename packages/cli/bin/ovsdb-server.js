#!/usr/bin/env node
import { main } from "../dist/bundle/ovsdb-server.js";

await main(process.argv.slice(2), true);
