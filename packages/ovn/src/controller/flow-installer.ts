/**
 * Keeps a switch's flow tables equal to the desired ones.
 *
 * What: after each connection it reads what is installed and sends the difference only; from then on it sends
 * the deltas. Every batch is one atomic bundle, confirmed by a barrier.
 * Why: a restart of either side must not interrupt traffic, and no packet may meet half a change.
 * Limits: one switch. Flows that it refuses are left out and reported, the others go in; any other error ends the
 * connection, and the next one starts by reading again.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type Logger, messageOf } from "@tenet/kit";
import { type Action, type FlowSpec, FlowTransactionError, formatActions, formatFlow, type PacketIn } from "@tenet/openflow";
import { type FlowChanges, flowKey } from "./flow-table.ts";

/** A conversation with a switch about its flows. */
export interface FlowChannel {
  /** What is installed. */
  readFlows(): Promise<readonly FlowSpec[]>;
  /** Changes all or nothing; resolves when the switch has confirmed, rejects with FlowTransactionError what it refuses. */
  change(changes: FlowChanges): Promise<void>;
  /** Lets the switch run actions on a packet. */
  sendPacket(frame: Uint8Array, actions: readonly Action[]): void;
  /** Makes the switch forget the connections of a zone. */
  flushZone(zone: number): void;
  /** Resolves when the conversation is over. */
  readonly closed: Promise<void>;
  close(): void;
}

/** Opens a channel; packets that flows send to the controller go to `onPacketIn`. */
export type OpenChannel = (onPacketIn: (packet: PacketIn) => void, signal: AbortSignal) => Promise<FlowChannel>;

/** What an installer works with. */
export interface InstallerOptions {
  readonly open: OpenChannel;
  /** Every flow that should be installed, at this moment. */
  readonly desired: () => readonly FlowSpec[];
  readonly onPacketIn: (packet: PacketIn) => void;
  /** Called when the switch has become equal to the desired state after a (re)connection. */
  readonly onSynced: () => void;
}

const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 2000;

/** See the file's header. */
export class FlowInstaller {
  readonly #options: InstallerOptions;
  readonly #log: Logger;
  #channel: FlowChannel | undefined;
  /** Changes not yet sent, by flow key: the flow to have, or the flow to be without. */
  readonly #due = new Map<string, { readonly flow: FlowSpec; readonly isWanted: boolean }>();

  constructor(options: InstallerOptions, log: Logger) {
    this.#options = options;
    this.#log = log;
  }

  /** Notes changes; {@link flush} sends them. */
  note({ added, removed }: FlowChanges): void {
    for (const flow of removed) this.#due.set(flowKey(flow), { flow, isWanted: false });
    for (const flow of added) this.#due.set(flowKey(flow), { flow, isWanted: true });
  }

  /** Sends what was noted; true when the switch has confirmed all of it, false when there is no switch to do so. */
  async flush(): Promise<boolean> {
    const channel = this.#channel;
    if (channel === undefined) return false;
    try {
      await this.#sendDue(channel);
      return this.#channel === channel;
    } catch (error) {
      this.#log.warn({ error: messageOf(error) }, "cannot change flows, reading the switch again");
      channel.close();
      return false;
    }
  }

  /** Lets the switch run actions on a packet; lost when there is no switch. */
  sendPacket(frame: Uint8Array, actions: readonly Action[]): void {
    this.#channel?.sendPacket(frame, actions);
  }

  /** Makes the switch forget the connections of these zones; false when there is no switch to do so. */
  flushZones(zones: readonly number[]): boolean {
    for (const zone of zones) this.#channel?.flushZone(zone);
    return this.#channel !== undefined;
  }

  /** Connects and reconnects until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    let retryMs = FIRST_RETRY_MS;
    while (!signal.aborted) {
      try {
        if (await this.#session(signal)) retryMs = FIRST_RETRY_MS;
      } catch (error) {
        if (!signal.aborted) this.#log.debug({ error: messageOf(error), retryMs }, "no switch to install flows in");
      }
      await sleep(retryMs, undefined, { signal }).catch(() => undefined);
      retryMs = Math.min(2 * retryMs, LAST_RETRY_MS);
    }
  }

  /** One connection, from its opening to its end. */
  async #session(signal: AbortSignal): Promise<boolean> {
    const channel = await this.#options.open(this.#options.onPacketIn, signal);
    try {
      await this.#reconcile(channel);
      this.#channel = channel;
      this.#options.onSynced();
      await channel.closed;
      return true;
    } finally {
      this.#channel = undefined;
      channel.close();
    }
  }

  async #reconcile(channel: FlowChannel): Promise<void> {
    const installed = await channel.readFlows();
    const changes = differenceOf(installed, this.#options.desired());
    this.#due.clear();
    await this.#change(channel, changes);
    const { added, removed } = changes;
    this.#log.info({ nInstalled: installed.length, nAdded: added.length, nRemoved: removed.length }, "flow tables reconciled");
  }

  async #sendDue(channel: FlowChannel): Promise<void> {
    if (this.#due.size === 0) return;
    const due = [...this.#due.values()];
    this.#due.clear();
    await this.#change(channel, {
      added: due.flatMap(({ flow, isWanted }) => (isWanted ? [flow] : [])),
      removed: due.flatMap(({ flow, isWanted }) => (isWanted ? [] : [flow])),
    });
  }

  /** One flow that a switch does not take must not keep all others out. */
  async #change(channel: FlowChannel, changes: FlowChanges): Promise<void> {
    try {
      await channel.change(changes);
    } catch (error) {
      if (!(error instanceof FlowTransactionError) || error.refused.length === 0) throw error;
      for (const { flow, error: why } of error.refused)
        this.#log.error({ flow: formatFlow(flow), why }, "flow refused by the switch");
      const refused = new Set(error.refused.map(({ flow }) => flowKey(flow)));
      const isTaken = (flow: FlowSpec): boolean => !refused.has(flowKey(flow));
      await channel.change({ added: changes.added.filter(isTaken), removed: changes.removed.filter(isTaken) });
    }
  }
}

/** What to add to and remove from the installed flows to get the desired ones. */
export function differenceOf(installed: readonly FlowSpec[], desired: readonly FlowSpec[]): FlowChanges {
  const rest = new Map(installed.map((flow) => [flowKey(flow), flow]));
  const added = desired.filter((flow) => {
    const key = flowKey(flow);
    const old = rest.get(key);
    rest.delete(key);
    return old === undefined || old.cookie !== flow.cookie || formatActions(old.actions) !== formatActions(flow.actions);
  });
  return { added, removed: [...rest.values()] };
}
