/**
 * The classifier: lookups with the mask of what was looked at, in rule sets of three kinds and sizes.
 *
 * The original has no program in its packages that measures its classifier on given rules; so there is no peer in the table.
 */
import { Classifier } from "@tenet/classifier";
import { makeFlowKey } from "@tenet/net";
import { RULE_KINDS, ruleSet, twoValuedSet } from "./classifier-rules.mjs";
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
const ROUNDS = 5;
const ROUND_MS = 300;

/** Runs the benchmark. */
export function classifier() {
  const rows = [];
  for (const [nRules, nTuples] of SIZES) {
    for (const kind of [...RULE_KINDS, "two values a field"]) {
      const isTwoValued = !RULE_KINDS.includes(kind);
      const { rules, packet } = isTwoValued ? twoValuedSet(nRules, nTuples, N_PRIORITIES) : ruleSet(kind, nRules, nTuples);
      const set = new Classifier();
      for (const rule of rules) set.insert(rule);
      const packets = Array.from({ length: N_PACKETS }, packet);
      const mask = makeFlowKey();
      const lookup = (flow) => set.lookup(flow, mask.fill(0));
      const figure = `${kind}, ${rules.length.toLocaleString("en-US")} rules in ${set.nSubtables} tuples`;
      rows.push({ figure, unit: "M lookups/s", values: [rate(lookup, packets), nLooked(set, packets)] });
    }
  }
  return [{ name: "classifier", columns: ["Tenet", "mask bits"], rows }];
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

/** Millions of lookups per second of CPU time, median of rounds after one to warm up. */
function rate(lookup, packets) {
  const rounds = [];
  let nFound = 0;
  for (let round = 0; round <= ROUNDS; round++) {
    const start = process.cpuUsage();
    const end = performance.now() + ROUND_MS;
    let n = 0;
    while (performance.now() < end) {
      for (const packet of packets) if (lookup(packet) !== undefined) nFound++;
      n += packets.length;
    }
    const { user, system } = process.cpuUsage(start);
    if (round > 0) rounds.push(n / (user + system));
  }
  if (nFound === 0) throw new Error("no packet found a rule");
  return median(rounds);
}
