/** `/v1/data-sources`: the databases and pushed tables that policies can read. */
import { jsonOf, type Tuple } from "@tenet/datalog";
import { didYouMean } from "@tenet/kit";
import { changesOf, relationsOf } from "@tenet/ovsdb";
import type { PolicyService } from "../policy-service.ts";
import { ApiError } from "./api-error.ts";
import { type ApiRequest, type ApiResult, type ApiRoute, param, stableId } from "./route.ts";

/** The routes below `/v1/data-sources`. */
export function sourceRoutes(service: PolicyService): ApiRoute[] {
  const routes = new SourceRoutes(service);
  return [
    { path: "/v1/data-sources", verbs: { GET: () => routes.list() } },
    { path: "/v1/data-sources/:source", verbs: { GET: (r) => routes.show(r) } },
    { path: "/v1/data-sources/:source/schema", verbs: { GET: (r) => routes.schema(r) } },
    { path: "/v1/data-sources/:source/status", verbs: { GET: (r) => routes.status(r) } },
    { path: "/v1/data-sources/:source/tables", verbs: { GET: (r) => routes.tables(r) } },
    { path: "/v1/data-sources/:source/tables/:table", verbs: { GET: (r) => routes.table(r) } },
    { path: "/v1/data-sources/:source/tables/:table/spec", verbs: { GET: (r) => routes.spec(r) } },
    { path: "/v1/data-sources/:source/tables/:table/rows", verbs: { GET: (r) => routes.rows(r) } },
  ];
}

interface TableSpec {
  readonly table_id: string;
  readonly columns: readonly { readonly name: string; readonly description: string }[];
}

class SourceRoutes {
  readonly #service: PolicyService;

  constructor(service: PolicyService) {
    this.#service = service;
  }

  list(): ApiResult {
    return { body: { results: this.#names().map((name) => this.#toJson(name)) } };
  }

  show(request: ApiRequest): ApiResult {
    return { body: this.#toJson(this.#source(request)) };
  }

  schema(request: ApiRequest): ApiResult {
    return { body: { tables: this.#specs(this.#source(request)) } };
  }

  status(request: ApiRequest): ApiResult {
    const name = this.#source(request);
    const { at, nUpdates } = this.#service.freshness(name);
    const body = {
      last_updated: at === undefined ? "None" : new Date(at).toISOString(),
      last_error: "None",
      number_of_updates: String(nUpdates),
      initialized: "True",
      subscriptions: [],
      subscribers: [],
    };
    return { body };
  }

  tables(request: ApiRequest): ApiResult {
    return { body: { results: this.#specs(this.#source(request)).map(({ table_id: id }) => ({ id })) } };
  }

  table(request: ApiRequest): ApiResult {
    return { body: { id: this.#spec(request).table_id } };
  }

  spec(request: ApiRequest): ApiResult {
    return { body: this.#spec(request) };
  }

  rows(request: ApiRequest): ApiResult {
    const name = this.#source(request);
    const { table_id: table } = this.#spec(request);
    return { body: { results: this.#rowsOf(name, table).map((row) => ({ data: row.map(jsonOf) })) } };
  }

  #rowsOf(name: string, table: string): Tuple[] {
    const relation = `${name}:${table}`;
    const source = this.#service.sources.get(name);
    if (source === undefined) return [...(this.#service.pushedTables.get(relation)?.rows ?? [])];
    const [owner = table] = table.split(".");
    const inserts = Array.from(source.table(owner), ([uuid, row]) => ({ table: owner, uuid, old: undefined, new: row }));
    return changesOf(source.schema, name, inserts).flatMap((change) => (change.relation === relation ? [change.tuple] : []));
  }

  #names(): string[] {
    const pushed = Array.from(this.#service.pushedTables.keys(), (relation) => relation.slice(0, relation.indexOf(":")));
    return [...new Set([...this.#service.sources.keys(), ...pushed])];
  }

  #source(request: ApiRequest): string {
    const nameOrId = param(request, "source");
    const names = this.#names();
    const found = names.find((name) => name === nameOrId || stableId("source", name) === nameOrId);
    if (found !== undefined) return found;
    throw new ApiError("notFound", `Data source "${nameOrId}" does not exist`, didYouMean(nameOrId, names));
  }

  #specs(name: string): TableSpec[] {
    const source = this.#service.sources.get(name);
    const pushed = [...this.#service.pushedTables.values()].filter((table) => table.name.startsWith(`${name}:`));
    return (source === undefined ? pushed : relationsOf(source.schema, name)).map((relation) => ({
      table_id: relation.name.slice(name.length + 1),
      columns: relation.columns.map((column) => ({ name: column.name, description: column.type ?? "" })),
    }));
  }

  #spec(request: ApiRequest): TableSpec {
    const name = this.#source(request);
    const table = param(request, "table");
    const specs = this.#specs(name);
    const found = specs.find(({ table_id: id }) => id === table);
    if (found !== undefined) return found;
    throw new ApiError(
      "notFound",
      `Data source "${name}" has no table "${table}"`,
      didYouMean(
        table,
        specs.map((spec) => spec.table_id),
      ),
    );
  }

  #toJson(name: string): object {
    const isDatabase = this.#service.sources.has(name);
    const description = isDatabase
      ? `OVSDB database ${this.#service.sources.get(name)?.schema.name ?? ""}`
      : "tables filled by Tenet";
    return {
      id: stableId("source", name),
      name,
      driver: isDatabase ? "ovsdb" : "push",
      type: null,
      config: {},
      description,
      enabled: true,
      owner_id: "system",
    };
  }
}
