/** Valid OpenFlow messages, and what becomes of them when bytes of them change. */
import { encodeMessage, makeMatch, type Message, parseFlow, parseGroup, parseMeter, type Version } from "@tenet/openflow";

const ALL = 0xff;
const query = { table: ALL, match: makeMatch(), cookie: 0n, cookieMask: 0n };

/** Messages of each kind that a controller sends; `undefined` where a version does not have one. */
const MESSAGES: readonly (readonly [name: string, message: Message])[] = [
  ["set config", { type: "setConfig", flags: 0, missSendLength: 0 }],
  ["flow add", { type: "flowMod", command: "add", flow: parseFlow("table=3,priority=5,tcp,tp_dst=80,actions=output:1") }],
  ["flow delete", { type: "flowMod", command: "delete", flow: parseFlow("table=3,ip,out_port=1", { purpose: "delete" }) }],
  ["group delete", parseGroup("group_id=9", { command: "delete" })],
  ["meter add", { ...parseMeter("meter=1,kbps,burst,band=type=drop,rate=100,burst_size=5") }],
  ["port mod", { type: "portMod", port: 1, mac: 0x020000000001, config: 1, mask: 1, advertise: 0 }],
  ["table mod", { type: "tableMod", table: 3, config: 12, evictionFlags: 7, vacancy: { downPercent: 10, upPercent: 20 } }],
  ["role request", { type: "roleRequest", role: "equal", generationId: 5n }],
  ["set async", { type: "setAsync", packetIn: [1, 2], portStatus: [3, 4], flowRemoved: [5, 6] }],
  ["desc", { type: "multipartRequest", request: { kind: "desc" }, isLast: true }],
  ["flow statistics", { type: "multipartRequest", request: { kind: "flow", ...query }, isLast: true }],
  ["aggregate", { type: "multipartRequest", request: { kind: "aggregate", ...query }, isLast: true }],
  ["port statistics", { type: "multipartRequest", request: { kind: "port", port: 1 }, isLast: true }],
  ["queue statistics", { type: "multipartRequest", request: { kind: "queue", port: 1, queue: 0 }, isLast: true }],
  ["group description", { type: "multipartRequest", request: { kind: "groupDesc", group: 1 }, isLast: true }],
  ["meter statistics", { type: "multipartRequest", request: { kind: "meter", meter: 1 }, isLast: true }],
  ["table description", { type: "multipartRequest", request: { kind: "tableDesc" }, isLast: true }],
  ["queue config", { type: "queueConfigRequest", port: 1 }],
  ["bundle open", { type: "bundleControl", bundleId: 1, kind: "openRequest", flags: 3 }],
  [
    "bundle add",
    {
      type: "bundleAdd",
      bundleId: 1,
      flags: 3,
      message: { type: "flowMod", command: "add", flow: parseFlow("table=4,actions=drop") },
      xid: 0x55,
    },
  ],
  ["bundle discard", { type: "bundleControl", bundleId: 1, kind: "discardRequest", flags: 3 }],
  ["option map", { type: "tlvTableMod", command: "add", mappings: [{ optionClass: 1, optionType: 2, sizeBytes: 4, index: 3 }] }],
  ["packet-in format", { type: "setPacketInFormat", format: "nxt2" }],
  ["controller id", { type: "setControllerId", controllerId: 0 }],
  ["flow format", { type: "setFlowFormat", format: "nxm" }],
  ["barrier", { type: "barrierRequest" }],
];

/** The messages that a version has, encoded. */
export function* messagesToMutate(version: Version): Generator<readonly [name: string, bytes: Uint8Array]> {
  for (const [name, message] of MESSAGES) {
    let bytes: Uint8Array;
    try {
      bytes = encodeMessage(message, version, 0x55);
    } catch {
      continue; // the version does not have it
    }
    yield [name, bytes];
  }
}

/** The message itself, and copies of it with one byte another, or cut, or longer. */
export function* mutationsOf(bytes: Uint8Array): Generator<readonly [what: string, mutated: Uint8Array]> {
  yield ["as it is", bytes];
  for (let at = 0; at < bytes.length; at++) {
    if (at === 0 || at === 2 || at === 3 || (at >= 4 && at < 8)) continue; // version, length, transaction id
    const old = bytes[at] ?? 0;
    for (const value of new Set([0, 1, 0xff, (old + 1) & 0xff, old ^ 0x80])) {
      if (value === old) continue;
      const mutated = bytes.slice();
      mutated[at] = value;
      yield [`byte ${at} = ${value}`, mutated];
    }
  }
  for (const by of [-8, -4, -1, 1, 4, 8]) {
    const length = bytes.length + by;
    if (length < 8) continue;
    const mutated = new Uint8Array(length);
    mutated.set(bytes.subarray(0, length));
    new DataView(mutated.buffer).setUint16(2, length);
    yield [`${by} bytes`, mutated];
  }
}
