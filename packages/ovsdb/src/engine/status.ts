/** What `_Server` tells of a database. @see ovsdb-server(5) */

/** Where the rows of a database come from, and whether they are those of now. */
export interface DatabaseStatus {
  readonly model: "standalone" | "clustered" | "relay";
  /** Whether the source can be reached; if not, rows may be old and writes fail. */
  readonly isConnected: boolean;
  /** Schema and rows are still to come: nothing can be asked of it. */
  readonly isJoining?: boolean;
  /** What all servers of the same rows have in common, a uuid. */
  readonly clusterId?: string;
  /** How many steps led to the present state; a server with less is behind. */
  readonly index?: number;
}

/** A database that no other server has. */
export const STANDALONE: DatabaseStatus = { model: "standalone", isConnected: true };
