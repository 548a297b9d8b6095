/** Commands that look at many flows or connections give way to packets: here a turn is a few steps. */
import { makeFlowKey } from "@tenet/net";
import { switchCommands } from "@tenet/switch";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { run } from "./answers.ts";
import { Cables } from "./cables.ts";

/** Of each kind. */
const N_FLOWS = 320;
/** As many are looked at in one step at most. */
const MOST_PER_STEP = 64;
/** How long a turn is, or longer. */
const TURN_MS = 1;
const PACKET = "udp,dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02,nw_ttl=64,nw_dst=10.0.0.2,tp_dst=53";

let cables: Cables;

beforeEach(() => {
  cables = new Cables("a", "b");
  for (let n = 0; n < N_FLOWS; n++) cables.apply(`table=5,priority=${n + 1},udp,tp_src=${n},actions=output:2`);
  cables.apply("priority=10,udp,in_port=1,actions=ct(commit),output:2");
  cables.vswitch.cache.hasWideFlows = false;
  send(0, N_FLOWS);
  const bundle = cables.bridge.portNamed("b")?.bundle;
  if (bundle === undefined) throw new Error("there is a port b");
  for (let mac = 1; mac <= N_FLOWS; mac++) cables.bridge.macs.learn({ vlan: 0, mac, bundle, locks: false });
});

afterEach(async () => {
  vi.restoreAllMocks();
  await cables[Symbol.asyncDispose]();
});

/** Packets from these ports, each of which makes a megaflow and a connection. */
function send(from: number, to: number): void {
  for (let port = from; port < to; port++) cables.send("a", `${PACKET},nw_src=10.0.0.1,tp_src=${port + 1}`);
}

function* oneStep(): Generator<undefined, void> {
  yield undefined;
}

/** Runs a command with turns of few steps; `meanwhile` is called between any two. @returns what it answers, and how many turns it took */
async function runByTurns(
  name: string,
  args: readonly string[],
  meanwhile: (nTurns: number) => void = () => undefined,
): Promise<{ text: string; nTurns: number }> {
  let nowMs = performance.now();
  vi.spyOn(performance, "now").mockImplementation(() => (nowMs += 0.2));
  const commands = switchCommands(cables.vswitch, { reconnect: () => undefined }, cables.clock, () => undefined);
  cables.vswitch.turns.begin(oneStep());
  nowMs += TURN_MS; // that turn is over, so that none of the command's steps are done before others have had their chance
  let nTurns = 0;
  let next = setImmediate(function count() {
    nTurns++;
    meanwhile(nTurns);
    next = setImmediate(count);
  });
  try {
    const text = await run(commands, name, ...args);
    return { text, nTurns };
  } finally {
    clearImmediate(next);
  }
}

test.each([
  ["bridge/dump-flows", "br0"],
  ["dpctl/dump-flows"],
  ["dpctl/dump-flows", "-m"],
  ["dpctl/dump-flows", "filter=tcp"],
  ["dpif/dump-flows", "br0"],
  ["dpctl/del-flows"],
  ["dpctl/dump-conntrack"],
  ["dpctl/dump-conntrack", "zone=5"],
  ["dpctl/ct-stats-show"],
  ["dpctl/flush-conntrack"],
  ["dpctl/flush-conntrack", "zone=5"],
  ["tenet/conntrack", "sport=7"],
  ["tenet/conntrack-flush"],
  ["bond/show"],
  ["fdb/show", "br0"],
  ["revalidator/purge"],
  ["revalidator/wait"],
  ["upcall/disable-megaflows"],
])("%s %s gives way", async (name, ...args) => {
  const { nTurns } = await runByTurns(name, args);
  expect(nTurns).toBeGreaterThanOrEqual(N_FLOWS / MOST_PER_STEP - 1);
});

test.each([
  ["dpctl/add-flow", "in_port(9),eth(),eth_type(0x1234)", "drop"],
  ["dpctl/mod-flow", "--may-create", "in_port(9),eth(),eth_type(0x1234)", "drop"],
])("%s looks at no other flow, so that none can come meanwhile", async (name, ...args) => {
  const { nTurns } = await runByTurns(name, args);
  expect(nTurns).toBe(0);
  await expect(runByTurns("dpctl/add-flow", args.slice(-2))).rejects.toThrow("File exists");
});

