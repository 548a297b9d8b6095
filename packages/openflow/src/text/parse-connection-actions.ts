/** Reads `ct(...)` and `nat(...)` in the syntax of ovs-ofctl. */
import { messageOf } from "@tenet/kit";
import { parseIp4, parseIp6 } from "@tenet/net";
import type { Action, CtAction, NatAction, NatRange } from "../action.ts";
import { compareWords, faultInCt } from "../wire/connection-actions.ts";
import { ALG_NAMES } from "./format-connection-actions.ts";
import { parseInteger, tryParseInteger } from "./integer.ts";
import { type KeyValue, keyValues } from "./key-values.ts";
import type { Span } from "./span.ts";
import { parseSubField } from "./sub-field.ts";

const CT_PARTS = ["commit", "force", "table", "zone", "nat", "exec", "alg"] as const;
const NAT_PARTS = ["src", "dst", "persistent", "hash", "random"] as const;

/** Reads `ct`, whose inner actions `readList` reads. @throws SourceError */
export function parseCt({ value, item }: KeyValue, readList: (list: Span) => Action[]): CtAction {
  const parts = { isCommit: false, isForce: false, zone: 0 as CtAction["zone"], alg: 0 };
  const actions: Action[] = [];
  let table: number | undefined;
  for (const part of keyValues(value)) {
    switch (part.key.text) {
      case "commit":
        parts.isCommit = true;
        break;
      case "force":
        parts.isForce = true;
        break;
      case "table":
        table = parseInteger(part.value, "a table", 254);
        break;
      case "zone":
        parts.zone = parseZone(part.value);
        break;
      case "nat":
        actions.push(parseNat(part));
        break;
      case "exec":
        actions.push(...readList(part.value));
        break;
      case "alg":
        parts.alg = parseAlg(part.value);
        break;
      default:
        throw part.key.failUnknown("part of ct", CT_PARTS);
    }
  }
  if (parts.isForce && !parts.isCommit) throw item.fail('"force" needs "commit"');
  const fault = actions.map((action) => faultInCt(action, parts.isCommit)).find((text) => text !== undefined);
  if (fault !== undefined) throw item.fail(fault, { hint: "Inside ct, ct_mark and ct_label can be set, and nat" });
  return { type: "ct", ...parts, actions, ...(table === undefined ? {} : { table }) };
}

/** Reads `nat` or `nat(src=ADDRESSES:PORTS,FLAGS)`. @throws SourceError */
export function parseNat({ value, item }: KeyValue): NatAction {
  let side: "src" | "dst" | undefined;
  let range: Pick<NatAction, "addresses" | "ports"> = {};
  let isPersistent = false;
  let portChoice: NatAction["portChoice"];
  for (const part of keyValues(value)) {
    const word = part.key.text;
    if (word === "src" || word === "dst") {
      if (side !== undefined) throw part.key.fail("nat translates one side", { expected: "src or dst" });
      side = word;
      if (part.value.text !== "") range = parseRange(part.value);
    } else if (word === "persistent") isPersistent = true;
    else if (word === "hash" || word === "random") {
      if (portChoice !== undefined && portChoice !== word) throw part.key.fail('"hash" and "random" exclude each other');
      portChoice = word;
    } else throw part.key.failUnknown("part of nat", NAT_PARTS);
  }
  if (side === undefined && (isPersistent || portChoice !== undefined)) {
    throw item.fail("How to choose means nothing without what to translate", { expected: "nat(src=...) or nat(dst=...)" });
  }
  return {
    type: "nat",
    ...(side === undefined ? {} : { side }),
    ...range,
    ...(isPersistent ? { isPersistent } : {}),
    ...(portChoice === undefined ? {} : { portChoice }),
  };
}

function parseZone(span: Span): CtAction["zone"] {
  if (tryParseInteger(span.text) !== undefined) return parseInteger(span, "a zone", 0xffff);
  const zone = parseSubField(span);
  if (zone.nBits !== 16)
    throw span.fail(`A zone has 16 bits, not ${zone.nBits}`, { expected: "16 bits such as NXM_NX_REG0[0..15]" });
  return zone;
}

function parseAlg(span: Span): number {
  for (const [port, name] of ALG_NAMES) if (span.text === name) return port;
  if (tryParseInteger(span.text) === undefined) throw span.failUnknown("application protocol", ALG_NAMES.values());
  return parseInteger(span, "a port", 0xffff);
}

/** `A`, `A-B`, either with `:P` or `:P-Q`; an IPv6 address before ports stands in brackets. */
const RANGE = /^(\[[^\]]*\]|[^[\]-]*?)(?:-(\[[^\]]*\]|[^[\]-]*?))?(?::(\d+)(?:-(\d+))?)?$/;
const PLAIN_IP6 = /^([0-9a-fA-F:.]*:[0-9a-fA-F:.]*)(?:-([0-9a-fA-F:.]*:[0-9a-fA-F:.]*))?$/;

function parseRange(span: Span): Pick<NatAction, "addresses" | "ports"> {
  const isPlainIp6 = (span.text.match(/:/g)?.length ?? 0) > 1 && !span.text.startsWith("[");
  const found = (isPlainIp6 ? PLAIN_IP6 : RANGE).exec(span.text);
  if (found === null) {
    throw span.fail(`Cannot read "${span.text}" as addresses and ports`, {
      expected: "ADDRESS, ADDRESS-ADDRESS, ADDRESS:PORT-PORT",
    });
  }
  const [, first = "", last, firstPort, lastPort] = found;
  const addresses = first === "" ? undefined : toRange(span, first, last === undefined || last === "" ? first : last);
  if (firstPort === undefined) return addresses === undefined ? {} : { addresses };
  const ports = [toPort(span, firstPort), toPort(span, lastPort ?? firstPort)] as const;
  if (ports[0] > ports[1]) throw span.fail("The last port comes before the first");
  return { ...(addresses === undefined ? {} : { addresses }), ports };
}

function toPort(span: Span, text: string): number {
  const port = Number(text);
  if (port < 1 || port > 0xffff) throw span.fail(`${text} is not a port`, { expected: "1 to 65535" });
  return port;
}

function toRange(span: Span, first: string, last: string): NatRange {
  const family = first.includes(":") ? 6 : 4;
  const firstAddress = toWords(span, first, family);
  const lastAddress = toWords(span, last, family);
  if (compareWords(firstAddress, lastAddress) > 0) throw span.fail("The last address comes before the first");
  return { family, firstAddress, lastAddress };
}

function toWords(span: Span, text: string, family: 4 | 6): Uint32Array {
  try {
    if (family === 4) return Uint32Array.of(parseIp4(text));
    const bytes = parseIp6(text.replace(/^\[|\]$/g, ""));
    const view = new DataView(bytes.buffer, bytes.byteOffset, 16);
    return Uint32Array.from({ length: 4 }, (_, i) => view.getUint32(4 * i));
  } catch (error) {
    throw span.fail(messageOf(error), { cause: error });
  }
}
