export type { LiveProgram } from "./live-program.ts";
export { PolicyFileError, PolicyFolder } from "./policy-folder.ts";
export {
  type Freshness,
  type GuardedDatabase,
  PolicyService,
  type PolicyServiceOptions,
  PolicySourceError,
} from "./policy-service.ts";
export { ForeignRequestError, refuseForeign } from "./rest/foreign-requests.ts";
export type { PolicySource } from "./policy-set.ts";
export type { PolicyRule, PolicyStatus } from "./policy-status.ts";
export { type PolicyApi, type PolicyApiOptions, startPolicyApi } from "./rest/server.ts";
export type { DatabaseTables, PushedTable, ReplicaTables, TableSource } from "./table-source.ts";
export type { Violation, ViolationChange, ViolationKind, ViolationRow } from "./violation.ts";
