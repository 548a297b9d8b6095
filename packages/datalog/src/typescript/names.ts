/** Names of TypeScript for the names of relations and columns. */

const WORDS = new Set(
  `arguments await break case catch class const continue debugger default delete do else enum eval export extends false finally for
  function if implements import in instanceof interface let new null package private protected public return static super switch this
  throw true try typeof undefined var void while with yield`.split(/\s+/),
);

/** Gives each relation a type's name (`NbAcl`) and a constant's (`nbAcl`) that no other relation of the file has. */
export class RelationNames {
  readonly #taken: Set<string>;

  /** @param reserved - names that the file has already */
  constructor(reserved: Iterable<string>) {
    this.#taken = new Set(reserved);
  }

  /** `nb:Logical_Switch.ports` becomes `NbLogicalSwitchPorts` and `nbLogicalSwitchPorts`. */
  of(relation: string): { readonly type: string; readonly constant: string } {
    const base = pascalOf(relation);
    for (let i = 1; ; i++) {
      const type = i === 1 ? base : `${base}${i}`;
      const lower = camelOf(type);
      const constant = WORDS.has(lower) ? `${lower}_` : lower;
      if (this.#taken.has(type) || this.#taken.has(constant)) continue;
      this.#taken.add(type).add(constant);
      return { type, constant };
    }
  }
}

/** A column as the name of a property: quoted if it is no identifier. */
export function propertyName(column: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(column) && column !== "__proto__" ? column : JSON.stringify(column);
}

/** Words joined with capitals; words in capitals keep only the first. Other letters than these could be unknown to the compiler. */
function pascalOf(name: string): string {
  const words = name.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
  const joined = words.map((word) => capital(/^[^a-z]+$/.test(word) ? word.toLowerCase() : word)).join("");
  return /^[A-Za-z]/.test(joined) ? joined : `Relation${joined}`;
}

function capital(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1);
}

function camelOf(name: string): string {
  return name.slice(0, 1).toLowerCase() + name.slice(1);
}
