/** How the thread that switches is to compile what it loads. */
import { getHeapCodeStatistics, setFlagsFromString } from "node:v8";
import { Script } from "node:vm";
import { expect, test } from "vitest";
import { compileAhead } from "../src/daemon/short-pauses.ts";

const N_FUNCTIONS = 100;

/** How much code V8 makes of functions that are never called, in bytes. */
function bytesOfUncalled(name: string): number {
  const functions = Array.from({ length: N_FUNCTIONS }, (_, n) => `function ${name}${n}(a, b) { return a * ${n} + b; }`);
  const sizeBytes = (): number => getHeapCodeStatistics().bytecode_and_metadata_size;
  const before = sizeBytes();
  new Script(functions.join("\n"), { filename: name }).runInThisContext();
  return sizeBytes() - before;
}

test("what is loaded later is compiled before it is called", () => {
  const lazyBytes = bytesOfUncalled("lazy");
  compileAhead();
  try {
    expect(bytesOfUncalled("ahead")).toBeGreaterThan(lazyBytes + N_FUNCTIONS * 8);
  } finally {
    setFlagsFromString("--lazy");
  }
});
