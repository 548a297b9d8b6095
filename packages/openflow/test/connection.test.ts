import { readFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { IoError, ProtocolError } from "@tenet/kit";
import {
  connectOpenFlow,
  decodeMessage,
  encodeMessage,
  formatActions,
  formatFlow,
  formatMatch,
  type Message,
  OpenFlowConnection,
  OpenFlowReplyError,
  parseFlow,
  parseMatch,
} from "@tenet/openflow";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { TinySwitch } from "./tiny-switch.ts";

let server: Server;
let accepted: OpenFlowConnection[] = [];
let ends: (Error | undefined)[] = [];
const sockets: Socket[] = [];

/** A listening end whose connections answer barriers only. */
beforeEach(async () => {
  accepted = [];
  ends = [];
  server = createServer((socket) => {
    const connection = new OpenFlowConnection(socket);
    connection.onMessage(({ message, xid }) => {
      if (message.type === "barrierRequest") connection.send({ type: "barrierReply" }, xid);
      if (message.type === "getConfigRequest") throw new Error("no");
    });
    connection.onClose((error) => ends.push(error));
    accepted.push(connection);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});

afterEach(async () => {
  for (const connection of accepted) connection.close();
  for (const socket of sockets.splice(0)) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

const target = (): string => `tcp:127.0.0.1:${(server.address() as AddressInfo).port}`;

/** A raw socket, and everything that comes back. */
async function raw(): Promise<{ socket: Socket; received: () => Message[]; closed: Promise<void> }> {
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  sockets.push(socket);
  let bytes = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
  });
  const closed = new Promise<void>((resolve) => socket.on("close", () => resolve()));
  await new Promise((resolve) => socket.on("connect", resolve));
  const received = (): Message[] => {
    const messages: Message[] = [];
    for (let at = 0; at < bytes.length; at += bytes.readUInt16BE(at + 2)) {
      messages.push(decodeMessage(bytes.subarray(at, at + bytes.readUInt16BE(at + 2))).message);
    }
    return messages;
  };
  return { socket, received, closed };
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(condition()).toBe(true);
}

describe("a connection", () => {
  test("agrees on the highest common version", async () => {
    using newest = await connectOpenFlow(target());
    using middle = await connectOpenFlow(target(), { versions: [1, 4] });
    expect([newest.connection.version, middle.connection.version]).toEqual([6, 4]);
    await newest.connection.barrier();
    await middle.connection.barrier();
  });

  test("without a common version tells the peer so and ends", async () => {
    const { socket, received, closed } = await raw();
    socket.write(Buffer.from("07000010000000010001000800000080", "hex"));
    await closed;
    expect(received().at(-1)).toMatchObject({ type: "error", errorType: 0, code: 0 });
    expect(ends[0]).toBeInstanceOf(ProtocolError);
  });

  test("reads messages that come byte by byte, and many at once", async () => {
    const { socket, received } = await raw();
    const messages = [encodeMessage({ type: "hello" }, 4, 1), encodeMessage({ type: "barrierRequest" }, 4, 2)];
    for (const byte of Buffer.concat(messages)) {
      socket.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    socket.write(Buffer.concat([3, 4, 5].map((xid) => encodeMessage({ type: "barrierRequest" }, 4, xid))));
    await until(() => received().length === 5);
    expect(received().map(({ type }) => type)).toEqual(["hello", "barrierReply", "barrierReply", "barrierReply", "barrierReply"]);
  });

  test("answers a message it does not know and goes on", async () => {
    const { socket, received } = await raw();
    socket.write(encodeMessage({ type: "hello" }, 4, 1));
    socket.write(Buffer.from("0463000800000007", "hex"));
    socket.write(encodeMessage({ type: "barrierRequest" }, 4, 8));
    await until(() => received().length === 3);
    expect(received().slice(1)).toMatchObject([{ type: "error", errorType: 1, code: 1 }, { type: "barrierReply" }]);
  });

  test.each([
    ["a length below eight", "0402000700000001"],
    ["another version", "0105000800000001"],
  ])("ends on %s, and others notice nothing", async (_name, bytes) => {
    using other = await connectOpenFlow(target());
    const { socket, received, closed } = await raw();
    socket.write(Buffer.concat([encodeMessage({ type: "hello" }, 4, 1), Buffer.from(bytes, "hex")]));
    await closed;
    expect(received().at(-1)?.type).toBe("error");
    expect(ends[0]).toBeInstanceOf(ProtocolError);
    await other.connection.barrier();
  });

  test("ends on text that is no OpenFlow", async () => {
    const { socket, closed } = await raw();
    socket.write("GET / HTTP/1.1\r\n\r\n");
    await closed;
    expect(ends[0]).toBeInstanceOf(ProtocolError);
  });

  test("answers echo", async () => {
    const { socket, received } = await raw();
    const data = Uint8Array.of(1, 2);
    socket.write(Buffer.concat([encodeMessage({ type: "hello" }, 4, 1), encodeMessage({ type: "echoRequest", data }, 4, 9)]));
    await until(() => received().length === 2);
    expect(received()[1]).toEqual({ type: "echoReply", data });
  });

  test("gives up on a peer that is silent", async () => {
    const silent = createServer((socket) => sockets.push(socket));
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const connection = new OpenFlowConnection(connect((silent.address() as AddressInfo).port, "127.0.0.1"), {
      probeIntervalMs: 20,
    });
    await expect(connection.ready).rejects.toThrow("silent");
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => silent.close(resolve));
  });

  test("rejects a request that the peer refuses, by the error's name", async () => {
    using client = await connectOpenFlow(target());
    const refused = client.connection.request({ type: "getConfigRequest" });
    await expect(refused).rejects.toThrow(OpenFlowReplyError);
    await expect(refused).rejects.toMatchObject({ errorName: "OFPBRC_EPERM" });
  });

  test("rejects what waits when it ends", async () => {
    const client = await connectOpenFlow(target());
    const waiting = client.connection.request({ type: "featuresRequest" });
    client.close();
    await expect(waiting).rejects.toThrow(IoError);
    await expect(client.connection.barrier()).rejects.toThrow(IoError);
  });

  test("to nobody fails with the target's name", async () => {
    await expect(connectOpenFlow("unix:/nonexistent/br0.mgmt")).rejects.toThrow("Cannot connect to unix:/nonexistent/br0.mgmt");
    await expect(connectOpenFlow("br0")).rejects.toThrow('Cannot connect to "br0"');
  });

  test("ends when its signal aborts", async () => {
    const controller = new AbortController();
    const client = await connectOpenFlow(target(), { signal: controller.signal });
    controller.abort();
    expect(client.connection.isClosed).toBe(true);
  });
});

test("many flows go over in one bundle and come back in their order", async () => {
  const tiny = new TinySwitch();
  const path = `/tmp/tenet-openflow-${process.pid}-${Math.random().toString(36).slice(2)}.mgmt`;
  await tiny.listen(path);
  try {
    using client = await connectOpenFlow(`unix:${path}`, { versions: [5] });
    const flows = Array.from({ length: 300 }, (_, i) =>
      parseFlow(`table=${i % 90},reg0=${i},tcp,tp_dst=80,actions=resubmit(,201),output:${(i % 100) + 1}`),
    );
    await client.transactFlows(flows);
    expect((await client.flows()).map((flow) => formatFlow(flow))).toEqual(flows.map((flow) => formatFlow(flow)));
    await Promise.all([client.transactFlows([], flows.slice(0, 100)), client.transactFlows([], flows.slice(100))]);
    expect(await client.flows()).toEqual([]);
  } finally {
    await tiny.close();
  }
});

test("the example of the README holds", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const code = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
  const body = code.replace(/^import .*$/gm, "");
  const names = { parseFlow, parseMatch, formatFlow, formatMatch, formatActions, encodeMessage, decodeMessage };
  const run = new Function(...Object.keys(names), `${body}; return text;`);
  expect(run(...Object.values(names))).toBe("table=3, priority=7,tcp,tp_dst=443 actions=set_field:0x1->reg0,output:2");
});
