/** The tables of `execute[…]`, `insert[…]` and `delete[…]` heads: ordinary derived tables whose names tell what to do. */

/** What the name of an action table says. */
export interface ActionTable {
  /** The policy or module that wrote the rule; `undefined` for one without a namespace. */
  readonly owner: string | undefined;
  readonly action: "execute" | "insert" | "delete";
  /** The table inside the brackets as written, e.g. `nova:servers.pause`. */
  readonly target: string;
}

const NAME = /^(?:([^:[]+):)?(execute|insert|delete)\[(.*)\]$/;

/** Reads a relation's name, e.g. `pii:execute[nova:servers.pause]`; `undefined` if it is no action table. */
export function actionTable(relation: string): ActionTable | undefined {
  const [, owner, action, target = ""] = NAME.exec(relation) ?? [];
  if (action !== "execute" && action !== "insert" && action !== "delete") return undefined;
  return { owner, action, target };
}
