/** Packets go past the devices of ports where nobody can tell, and only there. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { asm, attach, BpfProgram, probeBpf, VERDICT } from "@tenet/bpf";
import type { UserDatapath } from "@tenet/datapath";
import {
  FRAME_OFFSET,
  FrameArena,
  findLink,
  inNamespace,
  linkIndex,
  openPacketSocket,
  SendQueue,
  setLinkUp,
  setMtu,
} from "@tenet/linux";
import { buildEthernet } from "@tenet/net";
import { devicePackets } from "./device-counter.ts";
import { matchOf } from "./frames.ts";
import { KernelSwitch, pingFrom } from "./kernel-switch.ts";

const { obstacle } = probeBpf();
if (obstacle !== undefined) console.log(`skipped: ${obstacle}`);
const PATIENCE = { timeout: 10_000, interval: 20 };
/** For what is done when the kernel has a moment. */
const SHORT_PATIENCE = { timeout: 100, interval: 5 };
const TCPDUMP = "/usr/bin/tcpdump";
const TYPE = 0x88b5;
/** Of a frame that is as long as this without its header, and a tag, a device of that MTU takes one more byte. */
const TAG_BYTES = 4;
const ETHERNET_BYTES = 14;
const MTU = 1000;
const FAR = "tkb-b";
const NEAR = "tkb-b-sw";

let kernel: KernelSwitch;
let datapath: UserDatapath;
let portB: number;

/** How many packets the port's device has sent, and how many the datapath has sent out of the port. */
const sentByDevice = (): number => devicePackets(NEAR, "sent");
const sentByPort = (): number => datapath.port(portB)?.stats.txPackets ?? 0;
const receivedFar = (): number => inNamespace(FAR, () => devicePackets("eth0", "received"));

/** Sends frames out of host a, to host b or someone else. */
function send(n: number, { dst = inNamespace(FAR, () => findLink("eth0")?.mac ?? 0), nBytes = 60 } = {}): void {
  inNamespace("tkb-a", () => {
    const socket = openPacketSocket("eth0");
    const arena = new FrameArena(1);
    const queue = new SendQueue(n);
    const frame = buildEthernet({ dst, src: findLink("eth0")?.mac ?? 0, type: TYPE }, new Uint8Array(nBytes - ETHERNET_BYTES));
    arena.bytes.set(frame, FRAME_OFFSET);
    for (let i = 0; i < n; i++) queue.push(arena, FRAME_OFFSET, nBytes);
    expect(socket.send(queue)).toBe(n);
    socket.close();
  });
}

/** What was counted of packets to host b. */
interface Counts {
  readonly device: number;
  readonly port: number;
  readonly far: number;
}

type Frames = NonNullable<Parameters<typeof send>[1]>;

/** Sends so many frames of each kind until they are counted like this: the kernel may put some off, and hosts send some of their own. */
async function expectCounts(n: number, expected: Counts, ...kinds: readonly Frames[]): Promise<void> {
  const counts = (): Counts => ({ device: sentByDevice(), port: sentByPort(), far: receivedFar() });
  await vi.waitFor(async () => {
    const before = counts();
    for (const kind of kinds) send(n, kind);
    await vi.waitFor(() => {
      const { device, port, far } = counts();
      expect({ device: device - before.device, port: port - before.port, far: far - before.far }).toEqual(expected);
    }, SHORT_PATIENCE);
  }, PATIENCE);
}

/**
 * Sent before others they tell whether those could have gone past the device, from which all are kept now and then: that changes only
 * between two turns of this thread.
 */
const TO_HOST: Frames = {};

const untilBypassed = (): Promise<void> => expectCounts(5, { device: 0, port: 5, far: 5 }, TO_HOST);
const untilByDevice = (): Promise<void> => expectCounts(5, { device: 5, port: 5, far: 5 }, TO_HOST);

