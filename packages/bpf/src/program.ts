/** Programs: loaded into the kernel, run for a test, attached by `attach`. */
import { closeFd, errnoName, SystemCallError } from "@tenet/linux";
import { assemble, type Assembled } from "./assemble.ts";
import { Attributes, COMMAND, callError, fixedMemory } from "./attributes.ts";
import type { Code } from "./instruction.ts";
import { SLOT_BYTES } from "./opcode.ts";
import { openPin, pin } from "./pin.ts";
import { FUNCTION_INFO_BYTES, loadProgramTypes, type ProgramTypes } from "./program-types.ts";
import { VerifierError } from "./verifier-error.ts";

/** Where a program can run: on packets of a device with their `__sk_buff`, before those are made, on a socket's packets. */
export type ProgramKind = "sched_cls" | "xdp" | "socket_filter";

/** What to load. */
export interface ProgramSpec {
  /** The kernel keeps its first 15 characters. */
  readonly name: string;
  readonly kind: ProgramKind;
  readonly code: Code;
  /** Functions of the kernel can only be called by programs under the GPL or both it and another; that is the default. */
  readonly license?: string;
}

/** How often and on what a program is run for a test. */
export interface RunSpec {
  /** The packet, at least 14 bytes. */
  readonly packet: Uint8Array;
  /** The `__sk_buff` as far as it can be given; only `ifindex` (offset 40), `mark` (8), `priority` (32) and a few more. */
  readonly context?: Uint8Array;
  /** Default 1. */
  readonly nTimes?: number;
  /** A device has summed the packet up; the kernel, from 6.16 on, compares the sum when the program has run. */
  readonly isSummed?: boolean;
}

/** What a run for a test gave. */
export interface RunResult {
  /** What the program returned, signed. */
  readonly value: number;
  /** The packet as it left it. */
  readonly packet: Uint8Array;
  /** Of one run, the mean in ns. */
  readonly durationNs: number;
}

const KINDS: Readonly<Record<ProgramKind, number>> = { socket_filter: 1, sched_cls: 3, xdp: 6 };
const LOG_BYTES = 16 * 1024 * 1024;
const TEST_FLAG_SUMMED = 4;
const MAX_PACKET_BYTES = 65536;
const INTERRUPTED: readonly string[] = ["EAGAIN", "EINTR"];
const MAX_TRIES = 5;
/** On another thread, which does not say why it failed; a program that is refused for good is verified as often. */
const MAX_TRIES_ASIDE = 3;
/** `struct bpf_prog_info`, and where it says how many instructions the verifier went through. */
const INFO = { sizeBytes: 224, verifiedAt: 216 } as const;
const LICENSE = "Dual MIT/GPL";

/** A program that the kernel has verified and compiled. */
export class BpfProgram {
  readonly fd: number;
  readonly name: string;

  /**
   * Loads a program.
   *
   * The verifier keeps a log only when asked, since that costs it; so a program that it refuses is tried again.
   *
   * @throws AssemblyError when it cannot be put into bytes
   * @throws VerifierError when the verifier refuses it
   * @throws SystemCallError when it may not be loaded at all, or signals came each time, see {@link wasInterrupted}
   */
  static load(spec: ProgramSpec): BpfProgram {
    const program = assemble(spec.code);
    const types = loadProgramTypes(spec.name, program);
    try {
      return new BpfProgram(loadAssembled(spec, program, types), spec.name);
    } finally {
      types?.close();
    }
  }

  /**
   * As {@link BpfProgram.load}, while this thread does other things: the verifier takes tens of ms for a long program.
   *
   * @throws AssemblyError at once
   * @throws VerifierError
   * @throws SystemCallError
   */
  static async loadAside(spec: ProgramSpec): Promise<BpfProgram> {
    const program = assemble(spec.code);
    const types = loadProgramTypes(spec.name, program);
    try {
      const attributes = loadAttributes(spec, program, types);
      let fd = -1;
      for (let n = 0; fd < 0 && n < MAX_TRIES_ASIDE; n++) fd = await attributes.tryAside(COMMAND.programLoad);
      return new BpfProgram(fd >= 0 ? fd : loadAssembled(spec, program, types), spec.name);
    } finally {
      types?.close();
    }
  }

  /** Opens a program that is pinned. @throws SystemCallError when nothing is there */
  static openPinned(path: string): BpfProgram {
    return new BpfProgram(openPin(path), path);
  }

