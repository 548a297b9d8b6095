import { expect, test } from "vitest";
import { type Box, layoutTopology } from "../src/topology/layout.ts";
import { cloudFixture } from "./fixture.ts";
import { largeCloud } from "./large-cloud.ts";

const state = cloudFixture();
const large = largeCloud({ nSwitches: 10, nHosts: 60, nViolations: 0 });

function overlap(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

test.each([
  ["small", 250, state],
  ["small", 400, state],
  ["small", 700, state],
  ["small", 860, state],
  ["small", 1600, state],
  ["large", 250, large],
  ["large", 880, large],
  ["large", 1600, large],
])("cards of a %s cloud neither overlap nor leave a drawing %i px wide", (_size, width, cloud) => {
  const { switches, height } = layoutTopology(cloud, width);
  const cards = switches.flatMap(({ ports }) => ports.map(({ card }) => card));
  expect(cards).toHaveLength(cloud.ports.length);
  for (const [i, card] of cards.entries()) {
    expect(card.x).toBeGreaterThanOrEqual(0);
    expect(card.x + card.width).toBeLessThanOrEqual(width);
    expect(card.y + card.height).toBeLessThanOrEqual(height);
    for (const other of cards.slice(i + 1)) expect(overlap(card, other)).toBe(false);
  }
});

test("hosts on no switch, and hosts without a port, get a place of their own", () => {
  const [port] = state.ports;
  if (port === undefined) throw new Error("the fixture has ports");
  const { switches } = layoutTopology({ ...state, ports: [{ ...port, switch: "gone" }] }, 1000);
  const astray = switches.at(-1);
  expect(astray?.name).toBeUndefined();
  expect(astray?.ports.map(({ host }) => host?.name)).toEqual(["web1", "web2", "app1", "db1", "intruder"]);
});

test("an empty cloud needs no room", () => {
  expect(layoutTopology({ switches: [], ports: [], hosts: [] }, 800).height).toBe(0);
});

test("many hosts get small cards, few get roomy ones", () => {
  const heightOfCards = (cloud: typeof state) => {
    const { isCompact, switches } = layoutTopology(cloud, 880);
    return { isCompact, heights: new Set(switches.flatMap(({ ports }) => ports.map(({ card }) => card.height))) };
  };
  const roomy = heightOfCards(state);
  const compact = heightOfCards(large);
  expect([roomy.isCompact, compact.isCompact]).toEqual([false, true]);
  expect(Math.max(...compact.heights)).toBeLessThan(Math.min(...roomy.heights));
});
