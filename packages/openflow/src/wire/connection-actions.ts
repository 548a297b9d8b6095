/**
 * `ct` and `nat` on the wire (NXAST_CT, NXAST_NAT); they lie behind Nicira's header of 10 bytes.
 *
 *   ct:  | flags u16 | zone field u32, 0 = none | zone, or bits of the field u16 | table u8 | 0 (3) | alg u16 | actions ...
 *   nat: | 0 (2) | flags u16 | present u16 | the addresses and ports that `present` names, lowest bit first ...
 */
import type { ByteReader, ByteWriter } from "@tenet/wire";
import type { Action, CtAction, NatAction, NatRange, SubField } from "../action.ts";
import { findHeader, type MatchField } from "../match/match-field.ts";
import { NO_TABLE } from "./action-numbers.ts";
import { OpenFlowError } from "./openflow-error.ts";

const CT_FLAG = { commit: 1, force: 2 } as const;
const NAT_FLAG = { src: 1, dst: 2, persistent: 4, hash: 8, random: 16 } as const;
const NAT_HAS = { ip4First: 1, ip4Last: 2, ip6First: 4, ip6Last: 8, portFirst: 16, portLast: 32 } as const;

/** What the codec of all actions lends to this one. */
export interface CtWriter {
  writeField(writer: ByteWriter, field: SubField["field"]): void;
  encodeActions(actions: readonly Action[]): Uint8Array;
}

/** Writes the body of NXAST_CT. */
export function writeCt(body: ByteWriter, action: CtAction, lent: CtWriter): void {
  const { isCommit, isForce, zone, table = NO_TABLE, alg, actions } = action;
  body.u16((isCommit ? CT_FLAG.commit : 0) | (isForce ? CT_FLAG.force : 0));
  if (typeof zone === "number") body.u32(0).u16(zone);
  else {
    lent.writeField(body, zone.field);
    body.u16((zone.start << 6) | (zone.nBits - 1));
  }
  body.u8(table).zeros(3).u16(alg).bytes(lent.encodeActions(actions));
}

/** Writes the body of NXAST_NAT. */
export function writeNat(body: ByteWriter, action: NatAction): void {
  const { side, addresses, ports, isPersistent, portChoice } = action;
  const hasLast = addresses !== undefined && addresses.lastAddress.join() !== addresses.firstAddress.join();
  const present = addresses === undefined ? 0 : (hasLast ? 3 : 1) << (addresses.family === 4 ? 0 : 2);
  const portBits = ports === undefined ? 0 : ports[1] === ports[0] ? NAT_HAS.portFirst : NAT_HAS.portFirst | NAT_HAS.portLast;
  const flags = (side === undefined ? 0 : NAT_FLAG[side]) | (portChoice === undefined ? 0 : NAT_FLAG[portChoice]);
  body
    .zeros(2)
    .u16(flags | (isPersistent === true ? NAT_FLAG.persistent : 0))
    .u16(present | portBits);
  for (const word of addresses?.firstAddress ?? []) body.u32(word);
  if (hasLast) for (const word of addresses.lastAddress) body.u32(word);
  if (ports === undefined) return;
  body.u16(ports[0]);
  if (ports[1] !== ports[0]) body.u16(ports[1]);
}

/** What the decoder of all actions lends to this one. */
export interface CtReader {
  /** @throws OpenFlowError when the bits do not lie in the field */
  toSubField(field: MatchField, start: number, nBits: number): SubField;
  readActions(body: ByteReader): Action[];
}

/** Reads the body of NXAST_CT. @throws OpenFlowError */
export function readCt(body: ByteReader, at: number, lent: CtReader): CtAction {
  const flags = body.u16();
  const isCommit = (flags & CT_FLAG.commit) !== 0;
  const isForce = (flags & CT_FLAG.force) !== 0;
  if (isForce && !isCommit) throw bad(`"force" without "commit"`, at);
  const zone = readZone(body, at, lent);
  const table = body.u8();
  body.skip(3);
  const alg = body.u16();
  const actions = lent.readActions(body);
  for (const action of actions) checkInner(action, isCommit, at);
  return { type: "ct", isCommit, isForce, zone, actions, alg, ...(table === NO_TABLE ? {} : { table }) };
}

