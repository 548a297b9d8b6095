/** What a story is told from. */
import type { Replica } from "@tenet/ovsdb";
import type { TraceStory } from "@tenet/switch";

/** The databases and the switch that are asked. */
export interface WhySources {
  readonly nb: Replica;
  readonly sb: Replica;
  readonly vswitch: Replica;
  /** Runs `tenet/trace BRIDGE FLOW` of the switch. */
  readonly trace: (bridge: string, flow: string) => Promise<TraceStory>;
}

/** What `why` reads of a database; {@link Replica} has it. */
export type Tables = Pick<Replica, "table" | "find" | "schema">;
