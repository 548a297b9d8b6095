/**
 * Assembly that writes translated addresses and ports into a packet, and keeps its checksums true: those that are yet to be
 * completed, and the sum that a device gave for all bytes, too. Registers: as in translated-words.ts.
 */
import { asm, type Code } from "@tenet/bpf";
import { IP_PROTO } from "@tenet/net";
import { ENTRY_FLAG } from "../../conntrack/connection-entry.ts";
import { CT_STATE, NAT_STATES } from "../../conntrack/ct-state.ts";
import { entryAt, keep, recall, RECOMPUTE, TRACKING, tupleAt } from "./tracking-stack.ts";
import {
  ADDRESSES,
  CHECKSUM_AT,
  CHECKSUM_FLAG,
  type Family,
  findAnswer,
  findDifference,
  IP_AT,
  loadNewAddress,
  loadNewPorts,
  type Side,
  storeAfter,
  WORD,
} from "./translated-words.ts";
import { translateError } from "./translate-error.ts";

/** Makes the packet one whose answers have the tuple of the other side; notes in the state what has changed. */
export function translate(): Code {
  const { direction, state, changed } = TRACKING;
  return [
    [keep(changed, 0), findAnswer(), recall("r1", TRACKING.innerAt), asm.branch("r1", "!=", 0, "ct-translate-error")],
    [recall("r1", tupleAt("head")), asm.rsh("r1", 24), asm.branch("r1", "==", 6, "ct-translate-6")],
    [setAddress(4, "src"), setAddress(4, "dst"), asm.jump("ct-translate-ports")],
    [asm.label("ct-translate-6"), setAddress(6, "src"), setAddress(6, "dst")],
    [asm.label("ct-translate-ports"), setPorts(), asm.jump("ct-translate-state")],
    [asm.label("ct-translate-error"), translateError()],
    [asm.label("ct-translate-state"), recall("r1", changed), asm.branch("r1", "==", 0, "ct-translated")],
    // The source changes in packets of the side that is translated at its source, and in answers of the other kind.
    [
      asm.load(4, "r1", "r9", entryAt("flags")),
      asm.and("r1", ENTRY_FLAG.sourceNat),
      recall("r2", direction),
      asm.xor("r1", "r2"),
    ],
    [recall("r2", state), asm.and("r2", ~NAT_STATES), asm.branch("r1", "==", 0, "ct-destination")],
    [asm.or("r2", CT_STATE.snat), asm.jump("ct-noted")],
    [asm.label("ct-destination"), asm.or("r2", CT_STATE.dnat)],
    [asm.label("ct-noted"), keep(state, "r2"), asm.label("ct-translated")],
  ];
}

function setAddress(family: Family, part: Side): Code {
  const { nWords, [part]: at } = ADDRESSES[family];
  const [name, sizeBytes] = [`${part}-${family}`, WORD * nWords];
  return [
    [loadNewAddress(family, part, `ct-same-${name}`), findDifference(tupleAt(part), sizeBytes), keep(TRACKING.difference, "r0")],
    updateTransport(CHECKSUM_FLAG.isPseudo, name),
    family === 4 ? updateIp4() : [],
    // Over IPv4 the header's checksum makes up for what changes, so that the sum of all bytes stays.
    storeAfter(asm.mov("r2", IP_AT + at), sizeBytes, asm.mov("r5", family === 4 ? 0 : RECOMPUTE)),
    asm.label(`ct-same-${name}`),
  ];
}

function setPorts(): Code {
  return [
    loadNewPorts("ct-same-ports"),
    [findDifference(tupleAt("ports"), WORD), keep(TRACKING.difference, "r0"), updateTransport(0, "ports")],
    storeAfter(recall("r2", TRACKING.transportAt), WORD, recall("r5", TRACKING.portFlags)),
    asm.label("ct-same-ports"),
  ];
}

/** Changes the checksum of the transport layer by the difference; only those of TCP, UDP and ICMP over IPv6 know addresses. */
function updateTransport(flags: number, name: string): Code {
  const [fix, none] = [`ct-fix-${name}`, `ct-no-checksum-${name}`];
  return [
    [recall("r2", TRACKING.transportAt), recall("r1", TRACKING.proto), asm.mov("r5", flags)],
    [asm.add("r2", CHECKSUM_AT.icmp), asm.branch("r1", "==", IP_PROTO.icmp6, fix)],
    [asm.add("r2", CHECKSUM_AT.tcp - CHECKSUM_AT.icmp), asm.branch("r1", "==", IP_PROTO.tcp, fix)],
    [asm.branch("r1", "!=", IP_PROTO.udp, none), asm.mov("r5", flags | CHECKSUM_FLAG.mayBeAbsent)],
    asm.sub("r2", CHECKSUM_AT.tcp - CHECKSUM_AT.udp),
    [asm.label(fix), asm.mov("r1", "r6"), asm.mov("r3", 0), recall("r4", TRACKING.difference)],
    [asm.call("l4_csum_replace"), asm.label(none)],
  ];
}

function updateIp4(): Code {
  return [
    [asm.mov("r1", "r6"), asm.mov("r2", IP_AT + CHECKSUM_AT.ip4), asm.mov("r3", 0), recall("r4", TRACKING.difference)],
    [asm.mov("r5", 0), asm.call("l3_csum_replace")],
  ];
}
