/**
 * A flow in little memory: an object of few words, and a record outside the heap of the language.
 *
 *   | packets | bytes | created | modified | used |  cookie  | since | priority | timeouts | state | length | place | match ... | actions ...
 *       8         8        8         8        8         8        4         4          4        4       4       4
 *
 * Of the match there are the words that its mask looks at; the mask is shared. Actions lie there as the bytes that they came in, and
 * are read again when somebody asks for them: most flows share what their actions say, and most are not met by packets all the time.
 * What does not fit in there, a flow has aside.
 */
import type { Conjunction } from "@tenet/classifier";
import { FLOW_WORDS } from "@tenet/net";
import { type Action, type ActionBytes, decodeActionBytes, type FlowSpec, type Match } from "@tenet/openflow";
import { PackedMatch, type Shape } from "./packed-match.ts";
import type { TableVisit } from "./flow-table.ts";
import { RecordStore, type Segment } from "./record-store.ts";

/** Numbers of 8 bytes, from the start of the record. */
const [PACKETS, BYTES, CREATED, MODIFIED, USED, COOKIE] = [0, 1, 2, 3, 4, 5];
/** Words. */
const [SINCE, PRIORITY, TIMEOUTS, STATE, LENGTH, PLACE, MATCH] = [12, 13, 14, 15, 16, 17, 18];
/** Bits of the state: a byte for the table, one for the flags; the version of OpenFlow that there are bytes of; then these. */
const [REFERS, IS_READY, IS_HELD, IS_SOFT] = [1 << 20, 1 << 21, 1 << 22, 1 << 23];
const [VERSION_SHIFT, VERSION_BITS] = [16, 0xf_0000];
/** What of the state is of the actions. */
const OF_TERMS = VERSION_BITS | REFERS;

/** What of a flow is no part of its record; few flows have any of it. */
interface Aside {
  /** When there are no bytes of them, or packets meet the flow. */
  actions: readonly Action[] | undefined;
  readonly conjunctions: readonly Conjunction[] | undefined;
  readonly options: Match["options"];
  readonly cookieMask: bigint | undefined;
  readonly outPort: number | undefined;
  readonly outGroup: number | undefined;
  visit: TableVisit | undefined;
}

/** What a flow does, and the cookie that goes with it. */
export type FlowTerms = Pick<FlowSpec, "actions" | "actionBytes" | "cookie">;

const NOTHING_ASIDE: Aside = {
  actions: undefined,
  conjunctions: undefined,
  options: undefined,
  cookieMask: undefined,
  outPort: undefined,
  outGroup: undefined,
  visit: undefined,
};
const NO_ACTIONS: readonly Action[] = [];
/** What is there in the place of a record that was given back: zeros. */
const RELEASED: Segment = new RecordStore().open(MATCH + FLOW_WORDS);

/** A flow, be it in a table or on its way there. Whoever makes one for a lasting store has to {@link release} it. */
export class PackedFlow implements FlowSpec {
  #segment: Segment;
  #at: number;
  readonly #shape: Shape;
  #aside: Aside | undefined = undefined;

