/**
 * Megaflows by the commands of `ovs-dpctl`: put, changed, found and taken away behind the switch's back.
 *
 * What is put here stays until the switch looks through its flows, within half a second: those that it does not know it takes
 * away, as the original does. `revalidator/pause` holds that off.
 */
import type { DatapathAction, Megaflow } from "@tenet/datapath";
import { AppError } from "@tenet/kit";
import { makeFlowKey } from "@tenet/net";
import type { Match } from "@tenet/openflow";
import { ArgumentError } from "@tenet/ovsdb";
import { ufidOf } from "../../trace/format-odp-flow.ts";
import { parseOdpActions } from "../../trace/parse-odp-actions.ts";
import { parseOdpFlow, unreadOf } from "../../trace/parse-odp-flow.ts";
import type { Work } from "../../turns.ts";
import type { VirtualSwitch } from "../../virtual-switch.ts";
import { datapathPortNo, dpctlError } from "./datapath-argument.ts";

const NO_SUCH = "No such file or directory";
const UFID = /^ufid:([\da-f-]{32,36})[,\s]*/i;

/** A flow as it is named: by what it matches on, or by its identity, or both. */
interface FlowName {
  readonly match: Match;
  /** 32 hexadecimal digits. */
  readonly ufid: string | undefined;
}

/** How many flows are looked at between two chances for others. */
const FLOWS_PER_STEP = 16;

/** The megaflows of one datapath; to find one by its identity or to take one away, all are looked at. */
export class DatapathFlows {
  readonly #vswitch: VirtualSwitch;

  constructor(vswitch: VirtualSwitch) {
    this.#vswitch = vswitch;
  }

  /** Adds a flow. @returns it @throws ArgumentError when there is one that its packets match */
  add(flowText: string, actionText: string): Megaflow {
    const { datapath } = this.#vswitch;
    const { match, actions } = this.#readFlow(flowText, actionText);
    if (datapath.findFlow(match.key) !== undefined) throw dpctlError("updating flow table", "File exists");
    return datapath.putFlow(match.key, match.mask, actions);
  }

  /** Replaces the actions of a flow. @returns the flow as it was @throws ArgumentError */
  modify(flowText: string, actionText: string, mayCreate: boolean): Megaflow {
    const { datapath } = this.#vswitch;
    const { match, actions } = this.#readFlow(flowText, actionText);
    const found = datapath.findFlow(match.key);
    if (found === undefined && !mayCreate) throw dpctlError("updating flow table", NO_SUCH);
    return datapath.putFlow(found?.key ?? match.key, found?.mask ?? match.mask, actions);
  }

  /** Takes a flow away. @returns the flow as it was @throws ArgumentError when there is none */
  *removing(flowText: string): Work<Megaflow> {
    const { match, ufid } = this.#readName(flowText, (problem) => problem);
    const found = yield* this.#find((flow) =>
      ufid === undefined ? isKey(flow.key, match.key, match.mask) : digitsOf(flow) === ufid,
    );
    if (found === undefined) {
      throw new ArgumentError(`${dpctlError("deleting flow", NO_SUCH).message}\nPerhaps you need to specify a UFID?`);
    }
    this.#vswitch.cache.evict(found);
    return found;
  }

  /** Takes all flows away. */
  *clearing(): Work {
    for (const flow of this.#vswitch.datapath.flows()) {
      this.#vswitch.cache.evict(flow);
      yield;
    }
  }

  /** The flow of an identity. @throws ArgumentError when there is none */
  *getting(text: string): Work<Megaflow> {
    const ufid = readUfid(text);
    if (ufid === undefined) throw dpctlError("parsing flow ufid");
    const found = yield* this.#find((flow) => digitsOf(flow) === ufid);
    if (found === undefined) throw dpctlError("getting flow", NO_SUCH);
    return found;
  }

  *#find(isMeant: (flow: Match) => boolean): Work<Megaflow | undefined> {
    const key = makeFlowKey();
    let n = 0;
    for (const flow of this.#vswitch.datapath.flows()) {
      flow.readKey(key);
      if (isMeant({ key, mask: flow.mask })) return flow;
      if (++n % FLOWS_PER_STEP === 0) yield;
    }
    return undefined;
  }

  #readFlow(flowText: string, actionText: string): { readonly match: Match; readonly actions: readonly DatapathAction[] } {
    const { match } = this.#readName(flowText, (problem) => `parsing flow key (${problem})`);
    const actions = parsed(() => parseOdpActions(actionText, this.#portNoOf));
    if (actions === undefined) throw dpctlError("parsing actions");
    if (!/(?:^|[,\s])eth\(/.test(flowText)) throw dpctlError("updating flow table");
    return { match, actions };
  }

  /** @param complaint - how it is said that the text names no flow */
  #readName(text: string, complaint: (problem: string) => string): FlowName {
    const matchText = text.replace(UFID, "");
    const read = (part: string): Match | undefined => parsed(() => parseOdpFlow(part, this.#portNoOf));
    const match = read(matchText);
    if (match !== undefined) return { match, ufid: readUfid(text) };
    throw dpctlError(complaint(`syntax error at ${unreadOf(matchText, (part) => read(part) !== undefined)}`));
  }

  /** A port of the datapath by number or name. */
  readonly #portNoOf = (text: string): number | undefined => datapathPortNo(this.#vswitch, text);
}

/** Whether a flow's key is this one under a mask. */
function isKey(flowKey: Uint32Array, key: Uint32Array, mask: Uint32Array): boolean {
  return flowKey.every((word, i) => word === ((key[i] ?? 0) & (mask[i] ?? 0)) >>> 0);
}

/** What a parser says; `undefined` when it finds a value that cannot be. */
function parsed<T>(parse: () => T | undefined): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw error;
  }
}

/** The digits of an identity at the front of a text. */
function readUfid(text: string): string | undefined {
  return UFID.exec(text)?.[1]?.replaceAll("-", "").toLowerCase();
}

function digitsOf(flow: Pick<Megaflow, "key" | "mask">): string {
  return ufidOf(flow).replaceAll("-", "");
}
