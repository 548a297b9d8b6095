/** What a channel does with what it is sent faster than it gets to it. */
import { connect, createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextRound } from "node:timers/promises";
import { type Logger, silentLogger } from "@tenet/kit";
import { encodeMessage, Framer, type Message, type MultipartReply, VERSION } from "@tenet/openflow";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeEventCounts } from "../src/event-counts.ts";
import { type ChannelOwner, OpenFlowChannel } from "../src/service/openflow-channel.ts";
import { NO_MESSAGE_LOG } from "../src/service/message-log.ts";
import { Turns } from "../src/turns.ts";

const CHUNK_BYTES = 0x1_0000;
const N_CHUNKS = 32;
const ROUNDS = 50;

let folder: string;
let server: Server;
let peer: Socket;
let socket: Socket;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "tenet-"));
  server = createServer().listen(join(folder, "channel.sock"));
  await once(server, "listening");
  peer = connect(join(folder, "channel.sock"));
  [socket] = (await once(server, "connection")) as [Socket];
});

afterEach(() => {
  for (const each of [peer, socket]) each.destroy();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

test("a peer is not read any more while what it sent waits for its turn", async () => {
  let nowMs = 0;
  const allOver = new Turns(() => nowMs++); // no turn is long enough for anything
  const channel = new OpenFlowChannel(socket, [VERSION.OF14], owner, allOver, silentLogger);
  const message = encodeMessage({ type: "echoReply", data: new Uint8Array(CHUNK_BYTES - 9) }, VERSION.OF14, 1);
  for (let n = 0; n < N_CHUNKS; n++) peer.write(message);
  while (socket.bytesRead === 0) await nextRound();
  for (let n = 0; n < ROUNDS; n++) await nextRound();
  expect(socket.bytesRead).toBeLessThanOrEqual((N_CHUNKS * CHUNK_BYTES) / 2);
  allOver.stop();
  channel.close();
});

test("what a peer sent before it said its last is carried out, however much that is", async () => {
  let nTaken = 0;
  const slow: ChannelOwner = {
    ...owner,
    *message() {
      nTaken++;
      yield;
      return undefined;
    },
  };
  const channel = new OpenFlowChannel(socket, [VERSION.OF14], slow, new Turns(), silentLogger);
  const nMessages = 20_000;
  const echo = encodeMessage({ type: "echoReply", data: new Uint8Array(100) }, VERSION.OF14, 1);
  peer.write(encodeMessage({ type: "hello", versions: 1 << VERSION.OF14 }, VERSION.OF14, 1));
  peer.end(Buffer.concat(Array.from({ length: nMessages }, () => echo)));
  peer.resume();
  await once(peer, "close");
  expect(nTaken).toBe(nMessages);
  channel.close();
});

test("parts of a reply become one message; what is sent between them comes after those before it", async () => {
  const channel = new OpenFlowChannel(socket, [VERSION.OF14], owner, new Turns(), silentLogger);
  const xid = 5;
  const part = (queue: number): MultipartReply => ({
    kind: "queue",
    queues: [{ port: 1, queue, nBytes: 0n, nPackets: 0n, nErrors: 0n }],
  });
  for (const queue of [1, 2]) channel.sendPart(part(queue), xid);
  channel.send({ type: "barrierReply" }, 6);
  channel.sendPart(part(3), xid);
  channel.endReply();
  channel.sendPart(part(4), 7);
  channel.endReply();
  channel.close();
  const framer = new Framer();
  for await (const bytes of peer) framer.push(bytes as Buffer);
  const told: unknown[] = [];
  for (let frame = framer.next(); frame !== undefined; frame = framer.next()) {
    const { message, xid: number } = frame.decode();
    if (message.type !== "multipartReply") told.push(message.type);
    else if (message.reply.kind === "queue") {
      told.push([number, message.isLast, message.reply.queues.map(({ queue }) => queue)]);
    }
  }
  expect(told).toEqual(["hello", [xid, false, [1, 2]], "barrierReply", [xid, true, [3]], [7, true, [4]]]);
});

test("what nobody asked for and cannot be said is left out", async () => {
  const complaints: unknown[] = [];
  const log: Logger = { ...silentLogger, warn: (fields) => void complaints.push(fields) };
  const channel = new OpenFlowChannel(socket, [VERSION.OF14], owner, new Turns(), log);
  channel.send({ type: "echoRequest", data: new Uint8Array(0xffff) });
  channel.send({ type: "echoRequest", data: new Uint8Array(1) });
  channel.tell({ type: "echoRequest", data: new Uint8Array(0xffff) });
  expect(() => channel.send({ type: "echoReply", data: new Uint8Array(0xffff) }, 5)).toThrow("65535 is the most");
  channel.close();
  const framer = new Framer();
  for await (const bytes of peer) framer.push(bytes as Buffer);
  const told: unknown[] = [];
  for (let frame = framer.next(); frame !== undefined; frame = framer.next()) told.push(frame.decode().message.type);
  expect(told).toEqual(["hello", "echoRequest"]);
  expect(complaints).toMatchObject([{ kind: "echoRequest" }, { kind: "echoRequest" }]);
});

test("messages of both directions are written down while somebody reads them, and no text is made else", async () => {
  const lines: string[] = [];
  const messageLog = { isOn: true, write: (text: () => string): void => void lines.push(text().trimEnd()) };
  const counts = makeEventCounts();
  const channel = new OpenFlowChannel(socket, [VERSION.OF14], { ...owner, counts, messageLog }, new Turns(), silentLogger);
  const sent = async (message: Message, nReceived: number): Promise<void> => {
    peer.write(encodeMessage(message, VERSION.OF14, 7));
    while (counts.vconn_received < nReceived) await nextRound();
  };
  await sent({ type: "hello", versions: 1 << VERSION.OF14 }, 1);
  await sent({ type: "barrierRequest" }, 2);
  channel.send({ type: "barrierReply" }, 7);
  messageLog.isOn = false;
  await sent({ type: "barrierRequest" }, 3);
  channel.send({ type: "barrierReply" }, 7);
  channel.close();
  expect(lines).toEqual([
    "peer: sent (Success): OFPT_HELLO (OF1.4) (xid=0x0):\n version bitmap: 0x05",
    "peer: received: OFPT_HELLO (OF1.4) (xid=0x7):\n version bitmap: 0x05",
    "peer: negotiated OpenFlow version 0x05 (we support version 0x05, peer supports version 0x05)",
    "peer: received: OFPT_BARRIER_REQUEST (OF1.4) (xid=0x7):",
    "peer: sent (Success): OFPT_BARRIER_REPLY (OF1.4) (xid=0x7):",
  ]);
});

test.each([
  { ours: [1, 2, 3], theirs: 0b1010, told: "we support version 0x03 and earlier, peer supports versions 0x01, 0x03" },
  { ours: [1, 4], theirs: 0b10000, told: "we support versions 0x01, 0x04, peer supports version 0x04" },
] as const)("which versions were offered is written down: $told", async ({ ours, theirs, told }) => {
  const lines: string[] = [];
  const messageLog = { isOn: true, write: (text: () => string): void => void lines.push(text()) };
  const counts = makeEventCounts();
  const channel = new OpenFlowChannel(socket, ours, { ...owner, counts, messageLog }, new Turns(), silentLogger);
  peer.write(encodeMessage({ type: "hello", versions: theirs }, VERSION.OF14, 7));
  while (counts.vconn_received < 1) await nextRound();
  channel.close();
  expect(lines.at(-1)).toContain(`(${told})`);
});

test("that a message is refused is told in the log, with what it is", async () => {
  const refusals: unknown[] = [];
  const log: Logger = { ...silentLogger, info: (fields) => void refusals.push(fields) };
  const counts = makeEventCounts();
  const refusing: ChannelOwner = { ...owner, counts, message: () => "OFPBRC_EPERM" };
  const channel = new OpenFlowChannel(socket, [VERSION.OF14], refusing, new Turns(), log);
  peer.write(encodeMessage({ type: "hello", versions: 1 << VERSION.OF14 }, VERSION.OF14, 1));
  peer.write(encodeMessage({ type: "barrierRequest" }, VERSION.OF14, 2));
  peer.write(Uint8Array.of(VERSION.OF14, 99, 0, 8, 0, 0, 0, 3));
  while (counts.vconn_received < 3) await nextRound();
  channel.close();
  expect(refusals).toEqual([
    { peer: "peer", error: "OFPBRC_EPERM", kind: "OFPT_BARRIER_REQUEST" },
    { peer: "peer", error: "OFPBRC_BAD_TYPE", kind: "invalid" },
  ]);
});

test("an error that stands for none of OpenFlow's is told in the log, and answered", async () => {
  const errors: unknown[] = [];
  const log: Logger = { ...silentLogger, error: (fields) => void errors.push(fields) };
  const failing: ChannelOwner = {
    ...owner,
    message: () => {
      throw new TypeError("no such thing");
    },
  };
  const channel = new OpenFlowChannel(socket, [VERSION.OF14], failing, new Turns(), log);
  peer.write(encodeMessage({ type: "hello", versions: 1 << VERSION.OF14 }, VERSION.OF14, 1));
  peer.write(encodeMessage({ type: "barrierRequest" }, VERSION.OF14, 2));
  const framer = new Framer();
  const told: unknown[] = [];
  for await (const bytes of peer) {
    framer.push(bytes as Buffer);
    for (let frame = framer.next(); frame !== undefined; frame = framer.next()) told.push(frame.decode().message.type);
    if (told.length === 2) break;
  }
  channel.close();
  expect(told).toEqual(["hello", "error"]);
  expect(errors).toMatchObject([{ error: expect.stringContaining("no such thing") }]);
});

test("a message of another version than was agreed on is refused in that version, and by the one agreed on if there is no such", async () => {
  const channel = new OpenFlowChannel(socket, [VERSION.OF14], owner, new Turns(), silentLogger);
  peer.write(encodeMessage({ type: "hello", versions: 1 << VERSION.OF14 }, VERSION.OF14, 1));
  for (const version of [2, 3, 9]) peer.write(Uint8Array.of(version, 5, 0, 8, 0, 0, 0, version));
  const framer = new Framer();
  const errors: unknown[] = [];
  for await (const bytes of peer) {
    framer.push(bytes as Buffer);
    for (let frame = framer.next(); frame !== undefined; frame = framer.next()) {
      const { message, version, xid } = frame.decode();
      if (message.type === "error") errors.push([version, xid, message.errorType, message.code]);
    }
    if (errors.length === 3) channel.close();
  }
  expect(errors).toEqual([
    [2, 2, 1, 0],
    [3, 3, 1, 0],
    [5, 9, 1, 0],
  ]);
});

const owner: ChannelOwner = {
  name: "peer",
  messageLog: NO_MESSAGE_LOG,
  counts: makeEventCounts(),
  ready: () => undefined,
  message: () => undefined,
  isOverheard: false,
  passed: () => undefined,
  drained: () => undefined,
  closed: () => undefined,
};
