/** Vitest's set-up file: every property test draws from the seed of the run (`vitest.config.ts`). */
import { configureGlobal, readConfigureGlobal } from "fast-check";
import { inject } from "vitest";

configureGlobal({ ...readConfigureGlobal(), seed: inject("seed") });
