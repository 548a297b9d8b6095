/**
 * A program of policies, running over the sources.
 *
 * Only relations that some rule reads are fed: a policy over two northbound tables costs nothing for the
 * southbound ones. A change of the policies costs what the rules that changed derive, and the rows of tables
 * that are read for the first time.
 */
import {
  type Change,
  compareValues,
  type Delta,
  Engine,
  formatAtom,
  type Limits,
  type Program,
  type Proof,
  type Tuple,
} from "@tenet/datalog";
import { changesOf, type RowChange } from "@tenet/ovsdb";
import { type Evidence, evidenceOf, type EvidenceContext, formatEvidence, tableOf } from "./evidence.ts";
import type { Denial, Denials } from "./refusal.ts";
import { type PushedTable, snapshotOf, type TableSource } from "./table-source.ts";
import { type Violation, type ViolationRow, violationRelation } from "./violation.ts";

/** What a running program reads. */
export interface Inputs {
  /** By prefix. */
  readonly sources: ReadonlyMap<string, TableSource>;
  /** By relation. */
  readonly pushed: ReadonlyMap<string, PushedTable>;
  readonly limits: Limits;
}

/** Finds the proof of a row: the engine, or a fork of it. */
export type Prover = Pick<Engine, "explain">;

/** Row changes of a source that are not made yet. */
export interface ProposedRows {
  readonly prefix: string;
  readonly changes: readonly RowChange[];
}

/** Why a row is there: as a tree, and as the rows it rests on. */
export interface ProofWithEvidence {
  readonly proof: Proof | undefined;
  readonly evidence: readonly Evidence[];
}

/** Inputs of the engine, and the tables whose rows they have. */
interface Reads {
  readonly relations: ReadonlySet<string>;
  readonly tables: ReadonlySet<string>;
}

const MOST_PROVEN_DENIALS = 3;
const NOTHING_DENIED: Denials = { proven: [], nDenied: 0 };

/** An engine filled with what the program reads. */
export class LiveProgram {
  readonly engine: Engine;
  readonly #inputs: Inputs;
  #reads: Reads;
  #hasGuards: boolean;
  readonly #proven = new Map<ViolationRow, Violation>();
  #provenAt = -1;

