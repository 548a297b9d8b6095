/**
 * One transaction on the tables of a bridge: what flow-mods and group-mods come to, what there is to tell of it, and how to
 * take it back.
 */
import { LongList } from "@tenet/classifier";
import type { Clock } from "@tenet/kit";
import { FIELDS } from "@tenet/net";
import {
  type Action,
  ALL_TABLES,
  FLOW_FLAG,
  type FlowRemovedReason,
  type FlowSpec,
  type GroupMod,
  type Match,
} from "@tenet/openflow";
import type { GroupTable } from "../group/group-table.ts";
import type { Work } from "../turns.ts";
import { checkConsistency } from "./check-consistency.ts";
import { type FlowChange, N_TABLES } from "./flow-mod.ts";
import type { FlowTable } from "./flow-table.ts";
import { everyRule } from "./every-rule.ts";
import type { MatchUnpacker } from "./packed-match.ts";
import { learnedFrom } from "./reference-index.ts";
import { RefusedError } from "./refused-error.ts";
import { PackedFlow } from "./packed-flow.ts";
import type { Publication, Rule } from "./rule.ts";
import { MAX_RULES, type RuleBook } from "./rule-book.ts";
import { type Before, RuleEdits } from "./rule-edits.ts";

const ALL_BITS = 0xffff_ffff_ffff_ffffn;

/** What is edited. */
export interface Tables {
  readonly book: RuleBook;
  readonly groups: GroupTable;
  readonly clock: Clock;
  readonly unpacker: MatchUnpacker;
  /** Refuses actions that refer to what is not there. @throws RefusedError */
  checkActions(actions: readonly Action[], table: number): void;
}

/** Changes that belong together. */
export class TableEdit {
  /** The one whose place an added rule took comes before it. */
  readonly rules: RuleEdits = new RuleEdits();
  /** Numbers of the groups that came, changed or went. */
  readonly groups: number[] = [];
  /** Tables whose rules came, changed or went. */
  readonly touched: FlowTable[] = [];
  readonly #tables: Tables;
  readonly #publication: Publication = { isOut: false };
  readonly #groupUndos: (() => void)[] = [];
  /** Learned flows that nothing may refer to any more, by the numbers that `learnedFrom` reads. */
  readonly #orphans = new LongList<bigint>();
  #nModified = 0;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  /** Carries out a flow-mod whose options lie where they do in a FlowKey; in turns, if it may take long. @throws RefusedError */
  changeFlows(change: FlowChange): Work | undefined {
    const { command, flow, isOf10 = false } = change;
    if (command !== "add" || checksOverlap(flow)) return this.#changingFlows(change);
    if (!isReady(flow)) checkFlow(this.#tables, flow, isOf10);
    this.#add(flow);
    return undefined;
  }

  *#changingFlows({ command, flow, isUpsert = false, isOf10 = false, newCookie }: FlowChange): Work {
    if (!command.startsWith("delete") && !isReady(flow)) checkFlow(this.#tables, flow, isOf10);
    const { book } = this.#tables;
    switch (command) {
      case "add":
        if (checksOverlap(flow)) yield* refuseOverlap(flow, book.table(tableOf(flow)));
        return this.#add(flow);
      case "modify":
      case "modifyStrict": {
        const { outPort: _port, outGroup: _group, ...filter } = flow;
        const rules = command === "modify" ? yield* book.selectWithin(filter) : book.selectStrict(filter);
        for (const rule of rules) {
          if (rule.isHeld) this.#modify(rule, flow, newCookie);
          yield;
        }
        const mayAdd = isUpsert && (flow.cookieMask ?? 0n) === 0n;
        if (rules.length === 0 && mayAdd) this.#add(flow);
        return;
      }
      case "delete":
      case "deleteStrict":
        for (const rule of command === "delete" ? yield* book.selectWithin(flow) : book.selectStrict(flow)) {
          this.remove(rule, "delete");
          yield;
        }
    }
  }

  /** Carries out a group-mod; the rules that refer to a group go with it. @throws RefusedError */
  *changeGroups(mod: GroupMod): Work {
    if (mod.command !== "delete") return yield* this.#changeGroup(mod);
    for (const id of this.#tables.groups.numbersOf(mod.group.id)) {
      yield* this.#changeGroup({ ...mod, group: { ...mod.group, id } });
      yield;
    }
  }

  *#changeGroup(mod: GroupMod): Work {
    const { touched, deleted, undo } = this.#tables.groups.apply(mod);
    this.#groupUndos.push(undo);
    for (const id of touched) this.groups.push(id);
    for (const id of deleted) yield* this.removeReferring("group", id);
  }

