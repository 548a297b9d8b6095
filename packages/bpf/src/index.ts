export * as asm from "./assembly.ts";
export { assemble, type Assembled } from "./assemble.ts";
export { AssemblyError } from "./assembly-error.ts";
export { fixedMemory } from "./attributes.ts";
export { disassemble } from "./disassemble.ts";
export { type BpfFeatures, probeBpf } from "./features.ts";
export type {
  AccessBytes,
  AluOperation,
  AtomicAction,
  Code,
  Condition,
  HelperName,
  Instruction,
  MapReference,
  Operand,
  Register,
  Width,
} from "./instruction.ts";
export { GrowingArray, type GrowingArraySpec } from "./growing-array.ts";
export { GracePeriod } from "./grace-period.ts";
export { kernelFunctionIds } from "./kernel-types.ts";
export { type AttachPoint, attach, deviceOfPinnedLink, hasPrograms, type Link, openPinnedLink, VERDICT } from "./link.ts";
export { BpfMap, type EntryPart, type MapSpec, type UpdateMode } from "./map.ts";
export type { MapKind } from "./map-kind.ts";
export { unpin } from "./pin.ts";
export { BpfProgram, type ProgramKind, type ProgramSpec, type RunResult, type RunSpec, wasInterrupted } from "./program.ts";
export { RingBuffer } from "./ring-buffer.ts";
export { VerifierError } from "./verifier-error.ts";
