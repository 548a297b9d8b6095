/**
 * Vitest's set-up file: gives every property test the seed TEST_SEED (a number; 1 unless told, so that a run can be repeated;
 * `random` looks for what no run has seen).
 */
import { configureGlobal, readConfigureGlobal } from "fast-check";

const told = process.env["TEST_SEED"] ?? "1";
const seed = told === "random" ? Date.now() % 2 ** 31 : Number(told);
if (!Number.isInteger(seed)) throw new Error(`TEST_SEED=${told}: expected an integer or "random"`);
configureGlobal({ ...readConfigureGlobal(), seed });
