/** Stories told of a running cloud, whose rows the real ovn-nbctl wrote; verdicts held against the real ovn-trace. */
import { join } from "node:path";
import { IoError } from "@tenet/kit";
import { openWhy, QuestionError, type Story, why } from "@tenet/why";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { has, LiveCloud } from "./live-cloud.ts";

const missing = ["ovn-nbctl", "ovn-trace", "ovs-appctl"].filter((program) => !has(program));
if (missing.length > 0) console.log(`why.system.test.ts: skipped, needs ${missing.join(", ")}`);
const closing = new AbortController();
let cloud: LiveCloud;
let sources: Awaited<ReturnType<typeof openWhy>>;

const PORTS = [
  ["prod", "web1", "0a:00:00:00:00:01 10.0.0.1 fd00::1"],
  ["prod", "db1-port", "0a:00:00:00:00:02 10.0.0.2 fd00::2"],
  ["prod", "app1", "0a:00:00:00:00:03 10.0.0.3"],
  ["prod", "far1", "0a:00:00:00:00:04 10.0.0.4"],
  ["guest", "intruder", "0a:00:00:00:01:01 10.0.9.1"],
  ["guest", "printer", "unknown"],
  ["guest", "off", "0a:00:00:00:01:03 10.0.9.3"],
] as const;
const APP_DB = 'outport == "db1-port" && ip4.src == 10.0.0.3 && tcp.dst == 5432';
const DB_GUARD = 'outport == "db1-port" && tcp';

/** Names of ports, and the row that each name stands for. */
const rowOf = (table: string, name: string): string => {
  const row = [...cloud.database("nb").table(table).values()].find((each) => [each["name"]].flat()[0] === name);
  if (row === undefined) throw new Error(`no ${table} ${name}`);
  return row._uuid;
};

async function ask(question: string): Promise<Story> {
  return why(question, sources);
}

beforeAll(async () => {
  if (missing.length > 0) return;
  cloud = await LiveCloud.start();
  await cloud.plug(...PORTS.map(([, port]) => port).filter((port) => port !== "far1"), "spare");
  await cloud.nbctl("ls-add", "prod", "--", "ls-add", "guest");
  for (const [ls, port, addresses] of PORTS) {
    await cloud.nbctl("lsp-add", ls, port, "--", "lsp-set-addresses", port, addresses);
  }
  await cloud.nbctl("set", "Logical_Switch_Port", "db1-port", "external_ids:host=db1");
  await cloud.nbctl("lsp-set-port-security", "web1", "0a:00:00:00:00:01 10.0.0.1 fd00::1");
  await cloud.nbctl("lsp-set-enabled", "off", "disabled");
  await cloud.nbctl("--name=app-db", "acl-add", "prod", "to-lport", "1002", APP_DB, "allow");
  await cloud.nbctl("--name=db-guard", "acl-add", "prod", "to-lport", "1001", DB_GUARD, "drop");
  sources = await openWhy(cloud.dir, closing.signal);
});
afterAll(async () => {
  await sources?.[Symbol.asyncDispose]();
  await cloud?.[Symbol.asyncDispose]();
});

