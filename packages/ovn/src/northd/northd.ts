/**
 * northd without its sockets: northbound changes in, southbound changes out.
 *
 * The work is in `rules/northd.dl` (and the data in `rules/switch-pipeline.dl`). What is here around the rules is what rules cannot be: an allocator that
 * remembers (tunnel keys), and the note of which configuration has been written.
 */
import { type Change, compile, type Delta, Engine, type RelationInfo, type Tuple } from "@tenet/datalog";
import { changesOf, OVN_NORTHBOUND, OVN_SOUTHBOUND, parseSchema, type RowChange, relationsOf } from "@tenet/ovsdb";
import { readRules } from "../read-rules.ts";
import { NORTHD_FUNCTIONS } from "./functions.ts";
import { TunnelKeys } from "./tunnel-keys.ts";

/** What happened since the last call. */
export interface NorthdInput {
  /** Changes of northbound rows. */
  readonly nb?: readonly RowChange[];
  /** Changes of southbound rows that controllers write; see {@link FEEDBACK_TABLES}. */
  readonly sb?: readonly RowChange[];
}

/** What is to be written, as deltas of `to_sb:` and `to_nb:` relations, and what is to be said. */
export interface NorthdOutput {
  /** All relations' changes; those of `to_sb:*` and `to_nb:*` are rows to write. */
  readonly delta: Delta;
  /** (row, table, reason) of northbound rows that came and that this version leaves out. */
  readonly unsupported: readonly Tuple[];
}

/** Southbound tables that northd reads. */
export const FEEDBACK_TABLES: readonly string[] = ["SB_Global", "Chassis", "Chassis_Private", "Port_Binding"];

const RULE_FILES: readonly string[] = ["northd.dl", "switch-pipeline.dl"];

/** Derives southbound rows from northbound rows, change by change. */
export class Northd {
  readonly #engine: Engine;
  readonly #keys: TunnelKeys;
  readonly #nbSchema = parseSchema(OVN_NORTHBOUND);
  readonly #sbSchema = parseSchema(OVN_SOUTHBOUND);
  #seen: Tuple | undefined;
  #committed: Tuple | undefined;

  /** @param keys - tunnel keys in use already, for example by the rows of an earlier run */
  constructor(keys: TunnelKeys = new TunnelKeys()) {
    this.#keys = keys;
    const program = compile(RULE_FILES.map(readRules), {
      relations: [
        ...relationsOf(this.#nbSchema, "nb"),
        ...relationsOf(this.#sbSchema, "sb").filter(({ name }) => FEEDBACK_TABLES.includes(tableOf(name))),
      ],
      functions: NORTHD_FUNCTIONS,
    });
    this.#engine = new Engine(program);
  }

  /**
   * Takes changes in and says what they change.
   *
   * @param at - wall time in ms, noted as the time at which a new `nb_cfg` was seen
   */
  apply(input: NorthdInput, at: number): NorthdOutput {
    const changes: Change[] = [
      ...changesOf(this.#nbSchema, "nb", input.nb ?? []),
      ...changesOf(
        this.#sbSchema,
        "sb",
        (input.sb ?? []).filter(({ table }) => FEEDBACK_TABLES.includes(table)),
      ),
    ];
    for (const change of input.nb ?? []) {
      const nbCfg = change.table === "NB_Global" ? change.new?.["nb_cfg"] : undefined;
      if (nbCfg === undefined || nbCfg === this.#seen?.[0]) continue;
      const seen: Tuple = [Number(nbCfg), at];
      changes.push(...replacement("northd:seen", this.#seen, seen));
      this.#seen = seen;
    }
    return this.#transact(changes);
  }

  /** Notes that the southbound database holds what the newest `nb_cfg` asks for. */
  committed(at: number): NorthdOutput {
    const nbCfg = this.#seen?.[0];
    if (nbCfg === undefined || nbCfg === this.#committed?.[0]) return { delta: new Map(), unsupported: [] };
    const committed: Tuple = [nbCfg, at];
    const changes = replacement("northd:committed", this.#committed, committed);
    this.#committed = committed;
    return this.#transact(changes);
  }

  /** All relations of the rules, inputs included. */
  relations(): readonly RelationInfo[] {
    return this.#engine.relations();
  }

  /** All tuples of a relation. */
  rows(relation: string): readonly Tuple[] {
    return this.#engine.rows(relation);
  }

  /** The tuples of a relation whose first column is `uuid`. */
  rowsOf(relation: string, uuid: string): readonly Tuple[] {
    return this.#engine.match(relation, [uuid]);
  }

  /** Inputs enter, keys are given to whom the rules say needs one, and all deltas come out as one. */
  #transact(changes: readonly Change[]): NorthdOutput {
    const transaction = this.#engine.begin();
    transaction.apply(changes);
    transaction.apply(this.#keys.changesFor(transaction.evaluate()));
    const delta = transaction.commit();
    return { delta, unsupported: delta.get("northd:unsupported")?.inserted ?? [] };
  }
}

function replacement(relation: string, old: Tuple | undefined, next: Tuple): Change[] {
  const inserted: Change = { relation, tuple: next, weight: 1 };
  return old === undefined ? [inserted] : [{ relation, tuple: old, weight: -1 }, inserted];
}

function tableOf(relation: string): string {
  return relation.replace(/^sb:/, "").replace(/\..*/, "");
}
