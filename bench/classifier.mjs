/**
 * The classifier: lookups with the mask of what was looked at, in rule sets of four kinds and three sizes, by turns with the
 * original's classifier in C.
 */
import { Classifier } from "@tenet/classifier";
import { makeFlowKey } from "@tenet/net";
import { RULE_KINDS, ruleSet, twoValuedSet } from "./classifier-rules.mjs";
import { buildOvsClassifier } from "./rivals/ovs-classifier.mjs";
import { median } from "./support/measure.mjs";

/** Rules and tuples. */
const SIZES = [
  [1000, 10],
  [10_000, 30],
  [100_000, 100],
];
/** The original's own benchmark asks for their number. */
const N_PRIORITIES = 100;
const N_PACKETS = 4096;
const ROUNDS = 7;
const ROUND_MS = 300;

/** Runs the benchmark. */
export async function classifier() {
  const rival = buildOvsClassifier();
  if (rival === undefined) console.log("  without the original: OVS_SOURCE names no built tree of its source");
  const rows = [];
  for (const [nRules, nTuples] of SIZES) {
    for (const kind of [...RULE_KINDS, "two values a field"]) {
      const isTwoValued = !RULE_KINDS.includes(kind);
      const { rules, packet } = isTwoValued ? twoValuedSet(nRules, nTuples, N_PRIORITIES) : ruleSet(kind, nRules, nTuples);
      const set = new Classifier();
      for (const rule of rules) set.insert(rule);
      const packets = inOneArray(Array.from({ length: N_PACKETS }, packet));
      const peer = await rival?.load(rules, packets);
      const figure = `${kind}, ${rules.length.toLocaleString("en-US")} rules in ${set.nSubtables} tuples`;
      const rates = await measure(set, packets, peer);
      rows.push({ figure, unit: "M lookups/s", values: [...rates, nLooked(set, packets), peer?.bits] });
      peer?.stop();
    }
  }
  rival?.remove();
  return [{ name: "classifier", columns: ["Tenet", "the original", "Tenet / peer", "mask bits", "the original's"], rows }];
}

/** The packets one behind the other, as the original's lie: fetching them is not to cost one side more. */
function inOneArray(packets) {
  const [{ length }] = packets;
  const all = new Uint32Array(packets.length * length);
  return packets.map((packet, i) => {
    const place = all.subarray(i * length, (i + 1) * length);
    place.set(packet);
    return place;
  });
}

/** Medians of both rates, and of the ratio of neighbouring rounds. */
async function measure(set, packets, peer) {
  const mask = makeFlowKey();
  const lookup = (flow) => set.lookup(flow, mask.fill(0));
  const rounds = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const pair = [rate(lookup, packets), await peer?.rate()];
    if (round > 0) rounds.push(pair); // the first warms up
  }
  const tenet = median(rounds.map(([ours]) => ours));
  if (peer === undefined) return [tenet, undefined, undefined];
  return [tenet, median(rounds.map(([, theirs]) => theirs)), median(rounds.map(([ours, theirs]) => ours / theirs))];
}

/** Bits that a lookup looks at, on average: the fewer, the more packets share a megaflow. */
function nLooked(set, packets) {
  let nBits = 0;
  for (const packet of packets) {
    const mask = makeFlowKey();
    set.lookup(packet, mask);
    for (const word of mask) for (let rest = word; rest !== 0; rest &= rest - 1) nBits++;
  }
  return nBits / packets.length;
}

/** Millions of lookups per second of CPU time. */
function rate(lookup, packets) {
  const start = process.cpuUsage();
  const end = performance.now() + ROUND_MS;
  let n = 0;
  let nFound = 0;
  while (performance.now() < end) {
    for (const packet of packets) if (lookup(packet) !== undefined) nFound++;
    n += packets.length;
  }
  const { user, system } = process.cpuUsage(start);
  if (nFound === 0) throw new Error("no packet found a rule");
  return n / (user + system);
}
