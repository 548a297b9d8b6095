/** `/v1/policies`: policies, their rules, their tables. A policy is a file of the folder; changes are written there. */
import { formatProof, jsonOf } from "@tenet/datalog";
import { didYouMean } from "@tenet/kit";
import type { Evidence } from "../evidence.ts";
import type { PolicyFolder } from "../policy-folder.ts";
import type { PolicyService } from "../policy-service.ts";
import type { PolicyRule, PolicyStatus } from "../policy-status.ts";
import { ApiError } from "./api-error.ts";
import { type ApiRequest, type ApiResult, type ApiRoute, flag, objectBody, param, stableId, textField } from "./route.ts";
import { simulate } from "./simulate.ts";

/** The routes below `/v1/policies`. */
export function policyRoutes(service: PolicyService): ApiRoute[] {
  const routes = new PolicyRoutes(service);
  return [
    { path: "/v1/policies", verbs: { GET: () => routes.list(), POST: (request) => routes.create(request) } },
    {
      path: "/v1/policies/:policy",
      verbs: { GET: (r) => routes.show(r), DELETE: (r) => routes.remove(r), POST: (r) => routes.act(r) },
    },
    { path: "/v1/policies/:policy/status", verbs: { GET: (r) => routes.status(r) } },
    { path: "/v1/policies/:policy/rules", verbs: { GET: (r) => routes.rules(r), POST: (r) => routes.addRule(r) } },
    { path: "/v1/policies/:policy/rules/:rule", verbs: { GET: (r) => routes.rule(r), DELETE: (r) => routes.removeRule(r) } },
    { path: "/v1/policies/:policy/tables", verbs: { GET: (r) => routes.tables(r) } },
    { path: "/v1/policies/:policy/tables/:table", verbs: { GET: (r) => routes.table(r) } },
    { path: "/v1/policies/:policy/tables/:table/rows", verbs: { GET: (r) => routes.rows(r) } },
  ];
}

interface RuleJson {
  readonly id: string;
  readonly rule: string;
  readonly name: null;
  readonly comment: string;
  readonly line: number;
}

