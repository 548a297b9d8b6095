/** The kernel's verifier refused a program: its whole log, the line that says why, and the place in our words. */
import { AppError } from "@tenet/kit";
import { disassemble } from "./disassemble.ts";
import type { Assembled } from "./assemble.ts";

/** A line about an instruction: `12: (61) r1 = *(u32 *)(r2 +0)`. */
const INSTRUCTION = /^(\d+): \([0-9a-f]{2}\) /;
/** Lines that tell what the verifier spent, at the log's end, and the states in between. */
const NO_REASON =
  /^(processed \d+ insns|verification time|stack depth|mark_precise|last_idx|\d+: |; |func#|Live regs|parent |peak_states|from \d+)/;

/** A program was refused; `log` is all that the verifier said. */
export class VerifierError extends AppError {
  static override readonly code: string = "BPF_VERIFIER";
  readonly log: string;
  /** The slot at which it was refused; `undefined` when the log does not say. */
  readonly slot: number | undefined;

  constructor(name: string, program: Assembled, log: string) {
    const lines = log.split("\n").filter((line) => line !== "");
    const slot = lastSlot(lines);
    const reason = lines.findLast((line) => !NO_REASON.test(line)) ?? "no reason given";
    const place = slot === undefined ? "" : ` ${placeOf(slot, program)}`;
    super(`Cannot load program "${name}": the verifier refused it${place}: ${reason}`, {
      hint: `The log has ${lines.length} lines; its end:\n${lines.slice(-6).join("\n")}`,
      details: { log, program: disassemble(program) },
    });
    this.log = log;
    this.slot = slot;
  }
}

function lastSlot(lines: readonly string[]): number | undefined {
  const found = lines.findLast((line) => INSTRUCTION.test(line));
  return found === undefined ? undefined : Number(INSTRUCTION.exec(found)?.[1]);
}

/** A slot by the label before it. */
function placeOf(slot: number, { labels }: Assembled): string {
  let nearest: { name: string; at: number } | undefined;
  for (const [name, at] of labels) if (at <= slot && (nearest === undefined || at >= nearest.at)) nearest = { name, at };
  return nearest === undefined ? `at slot ${slot}` : `at "${nearest.name}"+${slot - nearest.at} (slot ${slot})`;
}