/** The text of what may not stand inside `ct`; `undefined` when it may. */
export function faultInCt(action: Action, isCommit: boolean): string | undefined {
  if (action.type === "nat") return action.side !== undefined && !isCommit ? `"nat(${action.side})" needs "commit"` : undefined;
  const target = action.type === "setField" ? action.field : action.type === "move" ? action.target.field : undefined;
  if (target === undefined) return `${action.type} cannot stand inside ct`;
  if (target.name !== "ct_mark" && target.name !== "ct_label") return `${target.name} cannot be set inside ct`;
  return isCommit ? undefined : `"exec" needs "commit"`;
}

function checkInner(action: Action, isCommit: boolean, at: number): void {
  const fault = faultInCt(action, isCommit);
  if (fault === undefined) return;
  throw new OpenFlowError("OFPBAC_BAD_ARGUMENT", fault, { details: { at } });
}

function readZone(body: ByteReader, at: number, { toSubField }: CtReader): CtAction["zone"] {
  const header = body.u32();
  const bits = body.u16();
  if (header === 0) return bits;
  const field = findHeader(header);
  if (field === undefined) throw bad("a zone of an unknown field", at);
  const zone = toSubField(field, bits >>> 6, (bits & 0x3f) + 1);
  if (zone.nBits !== 16) throw bad(`a zone of ${zone.nBits} bits`, at);
  return zone;
}

/** Reads the body of NXAST_NAT. @throws OpenFlowError */
export function readNat(body: ByteReader, at: number): NatAction {
  body.skip(2);
  const flags = body.u16();
  const present = body.u16();
  const isSrc = (flags & NAT_FLAG.src) !== 0;
  const isDst = (flags & NAT_FLAG.dst) !== 0;
  if (isSrc && isDst) throw bad("nat of source and destination at once", at);
  if (!isSrc && !isDst && (flags !== 0 || present !== 0)) throw bad("nat with a range but no side", at);
  const has = (bit: number): boolean => (present & bit) !== 0;
  if (has(NAT_HAS.ip4First) && has(NAT_HAS.ip6First)) throw bad("nat to IPv4 and IPv6 at once", at);
  const addresses =
    readRange(body, 4, has(NAT_HAS.ip4First), has(NAT_HAS.ip4Last), at) ??
    readRange(body, 6, has(NAT_HAS.ip6First), has(NAT_HAS.ip6Last), at);
  const ports = readPorts(body, has(NAT_HAS.portFirst), has(NAT_HAS.portLast), at);
  return {
    type: "nat",
    ...(isSrc ? { side: "src" } : isDst ? { side: "dst" } : {}),
    ...(addresses === undefined ? {} : { addresses }),
    ...(ports === undefined ? {} : { ports }),
    ...((flags & NAT_FLAG.persistent) === 0 ? {} : { isPersistent: true }),
    ...((flags & NAT_FLAG.hash) !== 0 ? { portChoice: "hash" } : (flags & NAT_FLAG.random) !== 0 ? { portChoice: "random" } : {}),
  };
}

function readRange(body: ByteReader, family: 4 | 6, hasFirst: boolean, hasLast: boolean, at: number): NatRange | undefined {
  const words = (): Uint32Array => Uint32Array.from({ length: family === 4 ? 1 : 4 }, () => body.u32());
  if (!hasFirst) {
    if (hasLast) throw bad("nat to a range without a first address", at);
    return undefined;
  }
  const firstAddress = words();
  const lastAddress = hasLast ? words() : firstAddress;
  if (compareWords(firstAddress, lastAddress) > 0) throw bad("nat to a range that ends before it begins", at);
  return { family, firstAddress, lastAddress };
}

function readPorts(body: ByteReader, hasFirst: boolean, hasLast: boolean, at: number): [number, number] | undefined {
  if (!hasFirst) {
    if (hasLast) throw bad("nat to ports without a first", at);
    return undefined;
  }
  const first = body.u16();
  const last = hasLast ? body.u16() : first;
  if (first > last) throw bad("nat to ports that end before they begin", at);
  return [first, last];
}

/** Orders numbers of equally many words. */
export function compareWords(a: Uint32Array, b: Uint32Array): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return (a[i] ?? 0) - (b[i] ?? 0);
  return 0;
}

function bad(problem: string, at: number): OpenFlowError {
  return new OpenFlowError("OFPBAC_BAD_ARGUMENT", `An action says ${problem}`, { details: { at } });
}
