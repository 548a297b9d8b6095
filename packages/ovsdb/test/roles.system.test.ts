/** Role-based access control: who has a role is permitted and refused what the original server permits and refuses. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Json, Scope, silentLogger } from "@tenet/kit";
import { Database, OVN_NORTHBOUND, OVN_SOUTHBOUND, OvsdbServer, type SchemaJson, type TlsFiles } from "@tenet/ovsdb";
import { expect, test } from "vitest";
import { makeAuthority } from "./support/certificates.ts";
import { comparable } from "./support/comparable.ts";
import { type RawClient, rawClient, temporaryFolder } from "./support/fixtures.ts";
import { arePeersInstalled, backgroundPeer, failingPeer, peer, startOriginalServer } from "./support/peers.ts";

const texts = { type: { key: "string", min: 0, max: "unlimited" } } as const;
const optional = { type: { key: "string", min: 0, max: 1 } } as const;
const textMap = { type: { key: "string", value: "string", min: 0, max: "unlimited" } } as const;
const references = (refTable: string) => ({ type: { key: { type: "uuid", refTable }, min: 0, max: "unlimited" } }) as const;
const permission = { type: { key: "string", value: { type: "uuid", refTable: "RBAC_Permission", refType: "weak" } } } as const;
const permissions = { type: { ...permission.type, min: 0, max: "unlimited" } } as const;

const SCHEMA = {
  name: "R",
  version: "1.0.0",
  tables: {
    Config: { isRoot: true, columns: { connections: references("Connection") } },
    Connection: { columns: { target: { type: "string" }, role: { type: "string" } } },
    RBAC_Role: { isRoot: true, columns: { name: { type: "string" }, permissions } },
    RBAC_Permission: {
      isRoot: true,
      columns: { table: { type: "string" }, authorization: texts, insert_delete: { type: "boolean" }, update: texts },
    },
    Thing: {
      isRoot: true,
      columns: {
        name: { type: "string" },
        n: { type: "integer" },
        tags: texts,
        alias: optional,
        ids: textMap,
        sizes: { type: { key: "string", value: "integer", min: 0, max: "unlimited" } },
      },
    },
    Other: { isRoot: true, columns: { name: { type: "string" } } },
  },
} as const;

const set = (...atoms: Json[]): Json => ["set", atoms];
const map = (...pairs: Json[]): Json => ["map", pairs];
const uuid = (n: number) => `00000000-0000-4000-8000-00000000000${n}`;
const rowOf = (n: number): Json => [["_uuid", "==", ["uuid", uuid(n)]]];

/** All is there again before each request; `authorization` and what the role permits differ. */
function reset(authorization: Json, insertAndDelete: boolean, update: Json): Json[] {
  const things: { [column: string]: Json }[] = [
    { name: "guest" },
    { name: "x", tags: "guest" },
    { name: "x", tags: set("a", "guest"), alias: "guest" },
    { name: "x", ids: map(["", "guest"], ["guest", "k"], ["a:b", "guest"]) },
    { name: "x", ids: map(["a", "guest"], ["k", "guest"]), sizes: map(["guest", 5]) },
  ];
  const allowed = { table: "other", authorization, insert_delete: insertAndDelete, update };
  const role = { name: "r", permissions: map(["Thing", ["named-uuid", "p"]]) };
  return [
    ...["Thing", "Other", "RBAC_Role", "RBAC_Permission"].map((table) => ({ op: "delete", table, where: [] })),
    ...things.map((row, n) => ({ op: "insert", table: "Thing", uuid: uuid(n), row })),
    { op: "insert", table: "RBAC_Permission", row: allowed, "uuid-name": "p" },
    { op: "insert", table: "RBAC_Role", row: role },
  ];
}

const rules: readonly [Json, boolean, Json][] = [
  ...["", "name", "alias", "tags", "ids", "ids:", "ids:k", "ids:a", "ids:a:b", "ids::a", "ids:guest", ":guest", ":"].map(
    (authorization): [Json, boolean, Json] => [authorization, true, set("n", "name")],
  ),
  ...["_uuid", "n", "sizes", "sizes:guest", "name:", "nope", "nope:a", "alias:guest"].map(
    (authorization): [Json, boolean, Json] => [authorization, true, set("n", "ids", "ids:k")],
  ),
  [set("name", "alias", "ids:k"), true, set("n", "nope", "_uuid")],
  [set("name", "alias", "ids:k"), false, set("n", "ids:k")],
  ["", false, "n"],
  [set(), true, "n"],
  ["", true, set()],
];

