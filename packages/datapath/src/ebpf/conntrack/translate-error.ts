/**
 * Assembly that translates an ICMP error and, the other way round, the packet that it is about, as far as that is there: addresses, ports and
 * all checksums.
 *
 * The error's checksum covers that packet, whose own checksums make up for some of what changes: that of IPv4's header for addresses, and that
 * of the transport layer, if it is among the bytes, for addresses and ports. So it changes by what is left.
 */
import { asm, type Code, type HelperName } from "@tenet/bpf";
import { IP_PROTO } from "@tenet/net";
import { keep, recall, RECOMPUTE, TRACKING, tupleAt } from "./tracking-stack.ts";
import {
  ADDRESSES,
  CHECKSUM_AT,
  CHECKSUM_FLAG,
  type Family,
  findDifference,
  IP_AT,
  loadNewAddress,
  loadNewPorts,
  type Side,
  storeAfter,
  WORD,
} from "./translated-words.ts";

const OTHER_SIDE = { src: "dst", dst: "src" } as const;
const { after, before, changed, difference, innerAt, innerBytes, innerTransportAt, transportAt } = TRACKING;
/** Of addresses, of ports, and what is left for the error's own checksum. */
const { addressDifference, portDifference, difference: messageDifference } = TRACKING;

/** As `translate` does a packet of the connection itself; notes whether anything has changed. */
export function translateError(): Code {
  return [
    [keep(addressDifference, 0), keep(portDifference, 0), recall("r1", tupleAt("head")), asm.rsh("r1", 24)],
    [asm.branch("r1", "==", 6, "ct-error-is-6"), setAddress(4, "src"), setAddress(4, "dst"), asm.jump("ct-error-addresses")],
    [asm.label("ct-error-is-6"), setAddress(6, "src"), setAddress(6, "dst"), asm.label("ct-error-addresses")],
    [
      setPorts(),
      recall("r1", changed),
      asm.branch("r1", "==", 0, "ct-error-done"),
      updateChecksums(),
      asm.label("ct-error-done"),
    ],
  ];
}

/** In the error's header, and on the other side in that of the packet in it. */
function setAddress(family: Family, part: Side): Code {
  const { nWords, [part]: at, [OTHER_SIDE[part]]: innerPart } = ADDRESSES[family];
  const [same, sizeBytes] = [`ct-error-same-${part}-${family}`, WORD * nWords];
  return [
    [
      loadNewAddress(family, part, same),
      asm.mov("r1", "r6"),
      asm.mov("r2", IP_AT + at),
      asm.mov("r3", "r10"),
      asm.add("r3", before),
    ],
    [asm.mov("r4", sizeBytes), asm.call("skb_load_bytes"), findDifference(before, sizeBytes), keep(difference, "r0")],
    family === 4
      ? replaceChecksum("l3_csum_replace", asm.mov("r2", IP_AT + CHECKSUM_AT.ip4), difference)
      : replaceChecksum("l4_csum_replace", placeAt(transportAt, CHECKSUM_AT.icmp), difference, CHECKSUM_FLAG.isPseudo),
    storeAfter(asm.mov("r2", IP_AT + at), sizeBytes, asm.mov("r5", family === 4 ? 0 : RECOMPUTE)),
    [findDifference(tupleAt(part), sizeBytes, addressDifference), keep(addressDifference, "r0")],
    [storeAfter(placeAt(innerAt, innerPart), sizeBytes, asm.mov("r5", 0)), asm.label(same)],
  ];
}

/** In the packet's transport header; an error has none. */
function setPorts(): Code {
  const same = "ct-error-same-ports";
  return [
    [loadNewPorts(same), findDifference(tupleAt("ports"), WORD), keep(portDifference, "r0"), recall("r1", after)],
    [asm.mov32("r2", "r1"), asm.lsh32("r1", 16), asm.rsh32("r2", 16), asm.or32("r1", "r2"), keep(after, "r1")],
    [storeAfter(recall("r2", innerTransportAt), WORD, asm.mov("r5", 0)), asm.label(same)],
  ];
}

