/**
 * The policy on db-ivm and on d2ts, the engines under TanStack DB and ElectricSQL: graphs of operators over JavaScript values that
 * follow changes. Both have the operators in the same form; d2ts wants a version with each change. db-ivm has no recursion.
 */
import { importRival, whyNoModule } from "./find-module.mjs";

const D2TS = {
  title: "d2ts",
  whyMissing: () => whyNoModule("@electric-sql/d2ts", "D2TS_MODULE"),
  start: async () => {
    const library = await importRival("@electric-sql/d2ts", "D2TS_MODULE");
    let version = 0;
    return policyOn(library, new library.D2({ initialFrontier: 0 }), (graph, inputs, changes) => {
      for (const [input, rows] of changes) input.sendData(version, new library.MultiSet(rows));
      version++;
      for (const input of inputs) input.sendFrontier(version);
      graph.run();
    });
  },
};

const DB_IVM = {
  title: "db-ivm",
  whyMissing: () => whyNoModule("@tanstack/db-ivm", "DB_IVM_MODULE"),
  start: async () => {
    const library = await importRival("@tanstack/db-ivm", "DB_IVM_MODULE");
    return policyOn(library, new library.D2(), (graph, _, changes) => {
      for (const [input, rows] of changes) input.sendData(new library.MultiSet(rows));
      graph.run();
    });
  },
};

/** By the name that the command line takes. */
export const DATAFLOWS = { "db-ivm": DB_IVM, d2ts: D2TS };

/** The graph; what comes out is kept as it comes, and summed up when asked for. */
function policyOn({ concat, filter, join, map, output, reduce }, graph, send) {
  const inputs = { server: graph.newInput(), stat: graph.newInput(), user: graph.newInput(), exempt: graph.newInput() };
  const [errors, counts] = [[], []];
  const collect = (to) => (message) => {
    const collection = message.data?.collection ?? message;
    if (typeof collection.getInner === "function") to.push(...collection.getInner());
  };
  const stat = inputs.stat.pipe(
    filter(([, meter, value]) => meter === 0 && value < 90),
    map(([server]) => [server, true]),
  );
  const user = inputs.user.pipe(map(([id, mail]) => [id, mail]));
  const exempt = inputs.exempt.pipe(map(([id]) => [id, true]));
  const error = inputs.server.pipe(
    filter(([, , isActive]) => isActive === 1),
    map(([id, owner]) => [id, owner]),
    join(stat),
    map(([id, [owner]]) => [owner, id]),
    join(user),
    join(exempt, "anti"),
    map(([owner, [[id, mail]]]) => [owner, `${id} ${mail}`]),
  );
  error.pipe(output(collect(errors)));
  // Users without errors are counted too: each has a row of its own, which counts for nothing.
  const countErrors = (rows) => [[rows.reduce((sum, [value, weight]) => (value === null ? sum : sum + weight), 0), 1]];
  error.pipe(concat(user.pipe(map(([id]) => [id, null]))), reduce(countErrors), output(collect(counts)));
  graph.finalize();
  return {
    transact(changes) {
      const byInput = new Map();
      for (const { relation, tuple, weight } of changes) {
        const rows = byInput.get(inputs[relation]);
        if (rows === undefined) byInput.set(inputs[relation], [[tuple, weight]]);
        else rows.push([tuple, weight]);
      }
      send(graph, Object.values(inputs), byInput);
    },
    /** How many errors there are, and the rows of n_errors. */
    answers() {
      const weights = new Map();
      for (const [[owner, count], weight] of counts) {
        const row = `${owner} ${count}`;
        weights.set(row, (weights.get(row) ?? 0) + weight);
      }
      const rows = [...weights].filter(([, weight]) => weight !== 0);
      return {
        nErrors: errors.reduce((sum, [, weight]) => sum + weight, 0),
        counts: rows.map(([row]) => row.split(" ").map(Number)),
      };
    },
  };
}
