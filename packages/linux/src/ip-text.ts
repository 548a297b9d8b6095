/** IP addresses from text to bytes; Node checks the text, this only spreads it out. */
import { isIPv4, isIPv6 } from "node:net";
import { IoError } from "@tenet/kit";

/** 4 or 16 bytes of an address. @throws IoError when the text is no IP address */
export function ipBytes(text: string): Uint8Array {
  if (isIPv4(text)) return Uint8Array.from(text.split("."), Number);
  if (!isIPv6(text)) {
    throw new IoError(`Cannot read "${text}" as an IP address`, { hint: "Write it like 10.0.0.1 or fd00::1" });
  }
  const [head = "", tail = ""] = text.split("::");
  const front = groupsOf(head);
  const back = groupsOf(tail);
  const zeros = Array.from({ length: 16 - front.length - back.length }, () => 0);
  return Uint8Array.from([...front, ...zeros, ...back]);
}

function groupsOf(text: string): number[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => {
    if (group.includes(".")) return group.split(".").map(Number);
    const value = Number.parseInt(group, 16);
    return [value >>> 8, value & 255];
  });
}

/** An address and prefix length from `10.0.0.1/24`; a bare address is a host prefix. */
export function ipPrefix(text: string): { address: Uint8Array; length: number } {
  const [addressText = "", lengthText] = text.split("/");
  const address = ipBytes(addressText);
  const length = lengthText === undefined ? address.length * 8 : Number(lengthText);
  if (!Number.isInteger(length) || length < 0 || length > address.length * 8) {
    throw new IoError(`Cannot read "${text}" as a prefix`, { hint: "Write it like 10.0.0.1/24 or fd00::1/64" });
  }
  return { address, length };
}

/** A sockaddr_in or sockaddr_in6. */
export function socketAddress(address: Uint8Array, port: number, scopeId = 0): Uint8Array {
  const isIp6 = address.length === 16;
  const bytes = new Uint8Array(isIp6 ? 28 : 16);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, isIp6 ? 10 : 2, true);
  view.setUint16(2, port);
  bytes.set(address, isIp6 ? 8 : 4);
  if (isIp6) view.setUint32(24, scopeId, true);
  return bytes;
}
