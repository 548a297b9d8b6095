/**
 * Packets per second through the user-space datapath: `node packages/datapath/bench/forward.mjs` (after a build).
 *
 * - memory: frames from one memory port to another, one flow, and 30 masks with 1000 flows.
 * - system: 60-byte frames between two namespaces over AF_PACKET. One process sends, forwards and receives, so its CPU
 *   time per packet is that of the whole path; the same over a bare veth pair is what the path costs without a switch.
 *
 * Rivals alternate; medians of several rounds are printed as JSON lines.
 */
import { UserDatapath } from "@tenet/datapath";
import * as linux from "@tenet/linux";
import { buildEthernet, buildIp4, buildUdp, FIELDS, makeFlowKey, parseFlowKey, setField } from "@tenet/net";

const PREFIX = "tdpb-";
const ROUNDS = 5;
const ROUND_MS = 300;

const frameTo = (dstPort) =>
  buildEthernet(
    { dst: 0x0a0000000002, src: 0x0a0000000001, type: 0x0800 },
    buildIp4({ src: 0x0a000001, dst: 0x0a000002, proto: 17 }, buildUdp({ srcPort: 1, dstPort }, new Uint8Array(18))),
  );

function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

/** CPU nanoseconds per packet of `step`, which returns how many packets it moved. */
async function cpuPerPacket(step) {
  const start = process.cpuUsage();
  const endMs = performance.now() + ROUND_MS;
  let n = 0;
  while (performance.now() < endMs) n += await step();
  const used = process.cpuUsage(start);
  return { ns: ((used.user + used.system) * 1000) / n, pps: (n * 1000) / ROUND_MS };
}

async function alternate(rivals) {
  const results = new Map(rivals.map(([name]) => [name, []]));
  for (const [, step] of rivals) await cpuPerPacket(step);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, step] of rivals) results.get(name).push(await cpuPerPacket(step));
  }
  for (const [name, rounds] of results) {
    const cpuNs = Math.round(median(rounds.map((round) => round.ns)));
    console.log(
      JSON.stringify({ name, cpuNsPerPacket: cpuNs, packetsPerSecond: Math.round(median(rounds.map((round) => round.pps))) }),
    );
  }
}

/** A datapath with two memory ports and `nMasks` masks, 1000 flows when more than one. */
function memoryStep(nMasks) {
  const datapath = new UserDatapath();
  const [a, b] = ["a", "b"].map((name) => datapath.addPort({ name, kind: "memory" }));
  const actions = [{ type: "output", port: b }];
  for (let m = 0; m < nMasks; m++) {
    const nFlows = nMasks === 1 ? 1 : Math.ceil(1000 / nMasks);
    for (let i = 0; i < nFlows; i++) {
      const key = makeFlowKey();
      const mask = makeFlowKey();
      parseFlowKey(frameTo(m * nFlows + i), 60, a, key);
      for (const field of [FIELDS.in_port, FIELDS.eth_type, FIELDS.tp_dst]) setField(mask, field, 0xffffffff);
      mask[FIELDS.nw_src.word] = (0xffffffff << m) >>> 0;
      datapath.putFlow(key, mask, actions);
    }
  }
  const frames = Array.from({ length: nMasks === 1 ? 1 : 1000 }, (_, i) => frameTo(i));
  const link = datapath.memoryLink(a);
  let nOut = 0;
  datapath.memoryLink(b).onFrame(() => nOut++);
  return () => {
    const before = nOut;
    for (let i = 0; i < 1000; i++) link.send(frames[i % frames.length]);
    return nOut - before;
  };
}

function parseStep() {
  const frame = frameTo(53);
  const key = makeFlowKey();
  return () => {
    for (let i = 0; i < 10_000; i++) parseFlowKey(frame, frame.length, i, key);
    return 10_000;
  };
}

/** Sends from namespace `from` and counts in `to`, 32 frames at a time. */
function pathStep(from, to) {
  const arena = new linux.FrameArena(64);
  const frame = frameTo(53);
  const queue = new linux.SendQueue(32);
  const received = new linux.ReceivedFrames(arena, 32);
  const sender = linux.inNamespace(from, () => linux.openPacketSocket("eth0"));
  const receiver = linux.inNamespace(to, () => linux.openPacketSocket("eth0"));
  const at = arena.slotAt(40) + linux.FRAME_OFFSET;
  arena.bytes.set(frame, at);
  let nSilent = 0;
  return async () => {
    if (nSilent < 50) for (let i = 0; i < 32; i++) queue.push(arena, at, frame.length);
    sender.send(queue);
    await new Promise((resolve) => setImmediate(resolve));
    let n = 0;
    for (let got = receiver.receive(received, 32); got > 0; got = receiver.receive(received, 32)) {
      n += got;
      receiver.release();
    }
    nSilent = n === 0 ? nSilent + 1 : 0;
    return n;
  };
}

function host(name, peer, peerNamespace) {
  linux.createNamespace(PREFIX + name);
  linux.inNamespace(PREFIX + name, () => {
    linux.createVethPair({ name: "eth0", peer, ...(peerNamespace === undefined ? {} : { peerNamespace }) });
    linux.setLinkUp("eth0");
  });
}

async function systemPorts() {
  linux.deleteLeftovers(PREFIX);
  const datapath = new UserDatapath();
  const stop = new AbortController();
  try {
    linux.createNamespace(`${PREFIX}sw`);
    for (const name of ["a", "b"]) host(name, name, `${PREFIX}sw`);
    linux.inNamespace(`${PREFIX}sw`, () => {
      for (const name of ["a", "b"]) {
        linux.setLinkUp(name);
        datapath.addPort({ name, kind: "system" });
      }
    });
    linux.createNamespace(`${PREFIX}d`);
    host("c", "eth0", `${PREFIX}d`);
    linux.inNamespace(`${PREFIX}d`, () => linux.setLinkUp("eth0"));
    const mask = makeFlowKey();
    mask[FIELDS.in_port.word] = 0xffffffff;
    for (const port of [1, 2]) {
      const key = makeFlowKey();
      key[FIELDS.in_port.word] = port;
      datapath.putFlow(key, mask, [{ type: "output", port: 3 - port }]);
    }
    datapath.start(stop.signal);
    await alternate([
      ["system ports: send, forward, receive", pathStep(`${PREFIX}a`, `${PREFIX}b`)],
      ["bare veth: send, receive", pathStep(`${PREFIX}c`, `${PREFIX}d`)],
    ]);
  } finally {
    stop.abort();
    await datapath[Symbol.asyncDispose]();
    linux.deleteLeftovers(PREFIX);
  }
}

await alternate([
  ["parseFlowKey", parseStep()],
  ["memory ports, 1 flow", memoryStep(1)],
  ["memory ports, 30 masks, 1000 flows", memoryStep(30)],
]);
const { canUseNamespaces, missing } = linux.probe();
if (canUseNamespaces) await systemPorts();
else console.log(`skipped system ports: ${missing.join(", ")}`);
