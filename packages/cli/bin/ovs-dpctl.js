#!/usr/bin/env node
import { main } from "../dist/bundle/dpctl.js";

await main(process.argv.slice(2));
