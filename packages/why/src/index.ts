/** Why a packet fares as it does, from the megaflow to the transaction that caused it. */
export { type FormatStoryOptions, formatStory } from "./format/format-story.ts";
export { openWhy } from "./open-why.ts";
export { formatQuestion } from "./question/format-question.ts";
export { parseQuestion } from "./question/parse-question.ts";
export type { FlowQuestion, PacketQuestion, Party, Place, Protocol, Question } from "./question/question.ts";
export { QuestionError } from "./question/question-error.ts";
export type { WhySources } from "./sources.ts";
export type { Cause, JsonValue, LogicalStep, PhysicalStep, Story } from "./story.ts";
export { askSwitch, SwitchControl, traceFlow } from "./switch-control.ts";
export { why } from "./why.ts";
