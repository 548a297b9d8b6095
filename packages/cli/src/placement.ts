/** Where flows run, as the switch of a run folder says. */
import type { Placement } from "@tenet/switch";
import { askSwitch } from "@tenet/why";

/** Asks the switch. @throws AppError when none answers */
export async function askPlacement(runDir: string, signal: AbortSignal): Promise<Placement> {
  return JSON.parse(await askSwitch(runDir, "tell where flows run", ["tenet/datapath"], signal)) as Placement;
}
