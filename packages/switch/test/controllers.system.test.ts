/** Controllers that the database names: the switch calls them, or they call it. */
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { connect as connectTls, createServer as createTlsServer, type TlsOptions } from "node:tls";
import { ManualClock } from "@tenet/kit";
import { FIELDS, getField } from "@tenet/net";
import { decodeMessage, encodeMessages, HEADER_SIZE, type Message, readHeader } from "@tenet/openflow";
import { expect, test } from "vitest";
import { freePorts } from "./free-ports.ts";
import { LiveSwitch, tool, until, whyNot } from "./live-switch.ts";

const reason = whyNot();
if (reason !== undefined) console.log(`controllers.system.test.ts: skipped, ${reason}`);
const systemTest = test.skipIf(reason !== undefined);

/** A controller that says hello, asks for the features, and keeps what it hears. */
class FakeController implements AsyncDisposable {
  readonly heard: Message[] = [];
  nCalls = 0;
  answersProbes = true;
  readonly #server: Server;
  #socket: Socket | undefined;

  private constructor(tls: TlsOptions | undefined) {
    const talk = (socket: Socket): void => this.#talk(socket);
    this.#server = tls === undefined ? createServer(talk) : createTlsServer(tls, talk);
  }

  static async listen(at: { port: number; host: string } | { path: string }, tls?: TlsOptions): Promise<FakeController> {
    const controller = new FakeController(tls);
    controller.#server.listen(at);
    await once(controller.#server, "listening");
    return controller;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  hangUp(): void {
    this.#socket?.destroy();
  }

  #talk(socket: Socket): void {
    this.nCalls++;
    this.#socket = socket;
    let received = Buffer.alloc(0);
    const say = (message: Message, xid: number): void => {
      for (const bytes of encodeMessages(message, 4, xid)) socket.write(bytes);
    };
    say({ type: "hello", versions: 1 << 4 }, 1);
    say({ type: "featuresRequest" }, 2);
    socket.on("error", () => undefined);
    socket.on("data", (bytes) => {
      received = Buffer.concat([received, bytes]);
      while (received.length >= HEADER_SIZE) {
        const { length } = readHeader(received.subarray(0, HEADER_SIZE));
        if (received.length < length) return;
        const { message, xid } = decodeMessage(Uint8Array.from(received.subarray(0, length)), { hasTableId: false });
        received = received.subarray(length);
        this.heard.push(message);
        if (message.type === "echoRequest" && this.answersProbes) say({ type: "echoReply", data: message.data }, xid);
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.hangUp();
    this.#server.close();
    await once(this.#server, "close");
  }
}

async function column(live: LiveSwitch, name: string): Promise<string> {
  return (await live.vsctl("--columns", name, "--bare", "list", "Controller")).out.trim();
}

const BRIDGE = ["add-br", "br0", "--", "set", "Bridge", "br0", "datapath_type=dummy"];

systemTest("the switch calls its controller, hands it packets, and calls again when it hangs up", async () => {
  await using live = await LiveSwitch.start();
  await using controller = await FakeController.listen({ port: 0, host: "127.0.0.1" });
  await live.vsctl(...BRIDGE, "--", "set-controller", "br0", `tcp:127.0.0.1:${controller.port}`);
  await until(() => controller.heard.some(({ type }) => type === "featuresReply"));
  await until(async () => (await column(live, "is_connected")) === "true");
  expect(await column(live, "role")).toBe("other");
  expect(await column(live, "status")).toMatch(/^sec_since_connect=\d state=ACTIVE$/);
  expect((await live.vsctl("show")).out).toContain("is_connected: true");
  expect((await live.ofctl("dump-flows", "br0")).out).not.toContain("NORMAL");
  await live.ofctl("packet-out", "br0", `in_port=LOCAL,packet=${"0".repeat(120)},actions=controller`);
  await until(() => controller.heard.some(({ type }) => type === "packetIn"));
  controller.hangUp();
  await until(() => controller.nCalls === 2);
  await until(async () => (await column(live, "status")).includes("sec_since_disconnect"));
  expect(await column(live, "status")).toContain("last_error=End of file");
  await live.appctl("bridge/reconnect", "br0");
  await until(() => controller.nCalls === 3);
  await live.vsctl("del-controller", "br0");
  expect((await live.ofctl("dump-flows", "br0")).out).toContain("NORMAL");
});

systemTest("a silent controller is asked whether it is there; a bridge without any fails open unless it is secure", async () => {
  const clock = new ManualClock(1000);
  await using live = await LiveSwitch.start({ clock });
  await using controller = await FakeController.listen({ path: join(live.dir, "controller.sock") });
  await live.vsctl(...BRIDGE, "--", "set-controller", "br0", `unix:${live.dir}/controller.sock`);
  await until(async () => (await column(live, "is_connected")) === "true");
  clock.advance(5000);
  await until(() => controller.heard.some(({ type }) => type === "echoRequest"));
  await until(async () => (await column(live, "status")).includes("state=ACTIVE"));
  controller.answersProbes = false;
  clock.advance(5000);
  await until(async () => (await column(live, "status")).includes("state=IDLE"));
  await controller[Symbol.asyncDispose]();
  await until(async () => (await column(live, "status")).includes("state=BACKOFF"));
  const trace = async (): Promise<string> => (await live.appctl("ofproto/trace", "br0", "in_port=LOCAL,arp")).out;
  expect(await trace()).not.toContain("NORMAL");
  await live.ofctl("add-flow", "br0", "priority=7,actions=drop");
  clock.advance(15_000);
  await until(async () => (await trace()).includes("no learned MAC for destination, flooding"));
  // What the controller had set up went with it; what forwards now is hidden from controllers.
  expect((await live.ofctl("dump-flows", "br0")).out).not.toContain("priority=7");
  expect((await live.appctl("bridge/dump-flows", "br0")).out).toContain("priority=15790320,actions=NORMAL");
  expect(await column(live, "status")).toContain("last_error=No such file or directory");
  await live.vsctl("set-fail-mode", "br0", "secure");
  await until(async () => !(await trace()).includes("flooding"));
});

systemTest("a bridge fails open after three spans of its inactivity probe, though probes are not sent so often", async () => {
  const clock = new ManualClock(1000);
  await using live = await LiveSwitch.start({ clock });
  const create = ["--id=@c", "create", "Controller", `target="unix:${live.dir}/nobody.sock"`, "inactivity_probe=2000"];
  await live.vsctl(...BRIDGE, "--", ...create, "--", "set", "Bridge", "br0", "controller=@c");
  await until(async () => (await column(live, "status")).includes("state=BACKOFF"));
  const flows = async (): Promise<string> => (await live.appctl("bridge/dump-flows", "br0")).out;
  expect(await flows()).not.toContain("actions=NORMAL");
  clock.advance(6000);
  await until(async () => (await flows()).includes("priority=15790320,actions=NORMAL"));
});

systemTest("a controller that is not there is called again after a pause", async () => {
  const clock = new ManualClock(1000);
  await using live = await LiveSwitch.start({ clock });
  const path = join(live.dir, "late.sock");
  await live.vsctl(...BRIDGE, "--", "set-controller", "br0", `unix:${path}`);
  await until(async () => (await column(live, "status")) === "last_error=No such file or directory state=BACKOFF");
  expect(await column(live, "is_connected")).toBe("false");
  await using controller = await FakeController.listen({ path });
  await live.vsctl("list-br");
  expect(controller.nCalls).toBe(0);
  clock.advance(1000);
  await until(async () => (await column(live, "is_connected")) === "true");
  expect(controller.nCalls).toBe(1);
});

systemTest("a controller is sent packets at its rate, those of each port in their turn", async () => {
  const clock = new ManualClock(1000);
  await using live = await LiveSwitch.start({ clock });
  await using controller = await FakeController.listen({ path: join(live.dir, "controller.sock") });
  const target = `unix:${live.dir}/controller.sock`;
  await live.vsctl(...BRIDGE, "--", "set-controller", "br0", target);
  await until(async () => (await column(live, "is_connected")) === "true");
  await live.vsctl("set", "Controller", "br0", "controller_rate_limit=100", "controller_burst_limit=30");
  await live.ofctl("add-flow", "br0", "actions=controller");
  for (const [i, port] of ["p1", "p2"].entries())
    await live.vsctl("add-port", "br0", port, "--", "set", "Interface", port, "type=dummy", `ofport_request=${i + 1}`);
  const flow = "eth(src=02:00:00:00:00:01,dst=02:00:00:00:00:02),eth_type(0x1234)";
  const ports = (): number[] =>
    controller.heard.flatMap((each) => (each.type === "packetIn" ? [getField(each.match.key, FIELDS.in_port)] : []));
  const receive = (port: string, n: number) =>
    live.appctl("netdev-dummy/receive", port, ...Array.from({ length: n }, () => flow));
  await receive("p1", 50); // 30 at once, and 20 wait
  await receive("p2", 15); // for which p1's five oldest make room
  await until(() => ports().length === 30);
  clock.advance(5000); // status is due
  await until(() => ports().length === 60);
  expect(ports().slice(30)).toEqual(Array.from({ length: 15 }, () => [1, 2]).flat());
  await until(async () => (await column(live, "status")).includes("packet-in-action-backlog=0"));
  expect(await column(live, "status")).toContain(
    "packet-in-action-bypassed=30 packet-in-action-dropped=5 packet-in-action-queued=35 packet-in-miss-backlog=0",
  );
  await receive("p1", 12);
  await until(() => ports().length === 60);
  clock.advance(100);
  await until(() => ports().length === 70);
  expect(controller.nCalls).toBe(1);
  await live.vsctl("clear", "Controller", "br0", "controller_rate_limit");
  await receive("p1", 50);
  await until(() => ports().length >= 120);
});

/** Makes a key, and a certificate that is its own authority. */
async function makeCertificate(folder: string, name: string): Promise<{ key: string; cert: string }> {
  const [key, cert] = [join(folder, `${name}-key.pem`), join(folder, `${name}.pem`)];
  const how = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", `/CN=${name}`, "-days", "2"];
  expect((await tool("openssl", ["req", "-x509", ...how, "-keyout", key, "-out", cert])).code).toBe(0);
  return { key, cert };
}

systemTest("the switch calls its controller over TLS, and no other than the certificates say", async () => {
  const clock = new ManualClock(1000);
  await using live = await LiveSwitch.start({ clock });
  const [ours, theirs, strange] = [
    await makeCertificate(live.dir, "switch"),
    await makeCertificate(live.dir, "controller"),
    await makeCertificate(live.dir, "strange"),
  ];
  const [key, cert, ca] = [theirs.key, theirs.cert, ours.cert].map((path) => readFileSync(path));
  const tls = { key, cert, ca, requestCert: true, rejectUnauthorized: true } as TlsOptions;
  await using controller = await FakeController.listen({ port: 0, host: "127.0.0.1" }, tls);
  await live.vsctl(...BRIDGE, "--", "set-controller", "br0", `ssl:127.0.0.1:${controller.port}`);
  await until(async () => (await column(live, "status")) === "last_error=Protocol not available state=BACKOFF");
  await live.vsctl("set-ssl", ours.key, ours.cert, strange.cert);
  clock.advance(8000);
  await until(async () => (await column(live, "status")) === "last_error=Protocol error state=BACKOFF");
  expect(controller.heard).toEqual([]);
  await live.vsctl("set-ssl", ours.key, ours.cert, theirs.cert);
  clock.advance(8000);
  await until(async () => (await column(live, "is_connected")) === "true");
  await until(() => controller.heard.some(({ type }) => type === "featuresReply"));
});

systemTest("tools call a bridge where it listens, over TLS too", async () => {
  await using live = await LiveSwitch.start();
  const { key, cert } = await makeCertificate(live.dir, "tenet");
  await live.vsctl("set-ssl", key, cert, cert);
  const [tcp, ssl] = await freePorts(2);
  const punix = join(live.dir, "br0.extra");
  await live.vsctl(...BRIDGE, "--", "set-controller", "br0", `ptcp:${tcp}:127.0.0.1`, `pssl:${ssl}:127.0.0.1`, `punix:${punix}`);
  expect((await live.ofctl("show", `tcp:127.0.0.1:${tcp}`)).out).toContain("dpid:");
  expect((await live.ofctl("show", `unix:${punix}`)).out).toContain("dpid:");
  const tls = [`--private-key=${key}`, `--certificate=${cert}`, `--ca-cert=${cert}`];
  expect((await live.ofctl(...tls, "show", `ssl:127.0.0.1:${ssl}`)).out).toContain("dpid:");
  // Controllers that call are no reason to be without a NORMAL flow.
  expect((await live.ofctl("dump-flows", "br0")).out).toContain("NORMAL");
  expect((await live.vsctl("get-controller", "br0")).out.split("\n").sort()).toContain(`pssl:${ssl}:127.0.0.1`);
  await live.vsctl("del-controller", "br0");
  expect((await live.ofctl("show", `tcp:127.0.0.1:${tcp}`)).err).toContain("Connection refused");
});

systemTest("who is still to make itself known over TLS when its bridge goes is not served", async () => {
  await using live = await LiveSwitch.start();
  const { key, cert } = await makeCertificate(live.dir, "tenet");
  await live.vsctl("set-ssl", key, cert, cert);
  const [ssl = 0] = await freePorts(1);
  await live.vsctl(...BRIDGE, "--", "set-controller", "br0", `pssl:${ssl}:127.0.0.1`);
  const socket = connect(ssl, "127.0.0.1");
  await once(socket, "connect");
  await live.vsctl("del-br", "br0");
  const files = { key: readFileSync(key), cert: readFileSync(cert) };
  const caller = connectTls({ socket, ...files, rejectUnauthorized: false });
  let nHeard = 0;
  caller.on("data", ({ length }) => (nHeard += length));
  caller.on("error", () => undefined);
  await once(caller, "close");
  expect(nHeard).toBe(0);
  expect((await live.vsctl("list-br")).code).toBe(0);
});

systemTest("no controller's row says which files of the host are removed, or called", async () => {
  await using live = await LiveSwitch.start();
  const [own, other] = [join(live.dir, "br0.own"), join(live.dir, "precious")];
  writeFileSync(other, "kept");
  await live.vsctl(
    ...BRIDGE,
    "--",
    "set-controller",
    "br0",
    `punix:${own}`,
    `punix:${other}`,
    `punix:${live.dir}/br0.x/../precious`,
  );
  expect((await live.ofctl("show", `unix:${own}`)).out).toContain("dpid:");
  expect(readFileSync(other, "utf8")).toBe("kept");
  let nCalls = 0;
  const server = createServer(() => nCalls++).listen(`${live.dir}.sock`);
  await live.vsctl("set-controller", "br0", `unix:${live.dir}.sock`);
  expect((await live.vsctl("list", "Controller")).out).toMatch(/^status +: \{\}$/m);
  expect(nCalls).toBe(0);
  server.close();
});
