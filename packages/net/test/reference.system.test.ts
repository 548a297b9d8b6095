import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  composePacket,
  FIELDS,
  type FieldName,
  getFieldBig,
  makeFlowKey,
  parseFlowKey,
  parseIp4,
  parseIp6,
  parseMac,
} from "@tenet/net";
import { packetKey } from "./arbitrary-key.ts";

/** What the original names differently. Values it prints beside these say how they were framed, not what they are. */
const NAMES: Readonly<Record<string, FieldName>> = {
  dl_src: "eth_src",
  dl_dst: "eth_dst",
  dl_type: "eth_type",
  arp_op: "nw_proto",
  arp_spa: "nw_src",
  arp_tpa: "nw_dst",
  icmp_type: "tp_src",
  icmp_code: "tp_dst",
  nd_sll: "arp_sha",
  nd_tll: "arp_tha",
};
const PROTOCOLS: Readonly<Record<string, readonly [type: number, proto?: number]>> = {
  ip: [0x0800],
  tcp: [0x0800, 6],
  udp: [0x0800, 17],
  sctp: [0x0800, 132],
  icmp: [0x0800, 1],
  igmp: [0x0800, 2],
  ipv6: [0x86dd],
  tcp6: [0x86dd, 6],
  udp6: [0x86dd, 17],
  sctp6: [0x86dd, 132],
  icmp6: [0x86dd, 58],
  arp: [0x0806],
  rarp: [0x8035],
};
const FLAGS = ["fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr", "ns"];

type Fields = Partial<Record<FieldName, bigint>>;

/** Reads a line of the original into the fields of a FlowKey that are not zero. */
function readLine(line: string): Fields {
  const raw = new Map(line.split(",").map((part) => [part.split("=")[0] ?? "", part.split("=").slice(1).join("=")]));
  const out: Fields = {};
  for (const [name, text] of raw) {
    const protocol = PROTOCOLS[name];
    if (protocol !== undefined && text === "") {
      out.eth_type = BigInt(protocol[0]);
      if (protocol[1] !== undefined) out.nw_proto = BigInt(protocol[1]);
      continue;
    }
    const field = NAMES[name] ?? name;
    if (field in FIELDS && field !== "in_port") out[field as FieldName] = readValue(field as FieldName, text);
  }
  out.nw_tos = BigInt(raw.get("nw_tos") ?? 0) | BigInt(raw.get("nw_ecn") ?? 0);
  if (raw.has("dl_vlan")) out.vlan_tci = BigInt(raw.get("dl_vlan") ?? 0) | (BigInt(raw.get("dl_vlan_pcp") ?? 0) << 13n) | 0x1000n;
  return Object.fromEntries(Object.entries(out).filter(([, value]) => value !== 0n));
}

function readValue(field: FieldName, text: string): bigint {
  if (field === "nw_frag") return { no: 0n, first: 1n, later: 3n }[text] ?? -1n;
  if (field === "tcp_flags") return readFlags(text);
  if (/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(text)) return BigInt(parseMac(text));
  if (field.startsWith("ipv6_") && field !== "ipv6_label") return bytesValue(parseIp6(text));
  if (field === "nd_target") return bytesValue(parseIp6(text));
  return /^\d+\.\d+\.\d+\.\d+$/.test(text) ? BigInt(parseIp4(text)) : BigInt(text);
}

function readFlags(text: string): bigint {
  if (/^\d/.test(text)) return BigInt(text);
  return text.split("|").reduce((flags, name) => {
    const rest = /^\[([0-9a-f]+)\]$/.exec(name)?.[1];
    return flags | (rest === undefined ? 1n << BigInt(FLAGS.indexOf(name)) : BigInt(`0x${rest}`));
  }, 0n);
}

function bytesValue(bytes: Uint8Array): bigint {
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

/** The original reads these too, but prints them of matches alone. */
const NOT_PRINTED: ReadonlySet<FieldName> = new Set(["vlan_tpid", "nd_reserved", "nd_options_type"]);

function fieldsOf(frame: Uint8Array): Fields {
  const key = makeFlowKey();
  parseFlowKey(frame, frame.length, 0, key);
  const set = Object.values(FIELDS).filter((field) => getFieldBig(key, field) !== 0n && !NOT_PRINTED.has(field.name));
  return Object.fromEntries(set.map((field) => [field.name, getFieldBig(key, field)]));
}

/** Runs frames through the original's parser; one line per frame. */
function originalLines(frames: readonly Uint8Array[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), "tenet-net-"));
  try {
    const parts = [Buffer.from("d4c3b2a1020004000000000000000000ffff000001000000", "hex")];
    for (const frame of frames) {
      const header = Buffer.alloc(16);
      header.writeUInt32LE(frame.length, 8);
      header.writeUInt32LE(frame.length, 12);
      parts.push(header, Buffer.from(frame));
    }
    const path = join(folder, "frames.pcap");
    writeFileSync(path, Buffer.concat(parts));
    return execFileSync("ovs-ofctl", ["parse-pcap", path], { encoding: "utf8", maxBuffer: 2 ** 26 })
      .trimEnd()
      .split("\n");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const hasOriginal = spawnSync("ovs-ofctl", ["--version"]).status === 0;
if (!hasOriginal) console.log("skipped: ovs-ofctl is not installed");

/** Frames of every kind: whole, with a byte changed behind the EtherType, or cut. */
const frame = fc
  .tuple(packetKey, fc.uint8Array({ maxLength: 30 }), fc.constantFrom("whole", "changed", "cut"), fc.nat(200), fc.nat(255))
  .map(([key, payload, damage, where, value]) => {
    const bytes = composePacket(key, payload);
    if (damage === "cut") return bytes.slice(0, 14 + (where % (bytes.length - 13)));
    const at = 18 + (where % Math.max(1, bytes.length - 18));
    if (damage === "changed" && at < bytes.length) bytes[at] = value;
    return bytes;
  })
  .filter((bytes) => ![0x8100, 0x88a8, 0x8847, 0x8848, 0x894f].includes(Number(fieldsOf(bytes).eth_type ?? 0)));

test.skipIf(!hasOriginal)("parseFlowKey reads frames, also damaged ones, as ovs-ofctl does", () => {
  const frames = fc.sample(frame, 3000);
  const lines = originalLines(frames);
  expect(lines.length).toBe(frames.length);
  frames.forEach((bytes, i) => {
    const line = lines[i] ?? "";
    expect(fieldsOf(bytes), `${Buffer.from(bytes).toString("hex")}\n${line}`).toEqual(readLine(line));
  });
});