  /** Removes a rule, unless it is gone: what a packet taught meanwhile may have evicted it. */
  remove(rule: Rule, reason: FlowRemovedReason): void {
    if (!rule.isHeld) return;
    this.#tables.book.remove(rule, this.#orphans);
    this.rules.noteRemoved(rule, reason);
    this.#touch(rule);
  }

  /** Removes the rules that refer to a group or meter. */
  *removeReferring(kind: "group" | "meter", id: number): Work {
    for (const rule of this.#tables.book.references.rulesOf(kind, id)) {
      this.remove(rule, kind);
      yield;
    }
  }

  /** Removes a rule of a full table. @returns whether one may go */
  evictFrom(table: FlowTable, newcomer?: Rule): boolean {
    const victim = table.victimFor(newcomer);
    if (victim?.isHeld !== true) return false;
    this.remove(victim, "eviction");
    return true;
  }

  /** Removes what was learned by rules that are gone; it may have learned in turn. */
  removeOrphans(): Work | undefined {
    return this.#orphans.length > 0 ? this.#removingOrphans() : undefined;
  }

  *#removingOrphans(): Work {
    const { book } = this.#tables;
    for (let id = this.#orphans.pop(); id !== undefined; id = this.#orphans.pop()) {
      if (book.references.countOf("learned", id) > 0) continue;
      const { cookie, table } = learnedFrom(id);
      for (const rule of yield* book.selectWithin({ ...everyRule(), table, cookie, cookieMask: ALL_BITS })) {
        this.remove(rule, "delete");
        yield;
      }
    }
  }

  /** Shows packets the new terms of rules that were modified. */
  publish(): void {
    this.#publication.isOut = true;
  }

  /** Makes those terms their own. */
  settle(): Work | undefined {
    return this.#nModified > 0 ? this.#settling() : undefined;
  }

  *#settling(): Work {
    const { book } = this.#tables;
    for (let i = 0; i < this.rules.length; i++) {
      if (this.rules.type(i) !== "modified") continue;
      book.settle(this.rules.rule(i));
      const revision = this.rules.beforeOf(i)?.revision;
      if (revision !== undefined) book.drop(revision);
      yield;
    }
  }

  /** Undoes everything, but for rules that were evicted meanwhile. */
  *takeBack(): Work {
    const { book } = this.#tables;
    for (let i = this.rules.length - 1; i >= 0; i--) {
      const [type, rule, before] = [this.rules.type(i), this.rules.rule(i), this.rules.beforeOf(i)];
      if (type !== "removed" && !rule.isHeld) {
        if (before?.revision !== undefined) book.drop(before.revision);
      } else if (type === "added") book.remove(rule, this.#orphans);
      else if (type === "removed") {
        book.insert(rule, this.#orphans);
        if (this.rules.isDisplaced(i)) rule.resume(this.rules.rule(i + 1));
      } else this.#restore(rule, before);
      yield;
    }
    for (const undo of this.#groupUndos.reverse()) {
      undo();
      yield;
    }
  }

  #add(flow: FlowSpec): void {
    const { book, clock } = this.#tables;
    const rule = book.ruleOf(flow).begin(clock.monotonicMs());
    const table = book.table(rule.table);
    const displaced = book.insert(rule, this.#orphans);
    const hasRoom = (!table.isOverfull || this.evictFrom(table, rule)) && book.nRules <= MAX_RULES;
    if (displaced !== undefined) {
      rule.follow(displaced);
      this.rules.noteDisplaced(displaced);
    }
    this.rules.noteAdded(rule);
    this.#touch(rule);
    if (!hasRoom) {
      throw new RefusedError("OFPFMFC_TABLE_FULL", `table ${rule.table} holds ${table.limit} flows`, "Delete some");
    }
  }

  /** What nobody but statistics and timeouts asks for changes at once: those do not look before all is done. */
  #modify(rule: Rule, { actions, actionBytes, flags }: FlowSpec, newCookie: bigint | undefined): void {
    const { book, clock } = this.#tables;
    const { nPackets, nBytes } = rule;
    const terms = { actions, actionBytes, cookie: newCookie ?? rule.latest.cookie };
    const revision = book.revise(rule, book.revisionOf(rule, terms, this.#publication), this.#orphans);
    rule.modifiedMs = clock.monotonicMs();
    const resetsCounts = (flags & FLOW_FLAG.RESET_COUNTS) !== 0;
    if (resetsCounts) [rule.nPackets, rule.nBytes] = [0, 0];
    this.#nModified++;
    if (resetsCounts) this.rules.noteModified(rule, { revision, nPackets, nBytes });
    else this.rules.noteModified(rule, revision && { revision, nPackets: 0, nBytes: 0 });
    this.#touch(rule);
  }

  /** Gives a rule back the terms before its latest, which know when it had been modified before. */
  #restore(rule: Rule, before: Before | undefined): void {
    const { book } = this.#tables;
    const takenBack = book.revise(rule, before?.revision, this.#orphans);
    if (takenBack !== undefined) {
      rule.modifiedMs = takenBack.modifiedMs;
      book.drop(takenBack);
    }
    rule.nPackets += before?.nPackets ?? 0;
    rule.nBytes += before?.nBytes ?? 0;
  }

  #touch({ table: number }: Rule): void {
    const table = this.#tables.book.table(number);
    if (!this.touched.includes(table)) this.touched.push(table);
  }
}

/** Refuses a flow for what is wrong with it, or with what its actions refer to. @throws RefusedError */
export function checkFlow(tables: Tables, flow: FlowSpec, isOf10: boolean): void {
  const { table, match, actions } = flow;
  if (table === N_TABLES - 1) throw new RefusedError("OFPBRC_EPERM", `table ${table} is the switch's own`);
  if (isOfTheDatapath(match)) throw new RefusedError("OFPBRC_EPERM", "recirc_id and dp_hash are the switch's own");
  tables.checkActions(actions, tableOf(flow));
  checkConsistency(actions, tables.unpacker.unpack(match), isOf10);
}

function isReady(flow: FlowSpec): boolean {
  return flow instanceof PackedFlow && flow.isReady;
}

function checksOverlap({ flags }: FlowSpec): boolean {
  return (flags & FLOW_FLAG.CHECK_OVERLAP) !== 0;
}

/** The table that a flow is to be added to. */
function tableOf({ table }: FlowSpec): number {
  return table === ALL_TABLES ? 0 : table;
}

/** Refuses a new flow that some packets could match as well as another of its priority. @throws RefusedError */
function* refuseOverlap({ match, priority }: FlowSpec, { classifier }: FlowTable): Work {
  const { key, mask } = match;
  if (classifier.find(key, mask, priority) !== undefined) return;
  if (!(yield* classifier.overlaps({ key, mask }, priority))) return;
  const hint = "Give it another priority, or leave out check_overlap";
  throw new RefusedError("OFPFMFC_OVERLAP", "a flow of this priority overlaps", hint);
}

/** Whether a match is on what the datapath and this switch tell each other of a packet. */
function isOfTheDatapath({ mask }: Match): boolean {
  return (mask[FIELDS.recirc_id.word] ?? 0) !== 0 || (mask[FIELDS.dp_hash.word] ?? 0) !== 0;
}
