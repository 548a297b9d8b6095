/** Frames and keys that several tests use. */
import {
  buildEthernet,
  buildIp4,
  buildIp6,
  buildTcp,
  buildUdp,
  FIELDS,
  type FieldName,
  fieldOnes,
  makeFlowKey,
  parseFlowKey,
  parseIp4,
  parseIp6,
  setFieldBig,
} from "@tenet/net";

const MAC_A = 0x0a0000000001;
const MAC_B = 0x0a0000000002;
const IP_A: number = parseIp4("10.0.0.1");
const IP_B: number = parseIp4("10.0.0.2");

/** A UDP frame from A to B. */
export function udpFrame(dstPort = 53, payload: Uint8Array = Uint8Array.of(1, 2, 3)): Uint8Array {
  const udp = buildUdp({ srcPort: 1000, dstPort }, payload);
  return buildEthernet({ dst: MAC_B, src: MAC_A, type: 0x0800 }, buildIp4({ src: IP_A, dst: IP_B, proto: 17 }, udp));
}

/** A TCP frame from A to B over IPv4 or IPv6. */
export function tcpFrame(family: 4 | 6 = 4, payload: Uint8Array = Uint8Array.of(1, 2, 3), flags = 0x18): Uint8Array {
  const tcp = buildTcp({ srcPort: 1000, dstPort: 80, seq: 100, flags }, payload);
  const packet =
    family === 4
      ? buildIp4({ src: IP_A, dst: IP_B, proto: 6 }, tcp)
      : buildIp6({ src: parseIp6("fd00::1"), dst: parseIp6("fd00::2"), proto: 6 }, tcp);
  return buildEthernet({ dst: MAC_B, src: MAC_A, type: family === 4 ? 0x0800 : 0x86dd }, packet);
}

/** The FlowKey of a frame. */
export function keyOf(frame: Uint8Array, inPort = 1): Uint32Array {
  const key = makeFlowKey();
  parseFlowKey(frame, frame.length, inPort, key);
  return key;
}

/** A key and a mask with exactly these fields. */
export function matchOf(fields: Partial<Record<FieldName, bigint | number>>): { key: Uint32Array; mask: Uint32Array } {
  const key = makeFlowKey();
  const mask = makeFlowKey();
  for (const [name, value] of Object.entries(fields)) {
    const field = FIELDS[name as FieldName];
    setFieldBig(key, field, BigInt(value));
    setFieldBig(mask, field, fieldOnes(field));
  }
  return { key, mask };
}