  /**
   * @param shape - of the flow's mask
   * @param store - where the record is to lie
   * @param terms - in the place of the flow's own
   */
  constructor(flow: FlowSpec, shape: Shape, store: RecordStore, terms: FlowTerms = flow) {
    const bytes = terms instanceof PackedFlow ? terms.#bytes : lentBytes(terms);
    const { words } = shape;
    this.#shape = shape;
    this.#segment = store.open(MATCH + words.length + (bytes === undefined ? 0 : (bytes.end - bytes.start + 3) >> 2));
    this.#at = this.#segment.take();
    if (flow instanceof PackedFlow) this.#copyHead(flow);
    else this.#writeHead(flow);
    this.#writeTerms(terms, bytes);
    if (!(terms instanceof PackedFlow)) this.#aside = asideOf(flow, terms, bytes !== undefined);
    else if (terms.#aside !== undefined) this.#aside = { ...terms.#aside, visit: undefined };
  }

  /** 0-254; of a deletion {@link ALL_TABLES} too. */
  get table(): number {
    return this.#word(STATE) & 0xff;
  }

  get flags(): number {
    return (this.#word(STATE) >> 8) & 0xff;
  }

  get priority(): number {
    return this.#word(PRIORITY);
  }

  get importance(): number {
    return this.#word(LENGTH) >>> 16;
  }

  /** A number that stays while the flow is not released: of its match and priority. */
  get hash(): number {
    const { words } = this.#segment;
    const end = this.#at + MATCH + this.#shape.words.length;
    let hash = this.priority;
    for (let i = this.#at + MATCH; i < end; i++) {
      hash = Math.imul(hash ^ (words[i] as number), 0x85eb_ca6b);
      hash ^= hash >>> 15;
    }
    return hash;
  }

  get cookie(): bigint {
    return this.#segment.longs[(this.#at >> 1) + COOKIE] as bigint;
  }

  get cookieMask(): bigint | undefined {
    return this.#aside?.cookieMask;
  }

  get outPort(): number | undefined {
    return this.#aside?.outPort;
  }

  get outGroup(): number | undefined {
    return this.#aside?.outGroup;
  }

  /** Good until the flow is released. */
  get match(): PackedMatch {
    return new PackedMatch(this.#shape, this.#segment.words, this.#at + MATCH, this.#aside?.options);
  }

  get actions(): readonly Action[] {
    return this.#aside?.actions ?? this.#readActions();
  }

  /** Good until the flow is released. */
  get actionBytes(): ActionBytes | undefined {
    const held = this.#bytes;
    if (held === undefined) return undefined;
    const { version, bytes, view, start, end } = held;
    return { version, bytes, view, start, end, actions: this.actions };
  }

  /** The clauses, or `undefined` for a flow that is not soft. */
  get conjunctions(): readonly Conjunction[] | undefined {
    return this.#aside?.conjunctions;
  }

  /** Whether its actions name a group or a meter, or learn what goes with the flow. */
  get refers(): boolean {
    return this.#has(REFERS);
  }

  /** Whether nothing is to be looked at before it is added, but what it finds in its table. */
  get isReady(): boolean {
    return this.#has(IS_READY);
  }

  set isReady(isReady: boolean) {
    this.#set(IS_READY, isReady);
  }

  /** Whether it is in a table; the tables' own. */
  get isHeld(): boolean {
    return this.#has(IS_HELD);
  }

  set isHeld(isHeld: boolean) {
    this.#set(IS_HELD, isHeld);
  }

  /** The classifier's own. */
  get isSoft(): boolean {
    return this.#has(IS_SOFT);
  }

  set isSoft(isSoft: boolean) {
    this.#set(IS_SOFT, isSoft);
  }

  /** The classifier's own. */
  get since(): number {
    return this.#word(SINCE);
  }

  set since(since: number) {
    this.#segment.words[this.#at + SINCE] = since;
  }

  /** Among those that may go when others need room; anything for a flow that may not. */
  get place(): number {
    return this.#word(PLACE);
  }

  set place(place: number) {
    this.#segment.words[this.#at + PLACE] = place;
  }

  /** Seconds, 0 = never; `fin_timeout` lowers them. */
  get idleTimeout(): number {
    return this.#word(TIMEOUTS) >>> 16;
  }

  set idleTimeout(seconds: number) {
    this.#segment.words[this.#at + TIMEOUTS] = (seconds << 16) | this.hardTimeout;
  }

  get hardTimeout(): number {
    return this.#word(TIMEOUTS) & 0xffff;
  }

  set hardTimeout(seconds: number) {
    this.#segment.words[this.#at + TIMEOUTS] = (this.idleTimeout << 16) | seconds;
  }

  get nPackets(): number {
    return this.#number(PACKETS);
  }

  set nPackets(n: number) {
    this.#setNumber(PACKETS, n);
  }

  get nBytes(): number {
    return this.#number(BYTES);
  }

  set nBytes(n: number) {
    this.#setNumber(BYTES, n);
  }

  /** Monotonic ms. */
  get createdMs(): number {
    return this.#number(CREATED);
  }

  set createdMs(ms: number) {
    this.#setNumber(CREATED, ms);
  }

  get modifiedMs(): number {
    return this.#number(MODIFIED);
  }

  set modifiedMs(ms: number) {
    this.#setNumber(MODIFIED, ms);
  }

  get usedMs(): number {
    return this.#number(USED);
  }

  set usedMs(ms: number) {
    this.#setNumber(USED, ms);
  }

  /** To be had from `FlowTable.visitOf`. */
  get visit(): TableVisit | undefined {
    return this.#aside?.visit;
  }

  set visit(visit: TableVisit | undefined) {
    this.#aside ??= { ...NOTHING_ASIDE };
    this.#aside.visit = visit;
  }

  /** Has its actions at hand from now on: packets meet it. */
  keepActions(): void {
    if (this.#aside?.actions !== undefined) return;
    this.#aside ??= { ...NOTHING_ASIDE };
    this.#aside.actions = this.#readActions();
  }

  /** The same with a match that was unpacked: {@link match} is made whenever it is asked for. */
  withMatch(match: Match): FlowSpec {
    const { table, priority, cookie, cookieMask, actionBytes, idleTimeout, hardTimeout } = this;
    const { flags, importance, outPort, outGroup } = this;
    const actions = actionBytes?.actions ?? this.actions; // those that the bytes are meant to be
    const filter = { cookieMask, outPort, outGroup };
    return { table, priority, cookie, match, actions, actionBytes, idleTimeout, hardTimeout, flags, importance, ...filter };
  }

  /** Whether the record was given back, and nothing is to be had from here any more. */
  get isReleased(): boolean {
    return this.#segment === RELEASED;
  }

  /** Gives its record back. Who holds it still finds nothing, and what it counts is lost. */
  release(): void {
    if (this.isReleased) return;
    this.#segment.leave(this.#at);
    this.#segment = RELEASED;
    this.#at = 0;
    this.#aside = undefined;
  }

  /** Takes the record of another, which has none then: its terms become this one's; what is counted and timed stays. */
  protected adopt(other: PackedFlow): void {
    const visit = this.#aside?.visit;
    other.#copyHead(this);
    this.#segment.leave(this.#at);
    this.#segment = other.#segment;
    this.#at = other.#at;
    this.#aside = other.#aside;
    if (visit !== undefined) this.visit = visit;
    other.#segment = RELEASED;
    other.#at = 0;
  }

  #word(word: number): number {
    return this.#segment.words[this.#at + word] as number;
  }

  #number(number: number): number {
    return this.#segment.floats[(this.#at >> 1) + number] as number;
  }

  #setNumber(number: number, value: number): void {
    this.#segment.floats[(this.#at >> 1) + number] = value;
  }

  #has(bit: number): boolean {
    return (this.#word(STATE) & bit) !== 0;
  }

  #set(bit: number, isSet: boolean): void {
    const state = this.#word(STATE);
    this.#segment.words[this.#at + STATE] = isSet ? state | bit : state & ~bit;
  }