const operations: readonly Json[] = [
  ...[0, 1, 2, 3, 4, 5].flatMap((n): Json[] => [
    { op: "update", table: "Thing", where: rowOf(n), row: { n: 5 } },
    { op: "delete", table: "Thing", where: rowOf(n) },
  ]),
  ...[{}, { n: 1 }, { name: "guest" }, { ids: map(["k", "guest"]) }, { nope: 1 }, { n: "x" }].flatMap((row): Json[] => [
    { op: "insert", table: "Thing", row },
    { op: "update", table: "Thing", where: [["name", "==", "guest"]], row },
  ]),
  ...[[], [["n", "+=", 1]], [["ids", "insert", map(["k", "x"])]], [["n", "/=", 0]]].map((mutations) => ({
    op: "mutate",
    table: "Thing",
    where: rowOf(0),
    mutations,
  })),
  { op: "mutate", table: "Thing", where: rowOf(0), mutations: [["n", "+=", "x"]] },
  {
    op: "mutate",
    table: "Thing",
    where: rowOf(0),
    mutations: [
      ["n", "/=", 0],
      ["ids", "insert", map()],
    ],
  },
  { op: "mutate", table: "Thing", where: [["n", "==", 77]], mutations: [["tags", "insert", "x"]] },
  { op: "update", table: "Thing", where: [], row: { n: 5 } },
  { op: "update", table: "Thing", where: [["n", "==", 77]], row: { tags: "x" } },
  { op: "update", table: "Thing", where: [["nope", "==", 77]], row: {} },
  { op: "delete", table: "Thing", where: [], nope: 1 },
  { op: "delete", table: "Other", where: [] },
  { op: "update", table: "Other", where: [], row: {} },
  { op: "insert", table: "Other", row: {} },
  { op: "insert", table: "RBAC_Role", row: {} },
  { op: "select", table: "Other", where: [] },
];

/** A server and how to reach it. */
interface Side {
  /** Without a role. */
  readonly local: string;
  readonly port: number;
}

const TLS_PEERS = ["ovsdb-server", "ovsdb-tool", "openssl"] as const;

async function startSides(
  scope: Scope,
  folder: string,
  schemas: readonly (SchemaJson | (Json & { readonly name: string }))[],
  remote: string,
  tls: Required<Pick<TlsFiles, "privateKey" | "certificate" | "caCert">>,
): Promise<{ theirs: Side; ours: Side }> {
  const files: string[] = [];
  for (const schema of schemas) {
    writeFileSync(join(folder, `${schema.name}.ovsschema`), JSON.stringify(schema));
    files.push(join(folder, `${schema.name}.db`));
    await peer(folder, "ovsdb-tool", "create", join(folder, `${schema.name}.db`), join(folder, `${schema.name}.ovsschema`));
  }
  const { privateKey, certificate, caCert } = tls;
  const keys = [`--private-key=${privateKey}`, `--certificate=${certificate}`, `--ca-cert=${caCert}`];
  const theirs = await startOriginalServer(scope, folder, `--remote=${remote}`, ...keys, ...files);
  const databases = schemas.map((schema) => scope.use(Database.inMemory({ schema })));
  const server = scope.use(new OvsdbServer(databases, silentLogger, { tls }));
  const ours = await server.listen(`punix:${join(folder, "ours.sock")}`);
  await server.addRemote(remote);
  const port = 22_000 + 2 * (process.pid % 10_000);
  return { theirs: { local: theirs, port }, ours: { local: ours, port: port + 1 } };
}

async function transact(client: RawClient, database: string, list: readonly Json[]): Promise<Json> {
  const { result = null, error = null } = await client.call("transact", [database, ...list]);
  return error ?? result;
}

