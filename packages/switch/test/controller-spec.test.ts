/** Which sockets of the host the database may name as controllers. */
import { relative } from "node:path";
import { expect, test } from "vitest";
import { whyRefused } from "../src/controller/controller-spec.ts";

const RUN_DIR = "/run/openvswitch";

test.each([RUN_DIR, `${RUN_DIR}/`, "/run//openvswitch", relative(".", RUN_DIR)])(
  "sockets of the run folder %s are used",
  (runDir) => {
    for (const target of ["unix:/run/openvswitch/c.sock", "unix:c.sock", "punix:/run/openvswitch/br0.x", "tcp:127.0.0.1"]) {
      expect(whyRefused(target, "br0", runDir)).toBeUndefined();
    }
  },
);

test.each(["bogus", "udp:127.0.0.1", "http://127.0.0.1", ""])("%j is no controller", (target) => {
  expect(whyRefused(target, "br0", RUN_DIR)).toBe(`unsupported controller "${target}"`);
});

test.each([
  "unix:/tmp/c.sock",
  "unix:/run/openvswitch/../c.sock",
  "unix:/run/openvswitch2/c.sock",
  "punix:/tmp/br0.x",
  "punix:/run/openvswitch/c.sock",
  "punix:/run/openvswitch/br1.x",
  "punix:/run/openvswitch/br0.x/y",
  "punix:/run/openvswitch/br0.x/../c.sock",
  "punix:br0.x",
])("%s is refused, whatever the run folder is written like", (target) => {
  for (const runDir of [RUN_DIR, `${RUN_DIR}/`])
    expect(whyRefused(target, "br0", runDir)).toContain(`Not adding Unix domain socket controller "${target}"`);
  expect(whyRefused(target, "br0", `${RUN_DIR}/`)).toContain('"unix:/run/openvswitch/br0.mgmt" is there always');
});
