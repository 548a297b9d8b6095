/** Flows come and go as fast as they can while another thread sends: no packet may have done to it what another flow is for. */
import { Worker } from "node:worker_threads";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { kernelObstacle, type Megaflow, type UserDatapath } from "@tenet/datapath";
import { createVethPair, FrameArena, openPacketSocket, ReceivedFrames, setLinkUp, untilOperational } from "@tenet/linux";
import { matchOf, udpFrame } from "./frames.ts";
import { KernelSwitch } from "./kernel-switch.ts";
import { OneFlowProgram } from "./one-flow-program.ts";

const obstacle = kernelObstacle();
if (obstacle !== undefined) console.log(`flow-churn.system.test.ts: skipped, ${obstacle.reason}`);
const PATIENCE = { timeout: 20_000, interval: 10 };
/** For local experiments, IEEE 802. */
const PROTOCOL = 0x88b5;
/** Few, so that each is deleted and put again all the time. */
const N_FLOWS = 8;
const N_ROUNDS = 20_000;
/** Of each packet, so that the program is in the flow's slot for long. */
const N_COPIES = 5;
const FRAME_BYTES = 60;

/** Sends frames to the flows' addresses until it is told to stop, on a thread of its own. */
const SENDER = `
  const { workerData } = require("node:worker_threads");
  import(workerData.linux).then(({ FrameArena, FRAME_OFFSET, openPacketSocket, SendQueue }) => {
    const { device, nFlows, protocol, frameBytes, state } = workerData;
    const arena = new FrameArena(nFlows);
    const ats = Array.from({ length: nFlows }, (_, i) => {
      const at = arena.slotAt(i) + FRAME_OFFSET;
      arena.view.setUint32(at, 0x02000000);
      arena.view.setUint16(at + 4, i);
      arena.view.setUint16(at + 12, protocol);
      return at;
    });
    const socket = openPacketSocket(device);
    while (Atomics.load(state, 0) === 0) {
      const queue = new SendQueue(64);
      while (!queue.isFull) queue.push(arena, ats[queue.length % nFlows], frameBytes);
      Atomics.add(state, 1, socket.send(queue));
    }
    socket.close();
  });`;

let kernel: KernelSwitch;
let datapath: UserDatapath;

test.skipIf(obstacle !== undefined)("a packet goes up when the slot that it was led to is another flow's by now", () => {
  const program = new OneFlowProgram(new Set(["copy", "send"]));
  const send = [{ what: "send", argument: 1, low: 0, high: 1 } as const];
  expect(program.run(udpFrame(), send)).toEqual(udpFrame());
  expect(program.run(udpFrame(), send, 0, 2)).toBe("slow");
  program.close();
});

describe.skipIf(obstacle !== undefined)("flows that come and go under traffic", () => {
  beforeEach(() => {
    kernel = new KernelSwitch("tfc-");
    ({ datapath } = kernel);
  });

  afterEach(() => kernel.close());

  test("each packet has the source address that its own flow gives it", async () => {
    for (const side of ["a", "b"]) {
      createVethPair({ name: `tfc-${side}`, peer: `tfc-${side}p` });
      for (const name of [`tfc-${side}`, `tfc-${side}p`]) setLinkUp(name);
    }
    await untilOperational(["tfc-a", "tfc-b", "tfc-ap", "tfc-bp"].map((name) => ({ name })));
    const [a, b] = ["tfc-a", "tfc-b"].map((name) => datapath.addPort({ name, kind: "system" }));
    datapath.onUpcall(() => undefined);
    const receiver = openPacketSocket("tfc-bp");
    const batch = new ReceivedFrames(new FrameArena(64), 64);
    let nRight = 0;
    let nWrong = 0;
    const check = (): void => {
      for (let n = receiver.receive(batch, 64); n > 0; n = receiver.receive(batch, 64)) {
        for (let i = 0; i < n; i++) {
          const { view } = batch.arenas[i] ?? batch.arena;
          const at = batch.frameAt[i] ?? 0;
          if (view.getUint16(at + 12) !== PROTOCOL) continue;
          if (view.getUint16(at + 4) === view.getUint16(at + 10)) nRight++;
          else nWrong++;
        }
        receiver.release();
      }
    };
    const put = (i: number): Megaflow => {
      const { key, mask } = matchOf({ in_port: a ?? 0, eth_type: PROTOCOL, eth_dst: 0x0200_0000_0000 + i });
      const set = matchOf({ eth_src: 0x0400_0000_0000 + i });
      const send = [{ type: "setMasked", ...set } as const, { type: "output", port: b ?? 0 } as const];
      return datapath.putFlow(key, mask, Array.from({ length: N_COPIES }, () => send).flat());
    };
    const flows = Array.from({ length: N_FLOWS }, (_, i) => put(i));
    const state = new Int32Array(new SharedArrayBuffer(8));
    const linux = new URL("../../linux/dist/index.js", import.meta.url).href;
    const workerData = { linux, device: "tfc-ap", nFlows: N_FLOWS, protocol: PROTOCOL, frameBytes: FRAME_BYTES, state };
    const sender = new Worker(SENDER, { eval: true, workerData, execArgv: [], trackUnmanagedFds: false });
    const ended = new Promise((resolve) => sender.once("exit", resolve));
    await vi.waitFor(() => {
      check();
      expect(nRight).toBeGreaterThan(0);
    }, PATIENCE);
    for (let round = 0; round < N_ROUNDS; round++) {
      const flow = flows[round % N_FLOWS];
      if (flow !== undefined) datapath.deleteFlow(flow);
      const before = (round + N_FLOWS - 1) % N_FLOWS; // another one: it would have the same slot if that were free at once
      flows[before] = put(before);
      if (round % 64 === 0) {
        check();
        await new Promise(setImmediate);
      }
    }
    Atomics.store(state, 0, 1);
    await ended;
    check();
    receiver.close();
    expect(nWrong).toBe(0);
    expect(nRight).toBeGreaterThan(N_ROUNDS / 10);
  });
});
