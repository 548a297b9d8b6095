export { Classifier } from "./classifier.ts";
export { LongList } from "./long-list.ts";
export type { ClassifierRule, Conjunction, RuleMatch } from "./rule.ts";
export { hashWords } from "./hash.ts";
