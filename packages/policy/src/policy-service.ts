/**
 * The policy service: policies over tables, monitored and guarding.
 *
 * Holds the wanted policies, the sources and the program that runs over them. Everything is synchronous:
 * when a source reports a commit, the violations are current before the call returns, and a proposed
 * change is judged against the state that all earlier commits led to. A policy that cannot be compiled, or
 * whose rules fail on the rows that are there, is out of force and says why; the others are not touched.
 */
import { type Change, compile, formatAtom, type FunctionDef, type Limits, type RelationDecl, type Tuple } from "@tenet/datalog";
import { AppError, type Clock, didYouMean, type Logger, messageOf, silentLogger, systemClock } from "@tenet/kit";
import type { Proposed, Refusal, RowChange } from "@tenet/ovsdb";
import { type Inputs, LiveProgram } from "./live-program.ts";
import { loadPolicies } from "./load-policies.ts";
import { PolicyFolder } from "./policy-folder.ts";
import type { PolicySource, PolicyVersion } from "./policy-set.ts";
import { type PolicyRule, type PolicyStatus, rulesOf, statusOf } from "./policy-status.ts";
import { refusalOf, unjudgedRefusal } from "./refusal.ts";
import { type DatabaseTables, followSource, type PushedTable, type TableSource } from "./table-source.ts";
import { type Violation, type ViolationChange, type ViolationRow, violationRelation } from "./violation.ts";

/** What a policy service may be given. */
export interface PolicyServiceOptions {
  /** Functions that policies can use besides those of the language. */
  readonly functions?: readonly FunctionDef[];
  /** What one change may derive; by default a million rows, which takes seconds. */
  readonly limits?: Limits;
  readonly log?: Logger;
  readonly clock?: Clock;
}

/** How fresh a source is. */
export interface Freshness {
  /** Ms since 1970 UTC, `undefined` before the first change. */
  readonly at: number | undefined;
  readonly nUpdates: number;
}

/** A source or table is used in a way that cannot work. */
export class PolicySourceError extends AppError {
  static override readonly code: string = "POLICY_SOURCE";
}

/** A database that asks before it commits. */
export interface GuardedDatabase extends DatabaseTables {
  judge: ((proposed: Proposed) => Refusal | undefined) | undefined;
}

/** Policies over tables; close it to stop following the sources. */
export class PolicyService implements Disposable {
  readonly #functions: readonly FunctionDef[];
  readonly #log: Logger;
  readonly #sources = new Map<string, TableSource>();
  readonly #pushed = new Map<string, PushedTable>();
  readonly #closers: (() => void)[] = [];
  readonly #violationListeners = new Set<(change: ViolationChange) => void>();
  readonly #policyListeners = new Set<(policies: readonly PolicyStatus[]) => void>();
  readonly #inputs: Inputs;
  readonly #freshness = new Map<string, Freshness>();
  readonly #clock: Clock;
  #folder: PolicyFolder | undefined;
  #wanted: readonly PolicySource[] = [];
  #policies: ReadonlyMap<string, PolicyVersion> = new Map();
  #live: LiveProgram;
  #violations = new Map<string, ViolationRow>();

  constructor(options: PolicyServiceOptions = {}) {
    this.#functions = options.functions ?? [];
    this.#log = options.log ?? silentLogger;
    this.#clock = options.clock ?? systemClock;
    const limits = { maxTuples: 1_000_000, ...options.limits };
    this.#inputs = { sources: this.#sources, pushed: this.#pushed, limits };
    this.#live = new LiveProgram(compile([]), this.#inputs);
  }

  /**
   * Lets policies read a database or replica as `prefix:Table`, from now until the service is closed.
   *
   * @throws PolicySourceError when the prefix is taken
   */
  addSource(prefix: string, source: TableSource): void {
    if (this.#sources.has(prefix)) {
      throw new PolicySourceError(`Cannot add source "${prefix}": there is one already`, { hint: "Give it another prefix" });
    }
    this.#sources.set(prefix, source);
    this.#closers.push(followSource(source, (changes) => this.#onChanges(prefix, changes)));
    if ("onConvert" in source) this.#closers.push(source.onConvert(() => this.#reload()));
    this.#reload();
  }

