/** The law: after any sequence of deltas, the state equals a from-scratch evaluation. */
import { compile, type Delta, Engine, type Program, ProgramError, type Proof } from "@tenet/datalog";
import fc from "fast-check";
import { expect, test } from "vitest";
import { applyTo, type Generated, Generator, INPUTS } from "./generate.ts";
import { type Db, evaluate, print, type Row, type Rule, solve } from "./naive.ts";

const N_PROGRAMS = Number(process.env["DATALOG_PROGRAMS"] ?? 400);

test("incremental state, deltas, rollback, what-ifs, forks and proofs agree with a naive evaluator", { timeout: 600_000 }, () => {
  fc.assert(
    fc.property(fc.gen(), (g) => {
      const generator = new Generator(g);
      const run = new Run(generator.program());
      run.load(generator.changes(true));
      for (let i = 0; i < 8; i++) run.step(generator);
    }),
    { numRuns: N_PROGRAMS },
  );
});

const REFUSED = /inside a cycle|is an? \w+ in column|is compared with/;

class Run {
  readonly #program: Generated;
  readonly #rules: readonly Rule[];
  readonly #engine: Engine;
  readonly #text: string;
  #inputs: Db = new Map([...INPUTS.keys()].map((name) => [name, []]));
  #state: Db;

  constructor(program: Generated) {
    this.#program = program;
    this.#rules = program.levels.flat();
    const declarations = "input a(x, y)  input b(x)  input c(x, y)";
    this.#text = [declarations, ...this.#rules.map(print)].join("\n");
    // A tiny threshold makes the engine forget unused values all the time.
    this.#engine = new Engine(this.#compile(), { minValuesToSweep: 4, checks: true });
    this.#state = this.#evaluate(this.#inputs);
    this.#expectState("at the start");
  }

  /** Refused are programs whose negated groups compare with what only the recursion binds, and joins of two kinds: not tested here. */
  #compile(): Program {
    try {
      return compile([{ name: "generated.dl", text: this.#text }]);
    } catch (error) {
      fc.pre(!(error instanceof ProgramError && error.errors.every(({ message }) => REFUSED.test(message))));
      throw error;
    }
  }

  load(changes: Parameters<Engine["transact"]>[0]): void {
    const inputs = applyTo(this.#inputs, changes);
    const after = this.#evaluate(inputs);
    this.#expectDelta(this.#engine.transact(changes), after, "load");
    this.#keep(inputs, after);
    this.#expectState("after the load");
  }

  step(generator: Generator): void {
    const changes = generator.changes();
    const inputs = applyTo(this.#inputs, changes);
    const after = this.#evaluate(inputs);
    const kind = generator.choice(5);
    if (kind <= 2) {
      this.#expectDelta(this.#engine.transact(changes), after, "transact");
      this.#keep(inputs, after);
    } else if (kind === 3) this.#tryInParts(changes, generator.choice(1) === 0, inputs, after);
    else if (kind === 4) {
      const before = this.#allRows();
      const { delta, rows } = this.#engine.whatIf(changes);
      this.#expectDelta(delta, after, "whatIf");
      for (const name of this.#program.arity.keys()) expect(sorted(rows(name)), this.#text).toEqual(sorted(after.get(name)));
      expect(this.#allRows(), this.#text).toEqual(before);
    } else {
      const fork = this.#engine.fork(changes);
      this.#expectDelta(fork.delta(), after, "fork");
      const more = generator.changes();
      fork.apply(more);
      this.#expectDelta(fork.delta(), this.#evaluate(applyTo(inputs, more)), "fork, changed");
    }
    this.#expectState(`after step ${kind}`);
    this.#checkProofs();
  }

  #tryInParts(changes: Parameters<Engine["transact"]>[0], isKept: boolean, inputs: Db, after: Db): void {
    const before = this.#allRows();
    const transaction = this.#engine.begin();
    for (const change of changes) {
      if (change.weight > 0) transaction.insert(change.relation, change.tuple);
      else transaction.delete(change.relation, change.tuple);
      transaction.evaluate();
    }
    this.#expectDelta(transaction.evaluate(), after, "evaluate in parts");
    if (isKept) {
      this.#expectDelta(transaction.commit(), after, "commit in parts");
      this.#keep(inputs, after);
    } else {
      transaction.rollback();
      expect(this.#allRows(), this.#text).toEqual(before);
    }
  }

  #keep(inputs: Db, state: Db): void {
    this.#inputs = inputs;
    this.#state = state;
  }

  #evaluate(inputs: Db): Db {
    return evaluate(this.#program.levels, inputs);
  }

  #allRows(): Map<string, unknown> {
    return new Map([...this.#program.arity.keys()].map((name) => [name, this.#engine.rows(name)]));
  }

  #expectState(when: string): void {
    for (const name of this.#program.arity.keys()) {
      expect(sorted(this.#engine.rows(name)), `${name} ${when}\n${this.#text}`).toEqual(sorted(this.#state.get(name)));
    }
  }

  /** The delta is exactly the difference between the state before and after. */
  #expectDelta(delta: Delta, after: Db, when: string): void {
    for (const name of this.#program.arity.keys()) {
      const [old, now] = [new Set(sorted(this.#state.get(name))), new Set(sorted(after.get(name)))];
      const { inserted = [], deleted = [] } = delta.get(name) ?? {};
      expect(sorted(inserted), `inserted into ${name}, ${when}\n${this.#text}`).toEqual([...now].filter((row) => !old.has(row)));
      expect(sorted(deleted), `deleted from ${name}, ${when}\n${this.#text}`).toEqual([...old].filter((row) => !now.has(row)));
      if (delta.has(name)) expect(inserted.length + deleted.length).toBeGreaterThan(0);
    }
  }

  #checkProofs(): void {
    for (const name of new Set(this.#rules.map((rule) => rule.rel))) {
      for (const row of (this.#state.get(name) ?? []).slice(0, 3)) {
        const proof = this.#engine.explain(name, row);
        expect(proof, `${name} ${JSON.stringify(row)} has a proof\n${this.#text}`).toBeDefined();
        if (proof !== undefined) this.#checkProof(proof, []);
      }
    }
  }

  /** The named rule derives the row from the rows below it, and no row stands above itself. */
  #checkProof(proof: Proof, above: readonly string[]): void {
    if (proof.relation.includes("{")) return;
    const key = `${proof.relation}${JSON.stringify(proof.tuple)}`;
    expect(above, this.#text).not.toContain(key);
    expect(this.#engine.has(proof.relation, proof.tuple)).toBe(true);
    if (INPUTS.has(proof.relation)) return;
    const rule = this.#rules[(proof.rule?.line ?? 0) - 2];
    expect(rule, `${key} names a rule`).toBeDefined();
    const below: Db = new Map();
    for (const child of proof.because) below.set(child.relation, [...(below.get(child.relation) ?? []), child.tuple as Row]);
    const derived = solve(rule?.body ?? [], below, this.#state).map((b) =>
      rule?.head.map((t) => (t === "_" ? -1 : "c" in t ? t.c : b[t.v])),
    );
    expect(sorted(derived as Row[]), `${key}\n${this.#text}`).toContain(JSON.stringify(proof.tuple));
    for (const child of proof.because) this.#checkProof(child, [...above, key]);
  }
}

function sorted(rows: readonly unknown[] | undefined): string[] {
  return (rows ?? []).map((row) => JSON.stringify(row)).sort();
}