describe.skipIf(obstacle !== undefined)("packets past a port's device", () => {
  beforeAll(async () => {
    kernel = new KernelSwitch("tkb-");
    ({ datapath } = kernel);
    const portA = await kernel.plugHost("a", ["10.98.4.1/24"]);
    portB = await kernel.plugHost("b", ["10.98.4.2/24"]);
    datapath.onUpcall(({ frame, inPort, key }) => {
      const actions = [{ type: "output", port: inPort === portA ? portB : portA } as const];
      datapath.putFlow(key, matchOf({ in_port: 1, eth_type: 1 }).mask, actions);
      datapath.execute(frame, inPort, actions);
    });
    const { key, mask } = matchOf({ in_port: portA, eth_type: TYPE });
    datapath.putFlow(key, mask, [{ type: "output", port: portB }]);
    await kernel.untilInKernel(() => pingFrom("tkb-a", "10.98.4.2"));
  });

  beforeEach(untilBypassed);

  afterAll(() => kernel.close());

  test("those for the host itself, each counted at the port", async () => {
    await expectCounts(100, { device: 0, port: 100, far: 100 }, TO_HOST);
    expect(await pingFrom("tkb-a", "10.98.4.2")).toBe("reply");
  });

  test("not those for somebody behind the host, or for all, which its stack would take for its own", async () => {
    await expectCounts(7, { device: 7, port: 14, far: 14 }, TO_HOST, { dst: 0x0a_ff_ff_ff_ff_01 });
    await expectCounts(7, { device: 7, port: 14, far: 14 }, TO_HOST, { dst: 0xff_ff_ff_ff_ff_ff });
  });

  test("none while somebody listens on the port", async () => {
    const listener = openPacketSocket(NEAR);
    await untilByDevice();
    listener.close();
    await untilBypassed();
  });

  test.skipIf(!existsSync(TCPDUMP))("tcpdump on all devices sees both directions", async () => {
    const tcpdump = spawn(TCPDUMP, ["-ni", "any", "--immediate-mode", "-l", "icmp"], { stdio: ["ignore", "pipe", "ignore"] });
    let seen = "";
    tcpdump.stdout.on("data", (text: Buffer) => void (seen += String(text)));
    try {
      await vi.waitFor(async () => {
        expect(await pingFrom("tkb-a", "10.98.4.2")).toBe("reply");
        for (const device of ["tkb-a-sw", NEAR]) {
          expect(seen).toMatch(new RegExp(` ${device} +P `));
          expect(seen).toMatch(new RegExp(` ${device} +Out `));
        }
      }, PATIENCE);
    } finally {
      tcpdump.kill();
      await once(tcpdump, "exit");
    }
    await untilBypassed();
  });

  test("none while the device has a queueing discipline", async () => {
    execFileSync("tc", ["qdisc", "add", "dev", NEAR, "root", "pfifo"]);
    await untilByDevice();
    execFileSync("tc", ["qdisc", "del", "dev", NEAR, "root"]);
    await untilBypassed();
  });

  test.each(["tcx", "clsact"] as const)("none while the device has a program by %s", async (by) => {
    const program = BpfProgram.load({ name: "let_pass", kind: "sched_cls", code: [asm.mov("r0", VERDICT.next), asm.exit()] });
    const link = attach(program, { ifindex: linkIndex(NEAR), direction: "egress", by });
    await untilByDevice();
    link.detach();
    program.close();
    await untilBypassed();
  });

  test.skipIf(!existsSync("/usr/sbin/ethtool"))("none while the device is to complete checksums", async () => {
    execFileSync("ethtool", ["-K", NEAR, "tx", "off"]);
    await untilByDevice();
    execFileSync("ethtool", ["-K", NEAR, "tx", "on"]);
    await untilBypassed();
  });

  test("none when that is not wanted", async () => {
    datapath.bypassesDevices = false;
    await untilByDevice();
    datapath.bypassesDevices = true;
    await untilBypassed();
  });

  test("those that are longer than the host takes are lost, as they are behind the device", async () => {
    const longest = MTU + ETHERNET_BYTES + TAG_BYTES;
    await expectCounts(3, { device: 0, port: 3, far: 3 }, { nBytes: longest + 1 });
    inNamespace(FAR, () => setMtu("eth0", MTU));
    await expectCounts(3, { device: 0, port: 3, far: 3 }, { nBytes: longest });
    await expectCounts(3, { device: 0, port: 6, far: 3 }, TO_HOST, { nBytes: longest + 1 });
    datapath.bypassesDevices = false;
    await expectCounts(3, { device: 3, port: 3, far: 3 }, { nBytes: longest });
    await expectCounts(3, { device: 0, port: 3, far: 0 }, { nBytes: longest + 1 });
    datapath.bypassesDevices = true;
  });

  test("those for another address that the host has taken, and none when its device has come to this namespace", async () => {
    execFileSync("ip", ["-n", FAR, "link", "set", "eth0", "address", "0a:00:00:00:04:02"]);
    await untilBypassed();
    const dst = 0x0a_00_00_00_04_02;
    execFileSync("ip", ["-n", FAR, "link", "set", "eth0", "netns", String(process.pid), "name", "tkb-moved"]);
    setLinkUp("tkb-moved");
    await vi.waitFor(() => {
      const before = devicePackets("tkb-moved", "received");
      send(5, { dst });
      expect(devicePackets("tkb-moved", "received") - before).toBeGreaterThanOrEqual(5);
    }, PATIENCE);
  });
});
