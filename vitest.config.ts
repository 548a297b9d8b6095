import { defineConfig } from "vitest/config";

declare module "vitest" {
  /** What a run of the tests is given from outside. */
  interface ProvidedContext {
    /** Where all that is random begins: TEST_SEED, a number (1 unless told, so that a run can be repeated) or `random`. */
    seed: number;
    /** How many times over the long tests (laws of the engine, fuzzing, comparisons, kills) go: TEST_EFFORT, 1 unless told. */
    effort: number;
  }
}

const effort = numberFrom("TEST_EFFORT", 1);
const seed = process.env["TEST_SEED"] === "random" ? Date.now() % 2 ** 31 : numberFrom("TEST_SEED", 1);

/** Their servers live in folders of their own, and touch neither devices nor namespaces. */
const SERVERS = [
  "packages/{console,ovsdb,policy}/test/**/*.system.test.ts",
  "packages/ovn/test/northd/**/*.system.test.ts",
  "e2e/{ovsdb-server*,replication}.test.ts",
];

/** Unit tests run from sources; tests of servers run two at a time; tests that change the kernel run alone, one after another. */
export default defineConfig({
  ssr: { resolve: { conditions: ["source"] } },
  resolve: { conditions: ["source"] },
  test: {
    setupFiles: ["scripts/seed-tests.mjs"],
    provide: { seed, effort },
    testTimeout: 60_000 * effort,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["packages/*/test/**/*.test.ts"],
          exclude: ["**/*.system.test.ts"],
          pool: "threads",
          isolate: false,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "servers",
          include: SERVERS,
          pool: "forks",
          isolate: false,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: "system",
          include: ["packages/*/test/**/*.system.test.ts", "e2e/**/*.test.ts"],
          exclude: SERVERS,
          pool: "forks",
          isolate: false,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});

function numberFrom(name: string, usual: number): number {
  const number = Number(process.env[name] ?? usual);
  if (!Number.isInteger(number) || number < 1)
    throw new Error(`${name}=${process.env[name]}: expected a whole number of 1 or more`);
  return number;
}
