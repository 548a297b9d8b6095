/** A database of 100,000 rows: start, memory, the first answer to a monitor, latency, selects, many monitors. */
import { setTimeout as sleep } from "node:timers/promises";
import { median, memoryOf } from "../support/measure.mjs";
import { start } from "./rivals.mjs";
import { selection, update } from "./rows.mjs";

const MIB = 2 ** 20;
const N_MONITORS = 200;

/** From a file to the first answer, `nRounds` times each; also what the process then holds. */
export async function loading(file, nRounds) {
  const results = { tenet: [], original: [] };
  for (let round = 0; round < nRounds; round++) {
    for (const name of ["tenet", "original"]) {
      const rival = await start(name, file);
      const ms = performance.now() - rival.startedAt;
      const cpu = rival.cpuSeconds();
      await sleep(2000);
      results[name].push({ ms, cpu: cpu * 1000, memory: memoryOf(rival.pid).resident / MIB });
      await rival.stop();
    }
  }
  return [
    row("load from the file until it answers", "ms", results, "ms"),
    row("… CPU time of the server", "ms", results, "cpu"),
    row("resident memory 2 s later", "MiB", results, "memory"),
  ];
}

/** The first answer to `monitor_cond` of all columns of all rows, and what another client notices of it. */
export async function firstAnswer(rivals, nRounds) {
  const results = { tenet: [], original: [] };
  for (let round = -1; round < nRounds; round++) {
    for (const rival of rivals) {
      const measured = await monitorOnce(rival);
      if (round >= 0) results[rival.name].push(measured);
    }
  }
  return [
    row("first monitor_cond answer of 100,000 rows, all of it", "ms", results, "ms"),
    row("… its first byte", "ms", results, "firstByte"),
    row("… CPU time of the server", "ms", results, "cpu"),
    row("… longest transaction of another client meanwhile", "ms", results, "worst"),
    { figure: "resident memory after that", unit: "MiB", ...held(rivals), better: "lower" },
  ];
}

function held(rivals) {
  const [ours, theirs] = rivals.map((rival) => memoryOf(rival.pid).resident / MIB);
  return { tenet: ours, peer: theirs };
}

async function monitorOnce(rival) {
  const [wire, other] = [await rival.connect(), await rival.connect()];
  const requests = { Logical_Switch_Port: [{}], Logical_Switch: [{}] };
  const cpuBefore = rival.cpuSeconds();
  const startedAt = performance.now();
  const first = wire.firstByte().then(() => performance.now() - startedAt);
  let isDone = false;
  const answered = wire.untilMessages(1).then(() => {
    isDone = true;
    return performance.now() - startedAt;
  });
  wire.send(JSON.stringify({ id: 1, method: "monitor_cond", params: ["OVN_Northbound", "m", requests] }));
  let worst = 0;
  for (let i = 0; !isDone; i++) {
    const [ms] = await other.pipeline([update(i % 1000, i + Math.floor(startedAt))], 1);
    worst = Math.max(worst, ms);
    await sleep(1);
  }
  const wholeMs = await answered;
  const firstByte = await first;
  const cpu = (rival.cpuSeconds() - cpuBefore) * 1000;
  wire.close();
  other.close();
  await sleep(100);
  return { ms: wholeMs, firstByte, cpu, worst };
}

/** Latency of small transactions of one client, one after the other. */
export async function latency(rivals, nRounds, n) {
  const results = { tenet: [], original: [] };
  for (let round = -1; round < nRounds; round++) {
    for (const rival of rivals) {
      const wire = await rival.connect();
      const requests = Array.from({ length: n }, (_, i) => update((i * 7919) % 90_000, i + round * 13));
      const sorted = (await wire.pipeline(requests, 1)).toSorted((a, b) => a - b);
      wire.close();
      const at = (share) => sorted[Math.floor(sorted.length * share)] * 1000;
      if (round >= 0) results[rival.name].push({ half: at(0.5), p99: at(0.99) });
    }
  }
  return [row("small transaction, median latency", "µs", results, "half"), row("… 99th percentile", "µs", results, "p99")];
}

