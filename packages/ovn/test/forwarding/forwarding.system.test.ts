/**
 * What happens to packets is what the original ovn-trace says of our southbound database.
 *
 * Random networks are written with ovn-nbctl; frames are sent from hosts at memory links, through northd's flows, the
 * controller's OpenFlow and the switch; where they come out is compared with the trace of the same packet.
 */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { CLEARING, network, type Port, PORTS } from "./random-network.ts";
import { greeting, packet, type Packet } from "./random-packet.ts";
import { missingPrograms, WholeStack } from "./whole-stack.ts";

const N_NETWORKS = Number(process.env["FORWARDING_NETWORKS"] ?? 12);
const N_PACKETS = 40;
const missing = missingPrograms();
if (missing.length > 0) console.log(`skipped: forwarding against ovn-trace needs ${missing.join(", ")}`);

let stack: WholeStack;
beforeAll(async () => {
  if (missing.length > 0) return;
  stack = await WholeStack.start();
  await stack.plug(PORTS.map(({ name }) => name));
});
afterAll(async () => {
  await stack?.stop();
});

test.skipIf(missing.length > 0)("packets go where ovn-trace says", { timeout: 300_000 }, async () => {
  const samples = fc.sample(fc.tuple(network, fc.array(packet, { minLength: N_PACKETS, maxLength: N_PACKETS })), N_NETWORKS);
  let nDelivered = 0;
  for (const [{ commands, learning, secured }, packets] of samples) {
    await stack.nbctl(...chained(CLEARING));
    await stack.nbctl("--wait=hv", ...chained(commands));
    await learn(learning);
    await stack.readTrace();
    // What teaches the switch something new changes the fate of the packets after it; ovn-trace knows what was before.
    // Port security lets IP and ARP pass only, ovn-trace asks them only.
    const isTold = ({ port, isHonest, isOther }: Packet): boolean =>
      !(isOther && secured.some(({ name }) => name === port)) && (isHonest || learning.every(({ name }) => name !== port));
    const faults: unknown[] = [];
    for (const { port, frame, microflow } of packets.filter(isTold)) {
      const expected = await stack.trace(microflow);
      const got = stack.send(port, frame);
      nDelivered += got.length;
      if (got.join() !== expected.join()) faults.push({ microflow, expected, got, story: await stack.story(microflow) });
    }
    const wrong = faults.length === 0 ? {} : { network: commands.map((words) => words.join(" ")), faults };
    expect(wrong).toEqual({});
  }
  expect(nDelivered).toBeGreaterThan(N_NETWORKS);
});

/** Lets the controller learn the addresses behind ports that learn, and waits until it has. */
async function learn(ports: readonly Port[]): Promise<void> {
  for (const port of ports) stack.send(port.name, greeting(port));
  await vi.waitFor(async () => {
    const learned = await stack.sbctl("--bare", "--columns=mac", "list", "FDB");
    expect(
      learned
        .split("\n")
        .filter((line) => line !== "")
        .toSorted(),
    ).toEqual(ports.map(({ mac }) => mac).toSorted());
  }, 5000);
  await stack.nbctl("--wait=hv", "sync");
}

/** `a -- b -- c`. */
function chained(commands: readonly (readonly string[])[]): string[] {
  return commands.flatMap((words, i) => (i === 0 ? words : ["--", ...words]));
}
