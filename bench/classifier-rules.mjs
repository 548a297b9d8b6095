/**
 * Rule sets as firewalls, access lists and routers have them, in the manner of ClassBench: addresses from a tree of prefixes, few tuples,
 * most rules in few of them; and packets, half of which some rule is about.
 *
 * @see Taylor and Turner, "ClassBench: A Packet Classification Benchmark", INFOCOM 2005
 */
import { FIELDS, fieldOnes, makeFlowKey, setField, setFieldBig } from "@tenet/net";
import { randomOf } from "./datalog-programs.mjs";

const [TCP, UDP, ICMP] = [6, 17, 1];
const PORTS = [22, 25, 53, 80, 110, 123, 143, 443, 993, 1433, 3306, 5432, 6379, 8080, 8443, 27_017];

/** By name: how often each kind of match part is there, of a hundred. */
const KINDS = {
  firewall: { srcLengths: [0, 0, 0, 8, 16, 24, 32], dstLengths: [0, 16, 20, 24, 28, 32], proto: 90, srcPort: 8, dstPort: 70 },
  acl: { srcLengths: [0, 16, 21, 24, 28, 32], dstLengths: [24, 27, 28, 30, 32], proto: 95, srcPort: 3, dstPort: 85 },
  routing: {
    srcLengths: [0],
    dstLengths: [8, 12, 14, 16, 18, 19, 20, 21, 22, 23, 24, 28, 30, 32],
    proto: 0,
    srcPort: 0,
    dstPort: 0,
  },
};

/** The names of the kinds. */
export const RULE_KINDS = Object.keys(KINDS);

/**
 * Rules of a kind with at most `nTuples` masks.
 *
 * @returns rules in the classifier's form, and a function that makes packets
 */
export function ruleSet(kind, nRules, nTuples, seed = 7) {
  const random = randomOf(seed);
  const tuples = tuplesOf(KINDS[kind], nTuples, random);
  const addresses = addressesOf(Math.max(64, nRules >> 3), random);
  const rules = [];
  const seen = new Set();
  for (let tries = 0; rules.length < nRules && tries < nRules * 20; tries++) {
    const tuple = tuples[Math.min(random(tuples.length), random(tuples.length))];
    const match = matchOf(tuple, addresses, random);
    const text = match.key.join();
    if (seen.has(`${text} ${tuple.name}`)) continue;
    seen.add(`${text} ${tuple.name}`);
    // A router prefers the longest prefix; lists are in an order of their own.
    const priority = kind === "routing" ? tuple.dst : 1 + random(60_000);
    rules.push({ match, priority });
  }
  return { rules, packet: () => packetFor(rules, addresses, random) };
}

/** Two values of every field that the original's own benchmark of its classifier (`test-classifier`) uses. */
const TWO_VALUES = {
  tun_id: [0n, 0xfedcba9876543210n],
  metadata: [0n, 0xfedcba9876543210n],
  in_port: [1n, 0xfffen],
  vlan_tci: [0n, 101n],
  eth_type: [0x0800n, 0x0806n],
  tp_src: [49362n, 80n],
  tp_dst: [6667n, 22n],
  eth_src: [0x0002e30f80a4n, 0x5e337f5f1e99n],
  eth_dst: [0x4a2771ae64c1n, 0xffffffffffffn],
  nw_proto: [6n, 1n],
  nw_tos: [48n, 0n],
  nw_src: [0xc0a80001n, 0xc0a04455n],
  nw_dst: [0xc0a80002n, 0xc0a04455n],
};

/** The names of all fields that rules and packets have here. */
export const RULE_FIELDS = Object.keys(TWO_VALUES);

/**
 * Rules as the original's own benchmark of its classifier makes them: every tuple matches on some of thirteen fields, each of
 * which has one of two values in every rule and packet.
 *
 * @returns as {@link ruleSet}
 */
