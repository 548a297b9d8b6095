/** What the tools of the rule language know about Tenet: the tables of its databases, and the functions of policies. */
import type { Surroundings } from "@tenet/language-tools";
import { OPEN_VSWITCH, OVN_NORTHBOUND, OVN_SOUTHBOUND, relationsOf } from "@tenet/ovsdb";
import { policyFunctions } from "../policy-functions.ts";

/** Where policies live: rule files can be judged without a Tenet that runs. */
export function policySurroundings(): Surroundings {
  return {
    relations: [
      ...relationsOf(OVN_NORTHBOUND, "nb"),
      ...relationsOf(OVN_SOUTHBOUND, "sb"),
      ...relationsOf(OPEN_VSWITCH, "vswitch"),
    ],
    functions: policyFunctions(),
    hasNamespaces: true,
  };
}
