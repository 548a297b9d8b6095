import { expect, test } from "vitest";
import { orderByHosts } from "../src/topology/order-by-hosts.ts";
import { cloudFixture } from "./fixture.ts";

test("ports stand in the order of their hosts, switches by their first host, the rest after them as it came", () => {
  const state = cloudFixture();
  const shuffled = {
    switches: [{ name: "empty", uuid: "e" }, ...state.switches.toReversed()],
    ports: [...state.ports].sort((a, b) => (a.name < b.name ? -1 : 1)),
    hosts: state.hosts,
  };
  const { switches, ports } = orderByHosts(shuffled);
  expect(switches.map(({ name }) => name)).toEqual(["tiers", "guest", "empty"]);
  expect(ports.map(({ name }) => name)).toEqual(["web1-port", "web2-port", "app1-port", "db1-port", "intruder-port", "spare"]);
});