describe.skipIf(missing.length > 0)("why", () => {
  test("a packet that an ACL drops leads to the ACL and to the ovn-nbctl that wrote it", async () => {
    const before = Date.now();
    const story = await ask("web1 -> db1 tcp 5432");
    expect(story.verdict).toBe("dropped");
    expect(story.summary).toBe(
      'web1 cannot reach db1 on tcp 5432: ACL "db-guard" (to-lport, priority 1001, drop) on switch prod dropped it in ls_out_acl.',
    );
    const acl = rowOf("ACL", "db-guard");
    expect(story.cause).toMatchObject({
      table: "ACL",
      uuid: acl,
      columns: { name: "db-guard", direction: "to-lport", priority: 1001, match: DB_GUARD, action: "drop" },
      transaction: {
        client: expect.stringMatching(/^ovn-nbctl \(pid \d+, uid \d+\)$/),
        comment: expect.stringContaining("--name=db-guard acl-add prod to-lport 1001"),
      },
    });
    expect(Math.abs((story.cause?.transaction?.at ?? 0) - before)).toBeLessThan(60_000);
    expect(story.megaflow?.match).toContain("in_port=v-web1");
    expect(story.megaflow?.actions).not.toContain("v-db1-port");

    const last = story.layers.logical.at(-1);
    expect(last).toMatchObject({
      stage: "ls_out_acl",
      pipeline: "egress",
      priority: 2001,
      hint: acl.slice(0, 8),
      datapath: "prod",
    });
    expect(story.layers.physical.at(-1)).toMatchObject({ table: 46, lflow: last?.uuid });
  });

  test("every OpenFlow flow of a stage is linked to a logical flow that is in the southbound database", async () => {
    const { layers } = await ask("web1 -> db1 icmp");
    const stages = layers.physical.filter(({ table }) => (table >= 8 && table < 37) || (table >= 42 && table < 52));
    expect(stages).toHaveLength(19 + 17);
    const flows = cloud.database("sb").table("Logical_Flow");
    for (const { cookie, lflow = "" } of stages) {
      expect(lflow.startsWith(cookie.slice(2).padStart(8, "0"))).toBe(true);
      expect(flows.get(lflow)).toBeDefined();
    }
    expect(layers.logical.map(({ uuid }) => uuid)).toEqual(stages.map(({ lflow }) => lflow));
  });

  test("a packet that an ACL allows names the ACL and the port that gets it", async () => {
    const story = await ask("app1 -> db1 tcp 5432");
    expect(story.verdict).toBe("forwarded");
    expect(story.summary).toBe(
      'app1 reaches db1 on tcp 5432: ACL "app-db" (to-lport, priority 1002, allow) on switch prod allows it, and switch prod delivers it to db1 (port db1-port).',
    );
    expect(story.cause).toMatchObject({ table: "ACL", uuid: rowOf("ACL", "app-db") });
    expect(story.cause?.transaction?.comment).toContain("--name=app-db");
    expect(story.megaflow?.actions).toMatch(/\bv-db1-port$/);
  });

  test("a packet that nothing stops leads to the port that has the address, and to who gave it", async () => {
    const story = await ask("web1 -> db1");
    expect(story).toMatchObject({
      verdict: "forwarded",
      cause: { table: "Logical_Switch_Port", uuid: rowOf("Logical_Switch_Port", "db1-port") },
    });
    expect(story.cause?.transaction?.comment).toContain("lsp-set-addresses db1-port");
    expect((await ask("web1 -> db1 icmp6")).megaflow?.match).toContain("icmp6");
  });

  test("a packet from an address that is not its own fails port security", async () => {
    const story = await ask("web1 as 10.0.0.99 -> app1 udp 53");
    expect(story).toMatchObject({
      verdict: "dropped",
      cause: { table: "Logical_Switch_Port", uuid: rowOf("Logical_Switch_Port", "web1") },
    });
    expect(story.summary).toBe(
      "web1 cannot reach app1 on udp 53: port security of web1 allows only 0a:00:00:00:00:01 10.0.0.1 fd00::1, and this packet is from 0a:00:00:00:00:01 10.0.0.99.",
    );
    expect(story.cause?.transaction?.comment).toContain("lsp-set-port-security web1");
  });

  test("a packet for an address that the port does not take fails port security on its way out", async () => {
    await cloud.nbctl("lsp-set-port-security", "app1", "0a:00:00:00:00:03 10.0.0.3");
    const story = await ask("web1 -> 10.0.0.77 as 0a:00:00:00:00:03 udp 9");
    expect(story).toMatchObject({ verdict: "dropped", cause: { uuid: rowOf("Logical_Switch_Port", "app1") } });
    expect(story.summary).toContain("port security of app1 takes only packets for 0a:00:00:00:00:03 10.0.0.3");
    expect(story.cause?.transaction?.comment).toContain("lsp-set-port-security app1");
    await cloud.nbctl("lsp-set-port-security", "app1");
  });

  test("what the switch never takes, and what no ACL allows, is told", async () => {
    const odd = await ask("in_port=v-app1,dl_src=01:00:00:00:00:05,dl_dst=0a:00:00:00:00:01,ip");
    expect(odd).toMatchObject({ verdict: "dropped", cause: { uuid: rowOf("Logical_Switch", "prod") } });
    expect(odd.summary).toContain("takes no packets with VLAN tags or from group addresses");
    await cloud.nbctl("set", "NB_Global", ".", "options:default_acl_drop=true");
    const story = await ask("web1 -> app1");
    expect(story).toMatchObject({ verdict: "dropped", cause: { table: "NB_Global" } });
    expect(story.summary).toContain("no ACL of switch prod allows it in ls_in_acl");
    expect(story.cause?.transaction?.comment).toContain("default_acl_drop=true");
    await cloud.nbctl("remove", "NB_Global", ".", "options", "default_acl_drop");
  });

  test("a destination on another switch is told", async () => {
    const flooded = await ask("intruder -> db1 tcp 5432");
    expect(flooded.verdict).toBe("forwarded");
    expect(flooded.summary).toBe(
      "intruder cannot reach db1 on tcp 5432: switch guest floods it to the ports behind which addresses are unknown, printer; db1 (port db1-port) is on switch prod.",
    );
    const known = await ask("web1 -> intruder");
    expect(known).toMatchObject({
      verdict: "dropped",
      cause: { table: "Logical_Switch", uuid: rowOf("Logical_Switch", "prod") },
    });
    expect(known.summary).toBe(
      "web1 cannot ping intruder: no port of switch prod (where web1 is) has 0a:00:00:00:01:01; it is on switch guest, at intruder.",
    );
    expect((await ask("web1 -> 0a:00:00:00:00:99")).summary).toContain("no port of any switch has it");
  });

  test("an address that nobody has is searched in vain", async () => {
    const story = await ask("web1 -> 10.0.0.77 tcp 80");
    expect(story).toMatchObject({
      verdict: "dropped",
      cause: { table: "Logical_Switch", uuid: rowOf("Logical_Switch", "prod") },
    });
    expect(story.summary).toBe(
      "web1 cannot reach 10.0.0.77 on tcp 80: no port of any switch has 10.0.0.77, so its ARP request gets no answer.",
    );
    expect((await ask("intruder -> 10.0.9.77")).summary).toContain("unless it is behind printer, where addresses are unknown");
  });

  test("a broadcast names whom it reaches", async () => {
    const story = await ask("web1 -> broadcast udp 67");
    expect(story.verdict).toBe("forwarded");
    expect(story.summary).toBe("web1's broadcast (udp 67) reaches app1 and db1 (port db1-port): switch prod floods it.");
    expect(story.cause).toMatchObject({ table: "Logical_Switch", uuid: rowOf("Logical_Switch", "prod") });
    const partly = await ask("web1 -> broadcast tcp 80");
    expect(partly.verdict).toBe("forwarded");
    expect(partly.summary).toBe(
      `web1's broadcast (tcp 80) reaches app1: switch prod floods it. It does not reach db1 (port db1-port) (ACL "db-guard" (to-lport, priority 1001, drop) on switch prod dropped it in ls_out_acl).`,
    );
  });

  test("a packet for an unknown address is flooded where addresses are unknown", async () => {
    const story = await ask("intruder -> 0a:00:00:00:00:99 udp 9");
    expect(story.verdict).toBe("forwarded");
    expect(story.summary).toContain("reaches printer: switch guest floods it to the ports behind which addresses are unknown");
  });

  test("ARP is answered by the switch, neighbour discovery by the controller", async () => {
    const port = { table: "Logical_Switch_Port", uuid: rowOf("Logical_Switch_Port", "db1-port") };
    const arp = await ask("web1 -> db1 arp");
    expect(arp).toMatchObject({ verdict: "forwarded", cause: port, megaflow: { actions: expect.stringContaining("v-web1") } });
    expect(arp.summary).toBe("web1 asks for db1 by ARP: switch prod answers it itself, for db1 (port db1-port).");
    expect((await ask("web1 -> db1 nd")).summary).toContain("hands it to the controller, which answers");
  });

  test("a port that is disabled, absent or the sender's own is told", async () => {
    const off = await ask("intruder -> off");
    expect(off).toMatchObject({ verdict: "dropped", cause: { uuid: rowOf("Logical_Switch_Port", "off") } });
    expect(off.summary).toContain("port off is disabled");
    expect(off.cause?.transaction?.comment).toContain("lsp-set-enabled off disabled");
    expect((await ask("off -> intruder")).summary).toContain("port off is disabled");
    const far = await ask("web1 -> far1");
    expect(far).toMatchObject({ verdict: "dropped", cause: { uuid: rowOf("Logical_Switch_Port", "far1") } });
    expect(far.summary).toContain("far1, which is not plugged in here");
    expect((await ask("web1 -> web1")).summary).toContain("back out of the port it came in at");
  });

  test("a flow can be asked about, with ports by number or by name", async () => {
    const flow =
      "in_port=v-web1,tcp,dl_src=0a:00:00:00:00:01,dl_dst=0a:00:00:00:00:02,nw_src=10.0.0.1,nw_dst=10.0.0.2,tp_dst=5432";
    expect(await ask(flow)).toMatchObject({ verdict: "dropped", cause: { uuid: rowOf("ACL", "db-guard") } });
    expect((await ask("in_port=77,ip")).summary).toBe(
      "The packet from port 77 is dropped: OpenFlow port 77 carries no logical port that is active here.",
    );
  });

  test("an answer that does not get back is told, and can be asked about", async () => {
    await cloud.nbctl("--name=no-answers", "acl-add", "prod", "to-lport", "1003", 'outport == "app1" && tcp.src == 80', "drop");
    const reason = 'ACL "no-answers" (to-lport, priority 1003, drop) on switch prod dropped it in ls_out_acl.';
    const story = await ask("app1 -> web1 tcp 80");
    expect(story.verdict).toBe("forwarded");
    expect(story.summary).toBe(
      `app1 reaches web1 on tcp 80: switch prod delivers it to web1, and no ACL stands in its way. But web1's answer cannot reach app1 (tcp 80): ${reason}`,
    );
    const answer = await ask("answer to app1 -> web1 tcp 80");
    expect(answer).toMatchObject({ verdict: "dropped", cause: { uuid: rowOf("ACL", "no-answers") } });
    expect(answer.summary).toBe(`web1's answer cannot reach app1 (tcp 80): ${reason}`);
    expect((await ask("answer to app1 -> web1 tcp 443")).summary).toMatch(/^web1's answer reaches app1 \(tcp 443\): /);
    await cloud.nbctl("acl-del", "prod", "to-lport", "1003", 'outport == "app1" && tcp.src == 80');
  });

  test("an ACL of the sending side, logged or not, is found where it drops", async () => {
    const acl = ["acl-add", "prod", "from-lport", "1001", 'inport == "web1" && udp.dst == 514', "drop"];
    for (const log of [[], ["--log", "--severity=alert"]]) {
      await cloud.nbctl("--name=no-syslog", ...log, ...acl);
      const story = await ask("web1 -> app1 udp 514");
      expect(story).toMatchObject({ verdict: "dropped", cause: { table: "ACL", uuid: rowOf("ACL", "no-syslog") } });
      expect(story.summary).toContain("on switch prod dropped it in ls_in_acl.");
      await cloud.nbctl("acl-del", ...acl.slice(1, 5));
    }
  });

  test("who wrote what is asked column by column", async () => {
    await cloud.nbctl("lsp-set-addresses", "app1", "0a:00:00:00:00:03 10.0.0.33");
    await cloud.nbctl("set", "Logical_Switch_Port", "app1", "external_ids:note=later");
    const comment = async (): Promise<string | undefined> => (await ask("web1 -> app1")).cause?.transaction?.comment;
    expect(await comment()).toContain("lsp-set-addresses app1");
    await cloud.nbctl("lsp-set-addresses", "app1", "0a:00:00:00:00:03 10.0.0.3");
  });

  test("asking changes no flow and no counter", async () => {
    const state = async (): Promise<string[]> => [
      (await cloud.appctl("bridge/dump-flows", "br-int")).replaceAll(/duration=\d+s, /g, ""), // time passes
      await cloud.appctl("dpif/dump-flows", "br-int"),
      await cloud.appctl("dpif/show"),
      await cloud.appctl("fdb/show", "br-int"),
      JSON.stringify([...cloud.database("sb").table("FDB").values()]),
    ];
    const before = await state();
    expect(before[0]).toContain("n_packets=");
    for (const question of [
      "web1 -> db1",
      "web1 -> broadcast",
      "web1 -> db1 nd",
      "printer as 0a:00:00:00:00:77,10.0.9.7 -> intruder",
    ]) {
      await ask(question);
    }
    expect(await state()).toEqual(before);
  });

  test("faults are told at their place", async () => {
    const fault = async (question: string): Promise<QuestionError> => {
      const error: unknown = await ask(question).catch((thrown: unknown) => thrown);
      if (error instanceof QuestionError) return error;
      throw new Error(`no QuestionError for ${question}`);
    };
    expect(await fault("weeb1 -> db1")).toMatchObject({ at: { column: 1 }, hint: 'did you mean "web1"?' });
    expect(await fault("web1 -> db2 tcp 5432")).toMatchObject({ at: { column: 9 }, hint: 'did you mean "db1"?' });
    expect((await fault("far1 -> web1")).message).toContain('Port "far1" is not plugged in here');
    expect((await fault("printer -> intruder")).message).toContain('Port "printer" has no Ethernet address');
    expect((await fault("web1 -> app1 icmp6")).message).toContain('"app1" has no IPv6 address');
    expect(await fault("in_port=1,tcpp")).toMatchObject({ at: { column: 11 }, hint: 'did you mean "tcp"?' });
    await expect(why("web1 -> db1", sources, { bridge: "br0" })).rejects.toThrow('no bridge "br0"');
  });

  test("where nothing runs, that is said at once", async () => {
    await expect(openWhy(join(cloud.dir, "nowhere"), closing.signal)).rejects.toThrow(IoError);
    await expect(openWhy(join(cloud.dir, "nowhere"), closing.signal)).rejects.toThrow("Nothing runs here");
  });

  test("ovn-trace comes to the same verdicts", async () => {
    const cases = [
      ["web1 -> db1 tcp 5432", "prod", 'inport=="web1"', "web1", "db1-port", "ip4 && tcp && tcp.dst==5432"],
      ["app1 -> db1 tcp 5432", "prod", 'inport=="app1"', "app1", "db1-port", "ip4 && tcp && tcp.dst==5432"],
      ["app1 -> db1 tcp 80", "prod", 'inport=="app1"', "app1", "db1-port", "ip4 && tcp && tcp.dst==80"],
      ["web1 -> db1", "prod", 'inport=="web1"', "web1", "db1-port", "ip4 && icmp4.type==8"],
      ["web1 -> intruder udp 53", "prod", 'inport=="web1"', "web1", "intruder", "ip4 && udp && udp.dst==53"],
      ["web1 as 10.0.0.99 -> db1", "prod", 'inport=="web1"', "web1", "db1-port", "ip4 && icmp4.type==8", "10.0.0.99"],
      ["intruder -> off", "guest", 'inport=="intruder"', "intruder", "off", "ip4 && icmp4.type==8"],
    ] as const;
    const verdicts = { ours: [] as string[], theirs: [] as string[] };
    for (const [question, ls, inport, from, to, packet, as] of cases) {
      const [eth = "", ip = ""] = addressesOf(from);
      const [toEth = "", toIp = ""] = addressesOf(to);
      const flow = `${inport} && eth.src==${eth} && eth.dst==${toEth} && ip4.src==${as ?? ip} && ip4.dst==${toIp} && ip.ttl==64 && ${packet}`;
      const output = await cloud.ovnTrace(ls, flow);
      verdicts.theirs.push(`${question}: ${output.includes(`output("${to}")`) ? "forwarded" : "dropped"}`);
      verdicts.ours.push(`${question}: ${(await ask(question)).verdict}`);
    }
    expect(verdicts.ours).toEqual(verdicts.theirs);
    expect(new Set(verdicts.ours.map((line) => line.split(": ")[1]))).toEqual(new Set(["forwarded", "dropped"]));
  });
});

function addressesOf(port: string): string[] {
  return PORTS.find(([, name]) => name === port)?.[2].split(" ") ?? [];
}
