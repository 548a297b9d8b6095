/** Whether flows or groups refer to the field of a tunnel option, whose mapping has to stay then. */
import type { FieldSpec } from "@tenet/net";
import type { Group } from "../group/group.ts";
import { mapFields } from "./map-fields.ts";
import type { Rule } from "./rule.ts";

/** Whether any of `users` matches on, reads or sets the option of this number. */
export function usesOption(index: number, users: Iterable<Rule | Group>): boolean {
  let isUsed = false;
  const note = (field: FieldSpec): FieldSpec => {
    isUsed ||= field.presentBit === index;
    return field;
  };
  for (const user of users) {
    if ("spec" in user) mapFields(user.spec, note);
    else if (user.match.options?.some((option) => option.index === index) === true) return true;
    else mapFields(user.actions, note);
    if (isUsed) return true;
  }
  return false;
}
