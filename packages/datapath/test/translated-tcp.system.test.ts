/** TCP through flows in the kernel that translate addresses and ports and count the TTL down, with what devices leave undone of it. */
import { createHash, randomBytes } from "node:crypto";
import { createServer, Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { probeBpf } from "@tenet/bpf";
import type { DatapathAction, Megaflow, UserDatapath } from "@tenet/datapath";
import { openTcpListener, POLL, Poller, socketError, startTcpConnect } from "@tenet/linux";
import { type FieldName, parseIp4, parseIp6, TCP_FLAG } from "@tenet/net";
import { matchOf } from "./frames.ts";
import { KernelSwitch } from "./kernel-switch.ts";
import { echo } from "./tcp-transfer.ts";

const { obstacle } = probeBpf();
if (obstacle !== undefined) console.log(`skipped: ${obstacle}`);
const PATIENCE = { timeout: 10_000, interval: 20 };
const MTU = 1500;
const PORT = { shown: 80, real: 5001 };
/** The client, the server, and the address that the client knows the server by: one with the same last bytes. */
const HOSTS = {
  4: { client: "10.98.5.1", server: "10.98.5.2", shown: "10.98.5.77", length: 24 },
  6: { client: "fd98:5::1", server: "fd98:5::2", shown: "fd98:5:0:1::2", length: 48 },
};
const { fin, syn, ack } = TCP_FLAG;
type Fields = Partial<Record<FieldName, bigint | number>>;

let kernel: KernelSwitch;
let datapath: UserDatapath;

function plugHost(name: string, address: { 4: string; 6: string }): Promise<number> {
  const addresses = ([4, 6] as const).map((family) => `${address[family]}/${HOSTS[family].length}`);
  return kernel.plugHost(name, addresses);
}

function put(match: Fields, set: Fields, port: number): Megaflow {
  const { key, mask } = matchOf({ vlan_tci: 0, ...match });
  const change: DatapathAction = { type: "setMasked", ...matchOf(set) };
  return datapath.putFlow(key, mask, [change, { type: "output", port }]);
}

/** Flows between client and server of a family. @returns those of TCP, there and back */
function translate(family: 4 | 6, client: number, server: number): readonly [there: Megaflow, back: Megaflow] {
  const { server: real, shown } = HOSTS[family];
  const addresses = family === 4 ? [parseIp4(real), parseIp4(shown)] : [big(parseIp6(real)), big(parseIp6(shown))];
  const [realAddress = 0, shownAddress = 0] = addresses;
  const [src, dst, type] = family === 4 ? (["nw_src", "nw_dst", 0x0800] as const) : (["ipv6_src", "ipv6_dst", 0x86dd] as const);
  if (family === 4) {
    put({ in_port: client, eth_type: 0x0806 }, { nw_dst: realAddress }, server);
    put({ in_port: server, eth_type: 0x0806 }, { nw_src: shownAddress }, client);
  } else {
    put({ in_port: client, eth_type: type, nw_proto: 58, tp_src: 136 }, {}, server);
    put({ in_port: server, eth_type: type, nw_proto: 58, tp_src: 135 }, {}, client);
    put({ in_port: client, eth_type: type, nw_proto: 58, tp_src: 135 }, { nd_target: realAddress }, server);
    put(
      { in_port: server, eth_type: type, nw_proto: 58, tp_src: 136 },
      { ipv6_src: shownAddress, nd_target: shownAddress },
      client,
    );
  }
  const tcp = { eth_type: type, nw_proto: 6 };
  return [
    put({ in_port: client, ...tcp, [dst]: shownAddress }, { [dst]: realAddress, tp_dst: PORT.real, nw_ttl: 9 }, server),
    put(
      { in_port: server, ...tcp, [src]: realAddress },
      { [src]: shownAddress, tp_src: PORT.shown, nw_ttl: 8, nw_tos: 4 },
      client,
    ),
  ];
}

function big(bytes: Uint8Array): bigint {
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

/** A connection from the client's namespace to what it knows the server by; `undefined` when there is none soon. */
async function connect(address: string): Promise<Socket | undefined> {
  const { fd } = startTcpConnect("ttt-a", address, PORT.shown);
  const poller = new Poller();
  poller.add(fd, 1, POLL.writable);
  const isOver = async (): Promise<void> => expect(poller.ready(new Int32Array(1))).toBe(1);
  const isThere = await vi.waitFor(isOver, { timeout: 2000, interval: 2 }).then(
    () => socketError(fd) === undefined,
    () => false,
  );
  poller.close();
  const socket = new Socket({ fd });
  if (!isThere) socket.destroy();
  return isThere ? socket : undefined;
}

describe.skipIf(obstacle !== undefined)("TCP with translated addresses and ports", () => {
  beforeEach(() => {
    kernel = new KernelSwitch("ttt-");
    ({ datapath } = kernel);
  });

  afterEach(() => kernel.close());

  test.each([4, 6] as const)("crosses in bundles both ways over IPv%i while this process looks away", async (family) => {
    const client = await plugHost("a", { 4: HOSTS[4].client, 6: HOSTS[6].client });
    const server = await plugHost("b", { 4: HOSTS[4].server, 6: HOSTS[6].server });
    const flows = translate(family, client, server);
    const listener = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
    listener.listen({ fd: openTcpListener("ttt-b", family === 4 ? "0.0.0.0" : "::", PORT.real) });
    await vi.waitFor(
      async () => expect(await connect(HOSTS[family].shown).then((socket) => socket?.destroy())).toBeDefined(),
      PATIENCE,
    );
    kernel.lookAway();
    let socket: Socket | undefined;
    await vi.waitFor(async () => expect((socket = await connect(HOSTS[family].shown))).toBeDefined(), PATIENCE);
    const data = randomBytes(4_000_000);
    const came = socket === undefined ? "" : await echo(socket, data);
    listener.close();
    expect(came).toBe(createHash("sha256").update(data).digest("hex"));
    for (const { nBytes, nPackets, tcpFlags } of flows) {
      expect(tcpFlags & (fin | syn | ack)).toBe(fin | syn | ack);
      expect(nBytes).toBeGreaterThan(data.length);
      expect(nBytes / nPackets).toBeGreaterThan(MTU);
    }
  });
});
