/** What rule files may use besides themselves, wherever they are checked. */
import type { FunctionDef, RelationDecl } from "@tenet/datalog";

/** The tables and functions that the program's owner gives, and whose tables the unqualified ones are. */
export interface Surroundings {
  /** For example the tables of the databases. */
  readonly relations: readonly RelationDecl[];
  readonly functions: readonly FunctionDef[];
  /** True for policies: the unqualified tables of `pii.dl` are `pii:…`. False when all files share their tables. */
  readonly hasNamespaces: boolean;
}

/** The services that tables are given for (`nb`, `sb`): no policy may take such a name. */
export function servicesOf({ relations }: Surroundings): Set<string> {
  return new Set(
    relations.map(({ name }) => name).flatMap((name) => (name.includes(":") ? [name.slice(0, name.indexOf(":"))] : [])),
  );
}
