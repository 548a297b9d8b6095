/** What rule files may use besides themselves, wherever they are checked. */
import type { FunctionDef, RelationDecl } from "@tenet/datalog";

/** The tables and functions that the program's owner gives, and whose tables the unqualified ones are. */
export interface Surroundings {
  /** For example the tables of the databases. */
  readonly relations: readonly RelationDecl[];
  readonly functions: readonly FunctionDef[];
  /** True for policies: the unqualified tables of `pii.dl` are `pii:…`. False when all files share their tables. */
  readonly hasNamespaces: boolean;
  /** Functions that files declare need not be given: another program does, which these tools do not know. Default false. */
  readonly trustsDeclarations?: boolean;
}

/** What a file with a `program` line may use: the same tables, its own functions. Its unqualified tables are nobody's. */
export function surroundingsOfProgram({ relations }: Surroundings): Surroundings {
  return { relations, functions: [], hasNamespaces: false, trustsDeclarations: true };
}

/** The services that tables are given for (`nb`, `sb`): no policy may take such a name. */
export function servicesOf({ relations }: Surroundings): Set<string> {
  return new Set(
    relations.map(({ name }) => name).flatMap((name) => (name.includes(":") ? [name.slice(0, name.indexOf(":"))] : [])),
  );
}
