#!/usr/bin/env node
import { main } from "../dist/bundle/vswitchd.js";

await main(process.argv.slice(2), true);
