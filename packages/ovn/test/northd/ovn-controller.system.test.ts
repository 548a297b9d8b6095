/** The original ovn-controller makes the same OpenFlow flows of our southbound rows as of the original northd's. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { silentLogger } from "@tenet/kit";
import { runNorthd } from "@tenet/ovn";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { missingPrograms, RealOvn } from "../real-ovn.ts";
import { wordsOf } from "./steps.ts";

const missing = missingPrograms();
if (missing.length > 0) console.log(`skipped: northd with the original controller needs ${missing.join(", ")}`);

const CLOUD = [
  "ls-add sw0",
  "ls-add sw1",
  "lsp-add sw0 web",
  "lsp-set-addresses web 0a:00:00:00:00:01~10.0.0.1~fd00::1",
  "lsp-set-port-security web 0a:00:00:00:00:01~10.0.0.1~fd00::1",
  "lsp-add sw0 app",
  "lsp-set-addresses app 0a:00:00:00:00:02~10.0.0.2 unknown",
  "lsp-add sw1 db",
  "lsp-set-addresses db 0a:00:00:00:00:03~10.0.1.3",
  "lsp-add sw1 far",
  "lsp-set-addresses far 0a:00:00:00:00:04~10.0.1.4",
  'acl-add sw0 to-lport 1001 outport~==~"web"~&&~tcp.dst~==~80 allow-stateless',
  'acl-add sw0 to-lport 1000 outport~==~"web"~&&~ip4 drop',
  "pg-add both web db",
  "acl-add both to-lport 900 outport~==~@both~&&~ip4.src~==~$both_ip4 allow",
];

let ovn: RealOvn;
let abort: AbortController;
let role: Promise<void>;

beforeEach(async () => {
  abort = new AbortController();
  role = Promise.resolve();
  if (missing.length > 0) return;
  ovn = new RealOvn();
  await ovn.start();
});

afterEach(async () => {
  abort.abort();
  const [outcome] = await Promise.allSettled([role]);
  await ovn?.stop();
  expect(outcome.status).toBe("fulfilled");
});

/** Waits in a process of its own, so that our northd can work meanwhile. */
async function synchronize(): Promise<void> {
  await promisify(execFile)("ovn-nbctl", [`--db=unix:${ovn.dir}/nb.sock`, "--timeout=20", "--wait=hv", "sync"]);
}

/**
 * What flows do. Cookies are made of row UUIDs, those are each northd's own; zones of connection tracking are numbered in
 * the order in which ports are bound; members of a multicast group come in any order.
 */
function meanings(): string[] {
  const meaning = (flow: string): string =>
    flow
      .replace(/cookie=0x[0-9a-f]+, /, "")
      .replace(/conjunction\(\d+,/g, "conjunction(N,")
      .replace(/load:0x[0-9a-f]+->NXM_NX_REG1[123]\[\],/g, "")
      .split(/(?<=resubmit\(,41\)),|(?<=actions=)/)
      .sort()
      .join(",");
  return ovn.flows().map(meaning).sort();
}

test.skipIf(missing.length > 0)("the flows are the same, also when ours takes over", { timeout: 60_000 }, async () => {
  ovn.nbctl("init");
  ovn.nbctl("set", "NB_Global", ".", "options:svc_monitor_mac=0a:0a:0a:0a:0a:0a");
  for (const step of CLOUD) ovn.nbctl(...wordsOf(step));
  ovn.startNorthd();
  ovn.nbctl("--wait=sb", "sync");
  for (const [i, port] of ["web", "app", "db"].entries()) ovn.plug(port, i + 1);
  ovn.startController();
  await synchronize();
  await vi.waitFor(() => expect(ovn.nbctl("get", "Logical_Switch_Port", "db", "up")).toBe("true\n"), 10_000);
  await synchronize();
  const expected = meanings();
  expect(expected.length).toBeGreaterThan(100);

  await ovn.end("northd");
  role = runNorthd({ nb: `unix:${ovn.dir}/nb.sock`, sb: `unix:${ovn.dir}/sb.sock` }, silentLogger, abort.signal);
  await synchronize();
  await vi.waitFor(() => expect(meanings()).toEqual(expected), 10_000);
  await vi.waitFor(() => expect(ovn.nbctl("get", "Logical_Switch_Port", "web", "up")).toBe("true\n"), 10_000);
});