/** Selects by an indexed column and by uuid. */
export async function selects(rivals, nRows, nRounds, n) {
  const rows = [];
  for (const by of ["name", "uuid"]) {
    const results = { tenet: [], original: [] };
    for (let round = -1; round < nRounds; round++) {
      for (const rival of rivals) {
        const nMine = by === "name" && rival.name === "original" ? Math.max(20, Math.min(n, Math.floor(3e6 / nRows))) : n;
        const wire = await rival.connect();
        const requests = Array.from({ length: nMine }, (_, i) => selection((i * 7919) % (nRows - 100), by));
        const cpuBefore = rival.cpuSeconds();
        const startedAt = performance.now();
        await wire.pipeline(requests, 20);
        const us = ((performance.now() - startedAt) * 1000) / nMine;
        if (round >= 0) results[rival.name].push({ us, cpu: ((rival.cpuSeconds() - cpuBefore) * 1e6) / nMine });
        wire.close();
      }
    }
    const what = by === "name" ? "an indexed column" : "_uuid";
    rows.push(row(`select by ${what} in ${nRows.toLocaleString("en-US")} rows`, "µs each", results, "us"));
  }
  return rows;
}

/** One writer, many monitors with the same condition: what an update costs the server. */
export async function manyMonitors(rivals, nRounds, n) {
  const shapes = [
    { name: "one at a time", nUnderWay: 1 },
    { name: "20 under way", nUnderWay: 20 },
  ];
  const results = shapes.map(() => ({ tenet: [], original: [] }));
  for (const rival of rivals) {
    const wires = [];
    while (wires.length < N_MONITORS) wires.push(await rival.connect());
    // What there is at the beginning is measured above.
    const select = { initial: false };
    const where = [["up", "==", true]];
    const requests = { Logical_Switch_Port: [{ columns: ["name", "tag_request"], select, where }] };
    for (const wire of wires) await wire.call("monitor_cond", ["OVN_Northbound", "m", requests]);
    const writer = await rival.connect();
    for (let round = -1; round < nRounds; round++) {
      for (const [i, { nUnderWay }] of shapes.entries()) {
        const cpuBefore = rival.cpuSeconds();
        const startedAt = performance.now();
        const steps = Array.from({ length: n }, (_, k) => update(1 + 10 * (k % 200), k + 1 + (round + 2) * 7 + i * 1000));
        const heard = Promise.all(wires.map((wire) => wire.untilMessages(1)));
        await writer.pipeline(steps, nUnderWay);
        await heard;
        const us = ((performance.now() - startedAt) * 1000) / n;
        await sleep(50);
        if (round >= 0) results[i][rival.name].push({ us, cpu: ((rival.cpuSeconds() - cpuBefore) * 1e6) / n });
      }
    }
    for (const wire of [...wires, writer]) wire.close();
  }
  return shapes.flatMap(({ name }, i) => [
    row(`one writer, ${N_MONITORS} monitors, ${name}: each transaction`, "µs each", results[i], "us"),
    row("… CPU time of the server", "µs each", results[i], "cpu"),
  ]);
}

/** CPU time of a small transaction, for {@link scaling}. */
export async function costs(rival, nRows, nRounds, n) {
  const samples = [];
  const wire = await rival.connect();
  for (let round = -1; round < nRounds; round++) {
    const requests = Array.from({ length: n }, (_, i) => update((i * 7919) % (nRows - 100), i + round * 13));
    const cpuBefore = rival.cpuSeconds();
    await wire.pipeline(requests, 50);
    if (round >= 0) samples.push(((rival.cpuSeconds() - cpuBefore) * 1e6) / n);
  }
  wire.close();
  return median(samples);
}

function row(figure, unit, results, key) {
  const of = (name) => (results[name].length === 0 ? undefined : median(results[name].map((each) => each[key])));
  return { figure, unit, tenet: of("tenet"), peer: of("original"), better: "lower" };
}
