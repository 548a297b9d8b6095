import { ManualClock } from "@tenet/kit";
import { expect, test } from "vitest";
import type { LabHost } from "../src/file/lab-host.ts";
import type { HostSet, ProbeOutcome } from "../src/hosts/host-set.ts";
import { measure } from "../src/reachability/measure.ts";

const at = { file: "lab.yaml", line: 1, column: 1 };
const host = (name: string, addresses: string[], listen: number[] = []): LabHost => ({
  name,
  port: name,
  mac: "0a:00:00:00:00:01",
  addresses,
  gateway: undefined,
  listen,
  at,
});

/** A host set whose probes answer as told; notes what was asked. */
class ScriptedHosts implements HostSet {
  readonly interfaceType = "dummy";
  readonly asked: string[] = [];
  readonly #answer: (probe: string, timeoutMs: number) => ProbeOutcome | Promise<ProbeOutcome>;

  constructor(answer: (probe: string, timeoutMs: number) => ProbeOutcome | Promise<ProbeOutcome>) {
    this.#answer = answer;
  }
  namespaceOf(): undefined {
    return undefined;
  }
  async ping(from: LabHost, address: string, timeoutMs: number): Promise<ProbeOutcome> {
    return this.#ask(`${from.name} ${address}`, timeoutMs);
  }
  async connect(from: LabHost, address: string, port: number, timeoutMs: number): Promise<ProbeOutcome> {
    return this.#ask(`${from.name} ${address} ${port}`, timeoutMs);
  }
  async close(): Promise<void> {}

  #ask(probe: string, timeoutMs: number): ProbeOutcome | Promise<ProbeOutcome> {
    this.asked.push(`${probe} ${timeoutMs}`);
    return this.#answer(probe, timeoutMs);
  }
}

const open = (rttMs: number): ProbeOutcome => ({ isOpen: true, rttMs });
const silent: ProbeOutcome = { isOpen: false, isSilent: true };
const refused: ProbeOutcome = { isOpen: false, isSilent: false };
const HOSTS = [host("a", ["10.0.0.1/24"], [80]), host("b", ["10.0.0.2/24"])];
const run = (set: HostSet, hosts: readonly LabHost[] = HOSTS, signal: AbortSignal = new AbortController().signal) =>
  measure(hosts, set, new ManualClock(1234), 500, signal);

test("every host tries every other one by ping, and by TCP the ports that one serves", async () => {
  const set = new ScriptedHosts((probe) => (probe === "b 10.0.0.1 80" ? refused : open(1)));
  expect(await run(set)).toEqual({
    hosts: ["a", "b"],
    cells: [
      { from: "a", to: "b", ping: "ok", tcp: [] },
      { from: "b", to: "a", ping: "ok", tcp: [{ port: 80, open: false }] },
    ],
    measuredAt: 1234,
  });
  expect(set.asked).toEqual(["a 10.0.0.2 500", "b 10.0.0.1 500", "b 10.0.0.1 80 500"]);
});

test("when answers are quick, silence is believed at once", async () => {
  const set = new ScriptedHosts((probe) => (probe === "a 10.0.0.2" ? silent : open(100)));
  expect((await run(set)).cells[0]?.ping).toBe("no");
  expect(set.asked).toHaveLength(3);
});

test("when answers are late, the silent ones alone are asked again, with more time", async () => {
  const set = new ScriptedHosts((probe, timeoutMs) => {
    if (probe === "b 10.0.0.1 80") return refused;
    return probe === "a 10.0.0.2" && timeoutMs < 1000 ? silent : open(400);
  });
  expect((await run(set)).cells[0]?.ping).toBe("ok");
  expect(set.asked.slice(3)).toEqual(["a 10.0.0.2 1000"]);
});

test("a host reaches another when any of its addresses answers, in a family both have", async () => {
  const hosts = [host("a", ["10.0.0.1/24"]), host("b", ["fd00::2/64", "10.0.0.2/24"]), host("c", ["fd00::3/64"])];
  const set = new ScriptedHosts((probe) => (probe === "b fd00::3" || probe === "a 10.0.0.2" ? open(1) : silent));
  const { cells } = await run(set, hosts);
  expect(cells.filter((cell) => cell.ping === "ok").map(({ from, to }) => `${from} ${to}`)).toEqual(["a b", "b c"]);
  expect(set.asked.map((probe) => probe.replace(" 500", ""))).toEqual(["a 10.0.0.2", "b 10.0.0.1", "b fd00::3", "c fd00::2"]);
});

test("an abort ends the measurement without waiting for probes", async () => {
  const stop = new AbortController();
  const measuring = run(new ScriptedHosts(() => new Promise(() => undefined)), HOSTS, stop.signal);
  stop.abort(new Error("enough"));
  await expect(measuring).rejects.toThrow("enough");
});

test("of many probes only some are under way at a time, and all are sent", async () => {
  let [underWay, most] = [0, 0];
  const set = new ScriptedHosts(async () => {
    most = Math.max(most, ++underWay);
    await new Promise((resolve) => setImmediate(resolve));
    underWay--;
    return open(1);
  });
  const hosts = Array.from({ length: 30 }, (_, i) => host(`h${i}`, [`10.0.0.${i + 1}/24`], [80]));
  const { cells } = await run(set, hosts);
  expect(cells.filter(({ ping, tcp }) => ping === "ok" && tcp[0]?.open === true)).toHaveLength(870);
  expect(set.asked).toHaveLength(1740);
  expect(most).toBe(400);
});