  /** @throws what the engine throws when a rule fails on the rows that are there */
  constructor(program: Program, inputs: Inputs) {
    this.engine = new Engine(program, inputs.limits);
    this.#inputs = inputs;
    this.#reads = readsOf(usedInputs(program));
    this.#hasGuards = hasGuards(program);
    this.engine.transact(this.#rowsOf(this.#reads));
  }

  /** The program in force; {@link replace} changes it. */
  get program(): Program {
    return this.engine.program;
  }

  /**
   * Puts another program in place that declares the same inputs.
   *
   * @throws what the engine throws when a rule fails on the rows that are there; the old program then stays
   */
  replace(program: Program): void {
    const before = this.#reads.relations;
    const reads = readsOf(usedInputs(program));
    const come = readsOf(new Set([...reads.relations].filter((name) => !before.has(name))));
    // No rule reads these tables before the new program is in place, so their rows cost no evaluation here.
    this.engine.transact(this.#rowsOf(come));
    try {
      this.engine.replaceProgram(program);
    } catch (error) {
      this.#empty(come.relations);
      throw error;
    }
    this.#reads = reads;
    this.#hasGuards = hasGuards(program);
    this.#empty([...before].filter((name) => !reads.relations.has(name)));
  }

  /** A source's row changes as changes of the relations that are read. */
  changesFor(prefix: string, changes: readonly RowChange[], reads: Reads = this.#reads): Change[] {
    const source = this.#inputs.sources.get(prefix);
    const used = changes.filter(({ table }) => reads.tables.has(`${prefix}:${table}`));
    if (source === undefined || used.length === 0) return [];
    return changesOf(source.schema, prefix, used).filter(({ relation }) => reads.relations.has(relation));
  }

  /** The changes from one content of a pushed table to the next. */
  pushChanges(relation: string, old: readonly Tuple[], rows: readonly Tuple[], reads: Reads = this.#reads): Change[] {
    if (!reads.relations.has(relation)) return [];
    const before = new Map(old.map((tuple) => [formatAtom("", tuple), tuple]));
    const after = new Map(rows.map((tuple) => [formatAtom("", tuple), tuple]));
    const gone = [...before].filter(([key]) => !after.has(key));
    const come = [...after].filter(([key]) => !before.has(key));
    return [
      ...gone.map(([, tuple]): Change => ({ relation, tuple, weight: -1 })),
      ...come.map(([, tuple]): Change => ({ relation, tuple, weight: 1 })),
    ];
  }

  /** All rows that mean violations. */
  violationRows(): ViolationRow[] {
    return violationRelations(this.program).flatMap(({ relation }) =>
      this.engine.rows(relation).flatMap((tuple) => this.violationRow(relation, tuple) ?? []),
    );
  }

  /** The row as a violation, when its relation means one. */
  violationRow(relation: string, row: Tuple): ViolationRow | undefined {
    const means = violationRelation(relation);
    const columns = this.program.relations.get(relation)?.columns.map(({ name }) => name) ?? [];
    return means && { ...means, row, columns };
  }

  /** The proof of a row and the rows it rests on. */
  proofOf(relation: string, row: Tuple, prover: Prover = this.engine, proposed?: ProposedRows): ProofWithEvidence {
    const proof = prover.explain(relation, row);
    return { proof, evidence: proof === undefined ? [] : evidenceOf(proof, this.#evidenceContext(proposed)) };
  }

  /**
   * The `deny` rows that changes would add; the program is afterwards as before.
   *
   * Cost: that of the changes, and of proofs for the first few rows.
   */
  denialsOf(proposed: ProposedRows): Denials {
    if (!this.#hasGuards) return NOTHING_DENIED;
    const changes = this.changesFor(proposed.prefix, proposed.changes);
    if (changes.length === 0) return NOTHING_DENIED;
    const transaction = this.engine.begin();
    try {
      transaction.apply(changes);
      const denied = deniedIn(transaction.evaluate());
      const rows = denied.flatMap(({ relation, tuple }) => this.violationRow(relation, tuple) ?? []);
      const first = rows.toSorted((a, b) => compareValues([a.policy, a.row], [b.policy, b.row])).slice(0, MOST_PROVEN_DENIALS);
      return { proven: first.map((row) => this.#prove(row, proposed)), nDenied: rows.length };
    } finally {
      if (transaction.isOpen) transaction.rollback();
    }
  }

  /** The violations with rules and proofs. Cost: a proof each, unless nothing changed since the last time. */
  violationsOf(rows: readonly ViolationRow[]): Violation[] {
    const { version } = this.engine;
    if (this.#provenAt !== version) this.#proven.clear();
    this.#provenAt = version;
    return rows.map((row) => {
      const known = this.#proven.get(row) ?? this.#prove(row).violation;
      this.#proven.set(row, known);
      return known;
    });
  }

  /** All rows of these inputs that the sources and pushed tables hold now. */
  #rowsOf(reads: Reads): Change[] {
    const { sources, pushed } = this.#inputs;
    return [
      ...[...sources].flatMap(([prefix, source]) => this.changesFor(prefix, snapshotOf(source), reads)),
      ...[...pushed.values()].flatMap(({ name, rows }) => this.pushChanges(name, [], rows, reads)),
    ];
  }

  #empty(relations: Iterable<string>): void {
    const gone = [...relations].flatMap((relation) =>
      this.engine.rows(relation).map((tuple): Change => ({ relation, tuple, weight: -1 })),
    );
    if (gone.length > 0) this.engine.transact(gone);
  }

  #prove(row: ViolationRow, proposed?: ProposedRows): Denial {
    const { proof, evidence } = this.proofOf(`${row.policy}:${row.kind}`, row.row, this.engine, proposed);
    const { file, line, text } = proof?.rule ?? { file: `${row.policy}.dl`, line: 1, text: "" };
    const violation = { ...row, rule: { file, line, text }, proof, proofText: evidence.map(formatEvidence).join("\n") };
    return { violation, evidence };
  }

  #evidenceContext(proposed?: ProposedRows): EvidenceContext {
    const changed = new Map(proposed?.changes.map((change) => [change.uuid, change.new ?? change.old]));
    const nameOf = (table: string, uuid: string): string | undefined => {
      const colon = table.indexOf(":");
      const prefix = table.slice(0, colon);
      const changedRow = prefix === proposed?.prefix ? changed.get(uuid) : undefined;
      const row =
        changedRow ??
        this.#inputs.sources
          .get(prefix)
          ?.table(table.slice(colon + 1))
          .get(uuid);
      const name = row?.["name"];
      return typeof name === "string" && name !== "" ? name : undefined;
    };
    return { program: this.program, nameOf };
  }
}

function deniedIn(delta: Delta): { relation: string; tuple: Tuple }[] {
  return [...delta].flatMap(([relation, { inserted }]) =>
    violationRelation(relation)?.kind === "deny" ? inserted.map((tuple) => ({ relation, tuple })) : [],
  );
}

function hasGuards(program: Program): boolean {
  return violationRelations(program).some(({ kind }) => kind === "deny");
}

function violationRelations(program: Program): { relation: string; policy: string; kind: string }[] {
  return [...program.relations.values()].flatMap(({ name, kind }) => {
    const means = kind === "derived" ? violationRelation(name) : undefined;
    return means === undefined ? [] : [{ relation: name, ...means }];
  });
}

function readsOf(relations: ReadonlySet<string>): Reads {
  return { relations, tables: new Set(Array.from(relations, tableOf)) };
}

function usedInputs(program: Program): Set<string> {
  const used = new Set<string>();
  for (const { body } of program.rules) {
    for (const literal of body) {
      if (literal.kind !== "atom" && literal.kind !== "not") continue;
      if (program.relations.get(literal.relation)?.kind === "input") used.add(literal.relation);
    }
  }
  return used;
}
