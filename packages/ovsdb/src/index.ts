/** RFC 7047: databases with durable storage, a server, a client replica, and the schemas that Tenet serves. */
export { type Atom, type AtomicType, compareAtoms, isUuid, ZERO_UUID } from "./model/atom.ts";
export { type Datum, datumsEqual, isMap, isSet, keysOf, parseDatum, toJson } from "./model/datum.ts";
export { parseExact, stringifyExact } from "./model/exact-json.ts";
export { applyDiff, diffDatum } from "./model/difference.ts";
export { OvsdbError } from "./model/ovsdb-error.ts";
export { parseSchema, type SchemaSource, toSchema } from "./model/parse-schema.ts";
export { datumOf, type Row, type RowChange } from "./model/row.ts";
export { nameOfRow } from "./model/row-name.ts";
export type { BaseType, ColumnKind, ColumnSchema, ColumnType, DatabaseSchema, TableSchema } from "./model/schema.ts";
export type { ClientIdentity, Commit, Proposed, Refusal } from "./engine/commit.ts";
export type { HistoryLimits } from "./engine/history.ts";
export type { HistoryFilter } from "./engine/history-query.ts";
export type { DatabaseEngine } from "./engine/database.ts";
export type { TransactOptions } from "./engine/staged.ts";
export type { DatabaseStatus } from "./engine/status.ts";
export { DatabaseLockedError } from "./storage/lock-file.ts";
export {
  compactDatabaseFile,
  ConversionError,
  convertDatabaseFile,
  copyRows,
  createDatabaseFile,
  FileExistsError,
  type RowSource,
} from "./storage/database-file.ts";
export { versionOfSnapshot } from "./storage/signature.ts";
export { NotALogError } from "./storage/not-a-log-error.ts";
export type { RowProgress } from "./storage/row-progress.ts";
export { type LogFs, systemFs } from "./storage/log-fs.ts";
export { type CompactionLimits, DEFAULT_COMPACTION } from "./storage/compaction-schedule.ts";
export { WrongDatabaseError } from "./storage/file-commit-log.ts";
export { Database, type DatabaseOptions } from "./storage/open-database.ts";
export { historyEntries } from "./server/history-entries.ts";
export { rowsAt } from "./server/rows-at.ts";
export { DEFAULT_JSON_LIMITS, JsonStream, type JsonStreamLimits, SERVER_JSON_LIMITS } from "./rpc/json-stream.ts";
export { ConnectionLostError, JsonRpcConnection, RpcError } from "./rpc/json-rpc-connection.ts";
export { acceptWebSocket } from "./rpc/accept-web-socket.ts";
export { BadRemoteError } from "./rpc/bad-remote-error.ts";
export type { RpcSocket } from "./rpc/rpc-socket.ts";
export { readTlsFiles, TlsNotConfiguredError, type TlsFiles, type TlsSource } from "./rpc/tls-files.ts";
export { parseListenRemote, type SocketAddress } from "./rpc/remote.ts";
export { openSocket } from "./client/open-socket.ts";
export { type Answer, ArgumentError, type Command, command } from "./control/command.ts";
export { ControlServer } from "./control/control-server.ts";
export { DatabaseNameError, OvsdbServer, type OvsdbServerOptions } from "./server/ovsdb-server.ts";
export { readTextColumn } from "./server/column-reference.ts";
export type { RemoteSettings } from "./server/table-remotes.ts";
export {
  type BaseTypeJson,
  type ColumnJson,
  OPEN_VSWITCH,
  OVN_NORTHBOUND,
  OVN_SOUTHBOUND,
  type SchemaJson,
  type TableJson,
  type TypeJson,
} from "./schemas/index.ts";
export { NoActiveServerError, type ReplicatedServer, Replication, type ReplicationOptions } from "./replication/replication.ts";
export { replicationCommands } from "./replication/replication-commands.ts";
export { RelayDatabase, type RelayOptions } from "./relay/relay-database.ts";
export { isRelay, parseRelay, type RelaySource } from "./relay/relay-remote.ts";
export { connect, type WithTls } from "./client/connect.ts";
export type { ConditionsOf, ConnectOptions, FollowOptions, LinkSettings } from "./client/connect-options.ts";
export { listDatabases } from "./client/list-databases.ts";
export { OutcomeUnknownError } from "./client/outcome-unknown-error.ts";
export { Replica } from "./client/replica.ts";
export { ServerLock } from "./client/server-lock.ts";
export type { OpenVSwitchTables } from "./schemas/types/open-vswitch.ts";
export type { OVNNorthboundTables } from "./schemas/types/ovn-northbound.ts";
export type { OVNSouthboundTables } from "./schemas/types/ovn-southbound.ts";
export type { IndexColumn, IndexValues, ReplicaIndex } from "./client/row-index.ts";
export { type Committed, Transaction } from "./client/transaction.ts";
export { type HistoryEntry, isHistoryEntry, type OperationResult } from "./client/results.ts";
export { type InsertOptions, namedUuid, Operations, UnknownColumnError, uuidRef } from "./client/operations.ts";
export {
  type AnyTables,
  type AtomInput,
  type ChangeOf,
  type Clauses,
  type ColumnInput,
  type ColumnName,
  type ConditionFunction,
  type MapInput,
  type Mutation,
  type NamedUuid,
  type RowInput,
  type SetInput,
  type TableForms,
  type TableMap,
  type TableName,
  type TypedSchema,
  typedSchema,
  type UpdateOf,
  type UuidInput,
  type Where,
} from "./client/table-forms.ts";
export {
  changesOf,
  insertionsOf,
  type RelationSpec,
  relationsOf,
  type TupleChange,
  type TupleValue,
} from "./relational/relations.ts";
export { openSharedDatabase, type SharedDatabaseOptions } from "./etcd/open-shared-database.ts";
export { SharedDatabase, type LogLimits } from "./shared/shared-database.ts";
export { BadStorageError } from "./etcd/storage-address.ts";
