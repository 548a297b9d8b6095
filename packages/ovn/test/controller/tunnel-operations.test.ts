/** The rows that open tunnels: the original's names, options and marks. */
import { expect, test } from "vitest";
import { tunnelOperations } from "../../src/controller/operations.ts";

const NOTHING = {
  claim: [],
  release: [],
  reportUp: [],
  markInstalled: [],
  unmark: [],
  noteZones: [],
  forgetZones: [],
  openTunnels: [],
  closeTunnels: [],
};

test("a tunnel has the name that the original gives it, or the next that is free", () => {
  const openTunnels = [
    { chassis: "hypervisor-1", ip: "10.9.0.1", csum: "true" },
    { chassis: "hypervisor-2", ip: "10.9.0.2", csum: "false" },
  ];
  const operations = tunnelOperations({ ...NOTHING, openTunnels }, "b0", new Set(["ovn-hyperv-0"]));
  const rows = operations.filter(({ table }) => table === "Interface").map(({ row }) => row);
  expect(rows).toEqual([
    { name: "ovn-hyperv-1", type: "geneve", options: tunnelOptions("10.9.0.1", "true") },
    { name: "ovn-hyperv-2", type: "geneve", options: tunnelOptions("10.9.0.2", "false") },
  ]);
  const ports = operations.filter(({ table }) => table === "Port").map(({ row }) => row);
  expect(ports[0]).toMatchObject({ external_ids: ["map", [["ovn-chassis-id", "hypervisor-1@10.9.0.1"]]] });
  expect(operations.at(-1)).toMatchObject({ op: "mutate", table: "Bridge" });
});

test("without tunnels to open or close there is nothing to write", () => {
  expect(tunnelOperations(NOTHING, "b0", new Set())).toEqual([]);
  expect(tunnelOperations({ ...NOTHING, closeTunnels: ["p1"] }, "b0", new Set())).toHaveLength(1);
});

function tunnelOptions(ip: string, csum: string) {
  return [
    "map",
    [
      ["csum", csum],
      ["key", "flow"],
      ["remote_ip", ip],
    ],
  ];
}
