import { expect, test } from "vitest";
import type { Story } from "../src/api.ts";
import { pathOf, roleOf } from "../src/topology/packet-path.ts";
import { cloudFixture, droppedStory, forwardedStory } from "./fixture.ts";

const { ports } = cloudFixture();

function rolesIn(story: Story): Record<string, string> {
  const path = pathOf(story, ports);
  const roles = ports.map(({ name }) => [name, roleOf(name, name.replace("-port", ""), path)] as const);
  return Object.fromEntries(roles.filter(([, role]) => role !== ""));
}

function flood(question: string, actions: readonly string[]): Story {
  const story = forwardedStory(question);
  const [first] = story.layers.physical;
  if (first === undefined) throw new Error("the story has flows");
  return { ...story, layers: { ...story.layers, physical: actions.map((action) => ({ ...first, actions: action })) } };
}

test("a packet that arrives has a sender and a receiver", () => {
  expect(rolesIn(forwardedStory("web1 -> app1 icmp"))).toEqual({ "web1-port": "sends", "app1-port": "receives" });
});

test("a packet that is dropped does not reach whom it was meant for", () => {
  expect(rolesIn(droppedStory("web1 -> db1 tcp 5432"))).toEqual({ "web1-port": "sends", "db1-port": "not reached" });
});

test("a broadcast is received where a flow puts it out", () => {
  expect(rolesIn(flood("web1 -> broadcast", ["output:2,resubmit(,41)", "output:3", "drop"]))).toEqual({
    "web1-port": "sends",
    "web2-port": "receives",
    "app1-port": "receives",
  });
});

test("ports may be asked about by their own names", () => {
  expect(rolesIn(droppedStory("web1-port -> db1-port tcp 5432"))).toEqual({ "web1-port": "sends", "db1-port": "not reached" });
});

test("a question richer than the form draws nothing", () => {
  expect(rolesIn(droppedStory("web1 -> db1 tcp 5432 from port 9"))).toEqual({});
});
