/** A firewall that translates is killed while connections go through it, and the next one, which lets no new connection in, goes on with them. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, renameSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, test, vi } from "vitest";
import { kernelObstacle, removeKernelLeftovers } from "@tenet/datapath";
import { bpfFileSystem, deleteLeftovers, openTcpListener } from "@tenet/linux";
import { parseIp4 } from "@tenet/net";
import { cableHost } from "./cabled-host.ts";
import { matchOf } from "./frames.ts";
import { connectFrom } from "./tcp-transfer.ts";

const obstacle = kernelObstacle();
if (obstacle !== undefined) console.log(`restart-connections.system.test.ts: skipped, ${obstacle.reason}`);
const PATIENCE = { timeout: 20_000, interval: 20 };
const PREFIX = `trc${process.pid}-`;
const PINS = `test-c-${process.pid}`;
const FOLDER = `${bpfFileSystem()}/tenet-${PINS}`;

/**
 * A process that lets through what belongs to a connection, and what begins one when it is given a mark. Answers each line that it is told with
 * the connections that it knows, when they go on while it looks away.
 */
const FIREWALL = `
  const [datapathUrl, netUrl, untilForwardedUrl, mask, pinName, mark, translates, ...names] = process.argv.slice(1);
  const { CT_STATE, UserDatapath } = await import(datapathUrl);
  const { FIELDS, getField } = await import(netUrl);
  const { untilForwarded } = await import(untilForwardedUrl);
  const refusals = [];
  const datapath = new UserDatapath({ isKernelUsed: true, pinName, onRefusal: (refusal) => refusals.push(refusal) });
  const [a, b] = names.map((name) => datapath.addPort({ name, kind: "system" }));
  const known = { firstPort: 0, lastPort: 0, isPersistent: false };
  const track = { type: "ct", isCommit: false, isForce: false, zone: 7, mark: 0, markMask: 0, nat: known };
  const shown = Uint32Array.of(0x0a62084d);
  const masquerade = translates === "" ? undefined : { ...known, side: "src", firstAddress: shown, lastAddress: shown, firstPort: 40_000, lastPort: 40_099 };
  const actionsFor = (key) => {
    const output = { type: "output", port: getField(key, FIELDS.in_port) === a ? b : a };
    if (getField(key, FIELDS.eth_type) !== 0x0800) return [output];
    if (getField(key, FIELDS.recirc_id) === 0) return [track, { type: "recirc", id: 1 }];
    const state = getField(key, FIELDS.ct_state);
    if ((state & CT_STATE.inv) !== 0) return [];
    if ((state & CT_STATE.est) !== 0) return [output];
    return mark === "" ? [] : [{ ...track, isCommit: true, mark: Number(mark), markMask: 0xff, nat: masquerade }, output];
  };
  datapath.onUpcall(({ frame, inPort, key }) => {
    datapath.putFlow(key, Uint32Array.from(JSON.parse(mask)), actionsFor(key));
    datapath.execute(frame, inPort, actionsFor(key));
  });
  for (const left of datapath.leftFlows()) {
    for (const flow of [0, 1].flatMap((recircId) => [...left.from(recircId)])) {
      flow.becomes(datapath.putFlow(flow.key, Uint32Array.from(JSON.parse(mask)), actionsFor(flow.key)));
    }
  }
  const taken = await datapath.takeOver();
  process.stdout.write("has taken over\\n");
  const forwarding = untilForwarded(datapath, a);
  process.stdin.on("data", async () => {
    await forwarding;
    const connections = [...datapath.conntrack.connections(7)].map(({ proto, mark, reply }) => {
      return { proto, mark, shown: [...reply.dst, reply.dstPort] };
    });
    process.stdout.write(JSON.stringify({ refusals, connections, taken }) + "\\n");
  });`;
const DATAPATH = new URL("../dist/index.js", import.meta.url).href;
const NET = new URL("../../net/dist/index.js", import.meta.url).href;
const UNTIL_FORWARDED = new URL("until-forwarded.mjs", import.meta.url).href;
const { mask: MASK } = matchOf({ in_port: 1, recirc_id: 1, eth_type: 1, ct_state: 1 });
const SERVER = "10.98.8.2";
/** What clients are translated to: an address that they have, too, so that somebody answers for it. */
const SHOWN = "10.98.8.77";

interface Report {
  readonly refusals: readonly string[];
  readonly taken: { readonly nLeft: number; readonly nKept: number };
  readonly connections: readonly { readonly proto: number; readonly mark: number; readonly shown: readonly number[] }[];
}

