import { expect, test } from "vitest";
import type { Story } from "../src/api.ts";
import { decidingSteps } from "../src/explain/deciding-steps.ts";
import { droppedStory, forwardedStory } from "./fixture.ts";

function stagesOf(story: Story): string[] {
  return [...decidingSteps(story)].map(({ stage }) => stage);
}

test("the flow made for the row that decided is the one, wherever it stands", () => {
  const story = droppedStory("q");
  expect(stagesOf(story)).toEqual(["ls_out_acl"]);
  const [first, ...others] = story.layers.logical.toReversed();
  if (first === undefined) throw new Error("the story has steps");
  expect(stagesOf({ ...story, layers: { ...story.layers, logical: [first, ...others] } })).toEqual(["ls_out_acl"]);
});

test("without such a flow a drop is decided where the packet ends", () => {
  const { cause: _cause, ...story } = droppedStory("q");
  expect(stagesOf(story)).toEqual(["ls_out_acl"]);
});

test("without such a flow a packet that arrives is decided where its way was chosen, not where it left", () => {
  const story = forwardedStory("q");
  const egress = droppedStory("q").layers.logical.slice(-1);
  const layers = { ...story.layers, logical: [...story.layers.logical, ...egress] };
  expect(stagesOf({ ...story, layers })).toEqual(["ls_in_l2_lkup"]);
});

test("a story without steps has none that decides", () => {
  expect(stagesOf({ ...droppedStory("q"), layers: { logical: [], physical: [] } })).toEqual([]);
});