export function twoValuedSet(nRules, nTuples, nPriorities, seed = 7) {
  const random = randomOf(seed);
  const fields = RULE_FIELDS;
  const tuples = new Set();
  while (tuples.size < nTuples) tuples.add(random(2 ** fields.length));
  const masks = [...tuples];
  const fill = (key, tuple, value) => {
    for (const [i, field] of fields.entries()) if ((tuple >> i) & 1) setFieldBig(key, FIELDS[field], value(field));
    return key;
  };
  const anyValue = (field) => TWO_VALUES[field][random(2)];
  const rules = [];
  const seen = new Set();
  for (let tries = 0; tries < nRules; tries++) {
    const tuple = masks[random(nTuples)];
    const key = fill(makeFlowKey(), tuple, anyValue);
    const mask = fill(makeFlowKey(), tuple, (field) => fieldOnes(FIELDS[field]));
    const priority = 1 + random(nPriorities);
    const name = `${tuple} ${priority} ${key.join()}`;
    if (!seen.has(name)) rules.push({ match: { key, mask }, priority });
    seen.add(name);
  }
  return { rules, packet: () => fill(makeFlowKey(), -1, anyValue) };
}

function tuplesOf(kind, nTuples, random) {
  const pick = (list) => list[random(list.length)];
  const tuples = new Map();
  for (let tries = 0; tuples.size < nTuples && tries < 10_000; tries++) {
    const hasProto = random(100) < kind.proto;
    const tuple = {
      src: Math.max(0, pick(kind.srcLengths) - (tries > 500 ? random(8) : 0)),
      dst: Math.max(0, pick(kind.dstLengths) - (tries > 500 ? random(8) : 0)),
      proto: hasProto,
      srcPort: hasProto && random(100) < kind.srcPort,
      dstPort: hasProto && random(100) < kind.dstPort,
    };
    const name = Object.values(tuple).join();
    if (tuple.src + tuple.dst > 0) tuples.set(name, { ...tuple, name });
  }
  return [...tuples.values()];
}

/** Addresses that share prefixes: networks of a few sites. */
function addressesOf(n, random) {
  const sites = Array.from({ length: 24 }, () => (random(223) + 1) * 2 ** 24 + random(256) * 2 ** 16);
  return Uint32Array.from({ length: n }, () => sites[Math.min(random(24), random(24))] + random(256) * 256 + random(256));
}

function setPrefix(match, field, address, length) {
  const mask = length === 0 ? 0 : (-1 << (32 - length)) >>> 0;
  setField(match.mask, field, mask);
  setField(match.key, field, (address & mask) >>> 0);
}

function setExact(match, field, value) {
  setField(match.mask, field, 2 ** field.nBits - 1);
  setField(match.key, field, value);
}

function matchOf(tuple, addresses, random) {
  const match = { key: makeFlowKey(), mask: makeFlowKey() };
  setExact(match, FIELDS.eth_type, 0x0800);
  setPrefix(match, FIELDS.nw_src, addresses[random(addresses.length)], tuple.src);
  setPrefix(match, FIELDS.nw_dst, addresses[random(addresses.length)], tuple.dst);
  const hasPorts = tuple.srcPort || tuple.dstPort;
  if (tuple.proto) setExact(match, FIELDS.nw_proto, hasPorts ? [TCP, UDP][random(2)] : [TCP, UDP, ICMP][random(3)]);
  if (tuple.srcPort) setExact(match, FIELDS.tp_src, PORTS[random(PORTS.length)]);
  if (tuple.dstPort) setExact(match, FIELDS.tp_dst, random(4) === 0 ? 1024 + random(60_000) : PORTS[random(PORTS.length)]);
  return match;
}

function packetFor(rules, addresses, random) {
  const packet = makeFlowKey();
  const address = () => (random(4) === 0 ? random(2 ** 32) : addresses[random(addresses.length)]);
  setField(packet, FIELDS.in_port, 1 + random(4));
  setField(packet, FIELDS.eth_type, 0x0800);
  setField(packet, FIELDS.nw_src, address());
  setField(packet, FIELDS.nw_dst, address());
  setField(packet, FIELDS.nw_proto, [TCP, UDP][random(2)]);
  setField(packet, FIELDS.nw_ttl, 64);
  setField(packet, FIELDS.tp_src, 1024 + random(64_000));
  setField(packet, FIELDS.tp_dst, PORTS[random(PORTS.length)]);
  if (random(2) === 0) return packet;
  const { key, mask } = rules[random(rules.length)].match;
  return packet.map((word, i) => (word & ~mask[i]) | key[i]);
}
