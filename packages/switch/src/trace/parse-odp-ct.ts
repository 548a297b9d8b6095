/** The connection tracker's part of datapath actions, read from the original's syntax; see format-ct.ts for the other way. */
import type { CtDatapathAction, CtNat } from "@tenet/datapath";
import { getU32, tryParseIp4, tryParseIp6 } from "@tenet/net";

const ALL_BITS = (1n << 128n) - 1n;
const NUMBER = "(?:0x[\\da-f]+|\\d+)";
const ADDRESS = "\\[?([\\da-f.:]+?)\\]?";
const NAT_RANGE = new RegExp(`^(src|dst)(?:=(?:${ADDRESS}(?:-${ADDRESS})?)?(?::(\\d+)(?:-(\\d+))?)?)?$`, "i");

/** What is in the parentheses of `ct(...)`; `undefined` when something in it is not understood. */
export function parseOdpCt(content: string): CtDatapathAction | undefined {
  const nat = /(?:^|,)nat(?:\(([^)]*)\))?(?:,|$)/.exec(content);
  const parsedNat = nat === null ? undefined : parseNat(nat[1] ?? "");
  if (nat !== null && parsedNat === undefined) return undefined;
  const rest = nat === null ? content : content.replace(nat[0], ",");
  const words = rest.split(",").filter(Boolean);
  const values = new Map(words.map((word) => word.split("=", 2) as [string, string | undefined]));
  if ([...values].some(([name, value]) => !isUnderstood(name, value))) return undefined;
  const [mark = 0n, markMask = 0n] = readMasked(values.get("mark"), 0xffffffffn);
  const [label, labelMask] = readMasked(values.get("label"), ALL_BITS);
  const helper = values.get("helper");
  return {
    type: "ct",
    isCommit: values.has("commit") || values.has("force_commit"),
    isForce: values.has("force_commit"),
    zone: Number(values.get("zone") ?? 0),
    mark: Number(mark),
    markMask: Number(markMask),
    label: label === undefined ? undefined : toWords(label),
    labelMask: labelMask === undefined ? undefined : toWords(labelMask),
    nat: parsedNat,
    ...(helper === "ftp" || helper === "tftp" ? { helper } : {}),
  };
}

function isUnderstood(name: string, value: string | undefined): boolean {
  if (value === undefined) return name === "commit" || name === "force_commit";
  if (name === "helper") return value === "ftp" || value === "tftp";
  if (name === "zone") return /^\d+$/.test(value);
  return (name === "mark" || name === "label") && new RegExp(`^${NUMBER}(/${NUMBER})?$`, "i").test(value);
}

function readMasked(text: string | undefined, ones: bigint): [value?: bigint, mask?: bigint] {
  if (text === undefined) return [];
  const [value = "0", mask] = text.split("/");
  return [BigInt(value), mask === undefined ? ones : BigInt(mask)];
}

function toWords(value: bigint): Uint32Array {
  return Uint32Array.from({ length: 4 }, (_, i) => Number((value >> BigInt(96 - 32 * i)) & 0xffffffffn));
}

function parseNat(content: string): CtNat | undefined {
  const words = content.split(",").filter(Boolean);
  const range = words.find((word) => /^(src|dst)/.test(word));
  const others = words.filter((word) => word !== range);
  if (others.some((word) => !["persistent", "random", "hash"].includes(word))) return undefined;
  const read = range === undefined ? [] : NAT_RANGE.exec(range);
  if (read === null) return undefined;
  const [, side, first, last, firstPort, lastPort] = read;
  const [firstAddress, lastAddress] = [first, last].map((text) => (text === undefined ? undefined : readAddress(text)));
  if ((first !== undefined && firstAddress === undefined) || (last !== undefined && lastAddress === undefined)) return undefined;
  return {
    side: side === "src" || side === "dst" ? side : undefined,
    firstAddress,
    lastAddress,
    firstPort: Number(firstPort ?? 0),
    lastPort: Number(lastPort ?? firstPort ?? 0),
    isPersistent: others.includes("persistent"),
    portChoice: others.includes("random") ? "random" : others.includes("hash") ? "hash" : undefined,
  };
}

function readAddress(text: string): Uint32Array | undefined {
  const word = tryParseIp4(text);
  if (word !== undefined) return Uint32Array.of(word);
  const bytes = tryParseIp6(text);
  return bytes === undefined ? undefined : Uint32Array.from({ length: 4 }, (_, i) => getU32(bytes, 4 * i));
}
