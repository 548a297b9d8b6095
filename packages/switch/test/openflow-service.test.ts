/** The OpenFlow service over a real socket, with the package's own client and with bytes that are none of it. */
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Logger, silentLogger } from "@tenet/kit";
import {
  connectOpenFlow,
  encodeMessage,
  FlowTransactionError,
  makeMatch,
  MONITOR_FLAG,
  parseFlow,
  type Version,
  versionBitmap,
} from "@tenet/openflow";
import { BridgeServices } from "@tenet/switch";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Bench } from "./bench-switch.ts";

let dir = "";
let bench = new Bench(0);
let services = new BridgeServices(bench.vswitch, dir, bench.clock, silentLogger);

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "tenet-of-"));
  bench = new Bench(2, []);
  services = new BridgeServices(bench.vswitch, dir, bench.clock, silentLogger);
  await services.sync();
});

afterEach(async () => {
  await services.close();
  rmSync(dir, { recursive: true, force: true });
});

const path = (): string => join(dir, "br0.mgmt");
const target = (): string => `unix:${path()}`;

for (const version of [1, 4, 5, 6] as const satisfies readonly Version[]) {
  test(`wire version ${version}: flows are added, listed and deleted`, async () => {
    using client = await connectOpenFlow(target(), { versions: [version] });
    const flow = parseFlow("table=3,priority=9,cookie=0x5,ip,actions=resubmit(,4)");
    await client.transactFlows([flow]);
    expect(await client.flows()).toMatchObject([{ table: 3, priority: 9, cookie: 5n }]);
    await client.transactFlows([], [flow]);
    expect(await client.flows()).toEqual([]);
  });
}

test("a bundle with one flow that is refused applies nothing and names it", async () => {
  using client = await connectOpenFlow(target(), { versions: [5] });
  const flows = [parseFlow("ip,actions=1"), parseFlow("table=2,arp,actions=group:3"), parseFlow("udp,actions=2")];
  const failure = await client.transactFlows(flows).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(FlowTransactionError);
  expect(failure instanceof FlowTransactionError ? failure.refused : []).toMatchObject([
    { error: "OFPBAC_BAD_OUT_GROUP", flow: { table: 2 } },
  ]);
  expect(bench.bridge.pipeline.nRules).toBe(0);
});

test("the log tells which message of a bundle is at fault", async () => {
  const told: object[] = [];
  const log: Logger = {
    ...silentLogger,
    info: (fields, text) => text.endsWith("refused") && told.push(fields),
    child: () => log,
  };
  await services.close();
  services = new BridgeServices(bench.vswitch, dir, bench.clock, log);
  await services.sync();
  using client = await connectOpenFlow(target(), { versions: [5] });
  const flows = [parseFlow("ip,actions=1"), parseFlow("table=2,arp,actions=group:3")];
  await expect(client.transactFlows(flows)).rejects.toThrow(FlowTransactionError);
  expect(told).toEqual([
    { peer: "unix#0", error: "OFPBAC_BAD_OUT_GROUP", kind: "OFPT_FLOW_MOD" },
    { peer: "unix#0", error: "OFPBFC_MSG_FAILED", kind: "OFPT_BUNDLE_CONTROL" },
  ]);
});

test.each(["mgmt", "snoop"])(
  "a caller of the socket .%s that agrees on no version within a second is left; others may be silent",
  async (kind) => {
    const hello = encodeMessage({ type: "hello", versions: versionBitmap([6]) }, 6, 1);
    const callers = [hello.subarray(0, 0), hello.subarray(0, 15), hello].map((said) => {
      const socket = connect(join(dir, `br0.${kind}`)).resume();
      socket.write(said);
      return { socket, ended: new Promise((resolve) => socket.once("close", resolve)) };
    });
    const [silent, slow, polite] = callers as [(typeof callers)[0], (typeof callers)[0], (typeof callers)[0]];
    const { counts } = bench.vswitch;
    await vi.waitUntil(() => counts.vconn_sent === 3 && counts.vconn_received === 1);
    bench.clock.advance(999);
    services.tick();
    expect(callers.map(({ socket }) => socket.destroyed)).toEqual([false, false, false]);
    bench.clock.advance(1);
    services.tick();
    await Promise.all([silent.ended, slow.ended]);
    expect(polite.socket.destroyed).toBe(false);
    polite.socket.destroy();
  },
);

test("flows are not told to the end to a monitor whose connection has ended", async () => {
  const { bridge } = bench;
  const flow = parseFlow(`actions=${Array.from({ length: 40 }, (_, n) => `output:${n + 1}`).join()}`);
  bridge.pipeline.apply(
    Array.from({ length: 8000 }, (_, priority) => ({ command: "add", flow: { ...flow, priority } }) as const),
  );
  const socket = connect(path());
  const flags = MONITOR_FLAG.INITIAL | MONITOR_FLAG.ACTIONS;
  const requests = [{ id: 1, command: "add", flags, table: 0xff, match: makeMatch() }] as const;
  socket.write(encodeMessage({ type: "hello", versions: versionBitmap([6]) }, 6, 1));
  socket.write(encodeMessage({ type: "multipartRequest", request: { kind: "flowMonitor", requests }, isLast: true }, 6, 2));
  const { counts } = bench.vswitch;
  await vi.waitUntil(() => counts.vconn_sent > 10);
  await hasSettled(() => counts.vconn_sent); // the peer does not read
  socket.destroy();
  await hasSettled(() => counts.vconn_sent);
  expect(counts.vconn_sent).toBeLessThan(60); // of 80 and more that there are to be
});

/** Resolves when a number does not grow any more. */
async function hasSettled(read: () => number): Promise<void> {
  for (let before = -1; before < read(); ) {
    before = read();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test("whatever bytes arrive, other connections notice nothing", async () => {
  using client = await connectOpenFlow(target(), { versions: [5] });
  const hello = encodeMessage({ type: "hello", versions: 0x72 }, 4, 1);
  const good = encodeMessage({ type: "flowMod", command: "add", flow: parseFlow("ip,actions=1") }, 4, 2);
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.tuple(fc.nat(good.length - 1), fc.nat(255)).map(([at, value]) => good.map((byte, i) => (i === at ? value : byte))),
    fc.nat(good.length).map((length) => good.slice(0, length)),
  );
  await fc.assert(
    fc.asyncProperty(bytes, fc.boolean(), async (junk, saysHello) => {
      const socket = connect(path());
      socket.on("error", () => undefined);
      if (saysHello) socket.write(hello);
      socket.end(Uint8Array.from(junk));
      socket.resume();
      await new Promise((resolve) => socket.once("close", resolve));
    }),
    { numRuns: 100 },
  );
  await client.transactFlows([parseFlow("table=9,ip,actions=1")]);
  expect((await client.flows()).some(({ table }) => table === 9)).toBe(true);
});
