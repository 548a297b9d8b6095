/** The example cloud with real clients, real packets and a real browser. */
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Reachability } from "@tenet/lab";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { EXAMPLE, isInstalled, MODE, REASON, run, Tenet } from "./support/tenet.ts";

const CLIENTS = ["ovs-vsctl", "ovn-nbctl", "ovn-sbctl", "ovn-trace", "ovs-ofctl", "ovsdb-client"];
const missing = CLIENTS.filter((name) => !isInstalled(name));
const CHROMIUM = "/usr/bin/chromium";
/** Until what is told elsewhere has come through, on a busy machine too. */
const PATIENCE = { timeout: 20_000, interval: 100 };
const canRun = MODE === "namespaces" && missing.length === 0;

describe.skipIf(!canRun)(
  `three-tier with real clients (${canRun ? "root" : `skipped: ${[REASON, ...missing].join(" ")}`})`,
  () => {
    const tenet = new Tenet();
    const lab = mkdtempSync(join(tmpdir(), "tenet-lab-"));
    const nbctl = (...args: string[]) => run("ovn-nbctl", [`--db=unix:${tenet.socket("nb.sock")}`, ...args]);
    const sbctl = (...args: string[]) => run("ovn-sbctl", [`--db=unix:${tenet.socket("sb.sock")}`, ...args]);
    const vsctl = (...args: string[]) => run("ovs-vsctl", [`--db=unix:${tenet.socket("db.sock")}`, ...args]);
    const ofctl = (command: string, ...args: string[]) =>
      run("ovs-ofctl", [command, `unix:${tenet.socket("br-int.mgmt")}`, ...args]);
    const inHost = (host: string, ...args: string[]) => run("ip", ["netns", "exec", `${tenet.prefix}${host}`, ...args]);
    const pings = (from: string, to: string): boolean => inHost(from, "ping", "-c", "1", "-W", "1", to).status === 0;

    beforeAll(async () => {
      cpSync(EXAMPLE, lab, { recursive: true });
      await tenet.up(lab);
    });

    afterAll(async () => {
      await tenet.remove();
      rmSync(lab, { recursive: true, force: true });
    });

    test("the summary tells hosts, reachability, violations, sockets and what to try", () => {
      expect(tenet.output).toContain("three-tier is up: 7 hosts, network namespaces");
      expect(tenet.output).toMatch(/^ {2}forwarding +Flows run in (the kernel \(eBPF\)|user space: .+) +\d+ ms$/m);
      expect(tenet.output).toMatch(/db1 +10\.0\.1\.31\/24 +prod +pii,db +5432/);
      expect(tenet.output).toContain("db1 holds personal data but shares switch prod with app1, intruder, web1, web2");
      expect(tenet.output).toMatch(/pii\.dl:\d+/);
      for (const name of ["nb.sock", "sb.sock", "db.sock", "br-int.mgmt"]) expect(tenet.output).toContain(tenet.socket(name));
      expect(tenet.output.slice(tenet.output.indexOf("TRY NEXT")).match(/^ {2}[a-z]/gm)).toHaveLength(3);
    });

    test("the original clients read all three databases", () => {
      expect(nbctl("show").out).toMatch(/switch .* \(prod\)[^]*port intruder[^]*addresses: \["0a:00:00:00:01:42 10\.0\.1\.66"\]/);
      expect(sbctl("show").out).toMatch(/Chassis[^]*Port_Binding db1/);
      expect(vsctl("show").out).toMatch(/Bridge br-int[^]*Interface te-web1/);
      expect(vsctl("get", "Interface", "te-web1", "external_ids:iface-id").out.trim()).toBe("web1");
      expect(sbctl("lflow-list", "prod").out).toMatch(/table=4 \(ls_out_acl +\), priority=2000/);
      const list = run("ovsdb-client", ["list-dbs", `unix:${tenet.socket("nb.sock")}`]).out;
      expect(list.split("\n")).toEqual(expect.arrayContaining(["OVN_Northbound", "_Server"]));
    });

    test("ovs-ofctl reads and changes the flows of br-int", () => {
      const flows = ofctl("dump-flows");
      expect(flows.status).toBe(0);
      expect(flows.out).toMatch(/cookie=0x[0-9a-f]+, .*table=46, .*actions=drop/);
      expect(ofctl("dump-ports").out).toMatch(/\d+ ports/);
      expect(ofctl("add-flow", "table=200,cookie=0x7e57,ip,nw_dst=192.0.2.1,actions=drop").status).toBe(0);
      expect(ofctl("dump-flows", "cookie=0x7e57/-1").out).toContain("table=200");
      expect(ofctl("del-flows", "cookie=0x7e57/-1").status).toBe(0);
      expect(ofctl("dump-flows", "cookie=0x7e57/-1").out).not.toContain("table=200");
    });

    test("ovs-ofctl snoop sees what the controller sends", async () => {
      const snoop: ChildProcess = spawn("ovs-ofctl", ["snoop", "br-int"], {
        env: { ...process.env, OVS_RUNDIR: join(tenet.home, "run") },
      });
      let seen = "";
      snoop.stdout?.on("data", (chunk: Buffer) => (seen += chunk.toString()));
      snoop.stderr?.on("data", (chunk: Buffer) => (seen += chunk.toString()));
      // It sees what is sent from some moment on.
      await vi.waitFor(() => {
        nbctl("--wait=hv", "acl-add", "dev", "to-lport", "1", "ip4.src == 192.0.2.7", "drop");
        nbctl("--wait=hv", "acl-del", "dev", "to-lport", "1", "ip4.src == 192.0.2.7");
        expect(seen).toContain("192.0.2.7");
      }, PATIENCE);
      snoop.kill();
      expect(seen).toMatch(/OFPT_FLOW_MOD|OFPT_BUNDLE/);
    });

    test("ovn-trace reads the southbound database and agrees with the packets", () => {
      const trace = (flow: string) =>
        run("ovn-trace", [`--db=unix:${tenet.socket("sb.sock")}`, "--minimal", "prod", flow]).out.trim();
      const from = (host: string, mac: string, ip: string) =>
        `inport == "${host}" && eth.src == ${mac} && ip4.src == ${ip} && ip.ttl == 64`;
      const toDb = "eth.dst == 0a:00:00:00:01:1f && ip4.dst == 10.0.1.31 && tcp && tcp.dst == 5432";
      expect(trace(`${from("app1", "0a:00:00:00:01:15", "10.0.1.21")} && ${toDb}`)).toContain('output("db1")');
      expect(trace(`${from("web1", "0a:00:00:00:01:0b", "10.0.1.11")} && ${toDb}`)).not.toContain("output");
      expect(pings("app1", "10.0.1.31")).toBe(true);
      expect(pings("web1", "10.0.1.31")).toBe(false);
    });

    test("a change by ovn-nbctl takes effect on the next packet", () => {
      expect(pings("web1", "10.0.1.21")).toBe(true);
      expect(nbctl("--wait=hv", "acl-add", "prod", "to-lport", "1500", 'outport == "app1" && icmp4', "drop").status).toBe(0);
      expect(pings("web1", "10.0.1.21")).toBe(false);
      const story = tenet.run("why", "web1 -> app1 icmp").out;
      expect(story).toMatch(/DROPPED/);
      expect(story).toMatch(/written .* by ovn-nbctl \(pid \d+, uid 0\)/);
      expect(story.replace(/\s+/g, " ")).toContain("acl-add prod to-lport 1500");
      expect(nbctl("--wait=hv", "acl-del", "prod", "to-lport", "1500", 'outport == "app1" && icmp4').status).toBe(0);
      expect(pings("web1", "10.0.1.21")).toBe(true);
    });

    test("reachability is measured again after a change", async () => {
      const pingWorks = (): boolean => {
        const { reachability } = JSON.parse(tenet.run("status", "-o", "json").out) as { reachability: Reachability };
        return reachability.cells.find(({ from, to }) => from === "web1" && to === "app1")?.ping === "ok";
      };
      const until = (expected: boolean): Promise<void> => vi.waitFor(() => expect(pingWorks()).toBe(expected), PATIENCE);
      await until(true);
      nbctl("acl-add", "prod", "to-lport", "1500", 'outport == "app1" && icmp4', "drop");
      await until(false);
      nbctl("acl-del", "prod", "to-lport", "1500", 'outport == "app1" && icmp4');
      await until(true);
    });

    test("a change that breaks the guarding policy is refused with the proof, and accepted without the policy", async () => {
      const add = ["acl-add", "prod", "to-lport", "1100", 'outport == "db1" && ip4.src == 10.0.1.11 && tcp.dst == 5432', "allow"];
      const refused = nbctl(...add);
      expect(refused.status).toBe(1);
      expect(refused.out).toContain("policy 'db-access'");
      expect(refused.out).toMatch(/rule db-access\.dl:\d+/);
      expect(refused.out).toContain("nb:Logical_Switch_Port db1");
      expect(nbctl("acl-list", "prod").out).not.toContain("1100");
      unlinkSync(join(lab, "policies", "db-access.dl"));
      await vi.waitFor(() => expect(tenet.run("status").out).not.toContain("policies    2"), PATIENCE);
      expect(nbctl(...add).status).toBe(0);
      cpSync(join(EXAMPLE, "policies", "db-access.dl"), join(lab, "policies", "db-access.dl"));
      expect(nbctl("acl-del", "prod", "to-lport", "1100", add[4] ?? "").status).toBe(0);
    });

    test("allow-related lets answers in and nothing else, until an ACL blocks the connection", async () => {
      const acl = (command: string, ...args: string[]) => expect(nbctl("--wait=hv", command, "dev", ...args).status).toBe(0);
      const connects = (from: string, to: string, port: number): boolean =>
        inHost(from, "timeout", "2", "bash", "-c", `exec 3<>/dev/tcp/${to}/${port}`).status === 0;
      acl("acl-add", "to-lport", "900", 'outport == "dev2" && ip4', "drop");
      expect(pings("dev2", "10.0.2.11")).toBe(false); // the answer is dropped
      acl("acl-add", "from-lport", "1000", 'inport == "dev2" && ip4', "allow-related");
      expect(pings("dev2", "10.0.2.11")).toBe(true);
      expect(connects("dev2", "10.0.2.11", 8080)).toBe(true);
      expect(pings("dev1", "10.0.2.12")).toBe(false);
      const listed = run("env", [`OVS_RUNDIR=${dirname(tenet.socket("db.sock"))}`, "ovs-appctl", "dpctl/dump-conntrack"]);
      expect(listed.out).toMatch(/tcp,orig=\(src=10\.0\.2\.12,dst=10\.0\.2\.11/);

      const pinging = spawn("ip", ["netns", "exec", `${tenet.prefix}dev2`, "ping", "-i", "0.2", "-c", "20", "10.0.2.11"]);
      let text = "";
      pinging.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
      const ended = new Promise((resolve) => pinging.once("exit", resolve));
      await vi.waitFor(() => expect(text).toContain("icmp_seq=3"), PATIENCE);
      acl("acl-add", "from-lport", "2000", 'inport == "dev2" && icmp4', "drop");
      await ended;
      expect(text).not.toContain("icmp_seq=20 ");
      acl("acl-del");
      expect(pings("dev1", "10.0.2.12")).toBe(true);
    });

    test("what is not carried out is told where people look", async () => {
      expect(nbctl("acl-add", "dev", "to-lport", "7", "icmp6", "reject").status).toBe(0);
      await vi.waitFor(() => expect(tenet.output).toMatch(/not carried out: ACL icmp6/), PATIENCE);
      expect(tenet.run("status").out).toMatch(/not carried out +ACL icmp6: reject is answered/);
      expect(nbctl("acl-del", "dev", "to-lport", "7", "icmp6").status).toBe(0);
    });

    test("the policy API answers in Congress's shapes", async () => {
      const read = async (path: string) => (await (await fetch(`${tenet.policyUrl}${path}`)).json()) as { results: unknown[] };
      const policies = await read("/v1/policies");
      expect(policies.results).toEqual(expect.arrayContaining([expect.objectContaining({ name: "pii", kind: "nonrecursive" })]));
      const rows = (await read("/v1/policies/pii/tables/error/rows")) as { results: { data: unknown[] }[] };
      expect(rows.results[0]?.data[0]).toBe("db1");
    });

    test("tenet why links the verdict to flow, logical flow, row and transaction", () => {
      const story = JSON.parse(tenet.run("why", "web1 -> db1 tcp 5432", "-o", "json").out);
      expect(story.verdict).toBe("dropped");
      expect(story.cause.table).toBe("ACL");
      const acl = nbctl("--bare", "--columns=name", "list", "ACL", story.cause.uuid).out.trim();
      expect(acl).toBe("db-nothing-else");
      expect(story.cause.transaction).toMatchObject({
        comment: "tenet up: lab three-tier",
        client: expect.stringContaining("tenet"),
      });
      const decisive = story.layers.logical.at(-1);
      expect(decisive.stage).toBe("ls_out_acl");
      expect(story.cause.uuid.startsWith(decisive.hint)).toBe(true);
      expect(sbctl("--bare", "--columns=match", "list", "Logical_Flow", decisive.uuid).out.trim()).toBe(decisive.match);
      const last = story.layers.physical.at(-1);
      expect(Number(last.cookie)).toBe(Number.parseInt(decisive.uuid.slice(0, 8), 16));
      expect(ofctl("dump-flows", `cookie=${last.cookie}/-1`).out).toContain(`table=${last.table}`);
    });

    test("tenet status tells what runs", () => {
      const { status, out } = tenet.run("status");
      expect(status).toBe(0);
      expect(out).toMatch(new RegExp(`pid ${tenet.pid}`));
      expect(out).toMatch(/ports +7 of 7 up/);
      expect(JSON.parse(tenet.run("status", "-o", "json").out)).toMatchObject({
        pid: tenet.pid,
        name: "three-tier",
        nViolations: 1,
      });
    });

    test("another tenet up on the same state folder is refused with the holder's pid", () => {
      const second = tenet.run("up", EXAMPLE);
      expect(second.status).toBe(1);
      expect(second.out).toContain(`process ${tenet.pid} runs there`);
      expect(pings("web1", "10.0.1.21")).toBe(true);
    });

    test("malformed requests end their own connection and no other", async () => {
      const { connect } = await import("node:net");
      for (const [name, bytes] of [
        ["nb.sock", '{"method": "transact", "params": ['],
        ["nb.sock", "}{"],
        ["sb.sock", "\u0000\u00ff".repeat(100)],
        ["br-int.mgmt", "\u0004\u000a\u0000\u0004\u0000\u0000\u0000\u0000"],
      ] as const) {
        await new Promise<void>((done) => {
          const socket = connect(tenet.socket(name), () =>
            socket.write(bytes, "latin1", () => setTimeout(() => socket.destroy(), 50)),
          );
          socket.on("error", () => undefined).on("close", () => done());
        });
      }
      expect(nbctl("show").status).toBe(0);
      expect(ofctl("dump-flows").status).toBe(0);
      expect(ofctl("add-flow", "table=1,tcp,tp_dst=99999,actions=drop").status).toBe(1);
      expect(pings("app1", "10.0.1.31")).toBe(true);
    });

    describe.skipIf(!isInstalled(CHROMIUM))("in the console", () => {
      let browser: Browser;

      beforeAll(async () => {
        browser = await chromium.launch({
          executablePath: CHROMIUM,
          args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        });
      });

      afterAll(async () => {
        await browser.close();
      });

      test("the page shows hosts, switches, violations, and explains a packet", async () => {
        const page = await browser.newPage({ viewport: { width: 1400, height: 1000 } });
        const faults: string[] = [];
        page.on("pageerror", (error) => faults.push(error.message));
        page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
        await page.goto(tenet.consoleUrl);
        await page.getByText("holds personal data").first().waitFor();
        const text = await page.locator("body").innerText();
        for (const name of ["three-tier", "prod", "dev", "web1", "db1"]) expect(text).toContain(name);
        expect(text).toContain("holds personal data");
        await page.getByRole("textbox").first().fill("web1 -> db1 tcp 5432");
        await page.keyboard.press("Enter");
        await page.getByText("db-nothing-else").first().waitFor();
        expect(faults).toEqual([]);
        await page.close();
      });

      test("a change appears without a reload", async () => {
        const page = await browser.newPage();
        await page.goto(tenet.consoleUrl);
        await page.getByText("holds personal data").first().waitFor();
        nbctl("ls-add", "appears-live");
        await page.getByText("appears-live").first().waitFor({ timeout: 5000 });
        nbctl("ls-del", "appears-live");
        await page.close();
      });
    });

    test("tenet down stops it and leaves nothing behind", () => {
      const { pid } = tenet;
      const { status, out } = tenet.run("down");
      expect(status).toBe(0);
      expect(out).toContain(`pid ${pid}`);
      expect(tenet.leftSockets()).toEqual([]);
      expect(tenet.leftDevices()).toEqual([]);
      expect(tenet.run("status").status).toBe(1);
    });
  },
);
