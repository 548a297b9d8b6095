/** The connection tracker's part of datapath actions as text, in the original's syntax. */
import type { CtDatapathAction, CtNat } from "@tenet/datapath";
import { formatIp4, formatIp6 } from "@tenet/net";

/** Writes `ct(...)` as `dpctl/dump-flows` shows it. */
export function formatCt(action: CtDatapathAction): string {
  const { isCommit, isForce, zone, mark, markMask, label, labelMask, nat, helper } = action;
  const parts: string[] = [];
  if (isCommit) parts.push(isForce ? "force_commit" : "commit");
  if (zone !== 0) parts.push(`zone=${zone}`);
  if (markMask !== 0) parts.push(`mark=${hex(BigInt(mark))}/${hex(BigInt(markMask >>> 0))}`);
  if (label !== undefined && labelMask !== undefined) {
    const isWhole = labelMask.every((word) => word === 0xffffffff);
    parts.push(`label=${formatLabel(label)}${isWhole ? "" : `/${formatLabel(labelMask)}`}`);
  }
  if (helper !== undefined) parts.push(`helper=${helper}`);
  if (nat !== undefined) parts.push(formatNat(nat));
  return parts.length === 0 ? "ct" : `ct(${parts.join(",")})`;
}

/** A label as one hexadecimal number. */
export function formatLabel(words: Uint32Array): string {
  return hex(words.reduce((value, word) => (value << 32n) | BigInt(word), 0n));
}

/** An address of one or four words. */
export function formatAddress(words: Uint32Array): string {
  if (words.length === 1) return formatIp4(words[0] ?? 0);
  return formatIp6(Uint8Array.from({ length: 16 }, (_, i) => (words[i >> 2] ?? 0) >>> (24 - 8 * (i & 3))));
}

function formatNat({ side, firstAddress, lastAddress, firstPort, lastPort, isPersistent, portChoice }: CtNat): string {
  if (side === undefined) return "nat";
  const parts: string[] = [];
  const first = firstAddress === undefined ? "" : formatAddress(firstAddress);
  const last = lastAddress === undefined ? first : formatAddress(lastAddress);
  const isBracketed = firstAddress?.length === 4 && firstPort !== 0;
  const show = (address: string): string => (isBracketed ? `[${address}]` : address);
  const ports = firstPort === 0 ? "" : firstPort === lastPort ? `:${firstPort}` : `:${firstPort}-${lastPort}`;
  const range = `${first === "" ? "" : show(first)}${last === first ? "" : `-${show(last)}`}${ports}`;
  parts.push(range === "" ? side : `${side}=${range}`);
  if (isPersistent) parts.push("persistent");
  if (portChoice !== undefined) parts.push(portChoice);
  return `nat(${parts.join(",")})`;
}

function hex(value: bigint): string {
  return value === 0n ? "0" : `0x${value.toString(16)}`;
}
