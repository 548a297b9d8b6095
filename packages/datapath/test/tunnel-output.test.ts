/** What goes out by the host's sockets, over the loopback device. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { FIELDS, makeFlowKey, parseIp4, setField } from "@tenet/net";
import { expect, test } from "vitest";
import { Packet } from "../src/packet/packet.ts";
import { PacketMemory } from "../src/packet/packet-memory.ts";
import { writeVnetHeader } from "../src/packet/vnet-header.ts";
import { TunnelOutput } from "../src/tunnel/tunnel-output.ts";
import { tcpFrame } from "./frames.ts";

const COUNTERS = { rxPackets: 0, rxBytes: 0, rxDropped: 0, rxErrors: 0, txPackets: 0, txBytes: 0, txDropped: 0, txErrors: 0 };

test.skipIf(process.platform !== "linux")("a bundle of more segments than one call sends goes out whole", async () => {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address() as AddressInfo;
  let nReceived = 0;
  socket.on("message", () => nReceived++);
  const memory = new PacketMemory();
  const output = new TunnelOutput({ type: "vxlan", dstPort: port, hasPolicy: false }, memory);
  const packet = new Packet(memory.arena);
  const frame = tcpFrame(4, new Uint8Array(30_000));
  memory.load(packet, frame);
  const headers = { transport: 34, field: 16, family: 4, headers: 54 } as const;
  writeVnetHeader(packet.arena.bytes, packet.headerAt, { ...headers, segmentSize: 100 });
  const key = makeFlowKey();
  setField(key, FIELDS.tun_dst, parseIp4("127.0.0.1"));
  packet.egress = { type: "setTunnel", key, dstPort: port };
  const counters = { ...COUNTERS };
  expect(output.push(packet)).toBe("queued");
  output.flush(counters);
  expect(counters).toMatchObject({ txPackets: 1, txBytes: frame.length, txDropped: 0 });
  await expect.poll(() => nReceived, { timeout: 10_000 }).toBeGreaterThan(128);
  output.close();
  socket.close();
});
