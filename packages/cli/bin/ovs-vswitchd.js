#!/usr/bin/env node
import { main } from "../dist/vswitchd/main.js";

await main(process.argv.slice(2), true);
