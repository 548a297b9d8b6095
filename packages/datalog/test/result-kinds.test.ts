/** What the compiler knows of the results of functions is so. */
import { BUILT_IN_FUNCTIONS, compile, Engine, FunctionError, scalar, type Tuple, type Value } from "@tenet/datalog";
import { expect, test } from "vitest";

const VALUES: readonly Value[] = [
  null,
  true,
  0,
  3,
  -2.5,
  2n ** 60n,
  "",
  "7",
  "10.0.0.1",
  "10.0.0.0/8",
  "0a:00:00:00:00:01",
  "2026-01-02T03:04:05Z",
  10,
  ["a", 1],
  [["a", 1]],
  { a: 1 },
  scalar("ip", "::1") ?? null,
  scalar("time", "2026-01-02") ?? null,
  scalar("duration", "90s") ?? null,
  scalar("bytes", "6162") ?? null,
];
/** For functions of many arguments. */
const FEW: readonly Value[] = ["7", 1, 10, ["a", 1], "2026-01-02T03:04:05Z", true];

function argumentsOf(n: number): Tuple[] {
  const values = n > 3 ? FEW.slice(0, 4) : n > 2 ? FEW : VALUES;
  return Array.from({ length: n }).reduce<Tuple[]>(
    (tuples) => tuples.flatMap((tuple) => values.map((value) => [...tuple, value])),
    [[]],
  );
}

const known = BUILT_IN_FUNCTIONS.filter(({ isSet }) => isSet !== true).map(({ name, nArgs }) => {
  const args = Array.from({ length: nArgs }, (_, i) => `a${i}`).join(", ");
  const text = `input t(${args})\nr(${args === "" ? "" : `${args}, `}x, type_of(x)) :- t(${args}), x = ${name}(${args})`;
  const program = compile([{ name: "t.dl", text }]);
  return { name, nArgs, program, kind: program.kinds.get("r")?.[nArgs] };
});

test("most functions give one kind of value", () => {
  const unknown = known.filter(({ kind }) => kind === undefined).map(({ name }) => name);
  expect(unknown).toEqual(expect.arrayContaining(["coalesce", "nth", "get", "min", "max", "json"]));
  expect(known.length - unknown.length).toBeGreaterThan(70);
});

test.each(known.filter(({ kind }) => kind !== undefined))("$name gives a $kind, or nothing", ({ program, nArgs, kind }) => {
  const engine = new Engine(program);
  for (const tuple of argumentsOf(nArgs)) {
    try {
      engine.transact([{ relation: "t", tuple, weight: 1 }]);
    } catch (error) {
      // A function may refuse what would be too much.
      if (!(error instanceof FunctionError)) throw error;
    }
  }
  const kinds = new Set(engine.rows("r").map((row) => row.at(-1)));
  expect([...kinds]).toEqual([kind === "boolean" ? "bool" : kind]);
});