/** Rows that a trace explains; finding a proof takes time. */
const MOST_TRACED = 100;
const COMMENT_LINE = /^\s*(?:\/\/|#) ?(.*)$/;

class PolicyRoutes {
  readonly #service: PolicyService;

  constructor(service: PolicyService) {
    this.#service = service;
  }

  list(): ApiResult {
    return { body: { results: this.#service.policies().map((policy) => this.#toJson(policy)) } };
  }

  show(request: ApiRequest): ApiResult {
    return { body: this.#toJson(this.#policy(request)) };
  }

  create(request: ApiRequest): ApiResult {
    const body = objectBody(request);
    const name = textField(body, "name");
    if (name === undefined) throw new ApiError("nameNeeded", "A policy needs a name");
    if (body["id"] !== undefined) throw new ApiError("badRequest", "A new policy's id is not chosen by the caller");
    const kind = textField(body, "kind") ?? "nonrecursive";
    if (kind !== "nonrecursive") throw new ApiError("badRequest", `Policies of kind "${kind}" are not supported`);
    if (this.#service.policies().some((policy) => policy.name === name)) {
      throw new ApiError("conflict", `Policy "${name}" exists already`);
    }
    const rules = Array.isArray(body["rules"]) ? body["rules"].map(ruleText) : [];
    const description = textField(body, "description") ?? "";
    const text = [...commentLines(description), ...rules].map((line) => `${line}\n`).join("");
    this.#write(name, text, "insertion");
    return { status: 201, location: `/v1/policies/${stableId(name)}`, body: this.#toJson(this.#find(name)) };
  }

  remove(request: ApiRequest): ApiResult {
    const policy = this.#policy(request);
    const body = this.#toJson(policy);
    this.#folder().remove(policy.name);
    return { body };
  }

  act(request: ApiRequest): ApiResult {
    const action = request.query["action"];
    const policy = this.#policy(request);
    if (action !== "simulate") throw new ApiError("notSupported", `Policies have no action "${action ?? ""}"`);
    const result = simulate(this.#service.live, policy.name, objectBody(request), {
      isDelta: flag(request, "delta"),
      withTrace: flag(request, "trace"),
    });
    return { body: result };
  }

  status(request: ApiRequest): ApiResult {
    const { status, error, nRules, file } = this.#policy(request);
    return { body: { status, file, rules: nRules, error: error ?? null } };
  }

  rules(request: ApiRequest): ApiResult {
    const { name } = this.#policy(request);
    return { body: { results: this.#service.rules(name).map((rule) => this.#ruleToJson(name, rule)) } };
  }

  rule(request: ApiRequest): ApiResult {
    const { name } = this.#policy(request);
    return { body: this.#ruleToJson(name, this.#rule(request, name)) };
  }

  addRule(request: ApiRequest): ApiResult {
    const { name } = this.#policy(request);
    const body = objectBody(request);
    const rule = textField(body, "rule")?.trim();
    if (rule === undefined || rule === "") throw new ApiError("badRequest", 'The body needs a "rule"');
    const known = this.#service.rules(name);
    if (known.some(({ text }) => oneLine(text) === oneLine(rule)))
      throw new ApiError("ruleExists", `Rule exists already: ${rule}`);
    const comment = [textField(body, "name"), textField(body, "comment")]
      .filter((text) => text !== undefined && text !== "")
      .join(": ");
    const before = this.#text(name);
    const gap = before === "" || before.endsWith("\n") ? "" : "\n";
    this.#write(name, `${before}${gap}${[...commentLines(comment), rule].join("\n")}\n`, "ruleSyntax");
    const added = this.#service
      .rules(name)
      .filter(({ text, line }) => !known.some((old) => old.text === text && old.line === line));
    const [first] = added;
    if (added.length !== 1 || first === undefined) {
      this.#write(name, before, "insertion");
      throw new ApiError("multipleRules", `One rule is expected, these are ${added.length}`);
    }
    const json = this.#ruleToJson(name, first);
    return { status: 201, location: `/v1/policies/${stableId(name)}/rules/${json.id}`, body: json };
  }

  removeRule(request: ApiRequest): ApiResult {
    const { name } = this.#policy(request);
    const rule = this.#rule(request, name);
    const text = this.#text(name);
    const lineStart = text.split("\n", rule.line - 1).reduce((at, line) => at + line.length + 1, 0);
    const at = text.indexOf(rule.text, lineStart);
    if (at === -1) throw new ApiError("conflict", "The policy's file changed meanwhile");
    const rest = text.slice(at + rule.text.length).replace(/^\s*[.;]?[ \t]*\n?/, "");
    const body = this.#ruleToJson(name, rule);
    this.#write(name, text.slice(0, at) + rest, "insertion");
    return { body };
  }

  tables(request: ApiRequest): ApiResult {
    const { name } = this.#policy(request);
    return { body: { results: this.#tablesOf(name).map((id) => ({ id })) } };
  }

  table(request: ApiRequest): ApiResult {
    const { name } = this.#policy(request);
    return { body: { id: this.#table(request, name) } };
  }

  rows(request: ApiRequest): ApiResult {
    const { name } = this.#policy(request);
    const relation = `${name}:${this.#table(request, name)}`;
    const rows = this.#service.live.engine.rows(relation);
    if (!flag(request, "trace")) return { body: { results: rows.map((row) => ({ data: row.map(jsonOf) })) } };
    const traced = rows.map((row, i) => {
      const data = row.map(jsonOf);
      if (i >= MOST_TRACED) return { data, proof: null, trace: "" };
      const { proof, evidence } = this.#service.live.proofOf(relation, row);
      return { data, proof: evidence.map(evidenceToJson), trace: proof === undefined ? "" : formatProof(proof) };
    });
    return {
      body: {
        results: traced,
        trace: traced
          .slice(0, MOST_TRACED)
          .map(({ trace }) => trace)
          .join("\n\n"),
      },
    };
  }

  /** Congress's members, then ours: the file, and whether the policy is in force. */
  #toJson({ name, file, status, error }: PolicyStatus): Readonly<Record<string, string | null>> {
    const description = descriptionIn(this.#text(name));
    return {
      id: stableId(name),
      name,
      kind: "nonrecursive",
      abbreviation: name.slice(0, 5),
      description,
      owner_id: "user",
      file,
      status,
      error: error ?? null,
    };
  }

  #ruleToJson(policy: string, { text, line }: PolicyRule): RuleJson {
    const above = this.#text(policy).split("\n", line - 1);
    const comment = commentIn(above.slice(above.findLastIndex((other) => !COMMENT_LINE.test(other)) + 1));
    return { id: stableId(policy, text), rule: text, name: null, comment, line };
  }

  #policy(request: ApiRequest): PolicyStatus {
    return this.#find(param(request, "policy"));
  }

  /** By name or by id. */
  #find(nameOrId: string): PolicyStatus {
    const policies = this.#service.policies();
    const found = policies.find(({ name }) => name === nameOrId || stableId(name) === nameOrId);
    if (found !== undefined) return found;
    const hint = didYouMean(
      nameOrId,
      policies.map(({ name }) => name),
    );
    throw new ApiError("policyMissing", `Policy "${nameOrId}" does not exist`, hint);
  }

  #rule(request: ApiRequest, policy: string): PolicyRule {
    const id = param(request, "rule");
    const found = this.#service.rules(policy).find(({ text }) => stableId(policy, text) === id);
    if (found === undefined) throw new ApiError("notFound", `Policy "${policy}" has no rule "${id}"`);
    return found;
  }

  #tablesOf(policy: string): string[] {
    const own = [...this.#service.live.program.relations.values()].filter(
      ({ name, kind }) => kind !== "hidden" && name.startsWith(`${policy}:`),
    );
    return own.map(({ name }) => name.slice(policy.length + 1)).toSorted();
  }

  #table(request: ApiRequest, policy: string): string {
    const table = param(request, "table");
    const tables = this.#tablesOf(policy);
    if (tables.includes(table)) return table;
    throw new ApiError("notFound", `Policy "${policy}" has no table "${table}"`, didYouMean(table, tables));
  }

  #text(policy: string): string {
    return this.#service.folder?.sources.find(({ name }) => name === policy)?.text ?? "";
  }

  #folder(): PolicyFolder {
    const { folder } = this.#service;
    if (folder === undefined)
      throw new ApiError("notSupported", "Policies are not kept in a folder, so they cannot be changed here");
    return folder;
  }

  #write(name: string, text: string, kind: "ruleSyntax" | "insertion"): void {
    const folder = this.#folder();
    const problem = this.#service.problemWith({ name, file: `${name}.dl`, text });
    if (problem !== undefined) throw new ApiError(kind, `Policy "${name}" would not be sound`, problem);
    folder.write(name, text);
  }
}

function evidenceToJson({ table, uuid, name, columns, isAbsent }: Evidence): object {
  return {
    table,
    uuid: uuid ?? null,
    name: name ?? null,
    columns: Object.fromEntries([...columns].map(([column, value]) => [column, jsonOf(value)])),
    absent: isAbsent,
  };
}

function ruleText(rule: unknown): string {
  const text = typeof rule === "object" && rule !== null ? (rule as { rule?: unknown }).rule : rule;
  if (typeof text !== "string") throw new ApiError("badRequest", 'Each of "rules" needs a "rule"');
  return text;
}

function commentLines(text: string): string[] {
  return text === "" ? [] : text.split("\n").map((line) => `// ${line}`.trimEnd());
}

/** The comment with which the file starts. */
function descriptionIn(text: string): string {
  const lines = text.split("\n");
  const end = lines.findIndex((line) => !COMMENT_LINE.test(line));
  return commentIn(end === -1 ? lines : lines.slice(0, end));
}

function commentIn(lines: readonly string[]): string {
  return lines
    .map((line) => COMMENT_LINE.exec(line)?.[1] ?? "")
    .join("\n")
    .trim();
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").replace(/[.;]$/, "").trim();
}
