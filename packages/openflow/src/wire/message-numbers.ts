/** Type numbers of messages and subtypes of experimenter messages. */

/** A type's number in OpenFlow 1.0 and in 1.3 and later; -1 = none. */
export interface TypeNumber {
  readonly of10: number;
  readonly of13: number;
}

/** Standard types. */
export const TYPE_NUMBERS = {
  hello: { of10: 0, of13: 0 },
  error: { of10: 1, of13: 1 },
  echoRequest: { of10: 2, of13: 2 },
  echoReply: { of10: 3, of13: 3 },
  experimenter: { of10: 4, of13: 4 },
  featuresRequest: { of10: 5, of13: 5 },
  featuresReply: { of10: 6, of13: 6 },
  getConfigRequest: { of10: 7, of13: 7 },
  getConfigReply: { of10: 8, of13: 8 },
  setConfig: { of10: 9, of13: 9 },
  packetIn: { of10: 10, of13: 10 },
  flowRemoved: { of10: 11, of13: 11 },
  portStatus: { of10: 12, of13: 12 },
  packetOut: { of10: 13, of13: 13 },
  flowMod: { of10: 14, of13: 14 },
  groupMod: { of10: -1, of13: 15 },
  portMod: { of10: 15, of13: 16 },
  multipartRequest: { of10: 16, of13: 18 },
  multipartReply: { of10: 17, of13: 19 },
  barrierRequest: { of10: 18, of13: 20 },
  barrierReply: { of10: 19, of13: 21 },
  queueConfigRequest: { of10: 20, of13: 22 },
  queueConfigReply: { of10: 21, of13: 23 },
  tableMod: { of10: -1, of13: 17 },
  roleRequest: { of10: -1, of13: 24 },
  roleReply: { of10: -1, of13: 25 },
  getAsyncRequest: { of10: -1, of13: 26 },
  getAsyncReply: { of10: -1, of13: 27 },
  setAsync: { of10: -1, of13: 28 },
  meterMod: { of10: -1, of13: 29 },
  roleStatus: { of10: -1, of13: 30 },
  tableStatus: { of10: -1, of13: 31 },
  requestForward: { of10: -1, of13: 32 },
  bundleControl: { of10: -1, of13: 33 },
  bundleAdd: { of10: -1, of13: 34 },
} as const;

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
