/**
 * The same northbound content through the original northd and ours, both on original database servers.
 *
 * Equal are: all logical flows as `lflow-list` prints them, port bindings, multicast groups, port groups, address
 * sets, tunnel keys. Known differences, and why: docs/design/0002-northd.md.
 */
import { silentLogger } from "@tenet/kit";
import { runNorthd } from "@tenet/ovn";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { flowsOf, rowsOf } from "./compare.ts";
import { Deployment, missingPrograms } from "./peers.ts";
import { anyStep, STEPS, wordsOf } from "./steps.ts";

const missing = missingPrograms();
if (missing.length > 0) console.log(`skipped: northd against the original needs ${missing.join(", ")}`);

const SERVERS = { "on the original database server": Deployment.start, "on our database server": Deployment.startOurs };

describe.skipIf(missing.length > 0).each(Object.entries(SERVERS))("northd %s", (_name, startServer) => {
  let original: Deployment;
  let ours: Deployment;
  let abort: AbortController;
  let role: Promise<void>;
  let endOriginalNorthd: () => Promise<void>;

  beforeEach(async () => {
    [original, ours] = await Promise.all([Deployment.start(), startServer()]);
    await both("init");
    await both("set", "NB_Global", ".", "options:svc_monitor_mac=0a:0a:0a:0a:0a:0a");
    endOriginalNorthd = await original.startNorthd();
    startOurs();
  });

  afterEach(async () => {
    abort.abort();
    const [outcome] = await Promise.allSettled([role]);
    await Promise.all([original.stop(), ours.stop()]);
    expect(outcome.status).toBe("fulfilled");
  });

  function startOurs(): void {
    abort = new AbortController();
    role = runNorthd({ nb: ours.nb, sb: ours.sb }, silentLogger, abort.signal);
  }

  async function both(...args: string[]): Promise<void> {
    await Promise.all([original.nbctl(...args), ours.nbctl(...args)]);
  }

  async function take(step: string): Promise<void> {
    await both(...wordsOf(step));
  }

  /** Compares after both northds say that the southbound side is written. */
  async function expectEqual({ hasKeys } = { hasKeys: true }): Promise<void> {
    await both("--wait=sb", "sync");
    expect(await flowsOf(ours)).toEqual(await flowsOf(original));
    expect(await rowsOf(ours, hasKeys)).toEqual(await rowsOf(original, hasKeys));
  }

  test("derives what the original derives, step by step", async () => {
    for (const step of STEPS) {
      await take(step);
      if (step.startsWith("ls-add") || step.includes("acl") || step.includes("del")) await expectEqual();
    }
    await expectEqual();
  });

  test("derives what the original derives, whatever comes", async () => {
    const steps = fc.sample(anyStep, 80);
    for (const [i, step] of steps.entries()) {
      const [first, second] = await Promise.allSettled([original.nbctl(...wordsOf(step)), ours.nbctl(...wordsOf(step))]);
      expect([i, step, second.status]).toEqual([i, step, first.status]);
      if (i % 8 === 0) await expectEqual({ hasKeys: false });
    }
    await expectEqual({ hasKeys: false });
  });

  test("a restart changes no row, and who stands by takes over when the original ends", async () => {
    for (const step of STEPS) await take(step);
    await expectEqual();
    const uuids = async (): Promise<string[]> => (await ours.sbctl("--columns=_uuid", "list", "Logical_Flow")).split("\n").sort();
    const before = await uuids();
    abort.abort();
    await role;
    startOurs();
    await ours.nbctl("--wait=sb", "sync");
    expect(await uuids()).toEqual(before);

    const abortTakeOver = new AbortController();
    const takeOver = runNorthd({ nb: original.nb, sb: original.sb }, silentLogger, abortTakeOver.signal);
    await original.nbctl("--wait=sb", "sync");
    expect(await original.sbctl("find", "Logical_Flow", "external_ids:source=northd.dl")).toBe("");
    await endOriginalNorthd();
    await original.nbctl("--wait=sb", "sync");
    expect(await original.sbctl("find", "Logical_Flow", "external_ids:source=northd.dl")).not.toBe("");
    abortTakeOver.abort();
    await takeOver;
    expect(await rowsOf(original)).toEqual(await rowsOf(ours));
  });

  test("ovn-trace tells the same fate of packets over our rows", async () => {
    for (const step of STEPS) await take(step);
    await both("--wait=sb", "sync");
    for (const flow of PACKETS) {
      const [expected, traced] = await Promise.all([original.trace("sw0", flow), ours.trace("sw0", flow)]);
      expect([flow, traced]).toEqual([flow, expected]);
    }
  });

  test("waiting for hypervisors ends when the last one follows", async () => {
    await both("ls-add", "sw0");
    await both("lsp-add", "sw0", "p1");
    await both("--wait=sb", "sync");
    for (const deployment of [original, ours]) {
      await deployment.sbctl("chassis-add", "hv1", "geneve", "127.0.0.1");
      await deployment.sbctl("create", "Chassis_Private", "name=hv1", "nb_cfg=0");
      await deployment.sbctl("lsp-bind", "p1", "hv1");
      const waiting = deployment.nbctl("--wait=hv", "sync");
      await deployment.nbctl("wait-until", "NB_Global", ".", "nb_cfg=2", "sb_cfg=2", "hv_cfg=0");
      await deployment.sbctl("set", "Chassis_Private", ".", "nb_cfg=2", "nb_cfg_timestamp=5");
      await waiting;
      await deployment.nbctl("wait-until", "Logical_Switch_Port", "p1", "up=true");
      expect(await deployment.nbctl("get", "NB_Global", ".", "hv_cfg", "hv_cfg_timestamp")).toBe("2\n5\n");
    }
  });

  test("a port is asked to be on the machines it names, once they are there", async () => {
    // Flows differ: to a chassis that does not say so the original credits no masked labels.
    const expectEqualRows = async (): Promise<void> => expect(await rowsOf(ours)).toEqual(await rowsOf(original));
    for (const step of ["ls-add sw0", "lsp-add sw0 p1", "lsp-add sw0 p2", "lsp-add sw0 p3", "lsp-set-type p3 localport"])
      await take(step);
    await take("set Logical_Switch_Port p1 options:requested-chassis=hv1");
    await take("set Logical_Switch_Port p2 options:requested-chassis=hv2,hv1,hv3");
    await take("set Logical_Switch_Port p3 options:requested-chassis=host1");
    await both("--wait=sb", "sync");
    await expectEqualRows();
    for (const deployment of [original, ours]) {
      await deployment.sbctl("chassis-add", "hv1", "geneve", "127.0.0.1", "--", "chassis-add", "hv2", "geneve", "127.0.0.2");
      await deployment.sbctl("set", "Chassis", "hv1", "hostname=host1");
    }
    await vi.waitFor(expectEqualRows, 5000);
    const rows = (await rowsOf(ours)).bindings?.join("\n") ?? "";
    expect(rows.match(/"requested_chassis":"hv[12]"/g)).toHaveLength(3);
    for (const deployment of [original, ours]) await deployment.sbctl("chassis-del", "hv2");
    await vi.waitFor(expectEqualRows, 5000);
  });

  test("rows that somebody else takes away come back", async () => {
    await both("ls-add", "sw0");
    await both("--wait=sb", "lsp-add", "sw0", "p1");
    await ours.sbctl("--all", "destroy", "Logical_Flow");
    await vi.waitFor(() => expectEqual(), 5000);
  });
});

const PACKETS: readonly string[] = [
  'inport == "p1" && eth.src == 0a:00:00:00:00:01 && eth.dst == 0a:00:00:00:00:10 && ip4 && ip4.src == 10.0.0.1 && ip4.dst == 10.0.0.10 && ip.ttl == 64',
  'inport == "p1" && eth.src == 0a:00:00:00:00:66 && eth.dst == 0a:00:00:00:00:10',
  'inport == "p1" && eth.src == 0a:00:00:00:00:01 && eth.dst == ff:ff:ff:ff:ff:ff',
  'inport == "p1" && eth.src == 0a:00:00:00:00:01 && eth.dst == 0a:00:00:00:00:99',
  'inport == "p3" && eth.src == 0a:00:00:00:00:33 && eth.dst == 0a:00:00:00:00:04',
  'inport == "p3" && eth.src == 0a:00:00:00:00:33 && eth.dst == ff:ff:ff:ff:ff:ff && arp.op == 1 && arp.tpa == 10.0.0.1 && arp.spa == 10.0.0.33',
  'inport == "p4" && eth.src == 0a:00:00:00:00:04 && eth.dst == 0a:00:00:00:00:01',
];
