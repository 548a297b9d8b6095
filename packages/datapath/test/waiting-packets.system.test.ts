/** Packets that came up in the middle of their list wait to be read, while their flow goes and its slot is another one's. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { GracePeriod } from "@tenet/bpf";
import { kernelObstacle, type Megaflow, type UserDatapath } from "@tenet/datapath";
import { DeviceHosts } from "./device-hosts.ts";
import { matchOf } from "./frames.ts";
import { KernelSwitch } from "./kernel-switch.ts";

const obstacle = kernelObstacle();
if (obstacle !== undefined) console.log(`waiting-packets.system.test.ts: skipped, ${obstacle.reason}`);
const PATIENCE = { timeout: 20_000, interval: 10 };
/** For local experiments, IEEE 802. */
const PROTOCOL = 0x88b5;
const FRAME_BYTES = 60;
const [A, B] = [1, 2];
/** More than are remembered when they went. */
const MANY = 5000;

let kernel: KernelSwitch;
let datapath: UserDatapath;
let hosts: DeviceHosts;

/** A flow to this address, whose packets come up since they are too long, to get the source address and go out. */
function put(address: number): Megaflow {
  const { key, mask } = matchOf({ in_port: A, eth_type: PROTOCOL, eth_dst: 0x0200_0000_0000 + address });
  const set = { type: "setMasked", ...matchOf({ eth_src: 0x0400_0000_0000 + address }) } as const;
  const greater = [set, { type: "output", port: B } as const];
  return datapath.putFlow(key, mask, [{ type: "checkLength", sizeBytes: FRAME_BYTES - 1, greater, lessOrEqual: [] }]);
}

function send(address: number): void {
  const frame = new DataView(new ArrayBuffer(FRAME_BYTES));
  frame.setUint32(0, 0x0200_0000);
  frame.setUint16(4, address);
  frame.setUint16(12, PROTOCOL);
  hosts.send(A, new Uint8Array(frame.buffer));
}

/** What has come out: for whom, and the address that a flow has given. */
function received(): { to: number; from: number }[] {
  return hosts.take(B).map(({ buffer, byteOffset }) => {
    const view = new DataView(buffer, byteOffset);
    return { to: view.getUint16(4), from: view.getUint16(10) };
  });
}

/** Sends to the flow until the kernel has it, whose packets wait then; and takes it away. @returns how many wait in the middle of its list */
async function letPacketsWait(): Promise<number> {
  const flow = put(1);
  await vi.waitFor(() => {
    send(1);
    expect(flow.nPackets).toBeGreaterThan(0);
  }, PATIENCE);
  datapath.deleteFlow(flow);
  const grace = new GracePeriod();
  for (let i = 0; i < 3; i++) await grace.wait(); // longer than the slot rests
  grace.close();
  return flow.nPackets;
}

describe.skipIf(obstacle !== undefined)("a packet that waits in the middle of its list while its flow goes", () => {
  beforeEach(async () => {
    kernel = new KernelSwitch("twp-");
    ({ datapath } = kernel);
    hosts = await DeviceHosts.plug(datapath, "twp-", 2);
    datapath.onUpcall(() => undefined);
    kernel.lookAway();
  });

  afterEach(async () => {
    hosts.close();
    await kernel.close();
  });

  test("goes on with its own list, not with that of the flow that has the slot now", async () => {
    const nWaiting = await letPacketsWait();
    for (let address = 2; address < 10; address++) put(address);
    kernel.look();
    const frames: { to: number; from: number }[] = [];
    await vi.waitFor(() => {
      frames.push(...received());
      expect(frames.length).toBeGreaterThanOrEqual(nWaiting);
    }, PATIENCE);
    expect(frames).toEqual(Array.from({ length: nWaiting }, () => ({ to: 1, from: 1 })));
  });

  test("is lost when so many others have gone that its list is forgotten", async () => {
    const nWaiting = await letPacketsWait();
    for (let address = 2; address < MANY; address++) datapath.deleteFlow(put(address));
    const { lost } = datapath.stats();
    kernel.look();
    await vi.waitFor(() => expect(datapath.stats().lost).toBe(lost + nWaiting), PATIENCE);
    put(2);
    await vi.waitFor(() => {
      send(2);
      expect(received()).toContainEqual({ to: 2, from: 2 });
    }, PATIENCE);
  });
});
