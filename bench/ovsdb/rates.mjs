/**
 * Transactions per second on a small database: single-row inserts and mutations, durable ones and others.
 *
 * "On disk" asks for `durable` in a `commit` operation: both servers flush before they answer.
 */
import { median } from "../support/measure.mjs";
import { insertion, mutation } from "./rows.mjs";

const N_PORTS = 3000;
const SHAPES = [
  { name: "1 client, 100 under way", nClients: 1, nUnderWay: 100, n: 3000 },
  { name: "10 clients, 10 under way each", nClients: 10, nUnderWay: 10, n: 3000 },
  { name: "10 clients, one at a time each", nClients: 10, nUnderWay: 1, n: 2000 },
  { name: "1 client, one at a time", nClients: 1, nUnderWay: 1, n: 600 },
];

/** Measures all shapes, rivals taking turns. */
export async function rates(rivals, nRounds) {
  const rows = [];
  for (const kind of ["insert", "mutate"]) {
    for (const isDurable of [false, true]) {
      for (const shape of SHAPES) {
        rows.push(...(await compare({ ...shape, kind, isDurable }, rivals, nRounds)));
        console.error(`  ${rows.at(-2).figure}: measured`);
      }
    }
  }
  return rows;
}

async function compare(mode, rivals, nRounds) {
  const results = rivals.map(() => []);
  for (let round = -1; round < nRounds; round++) {
    for (const [i, rival] of rivals.entries()) {
      const measured = await run(rival, mode);
      if (round >= 0) results[i].push(measured); // before that it warms up
    }
  }
  const [ours, theirs] = results.map((each) => ({
    rate: median(each.map(({ rate }) => rate)),
    cpu: median(each.map(({ cpu }) => cpu)),
  }));
  const name = `${mode.kind}, ${mode.name}${mode.isDurable ? ", on disk" : ""}`;
  return [
    { figure: name, unit: "transactions/s", tenet: ours.rate, peer: theirs.rate, better: "higher" },
    { figure: "… CPU time of the server", unit: "µs each", tenet: ours.cpu, peer: theirs.cpu, better: "lower" },
  ];
}

async function run(rival, { kind, isDurable, nClients, nUnderWay, n }) {
  const wires = await Promise.all(Array.from({ length: nClients }, () => rival.connect()));
  const nEach = n / nClients;
  const loads = wires.map((_, client) =>
    Array.from({ length: nEach }, (__, i) =>
      kind === "insert" ? insertion(isDurable) : mutation((client * nEach + i) % N_PORTS, isDurable),
    ),
  );
  const cpuBefore = rival.cpuSeconds();
  const start = performance.now();
  await Promise.all(wires.map((wire, client) => wire.pipeline(loads[client], nUnderWay)));
  const seconds = (performance.now() - start) / 1000;
  const cpu = ((rival.cpuSeconds() - cpuBefore) * 1e6) / n;
  for (const wire of wires) wire.close();
  return { rate: n / seconds, cpu };
}

/** The size of the database on which {@link rates} works. */
rates.nPorts = N_PORTS;