  #writeHead({ table, priority, flags, idleTimeout, hardTimeout, importance, match: { key } }: FlowSpec): void {
    const { words, floats } = this.#segment;
    const at = this.#at;
    for (let i = 0; i < COOKIE; i++) floats[(at >> 1) + i] = 0;
    words[at + SINCE] = 0;
    words[at + PRIORITY] = priority;
    words[at + TIMEOUTS] = (idleTimeout << 16) | hardTimeout;
    words[at + STATE] = table | (flags << 8);
    words[at + LENGTH] = importance << 16;
    const { words: places } = this.#shape;
    for (let i = 0; i < places.length; i++) words[at + MATCH + i] = key[places[i] as number] as number;
  }

  /** All but the terms. */
  #copyHead(from: PackedFlow): void {
    const { words, floats } = this.#segment;
    const [at, fromAt] = [this.#at, from.#at];
    const { words: fromWords, floats: fromFloats } = from.#segment;
    for (let i = 0; i < COOKIE; i++) floats[(at >> 1) + i] = fromFloats[(fromAt >> 1) + i] as number;
    words[at + SINCE] = fromWords[fromAt + SINCE] as number;
    words[at + PLACE] = fromWords[fromAt + PLACE] as number;
    words[at + PRIORITY] = fromWords[fromAt + PRIORITY] as number;
    words[at + TIMEOUTS] = fromWords[fromAt + TIMEOUTS] as number;
    words[at + STATE] = ((words[at + STATE] as number) & OF_TERMS) | ((fromWords[fromAt + STATE] as number) & ~OF_TERMS);
    words[at + LENGTH] = ((words[at + LENGTH] as number) & 0xffff) | ((fromWords[fromAt + LENGTH] as number) & ~0xffff);
    const end = MATCH + this.#shape.words.length;
    for (let i = MATCH; i < end; i++) words[at + i] = fromWords[fromAt + i] as number;
  }

  #writeTerms(terms: FlowTerms, held: HeldBytes | undefined): void {
    const { words, longs, bytes } = this.#segment;
    const at = this.#at;
    longs[(at >> 1) + COOKIE] = terms.cookie;
    const refers = terms instanceof PackedFlow ? terms.refers : hasReference(terms.actions);
    const state = ((held?.version ?? 0) << VERSION_SHIFT) | (refers ? REFERS : 0);
    words[at + STATE] = ((words[at + STATE] as number) & ~OF_TERMS) | state;
    words[at + LENGTH] = (words[at + LENGTH] as number) & ~0xffff;
    if (held === undefined) return;
    words[at + LENGTH] = (words[at + LENGTH] as number) | (held.end - held.start);
    const shift = this.#actionsAt - held.start;
    for (let i = held.start; i < held.end; i++) bytes[shift + i] = held.bytes[i] as number;
  }

  /** Where the bytes of its actions begin. */
  get #actionsAt(): number {
    return 4 * (this.#at + MATCH + this.#shape.words.length);
  }

  /** The bytes of its actions, if it has them as such. */
  get #bytes(): HeldBytes | undefined {
    const version = (this.#word(STATE) & VERSION_BITS) >> VERSION_SHIFT;
    if (version === 0) return undefined;
    const { bytes, view } = this.#segment;
    const start = this.#actionsAt;
    return { version, bytes, view, start, end: start + (this.#word(LENGTH) & 0xffff) };
  }

  #readActions(): readonly Action[] {
    const bytes = this.#bytes;
    return bytes === undefined || bytes.start === bytes.end ? NO_ACTIONS : decodeActionBytes(bytes, this.match);
  }
}

