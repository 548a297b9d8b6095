import { expect, test } from "vitest";
import { type Box, layoutTopology } from "../src/topology/layout.ts";
import { cloudFixture } from "./fixture.ts";

const state = cloudFixture();

function overlap(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

test.each([250, 400, 700, 860, 1600])("cards neither overlap nor leave a drawing %i px wide", (width) => {
  const { switches, height } = layoutTopology(state, width);
  const cards = switches.flatMap(({ ports }) => ports.map(({ card }) => card));
  expect(cards).toHaveLength(state.ports.length);
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
