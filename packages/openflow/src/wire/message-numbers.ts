/** Type numbers of messages and subtypes of experimenter messages. */

import { VERSION } from "../message.ts";

/** A type's number in OpenFlow 1.0 (-1 = it has none), and in the later versions (wire numbers) that have it. */
export interface TypeNumber {
  readonly of10: number;
  readonly of11: number;
  readonly since?: number;
  readonly until?: number;
}

/** Standard types. */
export const TYPE_NUMBERS = {
  hello: { of10: 0, of11: 0 },
  error: { of10: 1, of11: 1 },
  echoRequest: { of10: 2, of11: 2 },
  echoReply: { of10: 3, of11: 3 },
  experimenter: { of10: 4, of11: 4 },
  featuresRequest: { of10: 5, of11: 5 },
  featuresReply: { of10: 6, of11: 6 },
  getConfigRequest: { of10: 7, of11: 7 },
  getConfigReply: { of10: 8, of11: 8 },
  setConfig: { of10: 9, of11: 9 },
  packetIn: { of10: 10, of11: 10 },
  flowRemoved: { of10: 11, of11: 11 },
  portStatus: { of10: 12, of11: 12 },
  packetOut: { of10: 13, of11: 13 },
  flowMod: { of10: 14, of11: 14 },
  groupMod: { of10: -1, of11: 15 },
  portMod: { of10: 15, of11: 16 },
  multipartRequest: { of10: 16, of11: 18 },
  multipartReply: { of10: 17, of11: 19 },
  barrierRequest: { of10: 18, of11: 20 },
  barrierReply: { of10: 19, of11: 21 },
  queueConfigRequest: { of10: 20, of11: 22, until: 4 },
  queueConfigReply: { of10: 21, of11: 23, until: 4 },
  tableMod: { of10: -1, of11: 17 },
  roleRequest: { of10: -1, of11: 24, since: 3 },
  roleReply: { of10: -1, of11: 25, since: 3 },
  getAsyncRequest: { of10: -1, of11: 26, since: 4 },
  getAsyncReply: { of10: -1, of11: 27, since: 4 },
  setAsync: { of10: -1, of11: 28, since: 4 },
  meterMod: { of10: -1, of11: 29, since: 4 },
  roleStatus: { of10: -1, of11: 30, since: 5 },
  tableStatus: { of10: -1, of11: 31, since: 5 },
  requestForward: { of10: -1, of11: 32, since: 5 },
  bundleControl: { of10: -1, of11: 33, since: 5 },
  bundleAdd: { of10: -1, of11: 34, since: 5 },
} as const;

/** Name of a standard type. */
export type TypeName = keyof typeof TYPE_NUMBERS;

/** Names by number, for each version. */
const NAMES = new Map<number, ReadonlyMap<number, TypeName>>();
for (const version of Object.values(VERSION)) {
  const names = new Map<number, TypeName>();
  for (const [name, type] of Object.entries(TYPE_NUMBERS) as [TypeName, TypeNumber][]) {
    if (version >= (type.since ?? version) && version <= (type.until ?? version)) names.set(numberOf(type, version), name);
  }
  NAMES.set(version, names);
}

/** The number of a type in a version. */
export function numberOf(type: TypeNumber, version: number): number {
  return version === VERSION.OF10 ? type.of10 : type.of11;
}

/** The type that a number stands for in a version, or in the newest for one that is not known. */
export function typeNameOf(number: number, version: number): TypeName | undefined {
  return (NAMES.get(version) ?? NAMES.get(VERSION.OF15))?.get(number);
}

/** Nicira's subtypes (NXT_*). */
export const NXT = {
  roleRequest: 10,
  roleReply: 11,
  setFlowFormat: 12,
  flowMod: 13,
  flowRemoved: 14,
  flowModTableId: 15,
  setPacketInFormat: 16,
  packetIn: 17,
  setAsync: 19,
  setControllerId: 20,
  setAsync2: 27,
  tlvTableMod: 24,
  tlvTableRequest: 25,
  tlvTableReply: 26,
  flowMonitorCancel: 21,
  flowMonitorPaused: 22,
  flowMonitorResumed: 23,
  resume: 28,
  flushZone: 29,
  packetIn2: 30,
  groupMod: 31,
  ctFlush: 32,
  requestForward: 132,
} as const;

/** The ONF extension's subtypes, which carry messages of OpenFlow 1.4 in 1.3. */
export const ONF_SUBTYPE = {
  bundleControl: 2300,
  bundleAdd: 2301,
  flowMonitorCancel: 1870,
  flowMonitorPaused: 1871,
  flowMonitorResumed: 1872,
  requestForward: 2350,
  roleStatus: 1911,
} as const;
