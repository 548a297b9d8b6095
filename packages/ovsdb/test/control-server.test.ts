/** The control socket: one reply for each request, in their order, however an answer comes. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { silentLogger } from "@tenet/kit";
import { type Answer, command, ControlServer, JsonStream } from "@tenet/ovsdb";
import fc from "fast-check";
import { afterEach, beforeEach, expect, inject, test, vi } from "vitest";

/** More than fits into a socket's buffers. */
const LARGE_PIECE = "x".repeat(64 * 1024);
const N_LARGE = 1000;

let folder: string;
let server: ControlServer;
let socket: Socket;
/** What the command `say` answers next. */
let answers: (Answer | Promise<Answer>)[];
/** What was counted. */
let events: string[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "tenet-control-"));
  answers = [];
  events = [];
  const say = command("say", "", [0, 0], () => answers.shift() ?? "");
  server = new ControlServer([say], silentLogger, (event) => void events.push(event));
  await server.listen(join(folder, "ctl"));
  socket = connect({ path: join(folder, "ctl") });
  await once(socket, "connect");
});

afterEach(async () => {
  socket.destroy();
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

function ask(...ids: readonly number[]): void {
  socket.write(ids.map((id) => JSON.stringify({ method: "say", params: [], id })).join(""));
}

/** So many replies, as they come. */
async function replies(n: number): Promise<unknown[]> {
  const stream = new JsonStream();
  const found: unknown[] = [];
  const receive = (bytes: Uint8Array): void => void found.push(...stream.push(bytes));
  socket.on("data", receive);
  await vi.waitFor(() => expect(found).toHaveLength(n), { timeout: 10_000, interval: 1 });
  socket.off("data", receive);
  return found;
}

async function* inPieces(pieces: Iterable<string>): AsyncGenerator<string> {
  for (const piece of pieces) {
    await Promise.resolve();
    yield piece;
  }
}

test("an answer in pieces is the answer that they are together", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.string({ unit: "grapheme" })), async (pieces) => {
      answers = [inPieces(pieces), pieces.join("")];
      ask(1, 2);
      const [inParts, whole] = await replies(2);
      expect(inParts).toEqual({ ...(whole as object), id: 1 });
    }),
    { seed: inject("seed"), numRuns: 50 },
  );
});

test("requests of a client are answered in their order, though the first takes longer", async () => {
  answers = [wait(20, "slow"), "quick", inPieces(["p", "ieces"]), "last"];
  ask(1, 2, 3, 4);
  expect(await replies(4)).toEqual(
    ["slow", "quick", "pieces", "last"].map((text, i) => ({ id: i + 1, result: `${text}\n`, error: null })),
  );
});

test("no more pieces are asked for than a client reads, and none when it is gone", async () => {
  let nAsked = 0;
  let isOver = false;
  answers = [
    (async function* (): AsyncGenerator<string> {
      try {
        for (; nAsked < N_LARGE; nAsked++) {
          await Promise.resolve();
          yield LARGE_PIECE;
        }
      } finally {
        isOver = true;
      }
    })(),
  ];
  socket.pause();
  ask(1);
  await vi.waitFor(() => expect(nAsked).toBeGreaterThan(0));
  for (let before = -1; before !== nAsked; await wait(50)) before = nAsked;
  expect(nAsked).toBeLessThan(N_LARGE / 10);
  socket.destroy();
  await vi.waitFor(() => expect(isOver).toBe(true));
  expect(nAsked).toBeLessThan(N_LARGE / 10);
});

test("an answer that fails at once is an error, and one that fails half given ends the connection", async () => {
  const failing = async function* (...pieces: string[]): AsyncGenerator<string> {
    yield* inPieces(pieces);
    throw new Error("cannot say");
  };
  answers = [failing(), failing("half")];
  ask(1);
  expect(await replies(1)).toEqual([{ id: 1, error: "cannot say\n" }]);
  ask(2);
  socket.resume();
  await once(socket, "close");
});

test("every request and every answer is counted, a refusal, too", async () => {
  answers = ["plain", inPieces(["p", "ieces"])];
  ask(1, 2);
  socket.write(JSON.stringify({ method: "nosuch", params: [], id: 3 }));
  await replies(3);
  await vi.waitFor(() => expect(events).toEqual(Array.from({ length: 3 }, () => ["received", "replied"]).flat()));
});

test("a client that ends its side when it has asked gets all answers, and then the end", async () => {
  answers = [wait(20, "slow"), inPieces([LARGE_PIECE, "end"])];
  const [received, closed] = [replies(2), once(socket, "close")];
  ask(1);
  socket.end(JSON.stringify({ method: "say", params: [], id: 2 }));
  expect(await received).toMatchObject([{ result: "slow\n" }, { result: `${LARGE_PIECE}end\n` }]);
  socket.resume();
  await closed;
});

test("what a client asked for that is gone is not carried out", async () => {
  let isGone: (text: string) => void = () => undefined;
  answers = [new Promise<string>((resolve) => (isGone = resolve)), "never", "asked"];
  ask(1, 2, 3);
  await vi.waitFor(() => expect(answers).toEqual(["never", "asked"]));
  socket.destroy();
  await wait(20);
  isGone("late");
  await wait(20);
  expect(answers).toEqual(["never", "asked"]);
});
