/**
 * A switch in a process of its own, for switch-setup.mjs: bridge `br0` with two memory ports and its sockets in the folder that
 * is given. What it measures of itself it is asked for by messages.
 */
import { MemoryLink, UserDatapath } from "@tenet/datapath";
import { silentLogger, systemClock } from "@tenet/kit";
import { parseFlow } from "@tenet/openflow";
import { BridgeServices, VirtualSwitch } from "@tenet/switch";
import { pauseShortly } from "../../packages/cli/dist/daemon/short-pauses.js";
import { LARGE_TABLE, newFlowFrame, packetFor, pipeline } from "./switch-load.mjs";
import { threadId, ThreadTimes } from "./trickle.mjs";

pauseShortly(); // as `tenet vswitchd` does

const MAX_MEGAFLOWS = 1_000_000;
const links = new Map();
const datapath = new UserDatapath({
  openMemoryLink: (name) => {
    const link = new MemoryLink();
    link.onFrame(() => undefined);
    links.set(name, link);
    return link;
  },
});
const vswitch = new VirtualSwitch(datapath, systemClock);
const bridge = vswitch.addBridge("br0");
for (const name of ["p1", "p2"]) vswitch.addPort(bridge, { name, kind: "memory" });
bridge.pipeline.apply(pipeline().map((text) => ({ command: "add", flow: parseFlow(text) })));
await new BridgeServices(vswitch, process.argv[2], systemClock, silentLogger).sync();

const commands = {
  /** `n` packets, each of which needs a megaflow of its own. */
  setUp(n) {
    vswitch.settle();
    for (const purging = vswitch.cache.purging(); purging.next().done !== true; );
    const frames = Array.from({ length: n }, (_, i) => newFlowFrame(i));
    const link = links.get("p1");
    const latencies = new Float64Array(n);
    const bytesBefore = bytesHeld();
    const before = process.cpuUsage();
    for (let i = 0; i < n; i++) {
      vswitch.cache.limit.maxFlows = MAX_MEGAFLOWS;
      const start = performance.now();
      link.send(frames[i]);
      latencies[i] = performance.now() - start;
    }
    const { user, system } = process.cpuUsage(before);
    const { nFlows } = datapath.stats();
    return {
      cpuUs: (user + system) / n,
      p50Us: latencies.sort()[n >> 1] * 1000,
      p99Us: latencies[Math.floor(n * 0.99)] * 1000,
      nFlows,
      bytesEach: (bytesHeld() - bytesBefore) / nFlows,
    };
  },
  bytesHeld,
  nRules: () => bridge.pipeline.nRules,
  /** CPU time of a lookup in the large table, in µs: `n` of them, for its first `nRules` rules in a mixed order. */
  lookUp({ n, nRules }) {
    const { classifier } = bridge.pipeline.table(LARGE_TABLE);
    const packets = Array.from({ length: 1000 }, (_, i) => packetFor((i * 7919 * 131) % nRules));
    const wildcards = new Uint32Array(packets[0].length);
    const before = process.cpuUsage();
    let nFound = 0;
    for (let i = 0; i < n; i++) if (classifier.lookup(packets[i % packets.length], wildcards) !== undefined) nFound++;
    const { user, system } = process.cpuUsage(before);
    if (nFound !== n) throw new Error(`${n - nFound} packets found no rule`);
    return (user + system) / n;
  },
  /** Watches how long the event loop has to be waited for, as a packet would: by the clock, and in CPU time of the thread. */
  watch() {
    watched = { wallMs: 0, cpuMs: 0 };
    lastMs = performance.now();
    lastCpuMs = times.cpuMs();
    setImmediate(look);
  },
  longest() {
    const result = watched;
    watched = undefined;
    return result;
  },
};

const times = new ThreadTimes(threadId());
let watched;
let lastMs = 0;
let lastCpuMs = 0;

function look() {
  if (watched === undefined) return;
  const nowMs = performance.now();
  const cpuMs = times.cpuMs();
  watched.wallMs = Math.max(watched.wallMs, nowMs - lastMs);
  watched.cpuMs = Math.max(watched.cpuMs, cpuMs - lastCpuMs);
  lastMs = nowMs;
  lastCpuMs = cpuMs;
  setImmediate(look);
}

/** Resident, after a collection: what V8 tells of its heap and arrays leaves out shared memory. */
function bytesHeld() {
  globalThis.gc();
  return process.memoryUsage.rss();
}

process.on("message", ({ name, argument }) => process.send({ value: commands[name](argument) ?? null }));
process.on("disconnect", () => process.exit(0));
process.send({ value: "ready" });
