/**
 * Bundles: flow-mods, group-mods, port-mods and packet-outs collected over several messages and applied at once.
 *
 * A commit applies all of them in order or none; what fails names the message at fault. Ports change and packets
 * leave after the tables have changed.
 *
 * @see OpenFlow 1.5.1, section 6.9
 */
import type { BundleControlKind, Message } from "@tenet/openflow";
import { RefusedError } from "../table/refused-error.ts";

/** A message of a bundle, with its own transaction id. */
export interface BundleEntry {
  readonly message: BundledMessage;
  readonly xid: number;
}

/** What may be in a bundle. */
export type BundledMessage = Extract<Message, { type: "flowMod" | "groupMod" | "portMod" | "packetOut" }>;

interface Bundle {
  readonly entries: BundleEntry[];
  isClosed: boolean;
}

/** The open bundles of one connection. */
export class Bundles {
  readonly #bundleById = new Map<number, Bundle>();

  /** Carries out a control message. @returns what to answer @throws RefusedError; what `commit` throws */
  control(id: number, kind: BundleControlKind, commit: (entries: readonly BundleEntry[]) => void): BundleControlKind {
    switch (kind) {
      case "openRequest":
        if (this.#bundleById.has(id)) throw new RefusedError("OFPBFC_BUNDLE_EXIST", `bundle ${id} is open`);
        this.#bundleById.set(id, { entries: [], isClosed: false });
        return "openReply";
      case "closeRequest": {
        const bundle = this.#find(id);
        if (bundle.isClosed) throw new RefusedError("OFPBFC_BUNDLE_CLOSED", `bundle ${id} is closed`);
        bundle.isClosed = true;
        return "closeReply";
      }
      case "commitRequest": {
        const { entries } = this.#find(id);
        this.#bundleById.delete(id);
        commit(entries);
        return "commitReply";
      }
      case "discardRequest":
        this.#find(id);
        this.#bundleById.delete(id);
        return "discardReply";
      default:
        throw new RefusedError("OFPBFC_BAD_ID", `a switch does not take ${kind}`);
    }
  }

  /** Adds a message to a bundle. @throws RefusedError when it may not be in one, or the bundle is closed */
  add(id: number, message: Message, xid: number): void {
    let bundle = this.#bundleById.get(id);
    if (bundle === undefined) {
      bundle = { entries: [], isClosed: false };
      this.#bundleById.set(id, bundle);
    }
    if (bundle.isClosed) throw new RefusedError("OFPBFC_BUNDLE_CLOSED", `bundle ${id} is closed`);
    if (!isBundled(message)) throw new RefusedError("OFPBFC_MSG_UNSUP", `bundles do not hold ${message.type}`);
    bundle.entries.push({ message, xid });
  }

  #find(id: number): Bundle {
    const bundle = this.#bundleById.get(id);
    if (bundle === undefined) throw new RefusedError("OFPBFC_BAD_ID", `there is no bundle ${id}`);
    return bundle;
  }
}

function isBundled(message: Message): message is BundledMessage {
  const { type } = message;
  return type === "flowMod" || type === "groupMod" || type === "portMod" || type === "packetOut";
}
