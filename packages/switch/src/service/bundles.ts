/**
 * Bundles: flow-mods, group-mods, port-mods and packet-outs collected over several messages and applied at once.
 *
 * A commit applies all of them in order or none; what fails names the message at fault. Ports change and packets
 * leave after the tables have changed. A mistake in handling a bundle ends it, and so does a long silence.
 *
 * @see OpenFlow 1.5.1, section 6.9
 */
import { LongList } from "@tenet/classifier";
import type { Clock } from "@tenet/kit";
import type { BundleControlKind, Message } from "@tenet/openflow";
import { RecordStore } from "../table/record-store.ts";
import { RefusedError } from "../table/refused-error.ts";
import type { ChangeMessage } from "./table-changes.ts";

/** What there is to be carried out of a bundle; {@link store} is to be closed then. */
export interface Commit {
  readonly messages: LongList<ChangeMessage>;
  /** Their own transaction ids. */
  readonly xids: LongList<number>;
  /** Holds flows of its messages. */
  readonly store: RecordStore;
}

/** A bundle that was given up. */
export interface ExpiredBundle {
  readonly bundleId: number;
  readonly flags: number;
  /** Of the request that opened it. */
  readonly xid: number;
}

type Control = Extract<Message, { type: "bundleControl" }>;
type Add = Extract<Message, { type: "bundleAdd" }>;

interface Bundle extends ExpiredBundle, Commit {
  isClosed: boolean;
  usedMs: number;
}

/** The open bundles of one connection. */
export class Bundles {
  readonly #clock: Clock;
  readonly #bundleById = new Map<number, Bundle>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Carries out a control message. @returns what to answer, and what to carry out before @throws RefusedError */
  control({ bundleId, kind, flags }: Control, xid: number): { readonly kind: BundleControlKind; readonly commit?: Commit } {
    switch (kind) {
      case "openRequest":
        if (this.#discard(bundleId)) throw new RefusedError("OFPBFC_BAD_ID", `bundle ${bundleId} is open`);
        this.#bundleById.set(bundleId, this.#make(bundleId, flags, xid));
        return { kind: "openReply" };
      case "closeRequest": {
        const bundle = this.#find(bundleId);
        this.#refuseClosed(bundle);
        this.#refuseOtherFlags(bundle, flags);
        bundle.isClosed = true;
        bundle.usedMs = this.#clock.monotonicMs();
        return { kind: "closeReply" };
      }
      case "commitRequest": {
        const bundle = this.#find(bundleId);
        this.#refuseOtherFlags(bundle, flags);
        this.#bundleById.delete(bundleId);
        return { kind: "commitReply", commit: bundle };
      }
      case "discardRequest":
        this.#find(bundleId);
        this.#discard(bundleId);
        return { kind: "discardReply" };
      default:
        throw new RefusedError("OFPBFC_BAD_TYPE", `a switch does not take ${kind}`);
    }
  }

  /**
   * Adds a message to a bundle, which is opened when it is not yet; a message that is refused opens none, and ends none.
   *
   * @param kept - makes of the message one that can be kept until the bundle goes, with flows in its store
   * @throws RefusedError
   */
  add(
    { bundleId, flags, message, xid }: Add,
    addXid: number,
    kept: (message: ChangeMessage, store: RecordStore) => ChangeMessage,
  ): void {
    if (!isChange(message)) throw new RefusedError("OFPBFC_MSG_UNSUP", `bundles do not hold ${message.type}`);
    const known = this.#bundleById.get(bundleId);
    const bundle = known ?? this.#make(bundleId, flags, addXid);
    try {
      bundle.messages.push(kept(message, bundle.store));
      bundle.xids.push(xid);
    } catch (error) {
      if (known === undefined) bundle.store.close();
      throw error;
    }
    this.#bundleById.set(bundleId, bundle);
    this.#refuseClosed(bundle);
    this.#refuseOtherFlags(bundle, flags);
    bundle.usedMs = this.#clock.monotonicMs();
  }

  /** Gives up the bundles to which nothing was added for a time. */
  expire(idleMs: number): ExpiredBundle[] {
    const latestMs = this.#clock.monotonicMs() - idleMs;
    const expired = [...this.#bundleById.values()].filter(({ usedMs }) => usedMs <= latestMs);
    for (const { bundleId } of expired) this.#discard(bundleId);
    return expired;
  }

  /** Gives up all bundles: the connection is over. */
  close(): void {
    for (const bundleId of this.#bundleById.keys()) this.#discard(bundleId);
  }

  /** @returns whether there was one */
  #discard(bundleId: number): boolean {
    this.#bundleById.get(bundleId)?.store.close();
    return this.#bundleById.delete(bundleId);
  }

  #make(bundleId: number, flags: number, xid: number): Bundle {
    const usedMs = this.#clock.monotonicMs();
    return {
      bundleId,
      flags,
      xid,
      messages: new LongList(),
      xids: new LongList(),
      store: new RecordStore(),
      isClosed: false,
      usedMs,
    };
  }

  #find(id: number): Bundle {
    const bundle = this.#bundleById.get(id);
    if (bundle === undefined) throw new RefusedError("OFPBFC_BAD_ID", `there is no bundle ${id}`);
    return bundle;
  }

  #refuseClosed({ bundleId, isClosed }: Bundle): void {
    if (!isClosed) return;
    this.#discard(bundleId);
    throw new RefusedError("OFPBFC_BUNDLE_CLOSED", `bundle ${bundleId} is closed`);
  }

  #refuseOtherFlags({ bundleId, flags }: Bundle, given: number): void {
    if (flags === given) return;
    this.#discard(bundleId);
    throw new RefusedError("OFPBFC_BAD_FLAGS", `bundle ${bundleId} was opened with the flags ${flags}`);
  }
}

function isChange(message: Message): message is ChangeMessage {
  const { type } = message;
  return type === "flowMod" || type === "groupMod" || type === "portMod" || type === "packetOut";
}
