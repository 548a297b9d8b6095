/** Records a translation as a tree of what was entered and done, from which every form of trace is made. */
import { type Action, formatActions, type PortNames } from "@tenet/openflow";
import type { Bridge } from "../bridge/bridge.ts";
import type { Rule } from "../table/rule.ts";
import type { TranslationObserver } from "../translate/translation.ts";

/** One node: something that happened, with what happened inside it. */
export type TraceNode =
  | { readonly kind: "bridge"; readonly bridge: Bridge; readonly children: TraceNode[] }
  | {
      readonly kind: "table";
      readonly bridge: Bridge;
      readonly table: number;
      /** Resubmits around it. */
      readonly depth: number;
      readonly rule: Rule | undefined;
      readonly children: TraceNode[];
    }
  | { readonly kind: "bucket"; readonly position: number; readonly children: TraceNode[] }
  /** The packet came back and goes on in a table. */
  | { readonly kind: "thaw"; readonly table: number }
  | { readonly kind: "action" | "note" | "failure"; readonly text: string };

/** Builds the tree. */
export class TraceTree implements TranslationObserver {
  readonly roots: TraceNode[] = [];
  readonly #names: PortNames;
  readonly #open: TraceNode[][] = [this.roots];

  constructor(names: PortNames = {}) {
    this.#names = names;
  }

  enterBridge(bridge: Bridge): void {
    this.#enter({ kind: "bridge", bridge, children: [] });
  }
  leaveBridge(): void {
    this.#open.pop();
  }
  enterTable(bridge: Bridge, table: number, depth: number, rule: Rule | undefined): void {
    const children: TraceNode[] = [];
    this.#enter({ kind: "table", bridge, table, depth, rule, children });
    if (rule === undefined || rule.actions.length === 0) children.push({ kind: "action", text: "drop" });
  }
  leaveTable(): void {
    this.#open.pop();
  }
  enterBucket(position: number): void {
    this.#enter({ kind: "bucket", position, children: [] });
  }
  leaveBucket(): void {
    const children = this.#open.pop();
    if (children?.length === 0) children.push({ kind: "action", text: "drop" });
  }
  action(action: Action): void {
    this.#here.push({ kind: "action", text: formatActions([action], this.#names) });
  }
  innerActions(actions: readonly Action[]): void {
    for (const action of actions) this.action(action);
    if (actions.length === 0) this.#here.push({ kind: "action", text: "drop" });
  }
  thaw(table: number): void {
    this.#here.push({ kind: "thaw", table });
  }
  note(text: string): void {
    this.#here.push({ kind: "note", text });
  }
  failure(text: string): void {
    this.#here.push({ kind: "failure", text });
  }

  get #here(): TraceNode[] {
    return this.#open.at(-1) ?? this.roots;
  }

  #enter(node: Extract<TraceNode, { children: TraceNode[] }>): void {
    this.#here.push(node);
    this.#open.push(node.children);
  }
}