/** The packet's, then the error's. */
function updateChecksums(): Code {
  return [
    [
      keep(messageDifference, 0),
      recall("r1", tupleAt("head")),
      asm.rsh("r1", 24),
      asm.branch("r1", "==", 6, "ct-error-no-header"),
    ],
    [replaceChecksum("l3_csum_replace", placeAt(innerAt, CHECKSUM_AT.ip4), addressDifference)],
    [recall("r1", addressDifference), asm.xor32("r1", -1), keep(messageDifference, "r1"), asm.label("ct-error-no-header")],
    // An echo's checksum covers no addresses of IPv4.
    [recall("r1", TRACKING.proto), asm.branch("r1", "==", IP_PROTO.icmp, "ct-error-updated")],
    [recall("r2", portDifference), addTo(addressDifference), findTransportChecksum()],
    replaceChecksum(
      "l4_csum_replace",
      [recall("r2", innerTransportAt), asm.add("r2", "r8")],
      addressDifference,
      CHECKSUM_FLAG.mayBeAbsent,
    ),
    asm.jump("ct-error-message"),
    [asm.label("ct-error-absent"), recall("r2", addressDifference), addTo(messageDifference)],
    [
      asm.label("ct-error-message"),
      replaceChecksum("l4_csum_replace", placeAt(transportAt, CHECKSUM_AT.icmp), messageDifference),
    ],
    asm.label("ct-error-updated"),
  ];
}

/** Adds `r2` to a sum on the stack. */
function addTo(sum: number): Code {
  return [
    [recall("r1", sum), asm.add("r1", "r2"), asm.mov("r2", "r1"), asm.rsh("r2", 32), asm.mov32("r1", "r1"), asm.add("r1", "r2")],
    keep(sum, "r1"),
  ];
}

/** Leaves in `r8` where the checksum is in the packet's transport header; goes to `ct-error-absent` when it is not there or knows no addresses, or UDP's is zero. */
function findTransportChecksum(): Code {
  return [
    [recall("r1", TRACKING.proto), asm.mov("r8", CHECKSUM_AT.icmp), asm.branch("r1", "==", IP_PROTO.icmp6, "ct-error-present")],
    [asm.mov("r8", CHECKSUM_AT.udp), asm.branch("r1", "==", IP_PROTO.udp, "ct-error-udp")],
    asm.branch("r1", "!=", IP_PROTO.tcp, "ct-error-absent"),
    [asm.mov("r8", CHECKSUM_AT.tcp), recall("r1", innerBytes), asm.branch("r1", "<", CHECKSUM_AT.tcp + 2, "ct-error-absent")],
    [
      asm.jump("ct-error-present"),
      asm.label("ct-error-udp"),
      keep(after, 0),
      asm.mov("r1", "r6"),
      placeAt(innerTransportAt, CHECKSUM_AT.udp),
    ],
    [asm.mov("r3", "r10"), asm.add("r3", after), asm.mov("r4", 2), asm.call("skb_load_bytes"), recall("r1", after)],
    [asm.branch("r1", "==", 0, "ct-error-absent"), asm.label("ct-error-present")],
  ];
}

/** Sets `r2` to a place behind one that is on the stack. */
function placeAt(from: number, offset: number): Code {
  return [recall("r2", from), asm.add("r2", offset)];
}

/** Changes the checksum at what `setPlace` sets `r2` to. */
function replaceChecksum(
  helper: Extract<HelperName, "l3_csum_replace" | "l4_csum_replace">,
  setPlace: Code,
  by: number,
  flags = 0,
): Code {
  return [setPlace, [asm.mov("r1", "r6"), asm.mov("r3", 0), recall("r4", by), asm.mov("r5", flags), asm.call(helper)]];
}
