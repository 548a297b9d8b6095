/** What a channel does with what it is sent faster than it gets to it. */
import { connect, createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextRound } from "node:timers/promises";
import { silentLogger } from "@tenet/kit";
import { encodeMessage, VERSION } from "@tenet/openflow";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeEventCounts } from "../src/event-counts.ts";
import { type ChannelOwner, OpenFlowChannel } from "../src/service/openflow-channel.ts";
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
  expect(socket.bytesRead).toBeLessThanOrEqual(4 * CHUNK_BYTES);
  allOver.stop();
  channel.close();
});

const owner: ChannelOwner = {
  counts: makeEventCounts(),
  ready: () => undefined,
  message: () => undefined,
  isOverheard: false,
  passed: () => undefined,
  drained: () => undefined,
  closed: () => undefined,
};
