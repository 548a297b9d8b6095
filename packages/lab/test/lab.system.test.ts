/** The example cloud on the real stack, in both modes. */
import { createLogger, silentLogger } from "@tenet/kit";
import {
  applyNorthbound,
  bestMode,
  checkExpectations,
  formatReachability,
  type LabMode,
  readLabFile,
  type RunningLab,
  startLab,
} from "@tenet/lab";
import { findLeftovers } from "@tenet/linux";
import { expect, test } from "vitest";
import { startStack } from "./support/stack.ts";

const EXAMPLE = new URL("../../../examples/three-tier", import.meta.url).pathname;
const best = bestMode();
if (best.mode !== "namespaces") console.log(`skipped: hosts in namespaces need root on Linux (${best.reason})`);
const MODES = (["simulated", "namespaces"] as const).filter((mode) => mode === "simulated" || best.mode === mode);
const log = process.env["LAB_LOG"] === undefined ? silentLogger : createLogger();

test.each(MODES)("with %s hosts the example keeps what it promises, and leaves nothing behind", async (mode: LabMode) => {
  const prefix = "tl1-";
  const example = readLabFile(EXAMPLE);
  const stack = await startStack({ datapathType: mode === "simulated" ? "dummy" : "", log });
  try {
    const applied = await applyNorthbound(example, stack.nb);
    expect(applied.written).toContain("Logical_Switch prod");
    const progress: string[] = [];
    const { nb, vswitch, openLink } = stack;
    const t0 = performance.now();
    const options = { mode, prefix, nb, vswitch, openLink, log, onProgress: (text: string) => progress.push(text) };
    const lab: RunningLab = await startLab(example, options, new AbortController().signal);
    const t1 = performance.now();
    try {
      const reachability = await lab.measure();
      if (process.env["LAB_LOG"]) console.log(formatReachability(reachability), t1 - t0, performance.now() - t1);
      expect(checkExpectations(example, reachability)).toEqual([]);
      expect(progress.at(-1)).toBe("7 of 7 ports up");
    } finally {
      await lab.close();
    }
    expect(findLeftovers(prefix)).toEqual({ links: [], namespaces: [] });
    expect([...vswitch.table("Port").values()].map((row) => row["name"])).toEqual(["br-int"]);
  } finally {
    await stack[Symbol.asyncDispose]();
  }
});
