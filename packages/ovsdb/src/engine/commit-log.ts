/** What a database asks of the place where its commits are kept. */
import type { DatabaseSchema } from "../model/schema.ts";
import type { Commit } from "./commit.ts";

/** Where commits are made durable. */
export interface CommitLog {
  /**
   * Writes the commits, or throws and leaves nothing.
   *
   * @param isDurable - return when they are on stable storage; otherwise a killed process loses none of them, but what a
   *   power failure may take is the log's business
   * @returns the versions after each commit
   */
  append(commits: readonly Omit<Commit, "version">[], isDurable: boolean): string[];
  /**
   * Keeps, instead of all before, a schema and the commit that inserts all rows; or throws and changes nothing.
   *
   * @returns the version after it
   */
  convert(schema: DatabaseSchema, commit: Omit<Commit, "version">): string;
  close(): void;
}
