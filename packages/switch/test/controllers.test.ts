/** Who may call a bridge, and until when. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "@tenet/kit";
import { BridgeServices } from "@tenet/switch";
import { expect, test } from "vitest";
import { Controllers, type WantedControllers } from "../src/controller/controllers.ts";
import { NO_IN_BAND } from "../src/controller/in-band.ts";
import { Bench } from "./bench-switch.ts";

test("bridges that go are called no more from the first moment on", async () => {
  const dir = mkdtempSync(join(tmpdir(), "tenet-controllers-"));
  const bench = new Bench(0, []);
  const bridges = [bench.bridge, ...["br1", "br2"].map((name) => bench.vswitch.addBridge(name))];
  const services = new BridgeServices(bench.vswitch, dir, bench.clock, silentLogger);
  const controllers = new Controllers(services, bench.vswitch, bench.clock, silentLogger);
  const wanted = bridges.map((bridge): WantedControllers => {
    const target = `punix:${dir}/${bridge.name}.extra`;
    const spec = { uuid: bridge.name, target, isService: false, isQuiet: false, maxBackoffMs: 1000, probeMs: 5000 };
    return { bridge, isStandalone: false, controllers: [spec], inBand: NO_IN_BAND };
  });
  await controllers.sync(wanted, undefined);
  const caller = connect(`${dir}/br0.extra`).resume();
  await once(caller, "data");
  for (const bridge of bridges) bench.vswitch.removeBridge(bridge);
  const gone = controllers.sync([], undefined);
  const calls = bridges.map(({ name }) => connect(`${dir}/${name}.extra`));
  const codeOf = (error: NodeJS.ErrnoException): string | undefined => error.code;
  const outcomes = calls.map((call) => once(call, "data").then(() => "served", codeOf));
  await gone;
  expect(await Promise.all(outcomes)).toEqual(["ENOENT", "ENOENT", "ENOENT"]);
  controllers.close();
  await services.close();
  rmSync(dir, { recursive: true });
});