/** Connects as soon as the remote of the table is served. */
async function dial(scope: Scope, remote: string, tls?: TlsFiles): Promise<RawClient> {
  for (let nTries = 0; ; nTries++) {
    const client = rawClient(scope, remote, tls);
    const isServed = await Promise.race([
      client.closed.then(() => false),
      client.call("echo", []).then(
        () => true,
        () => false,
      ),
    ]);
    if (isServed) return client;
    if (nTries > 100) throw new Error(`nobody serves ${remote}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test.skipIf(!arePeersInstalled(...TLS_PEERS))("a role permits and refuses what it does at the original server", async () => {
  await using scope = new Scope();
  const folder = temporaryFolder(scope);
  const authority = await makeAuthority(folder, "authority");
  const sides = await startSides(scope, folder, [SCHEMA], "db:R,Config,connections", await authority.issue("server"));
  const guest = await authority.issue("guest");
  const clients = await Promise.all(
    [sides.theirs, sides.ours].map(async ({ local, port }) => {
      const admin = rawClient(scope, local);
      await transact(admin, "R", [
        { op: "insert", table: "Connection", "uuid-name": "a", row: { target: `pssl:${port}:127.0.0.1`, role: "r" } },
        { op: "insert", table: "Connection", "uuid-name": "b", row: { target: `punix:${local.slice(5)}-r`, role: "r" } },
        { op: "insert", table: "Config", row: { connections: set(["named-uuid", "a"], ["named-uuid", "b"]) } },
      ]);
      const named = await dial(scope, `ssl:127.0.0.1:${port}`, guest);
      return { admin, named, nameless: await dial(scope, `${local}-r`) };
    }),
  );
  const ask = async (who: "named" | "nameless", rule: readonly [Json, boolean, Json], operation: Json) => {
    const answers = clients.map(async (side) => {
      await transact(side.admin, "R", reset(...rule));
      return comparable(await transact(side[who], "R", [operation]));
    });
    const [expected = "", found] = await Promise.all(answers);
    expect.soft(found, JSON.stringify({ rule, operation })).toBe(expected);
    return expected;
  };
  const outcomes: string[] = [];
  for (const rule of rules) for (const operation of operations) outcomes.push(await ask("named", rule, operation));
  for (const operation of operations) outcomes.push(await ask("nameless", ["", true, "n"], operation));
  expect(outcomes.filter((text) => text.includes("permission error")).length).toBeGreaterThan(300);
  expect(outcomes.filter((text) => /"(count":1|uuid")/.test(text)).length).toBeGreaterThan(80);

  const conversions = clients.map(({ named }) => named.call("convert", ["R", SCHEMA]));
  const [expected, found] = await Promise.all(conversions);
  expect(found?.error).toEqual(expected?.error);
  expect(found?.error).toEqual(expect.objectContaining({ error: "permission error" }));
  for (const operation of [
    { op: "select", table: "Thing", where: [] },
    { op: "delete", table: "Thing", where: [] },
  ]) {
    const unknown = clients.map(async ({ admin, named }) => {
      await transact(admin, "R", [
        { op: "delete", table: "RBAC_Role", where: [] },
        { op: "delete", table: "Thing", where: [] },
      ]);
      return transact(named, "R", [operation]);
    });
    const [theirAnswer, ourAnswer] = await Promise.all(unknown);
    expect(ourAnswer).toEqual(theirAnswer);
  }
});

const OVN_PEERS = [...TLS_PEERS, "ovn-northd", "ovn-sbctl"] as const;

test.skipIf(!arePeersInstalled(...OVN_PEERS))(
  "ovn-sbctl with the role ovn-controller does what it may at the original server",
  async () => {
    await using scope = new Scope();
    const folder = temporaryFolder(scope);
    const authority = await makeAuthority(folder, "authority");
    const remote = "db:OVN_Southbound,SB_Global,connections";
    const schemas = [OVN_NORTHBOUND, OVN_SOUTHBOUND];
    const { theirs, ours } = await startSides(scope, folder, schemas, remote, await authority.issue("server"));
    const { privateKey, certificate, caCert } = await authority.issue("chassis-1");
    const keys = [`--private-key=${privateKey}`, `--certificate=${certificate}`, `--ca-cert=${caCert}`];
    const runs = [theirs, ours].map(async ({ local, port }) => {
      const databases = [`--ovnnb-db=${local}`, `--ovnsb-db=${local}`, `--unixctl=${local.slice(5)}.ctl`];
      backgroundPeer(scope, folder, "ovn-northd", ...databases);
      const admin = rawClient(scope, local);
      const select = { op: "select", table: "RBAC_Role", where: [["name", "==", "ovn-controller"]], columns: ["permissions"] };
      const roles = async () => JSON.stringify(await transact(admin, "OVN_Southbound", [select]));
      await expect.poll(roles, { timeout: 10_000 }).toContain("Chassis_Private");
      await peer(folder, "ovn-sbctl", `--db=${local}`, "set-connection", "role=ovn-controller", `pssl:${port}:127.0.0.1`);
      const said: string[] = [];
      const sbctl = async (...command: string[]) => {
        const options = [`--db=ssl:127.0.0.1:${port}`, ...keys, "--timeout=10", "--no-leader-only", ...command];
        const { code, stderr } = await failingPeer(folder, "ovn-sbctl", ...options);
        // The client sends the rows of a new chassis and of its tunnel end in no order, and a time with its warning.
        const text = stderr.replaceAll(/^[^|]*\|/gm, "").replaceAll(/table \\"(Encap|Chassis)\\"/g, "either table");
        said.push(`${command.join(" ")}: ${code} ${text}`);
      };
      await sbctl("chassis-add", "chassis-1", "geneve", "10.0.0.1");
      await sbctl("chassis-add", "chassis-2", "geneve", "10.0.0.2");
      await peer(folder, "ovn-sbctl", `--db=${local}`, "chassis-add", "chassis-2", "geneve", "10.0.0.2");
      await sbctl("chassis-del", "chassis-2");
      await sbctl("set", "chassis", "chassis-1", "other_config:x=y");
      await sbctl("set", "chassis", "chassis-2", "other_config:x=y");
      await sbctl("set", "chassis", "chassis-1", "hostname=renamed");
      await sbctl("create", "Chassis_Private", "name=chassis-1");
      await sbctl("create", "DNS");
      await sbctl("create", "FDB", "mac='\"00:00:00:00:00:01\"'", "dp_key=1", "port_key=1");
      await sbctl("set", "SB_Global", ".", "nb_cfg=7");
      await sbctl("clear", "RBAC_Role", "ovn-controller", "permissions");
      await sbctl("chassis-del", "chassis-1");
      return said;
    });
    const [expected = [], found] = await Promise.all(runs);
    expect(found).toEqual(expected);
    expect(expected.filter((text) => text.includes("permission error")).length).toBeGreaterThan(4);
    expect(expected.filter((text) => text.includes(": 0 ")).length).toBeGreaterThan(3);
  },
);
