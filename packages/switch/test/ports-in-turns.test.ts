/** What is looked at of each port after every change of the database leaves a chance for packets between any two. */
import { ManualClock, silentLogger } from "@tenet/kit";
import { expect, test } from "vitest";
import { DeviceKeeper } from "../src/database/device-keeper.ts";
import { DummyPorts } from "../src/dummy/dummy-ports.ts";
import type { Work } from "../src/turns.ts";
import { Bench } from "./bench-switch.ts";

const N_PORTS = 40;
const LOCAL = { uuid: "", name: "br0", port: { name: "br0", kind: "memory" }, isInternal: true, dummyOptions: {} } as const;
const NOTHING_ASKED = { lastOfport: undefined, mac: undefined, mtu: undefined, policing: [], problems: [] };

function countSteps(work: Work): number {
  let nSteps = 0;
  while (work.next().done !== true) nSteps++;
  return nSteps;
}

test("dummies that went are closed one by one", () => {
  const dummies = new DummyPorts(new ManualClock());
  for (let n = 0; n < N_PORTS; n++) dummies.open(`d${n}`).plug(() => undefined);
  dummies.open("gone");
  expect(countSteps(dummies.closingUnplugged())).toBeGreaterThanOrEqual(N_PORTS);
  expect([dummies.names.length, dummies.isConnected("gone")]).toEqual([N_PORTS, undefined]);
});

test("for the address of a bridge its ports are looked at one by one", () => {
  const { vswitch, bridge } = new Bench(N_PORTS);
  vswitch.addPort(bridge, { name: "br0", kind: "memory" });
  const devices = new DeviceKeeper(vswitch, new DummyPorts(new ManualClock()), silentLogger);
  const work = devices.applyingBridgeMac(bridge, { ...LOCAL, ...NOTHING_ASKED });
  expect(countSteps(work)).toBeGreaterThanOrEqual(N_PORTS);
});