  private constructor(fd: number, name: string) {
    this.fd = fd;
    this.name = name;
  }

  /**
   * Runs it here and now, on a packet that belongs to nobody.
   *
   * @throws SystemCallError `EBADMSG` when the program has left a sum that is not the packet's
   */
  run({ packet, context, nTimes = 1, isSummed = false }: RunSpec): RunResult {
    const before = fixedMemory(packet.length);
    before.set(packet);
    const after = fixedMemory(MAX_PACKET_BYTES);
    const attributes = new Attributes()
      .u32(0, this.fd)
      .u32(8, before.length)
      .u32(12, after.length)
      .memory(16, before)
      .memory(24, after);
    attributes.u32(32, nTimes).u32(64, isSummed ? TEST_FLAG_SUMMED : 0);
    if (context !== undefined) {
      const fixed = fixedMemory(context.length);
      fixed.set(context);
      attributes.u32(40, fixed.length).memory(48, fixed);
    }
    attributes.call(COMMAND.programRun, `run program "${this.name}"`);
    return { value: attributes.read(4) | 0, packet: after.slice(0, attributes.read(12)), durationNs: attributes.read(36) };
  }

  /**
   * Instructions that the verifier went through, each as often as it did. It refuses a program when they are a million.
   *
   * @throws SystemCallError
   * @see struct bpf_prog_info in linux/bpf.h, verified_insns: since Linux 5.16, 0 before
   */
  nVerified(): number {
    const info = fixedMemory(INFO.sizeBytes);
    const attributes = new Attributes().u32(0, this.fd).u32(4, info.length).memory(8, info);
    attributes.call(COMMAND.infoByFd, `read what program "${this.name}" is`);
    return new DataView(info.buffer).getUint32(INFO.verifiedAt, true);
  }

  /** Keeps the program alive under a path of the BPF file system. @throws SystemCallError */
  pin(path: string): void {
    pin(this.fd, path);
  }

  /** Lets go of it; where it is attached it stays. */
  close(): void {
    closeFd(this.fd);
  }
}

/** Whether a program was not loaded because signals came while it was verified, so that it may be tried again some time later. */
export function wasInterrupted(error: unknown): boolean {
  return error instanceof SystemCallError && INTERRUPTED.includes(error.errno);
}

function loadAttributes(spec: ProgramSpec, program: Assembled, types: ProgramTypes | undefined): Attributes {
  const instructions = fixedMemory(program.bytes.length);
  instructions.set(program.bytes);
  const attributes = new Attributes()
    .u32(0, KINDS[spec.kind])
    .u32(4, instructions.length / SLOT_BYTES)
    .memory(8, instructions)
    .text(16, spec.license ?? LICENSE)
    .name(48, spec.name);
  if (types !== undefined) {
    const n = types.functions.length / FUNCTION_INFO_BYTES;
    attributes.u32(72, types.fd).u32(76, FUNCTION_INFO_BYTES).memory(80, types.functions).u32(88, n);
  }
  return attributes;
}

function loadAssembled(spec: ProgramSpec, program: Assembled, types: ProgramTypes | undefined): number {
  const attributes = loadAttributes(spec, program, types);
  const result = tryToLoad(attributes);
  if (result >= 0) return result;
  const log = fixedMemory(LOG_BYTES);
  const again = tryToLoad(attributes.u32(24, 1).u32(28, LOG_BYTES).memory(32, log));
  if (again >= 0) return again;
  if (isInterruption(again)) throw callError(`load program "${spec.name}"`, COMMAND.programLoad, -again);
  const text = new TextDecoder().decode(log.subarray(0, log.indexOf(0)));
  if (text === "") throw callError(`load program "${spec.name}"`, COMMAND.programLoad, -again);
  throw new VerifierError(spec.name, program, text);
}

/** The verifier gives up when the thread has a signal to take, and is to be asked again. @returns as `Attributes.try` */
function tryToLoad(attributes: Attributes): number {
  let result = attributes.try(COMMAND.programLoad);
  for (let n = 1; isInterruption(result) && n < MAX_TRIES; n++) result = attributes.try(COMMAND.programLoad);
  return result;
}

function isInterruption(result: number): boolean {
  return result < 0 && INTERRUPTED.includes(errnoName(-result));
}
