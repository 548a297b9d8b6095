/** Ports under more load than they can carry: none starves another, and what is lost is counted where it was lost. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  deleteLeftovers,
  FRAME_OFFSET,
  FrameArena,
  type FrameDevice,
  inNamespace,
  openPacketSocket,
  probe,
  SendQueue,
  setLinkDown,
} from "@tenet/linux";
import { UserDatapath } from "@tenet/datapath";
import { FIELDS, getField } from "@tenet/net";
import { cableHost } from "./cabled-host.ts";
import { matchOf, udpFrame } from "./frames.ts";

const { canUseNamespaces, missing } = probe();
if (!canUseNamespaces) console.log(`skipped: ${missing.join(", ")}`);

const BATCH = 32;
/** Frames of a port that the kernel keeps for us. */
const WAITING = 1024;
const arena = new FrameArena(1);
let datapath: UserDatapath;
let stop: AbortController;
let hosts: FrameDevice[];

/** Adds a port with a host behind it. @returns the port's number */
async function plugHost(name: string): Promise<number> {
  const device = await cableHost(`tbp-${name}`);
  hosts.push(inNamespace(`tbp-${name}`, () => openPacketSocket("eth0")));
  return datapath.addPort({ name: device, kind: "system" });
}

/** Sends UDP frames from the host of a port (counted from 1) without letting the datapath run meanwhile. */
function send(port: number, n: number): void {
  const frame = udpFrame(53);
  const queue = new SendQueue(BATCH);
  arena.bytes.set(frame, FRAME_OFFSET);
  for (let nSent = 0; nSent < n; ) {
    for (let i = nSent; i < n && !queue.isFull; i++) queue.push(arena, FRAME_OFFSET, frame.length);
    nSent += hosts[port - 1]?.send(queue) ?? n;
  }
}

async function until(isSo: () => boolean): Promise<void> {
  for (let nTries = 0; !isSo() && nTries < 5000; nTries++) await new Promise((resolve) => setTimeout(resolve, 2));
  expect(isSo()).toBe(true);
}

/** Installs a flow for UDP from one port to another. */
function forward(from: number, to: number): void {
  const { key, mask } = matchOf({ in_port: from, eth_type: 0x0800, nw_proto: 17 });
  datapath.putFlow(key, mask, [{ type: "output", port: to }]);
}

beforeEach(() => {
  if (!canUseNamespaces) return;
  deleteLeftovers("tbp-");
  hosts = [];
  datapath = new UserDatapath();
  stop = new AbortController();
  datapath.start(stop.signal);
});

afterEach(async () => {
  if (!canUseNamespaces) return;
  stop.abort();
  for (const host of hosts) host.close();
  await datapath[Symbol.asyncDispose]();
  deleteLeftovers("tbp-");
});

/** The ports whose UDP frames miss, in order; `seen` is called for each. */
function watchMisses(seen: (port: number) => void = () => undefined): number[] {
  const ports: number[] = [];
  datapath.onUpcall(({ key, inPort }) => {
    if (getField(key, FIELDS.tp_dst) !== 53) return; // the kernel speaks too
    ports.push(inPort);
    seen(inPort);
  });
  return ports;
}

describe.skipIf(!canUseNamespaces)("busy ports", () => {
  test("a port whose frames all miss does not hold up another, and loses alone what is too much", async () => {
    const a = await plugHost("a");
    const b = await plugHost("b");
    const misses = watchMisses();
    const n = 4000;
    send(a, n);
    send(b, 5);
    const rx = (port: number): number => {
      const { rxPackets = 0, rxDropped = 0 } = datapath.port(port)?.stats ?? {};
      return rxPackets + rxDropped;
    };
    await until(() => rx(a) >= n && misses.filter((port) => port === b).length === 5);
    expect(datapath.port(a)?.stats.rxDropped).toBeGreaterThan(0);
    expect(datapath.port(b)?.stats.rxDropped).toBe(0);
    expect(misses.lastIndexOf(b)).toBeLessThan(WAITING / 2);
  });

  test("a port that is removed by the answer to its own frame leaves the rest of them", async () => {
    const a = await plugHost("a");
    const b = await plugHost("b");
    forward(b, a);
    const misses = watchMisses((port) => datapath.removePort(port));
    send(a, 20);
    await until(() => misses.length > 0);
    send(b, 5);
    await until(() => (datapath.port(b)?.stats.rxPackets ?? 0) >= 5);
    expect(misses).toEqual([a]);
    expect(datapath.port(a)).toBeUndefined();
    expect(datapath.addPort({ name: "tbp-a-sw", kind: "system" })).toBeGreaterThan(b);
  });

  test("frames for a device that takes none are lost there, and counted; other ports go on", async () => {
    const a = await plugHost("a");
    const b = await plugHost("b");
    const c = await plugHost("c");
    forward(a, b);
    forward(c, a);
    setLinkDown("tbp-b-sw");
    const before = datapath.port(b)?.stats.txPackets ?? 0;
    send(a, 100);
    send(c, 100);
    await until(() => (datapath.port(b)?.stats.txDropped ?? 0) >= 100 && (datapath.port(a)?.stats.txPackets ?? 0) >= 100);
    expect(datapath.port(b)?.stats.txPackets).toBe(before);
    expect(datapath.port(a)?.stats.txDropped).toBe(0);
  });
});
