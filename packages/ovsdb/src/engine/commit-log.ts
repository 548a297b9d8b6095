/** What a database asks of the place where its commits are kept. */
import type { DatabaseSchema } from "../model/schema.ts";
import type { Commit } from "./commit.ts";

/** Where commits are made durable. */
export interface CommitLog {
  /**
   * Writes the commits and returns when they are on stable storage, or throws and leaves nothing.
   *
   * @returns the versions after each commit
   */
  append(commits: readonly Omit<Commit, "version">[]): string[];
  /**
   * Keeps, instead of all before, a schema and the commit that inserts all rows; or throws and changes nothing.
   *
   * @returns the version after it
   */
  convert(schema: DatabaseSchema, commit: Omit<Commit, "version">): string;
  close(): void;
}
