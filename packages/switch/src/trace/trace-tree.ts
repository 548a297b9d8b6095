/** Records a translation as a tree of what was entered and done, from which every form of trace is made. */
import { type Action, formatActions, type PortNames } from "@tenet/openflow";
import type { Bridge } from "../bridge/bridge.ts";
import type { Rule } from "../table/rule.ts";
import type { Miss, TranslationObserver } from "../translate/translation.ts";
import { type Looker, type MaskReason, MaskReasons } from "./mask-reasons.ts";

/** One node: something that happened, with what happened inside it. */
export type TraceNode =
  | { readonly kind: "bridge"; readonly bridge: Bridge; readonly children: TraceNode[] }
  | {
      readonly kind: "table";
      readonly bridge: Bridge;
      readonly table: number;
      /** Resubmits around it. */
      readonly depth: number;
      readonly found: Rule | Miss;
      readonly children: TraceNode[];
    }
  | { readonly kind: "actionSet"; readonly children: TraceNode[] }
  | { readonly kind: "bucket"; readonly id: number; readonly children: TraceNode[] }
  /** The packet came back and goes on in a table. */
  | { readonly kind: "thaw"; readonly table: number }
  | { readonly kind: "action" | "note" | "warning" | "failure"; readonly text: string };

/** Builds the tree. */
export class TraceTree implements TranslationObserver {
  readonly roots: TraceNode[] = [];
  readonly #namesOf: (bridge: Bridge) => PortNames;
  /** Of the bridges that were entered, innermost last. */
  readonly #names: PortNames[] = [];
  readonly #open: TraceNode[][] = [this.roots];
  /** Lists of what happened in a bridge. */
  readonly #ofBridges = new Set<TraceNode[]>();
  #reasons = new MaskReasons(new Uint32Array(0), new Uint32Array(0));
  /** What runs, until the next thing is told. */
  #looker: Looker = { kind: "always" };

  /** @param namesOf - tells by which names a bridge's ports are shown; absent: by numbers */
  constructor(namesOf: (bridge: Bridge) => PortNames = () => ({})) {
    this.#namesOf = namesOf;
  }

  /** Why the megaflow matches on what it matches on; `key` is the packet. */
  maskReasons(key: Uint32Array, names: PortNames): MaskReason[] {
    return this.#reasons.tell(key, names);
  }

  start(mask: Uint32Array, flow: Uint32Array): void {
    this.#reasons = new MaskReasons(mask, flow);
    this.#reasons.attribute({ kind: "always" });
  }
  enterBridge(bridge: Bridge): void {
    const children: TraceNode[] = [];
    this.#names.push(this.#namesOf(bridge));
    this.#ofBridges.add(children);
    this.#enter({ kind: "bridge", bridge, children });
  }
  leaveBridge(): void {
    this.#reasons.attribute(this.#looker);
    this.#names.pop();
    this.#open.pop();
  }
  enterTable(bridge: Bridge, table: number, depth: number, found: Rule | Miss): void {
    const rule = typeof found === "string" ? undefined : found;
    this.#reasons.attribute({ kind: "lookup", bridge, table, rule });
    const children: TraceNode[] = [];
    this.#enter({ kind: "table", bridge, table, depth, found, children });
    if (found === "controller") children.push({ kind: "action", text: "controller(reason=)" });
    else if (rule === undefined || rule.actions.length === 0) children.push({ kind: "action", text: "drop" });
  }
  leaveTable(): void {
    this.#open.pop();
  }
  enterBucket(id: number): void {
    this.#enter({ kind: "bucket", id, children: [] });
  }
  leaveBucket(): void {
    const children = this.#open.pop();
    if (children?.length === 0) children.push({ kind: "action", text: "drop" });
  }
  enterActionSet(): void {
    const here = this.#here;
    const last = here.at(-1);
    const children: TraceNode[] = [];
    // As at the original it stands under the first table of a bridge.
    const list = this.#ofBridges.has(here) && last?.kind === "table" ? last.children : here;
    list.push({ kind: "actionSet", children });
    this.#open.push(children);
  }
  leaveActionSet(): void {
    this.#open.pop();
  }
  action(action: Action): void {
    const text = formatActions([action], this.#names.at(-1));
    this.#reasons.attribute(this.#looker);
    this.#looker = { kind: "action", text };
    this.#here.push({ kind: "action", text });
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
  warning(text: string): void {
    this.#here.push({ kind: "warning", text });
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
