/** The OpenFlow service over a real socket, with the package's own client and with bytes that are none of it. */
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "@tenet/kit";
import { connectOpenFlow, encodeMessage, FlowTransactionError, parseFlow, type Version } from "@tenet/openflow";
import { BridgeServices } from "@tenet/switch";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
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
