/** A running server. */
export interface Postgres {
  run(sql: string): string[];
  load(table: string, types: readonly string[], tuples: readonly (readonly unknown[])[]): void;
  close(): Promise<void>;
}

export function findPostgres(): string | undefined;

export function startPostgres(bin: string, settings?: Readonly<Record<string, string>>): Promise<Postgres>;
