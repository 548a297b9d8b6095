/**
 * Matches in the syntax of ovs-ofctl: `tcp,nw_dst=10.0.0.0/8,tp_dst=443`.
 *
 * A field whose prerequisite is missing is an error here, with what to add: a match that would be
 * broader than it reads is refused, not widened.
 */
import { FIELDS, setField } from "@tenet/net";
import type { Match } from "../action.ts";
import { makeMatch, setMatchField, trimMatch } from "../match/match.ts";
import { findMatchField, type MatchField, matchField, matchFieldNames } from "../match/match-field.ts";
import { meetsPrerequisite, prerequisiteText } from "../match/prerequisite.ts";
import { parseFieldValue } from "./field-value.ts";
import { type KeyValue, keyValues } from "./key-values.ts";
import type { PortNames } from "./port-name.ts";
import { Span } from "./span.ts";

/** How to read a text. */
export interface ParseOptions extends PortNames {
  /** Name of the source in errors. */
  readonly file?: string;
}

/** Protocol shorthands: EtherType and, where it has one, IP protocol. */
export const PROTOCOLS: ReadonlyMap<string, readonly [etherType: number, protocol?: number]> = new Map<
  string,
  readonly [number, number?]
>([
  ["ip", [0x0800]],
  ["icmp", [0x0800, 1]],
  ["tcp", [0x0800, 6]],
  ["udp", [0x0800, 17]],
  ["sctp", [0x0800, 132]],
  ["ipv6", [0x86dd]],
  ["ip6", [0x86dd]],
  ["icmp6", [0x86dd, 58]],
  ["tcp6", [0x86dd, 6]],
  ["udp6", [0x86dd, 17]],
  ["sctp6", [0x86dd, 132]],
  ["arp", [0x0806]],
  ["rarp", [0x8035]],
  ["mpls", [0x8847]],
  ["mplsm", [0x8848]],
]);

const VLAN_TCI = matchField("vlan_tci");
const DL_VLAN = matchField("dl_vlan");
const PCP_NAMES: ReadonlySet<string> = new Set(["vlan_pcp", "dl_vlan_pcp"]);

/** A field that a text set, and where: its prerequisite is checked when the whole match is known. */
interface Mention {
  readonly field: MatchField;
  readonly item: Span;
}

/** Collects a match item by item. */
export class MatchBuilder {
  readonly match: Match = makeMatch();
  readonly #mentions: Mention[] = [];
  readonly #names: PortNames;

  constructor(names: PortNames = {}) {
    this.#names = names;
  }

  /** Takes one item; `false` when its key is no part of a match. @throws SourceError when its value does not read */
  take(item: KeyValue): boolean {
    const name = item.key.text;
    const protocol = PROTOCOLS.get(name);
    if (protocol !== undefined && !item.hasValue) {
      setField(this.match.key, FIELDS.eth_type, protocol[0]);
      setField(this.match.mask, FIELDS.eth_type, 0xffff);
      if (protocol[1] !== undefined) {
        setField(this.match.key, FIELDS.nw_proto, protocol[1]);
        setField(this.match.mask, FIELDS.nw_proto, 0xff);
      }
      return true;
    }
    if (name === "eth" && item.value.text === "") return true;
    const field = findMatchField(name);
    if (field === undefined) return false;
    if (!item.hasValue && field.option !== undefined) {
      setMatchField(this.match, field, 0n, 0n);
      return true;
    }
    if (!item.hasValue) throw item.item.fail(`${name} needs a value`, { expected: `${name}=VALUE` });
    this.#set(field, item);
    return true;
  }

  /** Checks prerequisites and returns the match. @throws SourceError naming the field and what it needs */
  finish(): Match {
    for (const { field, item } of this.#mentions) {
      const needed = this.#neededBy(field);
      if (!meetsPrerequisite(this.match, needed)) {
        throw item.fail(`${item.text} means nothing for every packet that this matches`, {
          hint: `Add ${prerequisiteText(needed)} to the match`,
        });
      }
    }
    trimMatch(this.match);
    return this.match;
  }

  #set(field: MatchField, item: KeyValue): void {
    if (field.format === "vlanVid") return this.#setVlan(item);
    const { value, mask } = parseFieldValue(field, item.value, this.#names);
    if (field.text === "nw_tos") setMatchField(this.match, field, value, mask & 0xfcn);
    else if (PCP_NAMES.has(field.text)) setMatchField(this.match, VLAN_TCI, (value << 13n) | 0x1000n, mask === 0n ? 0n : 0xf000n);
    else setMatchField(this.match, field, value, mask);
    if (mask !== 0n) this.#mentions.push({ field, item: item.item });
  }

  #setVlan(item: KeyValue): void {
    const [text] = item.value.cut("/");
    if (/^(0xffff|65535)$/i.test(text.text)) {
      setField(this.match.key, FIELDS.vlan_tci, 0);
      setField(this.match.mask, FIELDS.vlan_tci, 0xffff);
      return;
    }
    const { value, mask } = parseFieldValue(DL_VLAN, item.value, this.#names);
    if (mask !== 0n) setMatchField(this.match, VLAN_TCI, value | 0x1000n, 0x1fffn);
  }

  /** `tcp_src` and its like also serve ICMP and other transports under the name of OpenFlow 1.0. */
  #neededBy(field: MatchField): MatchField["prerequisite"] {
    const isOld = field.text === "icmp_type" || field.text === "icmp_code";
    return isOld && meetsPrerequisite(this.match, "icmp6") ? "icmp6" : field.prerequisite;
  }
}

/**
 * Reads a match.
 *
 * @throws SourceError with the position, what was expected and the nearest name
 * @example
 * parseMatch("tcp,nw_dst=10.0.0.1,tp_dst=443");
 */
export function parseMatch(text: string, options: ParseOptions = {}): Match {
  const builder = new MatchBuilder(options);
  for (const item of keyValues(new Span(text, options.file ?? "match"))) {
    if (!builder.take(item)) throw item.key.failUnknown("field", matchKeywords());
  }
  return builder.finish();
}

/** Every word that may begin an item of a match. */
export function matchKeywords(): string[] {
  return [...PROTOCOLS.keys(), ...matchFieldNames()];
}
