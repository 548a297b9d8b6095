import { PortSecurityError, portSecurityFlows } from "@tenet/ovn";
import { parseActions, parseMatch } from "@tenet/openflow";
import { expect, test } from "vitest";

const MAC = "0a:00:00:00:00:03";
const sources = (entry: string): string[] =>
  portSecurityFlows(entry).flatMap(({ table, match }) =>
    table === 73 ? (/(?:nw|ipv6)_src=([^,]+)/.exec(match)?.[1] ?? []) : [],
  );

test.each([
  [MAC, []],
  [`${MAC} 10.0.0.5`, ["10.0.0.5", "0.0.0.0"]],
  [`${MAC} 10.0.0.5/24`, ["10.0.0.5", "0.0.0.0"]],
  [`${MAC} 10.0.0.0/24`, ["10.0.0.0/24", "0.0.0.0"]],
  [`${MAC} fd00::/64 fd01::5/64`, ["fd00::/64", "fd01::5", "fe80::800:ff:fe00:3", "::", "::", "::"]],
])("%s allows the sources %j", (entry, expected) => {
  expect(sources(entry)).toEqual(expected);
});

test("a host with a prefix length may also be sent the directed broadcast of its network", () => {
  const targets = portSecurityFlows(`${MAC} 10.0.0.5/24`).flatMap(({ match }) => /nw_dst=([^,]+)/.exec(match)?.[1] ?? []);
  expect(targets).toContain("10.0.0.255");
});

test("every flow is one that a switch understands", () => {
  for (const flow of portSecurityFlows(`${MAC} 10.0.0.5/24 fd00::1`)) {
    expect(() => [parseMatch(flow.match), parseActions(flow.actions)]).not.toThrow();
  }
});

test.each(["nonsense", `${MAC} 10.0.0.300`, `${MAC} ${MAC}`, ""])("the entry %j is refused", (entry) => {
  expect(() => portSecurityFlows(entry)).toThrow(PortSecurityError);
});
