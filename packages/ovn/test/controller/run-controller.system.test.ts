/** Our controller between the original databases, northd and switch. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { silentLogger } from "@tenet/kit";
import { buildEthernet, buildIp6, buildNeighbor, dissect, parseIp6, parseMac } from "@tenet/net";
import { runController } from "@tenet/ovn";
import { afterAll, beforeAll, expect, test } from "vitest";
import { missingPrograms, RealOvn } from "../real-ovn.ts";

const missing = missingPrograms();
if (missing.length > 0) console.log(`skipped: running between the original programs needs ${missing.join(", ")}`);
const ovn = new RealOvn();
let stop: () => Promise<void> = async () => undefined;

function startOurs(): void {
  const controller = new AbortController();
  const config = { sb: `unix:${ovn.dir}/sb.sock`, vswitch: `unix:${ovn.dir}/db.sock`, runDir: ovn.dir };
  const running = runController(config, silentLogger, controller.signal);
  stop = async () => {
    controller.abort();
    await running;
  };
}

/** As `ovn-nbctl` does, but without blocking this process, in which the controller runs. */
async function nbctl(...args: string[]): Promise<string> {
  return ovn.runAsync("ovn-nbctl", `--db=unix:${ovn.dir}/nb.sock`, "--timeout=20", ...args);
}

const field = (table: string, column: string, where: string): string =>
  ovn.sbctl("--bare", `--columns=${column}`, "find", table, where).trim();

beforeAll(async () => {
  if (missing.length > 0) return;
  await ovn.start();
  ovn.startNorthd();
  startOurs();
  await nbctl("ls-add", "sw0");
  for (const n of [1, 2, 3]) {
    await nbctl("lsp-add", "sw0", `p${n}`, "--", "lsp-set-addresses", `p${n}`, `0a:00:00:00:00:0${n} 10.0.0.${n}`);
    ovn.plug(`p${n}`, n);
  }
});
afterAll(async () => {
  await stop();
  await ovn.stop();
});

const outputs = (flow: string): string[] =>
  [...ovn.run("ovs-appctl", "ofproto/trace", "br-int", flow).matchAll(/^ *output:(\d+)/gm)].map(([, port]) => port ?? "");
const fromOneToTwo = "ip,in_port=1,dl_src=0a:00:00:00:00:01,dl_dst=0a:00:00:00:00:02,nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_ttl=64";

test.skipIf(missing.length > 0)("ports come up, and waiting for the hypervisor ends when the flows are there", async () => {
  await ovn.waitFor(() => field("Chassis", "name", "name=hv1") === "hv1");
  await nbctl("--wait=hv", "sync");
  await nbctl("wait-until", "Logical_Switch_Port", "p1", "up=true");
  expect(outputs(fromOneToTwo)).toEqual(["2"]);
  expect(ovn.flows().filter((line) => line.includes("push:NXM_OF_IN_PORT[]")).length).toBe(3);
  expect(field("Port_Binding", "up", "logical_port=p2")).toBe("true");
  await ovn.waitFor(() => ovn.vsctl("get", "Interface", "vp1", "external_ids:ovn-installed").includes("true"));
});

test.skipIf(missing.length > 0)("an ACL takes effect when the wait for it ends", async () => {
  await nbctl("--wait=hv", "acl-add", "sw0", "to-lport", "1000", `outport == "p2" && ip4.src == 10.0.0.1`, "drop");
  expect(outputs(fromOneToTwo)).toEqual([]);
  await nbctl("--wait=hv", "acl-del", "sw0");
  expect(outputs(fromOneToTwo)).toEqual(["2"]);
});

test.skipIf(missing.length > 0)("an interface that goes takes its flows along and frees its port", async () => {
  ovn.vsctl("del-port", "br-int", "vp3");
  await ovn.waitFor(() => field("Port_Binding", "chassis", "logical_port=p3") === "");
  expect(field("Port_Binding", "up", "logical_port=p3")).toBe("false");
  await ovn.waitFor(() => !ovn.flows().some((line) => line.includes("in_port=3")));
});

test.skipIf(missing.length > 0)("a new start finds its flows in place and leaves them there", async () => {
  await stop();
  expect(field("Chassis", "name", "name=hv1")).toBe("");
  expect(outputs(fromOneToTwo)).toEqual(["2"]);
  const restartedAt = Date.now();
  startOurs();
  await ovn.waitFor(() => field("Chassis", "name", "name=hv1") === "hv1");
  await nbctl("--wait=hv", "sync");
  const ages = [...ovn.run("ovs-ofctl", "dump-flows", "br-int", "table=65").matchAll(/duration=([\d.]+)s/g)].map(([, age]) =>
    Number(age),
  );
  expect(1000 * Math.min(...ages)).toBeGreaterThan(Date.now() - restartedAt);
});

test.skipIf(missing.length > 0)("a switch that starts anew is filled again", async () => {
  await ovn.end("vswitchd");
  ovn.startSwitch();
  await ovn.waitFor(() => {
    try {
      return outputs(fromOneToTwo).join() === "2";
    } catch {
      return false;
    }
  });
});

test.skipIf(missing.length > 0)("an address that shows up behind an unknown port is learned", async () => {
  await nbctl("lsp-set-addresses", "p2", "unknown");
  await nbctl("--wait=hv", "sync");
  const frame = "0a00000000010a0000000077080045000014000000004011000001020304010203050000";
  ovn.run("ovs-appctl", "netdev-dummy/receive", "vp2", frame);
  await ovn.waitFor(() => field("FDB", "port_key", `mac="0a:00:00:00:00:77"`) === "2");
  await ovn.waitFor(() => outputs(fromOneToTwo.replace("dl_dst=0a:00:00:00:00:02", "dl_dst=0a:00:00:00:00:77")).join() === "2");
});

test.skipIf(missing.length > 0)("a neighbour solicitation is answered for a port that has the address", async () => {
  const capture = join(ovn.dir, "vp1.pcap");
  ovn.vsctl("set", "Interface", "vp1", `options:tx_pcap=${capture}`);
  await nbctl("--wait=hv", "lsp-set-addresses", "p2", "0a:00:00:00:00:02 10.0.0.2 fd00::2");
  const message = buildNeighbor({ kind: "solicitation", target: parseIp6("fd00::2"), sourceMac: parseMac("0a:00:00:00:00:01") });
  const datagram = buildIp6({ src: parseIp6("fd00::1"), dst: parseIp6("ff02::1:ff00:2"), proto: 58, hopLimit: 255 }, message);
  const frame = buildEthernet({ dst: parseMac("33:33:ff:00:00:02"), src: parseMac("0a:00:00:00:00:01"), type: 0x86dd }, datagram);
  ovn.run("ovs-appctl", "netdev-dummy/receive", "vp1", Buffer.from(frame).toString("hex"));
  const answer = Buffer.from("0a00000000010a000000000286dd", "hex");
  await ovn.waitFor(() => readFileSync(capture).includes(answer));
  const sent = readFileSync(capture);
  const { icmp, payload } = dissect(sent.subarray(sent.indexOf(answer)));
  expect(icmp).toMatchObject({ type: 136, rest: 0x6000_0000 });
  expect(Buffer.from(payload).toString("hex")).toBe("fd00000000000000000000000000000202010a0000000002");
});
