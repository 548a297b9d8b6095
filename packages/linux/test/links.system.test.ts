import { execFileSync } from "node:child_process";
import { afterEach, describe, expect, test } from "vitest";
import {
  addAddress,
  addRoute,
  createNamespace,
  createVethPair,
  deleteLeftovers,
  deleteLink,
  deleteNamespace,
  findLeftovers,
  findLink,
  inNamespace,
  LinkMonitor,
  linkIndex,
  listLinks,
  listNamespaces,
  probe,
  SystemCallError,
  setLinkDown,
  setLinkUp,
  setMac,
  setMtu,
} from "@tenet/linux";

const { canUseNamespaces, missing } = probe();
if (!canUseNamespaces) console.log(`skipped: ${missing.join(", ")}`);

afterEach(() => {
  if (canUseNamespaces) deleteLeftovers("tdpl-");
});

describe.skipIf(!canUseNamespaces)("network namespaces and devices", () => {
  test("a namespace is made, seen by ip netns, entered and deleted", () => {
    createNamespace("tdpl-a");
    expect(listNamespaces()).toContain("tdpl-a");
    expect(execFileSync("ip", ["netns", "list"], { encoding: "utf8" })).toContain("tdpl-a");
    const own = listLinks().map((link) => link.name);
    const inside = inNamespace("tdpl-a", () => listLinks());
    expect(inside.filter((link) => link.isUp).map((link) => link.name)).toEqual(["lo"]);
    expect(listLinks().map((link) => link.name)).toEqual(own);
    deleteNamespace("tdpl-a");
    expect(listNamespaces()).not.toContain("tdpl-a");
    deleteNamespace("tdpl-a"); // absent is fine
  });

  test("what a function throws inside a namespace passes through, and the thread is back outside", () => {
    createNamespace("tdpl-a");
    const index = linkIndex("lo");
    const own = listLinks().length;
    expect(() =>
      inNamespace("tdpl-a", () => {
        throw new Error("inside");
      }),
    ).toThrow("inside");
    expect(linkIndex("lo")).toBe(index);
    expect(listLinks().length).toBe(own);
  });

  test("a veth pair has its peer in a namespace, with addresses, MTU and MAC as asked", () => {
    createNamespace("tdpl-a");
    createVethPair({
      name: "tdpl-v0",
      peer: "eth0",
      peerNamespace: "tdpl-a",
      mac: 0x0a0000000001,
      peerMac: 0x0a0000000002,
      mtu: 1400,
    });
    expect(findLink("tdpl-v0")).toMatchObject({ mac: 0x0a0000000001, mtu: 1400, isUp: false, kind: "veth" });
    inNamespace("tdpl-a", () => {
      setLinkUp("eth0");
      addAddress("eth0", "10.98.0.2/24");
      addAddress("eth0", "fd98::2/64");
      addRoute({ to: "default", via: "10.98.0.1" });
      addRoute({ to: "10.99.0.0/16", device: "eth0" });
      expect(findLink("eth0")).toMatchObject({ mac: 0x0a0000000002, mtu: 1400, isUp: true });
    });
    const show = (...args: string[]) => execFileSync("ip", ["-n", "tdpl-a", ...args], { encoding: "utf8" });
    expect(show("addr", "show", "eth0")).toMatch(/inet 10\.98\.0\.2\/24[\s\S]*inet6 fd98::2\/64/);
    expect(show("route")).toMatch(/default via 10\.98\.0\.1 dev eth0/);
    expect(show("route")).toMatch(/10\.99\.0\.0\/16 dev eth0/);
    setLinkUp("tdpl-v0");
    setMac("tdpl-v0", 0x0a0000000009);
    setMtu("tdpl-v0", 1300);
    expect(findLink("tdpl-v0")).toMatchObject({ mac: 0x0a0000000009, mtu: 1300, isUp: true, isRunning: true });
    setLinkDown("tdpl-v0");
    expect(findLink("tdpl-v0")?.isUp).toBe(false);
  });

  test("changes of devices are reported", () => {
    const monitor = new LinkMonitor();
    createVethPair({ name: "tdpl-v0", peer: "tdpl-v1" });
    setLinkUp("tdpl-v0");
    deleteLink("tdpl-v0");
    const seen: string[] = [];
    expect(monitor.drain((link, isGone) => seen.push(`${link.name} ${isGone ? "gone" : link.isUp ? "up" : "down"}`))).toBe(true);
    monitor.close();
    expect(seen).toEqual(expect.arrayContaining(["tdpl-v0 down", "tdpl-v0 up", "tdpl-v0 gone", "tdpl-v1 gone"]));
  });

  test("failures name the call, the object and the errno", () => {
    expect(() => deleteLink("tdpl-none")).toThrow('Cannot delete device "tdpl-none": rtnetlink failed with ENODEV');
    createNamespace("tdpl-a");
    expect(() => createNamespace("tdpl-a")).toThrow(SystemCallError);
    expect(() => inNamespace("tdpl-none", () => 1)).toThrow(/open network namespace "tdpl-none".*ENOENT/);
    expect(() => createNamespace("../etc")).toThrow(/EINVAL/);
    expect(findLink("tdpl-none")).toBeUndefined();
  });

  test("leftovers are found and deleted by prefix", () => {
    createNamespace("tdpl-a");
    createNamespace("tdpl-b");
    createVethPair({ name: "tdpl-v0", peer: "eth0", peerNamespace: "tdpl-a" });
    createVethPair({ name: "tdpl-w0", peer: "tdpl-w1" });
    expect(findLeftovers("tdpl-")).toEqual({
      links: expect.arrayContaining(["tdpl-v0", "tdpl-w0", "tdpl-w1"]),
      namespaces: ["tdpl-a", "tdpl-b"],
    });
    deleteLeftovers("tdpl-");
    expect(findLeftovers("tdpl-")).toEqual({ links: [], namespaces: [] });
    expect(() => deleteLeftovers("t")).toThrow(SystemCallError);
  });
});
