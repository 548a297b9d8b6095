/** Streams of small changes to the programs' inputs, the same for every engine, and the time that single transactions take. */

/** By program: made for its facts, gives the changes of one transaction after the other. */
export const CHANGES = {
  policy(program, random) {
    // In typed arrays: millions of small arrays would make each collection cost what the engine is not to blame for.
    const meters = Int32Array.from(program.facts.stat, ([, meter]) => meter);
    const values = Int32Array.from(program.facts.stat, ([, , value]) => value);
    return () => {
      const i = random(meters.length);
      const before = [i, meters[i], values[i]];
      meters[i] = random(2);
      values[i] = random(100);
      return [
        { relation: "stat", tuple: before, weight: -1 },
        { relation: "stat", tuple: [i, meters[i], values[i]], weight: 1 },
      ];
    };
  },
  network: (program, random) => toggle(program.facts.link, "link", 1000, random),
  dag: (program, random) => toggle(program.facts.e, "e", 20_000, random, true),
  random: (program, random) => toggle(program.facts.e, "e", 2000, random),
};

/** Takes an edge out, and puts a new one in, in turn. */
function toggle(edges, relation, nNodes, random, isOrdered = false) {
  let isRemoval = false;
  return () => {
    isRemoval = !isRemoval;
    if (isRemoval) {
      const i = random(edges.length);
      const [tuple] = edges.splice(i, 1);
      return [{ relation, tuple, weight: -1 }];
    }
    const [a, b] = [random(nNodes), random(nNodes)];
    const tuple = isOrdered && a > b ? [b, a] : [a, b === a ? (b + 1) % nNodes : b];
    edges.push(tuple);
    return [{ relation, tuple, weight: 1 }];
  };
}

/**
 * CPU time of single transactions in microseconds, the process's compiler threads and collector included; the first eight are left out.
 * The clock itself costs two to five of them.
 */
export function timed(transact, next, n) {
  const times = [];
  globalThis.gc();
  for (let i = 0; i < n + 8; i++) {
    const changes = next();
    const start = process.cpuUsage();
    transact(changes);
    const { user, system } = process.cpuUsage(start);
    if (i >= 8) times.push(user + system);
  }
  const sorted = times.toSorted((a, b) => a - b);
  return {
    p50: sorted[n >> 1],
    p99: sorted[Math.floor(n * 0.99)],
    max: sorted[n - 1],
    mean: times.reduce((sum, time) => sum + time, 0) / n,
  };
}
