/** Which fields of tunnel options flows and groups refer to: the mappings of those have to stay. */
import type { FieldSpec } from "@tenet/net";
import type { Group } from "../group/group.ts";
import type { Work } from "../turns.ts";
import { mapFields } from "./map-fields.ts";
import type { Rule } from "./rule.ts";

/** How many are looked at between two chances for others. */
const USERS_PER_STEP = 32;

/** Adds to `used` the numbers of the options that `users` match on, read or set. */
export function* noteOptions(users: Iterable<Rule | Group>, used: Set<number>): Work {
  const note = (field: FieldSpec): FieldSpec => {
    if (field.presentBit !== undefined) used.add(field.presentBit);
    return field;
  };
  let n = 0;
  for (const user of users) {
    if ("spec" in user) mapFields(user.spec, note);
    else {
      for (const { index } of user.match.options ?? []) used.add(index);
      mapFields(user.actions, note);
    }
    if (++n % USERS_PER_STEP === 0) yield;
  }
}
