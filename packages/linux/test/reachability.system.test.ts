import { createServer } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  addAddress,
  createNamespace,
  createVethPair,
  deleteLeftovers,
  inNamespace,
  openTcpListener,
  probe,
  ReachabilityProber,
  setLinkDown,
  setLinkUp,
  untilOperational,
} from "@tenet/linux";

const { canUseNamespaces, missing } = probe();
if (!canUseNamespaces) console.log(`skipped: ${missing.join(", ")}`);

/** Two namespaces joined by a cable: 10.98.1.1 and 10.98.1.2. */
beforeEach(() => {
  if (!canUseNamespaces) return;
  deleteLeftovers("tdpr-");
  createNamespace("tdpr-a");
  createNamespace("tdpr-b");
  inNamespace("tdpr-a", () => {
    createVethPair({ name: "eth0", peer: "eth0", peerNamespace: "tdpr-b" });
    addAddress("eth0", "10.98.1.1/24");
    addAddress("eth0", "fd98:1::1/64");
    setLinkUp("eth0");
  });
  inNamespace("tdpr-b", () => {
    addAddress("eth0", "10.98.1.2/24");
    addAddress("eth0", "fd98:1::2/64");
    setLinkUp("eth0");
  });
});

afterEach(() => {
  if (canUseNamespaces) deleteLeftovers("tdpr-");
});

describe.skipIf(!canUseNamespaces)("reachability", () => {
  test("many pings at once each get their own reply", async () => {
    const prober = new ReachabilityProber();
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        i % 2 === 0 ? prober.ping("tdpr-a", "10.98.1.2") : prober.ping("tdpr-b", "fd98:1::1"),
      ),
    );
    prober.close();
    expect(results.map((result) => result.outcome)).toEqual(Array.from({ length: 20 }, () => "reply"));
  });

  test("devices just set up become operational; one that is down does not", async () => {
    const place = { name: "eth0", namespace: "tdpr-a" };
    expect(await untilOperational([place, { name: "eth0", namespace: "tdpr-b" }])).toEqual([]);
    inNamespace("tdpr-a", () => setLinkDown("eth0"));
    expect(await untilOperational([place], 50)).toEqual([place]);
  });

  test("an unreachable error is told by its name", async () => {
    const prober = new ReachabilityProber();
    // After three ARP requests without answer the host gives up.
    const result = await prober.ping("tdpr-a", "10.98.1.77", { timeoutMs: 5000 });
    prober.close();
    expect(result).toEqual({ outcome: "none", why: "EHOSTUNREACH" });
  });

  test("an address that nobody has gives no reply, with the reason", async () => {
    const prober = new ReachabilityProber();
    const [silent, unrouted] = await Promise.all([
      prober.ping("tdpr-a", "10.98.1.77", { timeoutMs: 200 }),
      prober.ping("tdpr-a", "192.0.2.1"),
    ]);
    prober.close();
    expect(silent).toEqual({ outcome: "none", why: "timeout" });
    expect(unrouted).toEqual({ outcome: "none", why: "ENETUNREACH" });
  });

  test("TCP is open, refused or silent", async () => {
    const server = createServer((socket) => socket.on("error", () => undefined)); // the prober hangs up at once
    server.listen({ fd: openTcpListener("tdpr-b", "0.0.0.0", 80) });
    const prober = new ReachabilityProber();
    const results = await Promise.all([
      prober.connectTcp("tdpr-a", "10.98.1.2", 80),
      prober.connectTcp("tdpr-a", "10.98.1.2", 81),
      prober.connectTcp("tdpr-a", "10.98.1.77", 80, { timeoutMs: 200 }),
      prober.connectTcp("tdpr-a", "192.0.2.1", 80),
    ]);
    prober.close();
    server.close();
    expect(results.map((result) => result.outcome)).toEqual(["open", "refused", "none", "none"]);
    expect(results[2]).toMatchObject({ why: "timeout" });
  });

  test("closing the prober ends what is under way", async () => {
    const prober = new ReachabilityProber();
    const result = prober.ping("tdpr-a", "10.98.1.77", { timeoutMs: 60_000 });
    prober.close();
    expect(await result).toEqual({ outcome: "none", why: "closed" });
  });

  test("a port in use cannot be listened on", () => {
    const server = createServer();
    server.listen({ fd: openTcpListener("tdpr-b", "0.0.0.0", 80) });
    expect(() => openTcpListener("tdpr-b", "0.0.0.0", 80)).toThrow(
      'Cannot listen on 0.0.0.0 port 80 in namespace "tdpr-b": bind failed with EADDRINUSE',
    );
    server.close();
  });
});
