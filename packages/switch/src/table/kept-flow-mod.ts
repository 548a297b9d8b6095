/**
 * A flow-mod of a bundle until it is carried out: one small object for the message and its flow, since there may be a million of
 * them, all of which live until the last has come.
 */
import type { FlowMod, FlowModCommand, FlowSpec } from "@tenet/openflow";
import { PackedFlow } from "./packed-flow.ts";
import type { Shape } from "./packed-match.ts";
import type { RecordStore } from "./record-store.ts";

/** The message, and its own flow. */
export class KeptFlowMod extends PackedFlow implements FlowMod {
  readonly command: FlowModCommand;

  /** @param shape - of the flow's mask */
  constructor(command: FlowModCommand, flow: FlowSpec, shape: Shape, store: RecordStore) {
    super(flow, shape, store);
    this.command = command;
  }

  get type(): "flowMod" {
    return "flowMod";
  }

  get flow(): this {
    return this;
  }
}
