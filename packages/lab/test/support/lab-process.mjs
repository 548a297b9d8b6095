/** Runs a lab until it is killed: node lab-process.mjs <nb remote> <vswitch remote> <lab> <prefix>; says "ready". */
import { silentLogger } from "@tenet/kit";
import { readLabFile, startLab } from "@tenet/lab";
import { connect } from "@tenet/ovsdb";

const [, , nbRemote = "", vswitchRemote = "", path = "", prefix = ""] = process.argv;
const { signal } = new AbortController();
const nb = await connect(nbRemote, { database: "OVN_Northbound" }, signal);
const vswitch = await connect(vswitchRemote, { database: "Open_vSwitch" }, signal);
await startLab(readLabFile(path), { mode: "namespaces", prefix, nb, vswitch, log: silentLogger }, signal);
console.log("ready");
setInterval(() => undefined, 1000);