describe.skipIf(obstacle !== undefined)("a firewall that is killed", () => {
  let names: string[];
  let translates: boolean;
  let child: ChildProcess;
  let server: Server;
  let client: Socket;
  /** Address and port of the client, as the server sees them. */
  let shown: readonly number[];
  let nReceived: number;

  /** Starts one; resolves when it has taken over. */
  async function start(mark: number | undefined): Promise<void> {
    const args = [
      DATAPATH,
      NET,
      UNTIL_FORWARDED,
      JSON.stringify([...MASK]),
      PINS,
      mark === undefined ? "" : String(mark),
      translates ? "translates" : "",
      ...names,
    ];
    child = spawn(process.execPath, ["--input-type=module", "-e", FIREWALL, ...args], { stdio: ["pipe", "pipe", "inherit"] });
    await once(child.stdout ?? child, "data");
  }

  async function kill(): Promise<void> {
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  async function ask(): Promise<Report> {
    child.stdin?.write("\n");
    const [answer] = (await once(child.stdout ?? child, "data")) as [Buffer];
    return JSON.parse(String(answer)) as Report;
  }

  /** Waits until so many bytes more have arrived. */
  async function untilMore(nBytes: number): Promise<void> {
    const wanted = nReceived + nBytes;
    await vi.waitFor(() => expect(nReceived).toBeGreaterThan(wanted), PATIENCE);
  }

  /** Starts the first one, and a connection through it, which it translates or does not. */
  async function begin(isTranslating: boolean): Promise<void> {
    names = [await cableHost(`${PREFIX}a`, "10.98.8.1/24", `${SHOWN}/24`), await cableHost(`${PREFIX}b`, `${SERVER}/24`)];
    translates = isTranslating;
    await start(5); // the host gives up when nobody forwards for some seconds
    nReceived = 0;
    server = createServer((socket) =>
      socket.on("data", ({ length }) => (nReceived += length)).on("error", () => socket.destroy()),
    );
    server.listen({ fd: openTcpListener(`${PREFIX}b`, "0.0.0.0", 5001) });
    client = await connectFrom(`${PREFIX}a`, SERVER);
    const chunk = new Uint8Array(16_384);
    const send = (): void => void client.write(chunk, () => setTimeout(send, 1));
    send();
    const { connections } = await ask();
    shown = connections[0]?.shown ?? [];
    if (isTranslating) expect(shown).toEqual([parseIp4(SHOWN), expect.toSatisfy((port) => port >= 40_000 && port < 40_100)]);
  }

  afterEach(async () => {
    client.destroy();
    server.close();
    if (child.exitCode === null && child.signalCode === null) await kill();
    removeKernelLeftovers(PINS);
    deleteLeftovers(PREFIX);
  });

  test("leaves its connections and flows to the next one", async () => {
    await begin(true);
    await kill();
    await untilMore(500_000);
    await start(undefined);
    const { refusals, connections, taken } = await ask();
    expect({ refusals, connections }).toEqual({ refusals: [], connections: [{ proto: 6, mark: 5, shown }] });
    expect(taken.nKept).toBeGreaterThanOrEqual(4); // there and back, before and behind the tracker
    expect(taken.nLeft).toBeGreaterThan(taken.nKept); // what began a connection does not any more
    await untilMore(2_000_000);
  });

  test("leaves them also when it is killed twice, and its ports get other numbers", async () => {
    await begin(true);
    for (const _ of [1, 2]) {
      await kill();
      names = names.toReversed();
      await start(undefined);
      const { connections, taken } = await ask();
      expect(connections).toEqual([{ proto: 6, mark: 5, shown }]);
      expect(taken.nKept).toBeGreaterThanOrEqual(4);
      await untilMore(100_000);
    }
  });

  test("leaves nothing that another version would take for its own", async () => {
    await begin(false);
    await kill();
    const [collector = ""] = readdirSync(FOLDER).filter((name) => name.startsWith("tup"));
    for (const folder of [FOLDER, `${FOLDER}/${collector}`]) {
      for (const name of readdirSync(folder)) {
        const [, what = ""] = /^(flows|connections)-/.exec(name) ?? [];
        if (what !== "") renameSync(`${folder}/${name}`, `${folder}/${what}-0`);
      }
    }
    await start(7);
    const { refusals, connections, taken } = await ask();
    expect(refusals).toEqual(["another version left its flows and connections: they begin anew"]);
    expect(connections).toMatchObject([{ proto: 6, mark: 7 }]);
    expect(taken).toEqual({ nLeft: 0, nKept: 0 });
    expect(existsSync(`${FOLDER}/connections-0`)).toBe(false);
  });
});