  /** Refuses changes of a database that is a source already, as long as the service is not closed. */
  guard(prefix: string, database: GuardedDatabase): void {
    if (this.#sources.get(prefix) !== database) {
      throw new PolicySourceError(`Cannot guard "${prefix}": the database is not its source`, {
        hint: didYouMean(prefix, this.#sources.keys()),
      });
    }
    database.judge = (proposed) => this.judge(prefix, proposed);
    this.#closers.push(() => {
      database.judge = undefined;
    });
  }

  /** Replaces the rows of a table that is filled from outside, e.g. `lab:host`; the first call declares it. */
  pushTable(declaration: RelationDecl, rows: readonly Tuple[]): void {
    const old = this.#pushed.get(declaration.name);
    this.#pushed.set(declaration.name, { ...declaration, rows });
    this.#noteUpdate(declaration.name.slice(0, declaration.name.indexOf(":")));
    const isDeclared = old !== undefined && JSON.stringify(old.columns) === JSON.stringify(declaration.columns);
    if (!isDeclared) this.#reload();
    else this.#apply(() => this.#live.pushChanges(declaration.name, old.rows, rows));
  }

  /**
   * Takes the policies from the `*.dl` files of a folder, and follows their changes.
   *
   * @throws IoError when the folder cannot be read, PolicySourceError when there is a folder already
   */
  openFolder(path: string): PolicyFolder {
    if (this.#folder !== undefined)
      throw new PolicySourceError(`Cannot open "${path}": policies come from "${this.#folder.path}"`);
    const folder = new PolicyFolder(path, (sources) => this.setPolicies(sources), this.#log);
    this.#folder = folder;
    this.#closers.push(() => folder[Symbol.dispose]());
    return folder;
  }

  /** The folder that policies come from. */
  get folder(): PolicyFolder | undefined {
    return this.#folder;
  }

  /** What would keep this text of a policy from being in force, or `undefined`; nothing is changed by asking. */
  problemWith(source: PolicySource): string | undefined {
    const wanted = [...this.#wanted.filter(({ name }) => name !== source.name), source];
    const inForce = this.#live.program;
    const { policies } = loadPolicies(wanted, this.#policies, this.#inputs, this.#functions, this.#live);
    this.#live.replace(inForce);
    return policies.get(source.name)?.error;
  }

  /** Makes these the wanted policies; what is sound of them is in force when the call returns. */
  setPolicies(wanted: readonly PolicySource[]): void {
    this.#wanted = wanted.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    this.#reload(this.#live);
  }

  /** The wanted policies in the order of their names. */
  policies(): PolicyStatus[] {
    return Array.from(this.#policies.values(), (version) => statusOf(version, this.#live.program));
  }

  /** The rules of a policy that are in force. */
  rules(policy: string): PolicyRule[] {
    return rulesOf(this.#live.program, policy);
  }

  /** The sources by prefix. */
  get sources(): ReadonlyMap<string, TableSource> {
    return this.#sources;
  }

  /** The tables that are filled from outside, by relation. */
  get pushedTables(): ReadonlyMap<string, PushedTable> {
    return this.#pushed;
  }

  /** When a source or pushed table changed last, and how often since it was added. */
  freshness(prefix: string): Freshness {
    return this.#freshness.get(prefix) ?? { at: undefined, nUpdates: 0 };
  }

  /** The program in force and its engine; another one after a change of the sources. */
  get live(): LiveProgram {
    return this.#live;
  }

  /**
   * Says whether a change may be made.
   *
   * A change is refused when it would add a row to the `deny` table of some policy; rows that are there
   * already do not matter. Nothing is changed by asking.
   */
  judge(prefix: string, { changes, by, comment }: Proposed): Refusal | undefined {
    try {
      const denials = this.#live.denialsOf({ prefix, changes });
      if (denials.nDenied === 0) return undefined;
      const policies = [...new Set(denials.proven.map(({ violation }) => violation.policy))];
      this.#log.info({ prefix, policies, nDenied: denials.nDenied, by, comment }, "change refused");
      return refusalOf(denials, prefix, changes);
    } catch (error) {
      this.#log.error({ prefix, err: messageOf(error) }, "change could not be judged");
      return unjudgedRefusal(messageOf(error));
    }
  }

  /**
   * The present violations with their proofs: errors first, then `deny` rows, then warnings.
   *
   * @param limit - at most so many; each costs the search for its proof
   */
  violations(limit = 200): Violation[] {
    const order = ["error", "deny", "warning"];
    const rows = [...this.#violations.values()].toSorted((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
    return this.#live.violationsOf(rows.slice(0, limit));
  }

  /** How many violations there are. */
  get nViolations(): number {
    return this.#violations.size;
  }

  /** Calls `listener` whenever violations come or go. @returns stops it */
  onViolations(listener: (change: ViolationChange) => void): () => void {
    this.#violationListeners.add(listener);
    return () => this.#violationListeners.delete(listener);
  }

  /** Calls `listener` after each change of the policies or of their status. @returns stops it */
  onPolicies(listener: (policies: readonly PolicyStatus[]) => void): () => void {
    this.#policyListeners.add(listener);
    return () => this.#policyListeners.delete(listener);
  }

  /** Stops following the sources and guarding. */
  [Symbol.dispose](): void {
    for (const close of this.#closers.splice(0)) close();
    this.#violationListeners.clear();
    this.#policyListeners.clear();
  }

  #onChanges(prefix: string, changes: readonly RowChange[]): void {
    this.#noteUpdate(prefix);
    this.#apply(() => this.#live.changesFor(prefix, changes));
  }

  #noteUpdate(prefix: string): void {
    this.#freshness.set(prefix, { at: this.#clock.now(), nUpdates: this.freshness(prefix).nUpdates + 1 });
  }

  #apply(changesNow: () => Change[]): void {
    const appeared: ViolationRow[] = [];
    const gone: ViolationRow[] = [];
    try {
      const changes = changesNow();
      if (changes.length === 0) return;
      for (const [relation, { inserted, deleted }] of this.#live.engine.transact(changes)) {
        if (violationRelation(relation) === undefined) continue;
        gone.push(...deleted.flatMap((tuple) => this.#live.violationRow(relation, tuple) ?? []));
        appeared.push(...inserted.flatMap((tuple) => this.#live.violationRow(relation, tuple) ?? []));
      }
    } catch (error) {
      this.#log.error({ err: messageOf(error) }, "policies failed on a change");
      this.#reload();
      return;
    }
    this.#tell({ appeared, gone });
  }

  /** Takes up the wanted policies: in the program that runs, or in a new one when the tables are other than before. */
  #reload(running?: LiveProgram): void {
    const { live, policies } = loadPolicies(this.#wanted, this.#policies, this.#inputs, this.#functions, running);
    this.#live = live;
    this.#policies = policies;
    const statuses = this.policies();
    for (const { name, status, error } of statuses) {
      if (status !== "ok") this.#log.warn({ policy: name, status, err: error }, "policy is broken");
    }
    for (const listener of this.#policyListeners) listener(statuses);
    const present = new Map(live.violationRows().map((row) => [keyOf(row), row]));
    const appeared = [...present].flatMap(([key, row]) => (this.#violations.has(key) ? [] : row));
    const gone = [...this.#violations].flatMap(([key, row]) => (present.has(key) ? [] : row));
    this.#tell({ appeared, gone });
  }

  #tell(change: ViolationChange): void {
    if (change.appeared.length + change.gone.length === 0) return;
    for (const row of change.gone) this.#violations.delete(keyOf(row));
    for (const row of change.appeared) this.#violations.set(keyOf(row), row);
    this.#log.debug({ nAppeared: change.appeared.length, nGone: change.gone.length }, "violations changed");
    for (const listener of this.#violationListeners) listener(change);
  }
}

function keyOf({ policy, kind, row }: ViolationRow): string {
  return formatAtom(`${policy}:${kind}`, row);
}