test.each(["sweeping", "purging"] as const)("flows that were put by hand are gone through in steps when %s", (how) => {
  const { datapath, vswitch } = cables;
  const mask = makeFlowKey().fill(0xffff_ffff);
  const nOurs = vswitch.cache.size;
  for (let n = 0; n < N_FLOWS; n++) datapath.putFlow(makeFlowKey().fill(n + 1), mask, []);
  let before = datapath.stats().nFlows;
  expect(before).toBe(nOurs + N_FLOWS);
  let nSteps = 0;
  for (const _ of vswitch.cache[how]()) {
    expect(before - datapath.stats().nFlows).toBeLessThanOrEqual(MOST_PER_STEP);
    before = datapath.stats().nFlows;
    nSteps++;
  }
  expect(before - datapath.stats().nFlows).toBeLessThanOrEqual(MOST_PER_STEP);
  expect(nSteps).toBeGreaterThanOrEqual((nOurs + N_FLOWS) / MOST_PER_STEP);
  expect(datapath.stats().nFlows).toBe(how === "sweeping" ? nOurs : N_FLOWS);
});

test("addresses are shown by their last packets, though some are heard of meanwhile, and what is flushed is gone at once", async () => {
  const { macs } = cables.bridge;
  const bundle = cables.bridge.portNamed("a")?.bundle;
  if (bundle === undefined) throw new Error("there is a port a");
  const hear = (mac: number): void => void macs.learn({ vlan: 0, mac, bundle, locks: false });
  cables.vswitch.addStaticMac(cables.bridge, 0, 7, bundle);
  const shown = await runByTurns("fdb/show", ["br0"], (n) => hear((n % N_FLOWS) + 1));
  const addresses = shown.text.split("\n").flatMap((line) => /\S+:\S+/.exec(line)?.[0] ?? []);
  expect(addresses.length).toBe(N_FLOWS);
  expect(new Set(addresses).size).toBe(N_FLOWS);
  expect(shown.text.split("\n").at(-1)).toMatch(/00:00:00:00:00:07 +static$/);
  const flushed = await runByTurns("fdb/flush", ["br0"]);
  expect(flushed).toEqual({ text: "table successfully flushed", nTurns: 0 });
  expect([macs.size, macs.lookup(0, 8), macs.staticHome(0, 7)]).toEqual([1, undefined, bundle]);
});

/** How many lines have each of these texts in them. */
function countLines(text: string, wanted: readonly string[]): number[] {
  const lines = text.split("\n");
  return wanted.map((each) => lines.filter((line) => line.includes(each)).length);
}

test("what does not change while it is shown is shown once, whatever comes and goes", async () => {
  const kept = Array.from({ length: N_FLOWS / 2 }, (_, i) => 2 * i);
  const rules = await runByTurns("bridge/dump-flows", ["br0"], (n) => {
    if (2 * n + 1 < N_FLOWS) cables.apply(`table=5,udp,tp_src=${2 * n + 1},actions=drop`, "delete");
    if (n < N_FLOWS) cables.apply(`table=5,priority=${n},udp,tp_src=${1000 + n},actions=output:1`);
  });
  expect(
    countLines(
      rules.text,
      kept.map((port) => `tp_src=${port},`),
    ),
  ).toEqual(kept.map(() => 1));
  const megaflows = await runByTurns("dpctl/dump-flows", [], (n) => {
    const [flow] = [...cables.datapath.flows()].filter(({ nPackets }) => nPackets === 0).slice(n % 7);
    if (flow !== undefined && n % 3 === 0) cables.vswitch.cache.evict(flow);
    if (n < N_FLOWS) send(1000 + n, 1001 + n);
  });
  expect(new Set(megaflows.text.split("\n")).size).toBe(megaflows.text.split("\n").length);
  const connections = await runByTurns("dpctl/dump-conntrack", [], (n) => {
    cables.datapath.conntrack.flush({ matches: ({ original }) => original.srcPort === 2 * n + 2 });
    if (n < N_FLOWS) send(2000 + n, 2001 + n);
  });
  expect(
    countLines(
      connections.text,
      kept.map((port) => `(src=10.0.0.1,dst=10.0.0.2,sport=${port + 1},`),
    ),
  ).toEqual(kept.map(() => 1));
});

test("an answer that nobody waits for any more is not made to its end", async () => {
  const commands = switchCommands(cables.vswitch, { reconnect: () => undefined }, cables.clock, () => undefined);
  const answer = await commands.find(({ name }) => name === "dpctl/dump-flows")?.run(["-m"]);
  if (answer === undefined || typeof answer === "string") throw new Error("the answer comes in pieces");
  const flows = vi.spyOn(cables.datapath, "flows");
  for await (const piece of answer) {
    expect(piece.split("\n").length).toBeLessThan(N_FLOWS);
    break;
  }
  const shown = flows.mock.results.flatMap(({ value }) => [...(value as Iterable<unknown>)]);
  expect(shown).toEqual([]);
});
