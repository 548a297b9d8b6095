import { silentLogger } from "@tenet/kit";
import { type FlowSpec, FlowTransactionError, parseFlow } from "@tenet/openflow";
import { differenceOf, type FlowChanges, type FlowChannel, FlowInstaller, flowKey } from "@tenet/ovn";
import { afterEach, expect, test } from "vitest";

const A = parseFlow("cookie=1,table=8,priority=5,tcp,tp_dst=80 actions=resubmit(,9)");
const B = parseFlow("cookie=2,table=8,priority=5,ip actions=drop");
const OTHER_ACTIONS = parseFlow("cookie=1,table=8,priority=5,tcp,tp_dst=80 actions=drop");

/** A switch in memory. */
class FakeSwitch {
  readonly flows = new Map<string, FlowSpec>();
  readonly batches: FlowChanges[] = [];
  readonly flushedZones: number[] = [];
  refuses = false;
  cannotTake: FlowSpec | undefined;
  #end: () => void = () => undefined;

  constructor(...installed: FlowSpec[]) {
    for (const flow of installed) this.flows.set(flowKey(flow), flow);
  }

  open = async (): Promise<FlowChannel> => {
    const closed = new Promise<void>((resolve) => {
      this.#end = resolve;
    });
    return {
      readFlows: async () => [...this.flows.values()],
      change: async (changes) => {
        if (this.refuses) throw new Error("refused");
        const bad = changes.added.filter((flow) => flow === this.cannotTake);
        if (bad.length > 0) {
          throw new FlowTransactionError(
            bad.map((flow) => ({ command: "add", flow, error: "OFPBAC_BAD_TYPE" })),
            true,
          );
        }
        this.batches.push(changes);
        for (const flow of changes.removed) this.flows.delete(flowKey(flow));
        for (const flow of changes.added) this.flows.set(flowKey(flow), flow);
      },
      sendPacket: () => undefined,
      flushZone: (zone) => void this.flushedZones.push(zone),
      closed,
      close: () => this.#end(),
    };
  };

  disconnect(): void {
    this.#end();
  }
}

const stopping: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stopping.splice(0)) await stop();
});

function start(fake: FakeSwitch, desired: FlowSpec[]): { installer: FlowInstaller; synced: () => Promise<void> } {
  const controller = new AbortController();
  let nSynced = 0;
  const installer = new FlowInstaller(
    { open: fake.open, desired: () => desired, onPacketIn: () => undefined, onSynced: () => (nSynced += 1) },
    silentLogger,
  );
  const running = installer.run(controller.signal);
  stopping.push(async () => {
    controller.abort();
    fake.disconnect();
    await running;
  });
  let nWaited = 0;
  const synced = async (): Promise<void> => {
    nWaited += 1;
    while (nSynced < nWaited) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  return { installer, synced };
}

test("the difference holds what is missing, what differs and what is too much", () => {
  expect(differenceOf([A], [A])).toEqual({ added: [], removed: [] });
  expect(differenceOf([A, B], [OTHER_ACTIONS])).toEqual({ added: [OTHER_ACTIONS], removed: [B] });
  expect(differenceOf([], [A])).toEqual({ added: [A], removed: [] });
  expect(differenceOf([{ ...A, cookie: 9n }], [A])).toEqual({ added: [A], removed: [] });
});

test("on connection only the difference is sent", async () => {
  const fake = new FakeSwitch(A, B);
  const { synced } = start(fake, [A]);
  await synced();
  expect(fake.batches).toEqual([{ added: [], removed: [B] }]);
});

test("changes wait for the flush, and the last word on a flow counts", async () => {
  const fake = new FakeSwitch();
  const desired: FlowSpec[] = [];
  const { installer, synced } = start(fake, desired);
  expect(await installer.flush()).toBe(false);
  await synced();
  installer.note({ added: [A, B], removed: [] });
  installer.note({ added: [OTHER_ACTIONS], removed: [B] });
  expect(await installer.flush()).toBe(true);
  expect(fake.batches.at(-1)).toEqual({ added: [OTHER_ACTIONS], removed: [B] });
});

test("after a refusal or a lost connection the switch is read again", async () => {
  const fake = new FakeSwitch();
  const desired = [A];
  const { installer, synced } = start(fake, desired);
  await synced();
  fake.refuses = true;
  installer.note({ added: [B], removed: [] });
  desired.push(B);
  expect(await installer.flush()).toBe(false);
  fake.refuses = false;
  await synced();
  expect([...fake.flows.values()]).toEqual([A, B]);
  fake.flows.clear();
  fake.disconnect();
  await synced();
  expect([...fake.flows.values()]).toEqual([A, B]);
});

test("a flow that the switch does not take is left out, and the others go in", async () => {
  const fake = new FakeSwitch();
  fake.cannotTake = A;
  const { installer, synced } = start(fake, [A, B]);
  await synced();
  expect([...fake.flows.values()]).toEqual([B]);
  installer.note({ added: [A, OTHER_ACTIONS], removed: [B] });
  expect(await installer.flush()).toBe(true);
  expect([...fake.flows.values()]).toEqual([OTHER_ACTIONS]);
});

test("zones are emptied in the switch, and not when there is none", async () => {
  const fake = new FakeSwitch();
  const { installer, synced } = start(fake, []);
  expect(installer.flushZones([7])).toBe(false);
  await synced();
  expect(installer.flushZones([7, 9])).toBe(true);
  expect(fake.flushedZones).toEqual([7, 9]);
});