type HeldBytes = Omit<ActionBytes, "actions">;

/** The bytes of actions that were just read; those of clauses, which every lookup may ask for, are not kept as such. */
function lentBytes({ actions, actionBytes }: FlowTerms): HeldBytes | undefined {
  return actionBytes?.actions === actions && !actions.some(isConjunction) ? actionBytes : undefined;
}

function asideOf(
  { match, cookieMask, outPort, outGroup }: FlowSpec,
  { actions }: FlowTerms,
  hasBytes: boolean,
): Aside | undefined {
  const { options } = match;
  const isFilter = cookieMask !== undefined || outPort !== undefined || outGroup !== undefined;
  const isWithout = hasBytes || actions.length === 0;
  if (isWithout && !isFilter && options === undefined) return undefined;
  const conjunctions = actions.some(isConjunction) ? actions.filter(isConjunction) : undefined;
  return {
    actions: isWithout ? undefined : actions.slice(),
    conjunctions,
    options,
    cookieMask,
    outPort,
    outGroup,
    visit: undefined,
  };
}

function isConjunction(action: Action): action is Extract<Action, { type: "conjunction" }> {
  return action.type === "conjunction";
}

function hasReference(actions: readonly Action[]): boolean {
  return actions.some(
    (action) =>
      action.type === "group" ||
      action.type === "meter" ||
      (action.type === "learn" && action.deletesLearned) ||
      ((action.type === "clone" || action.type === "writeActions") && hasReference(action.actions)),
  );
}
