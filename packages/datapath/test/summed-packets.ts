/** Packets that a device has summed up. */
import { SystemCallError } from "@tenet/linux";
import { tcpFrame } from "./frames.ts";
import type { OneFlowProgram } from "./one-flow-program.ts";

/** Whether the kernel runs programs on them for tests. */
export function canRunSummed(program: OneFlowProgram): boolean {
  try {
    program.run(tcpFrame(), []);
    return true;
  } catch (error) {
    if (error instanceof SystemCallError && error.errno === "EINVAL") return false;
    throw error;
  }
}
