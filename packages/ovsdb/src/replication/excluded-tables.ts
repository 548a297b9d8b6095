/** Tables that a backup does not replicate, `DATABASE:TABLE[,DATABASE:TABLE...]`. */

/** A set of tables of several databases. */
export class ExcludedTables {
  readonly #tables: readonly (readonly [database: string, table: string])[];

  /** Reads the text of `--sync-exclude-tables`; tables that there are not are no harm. */
  constructor(text: string) {
    this.#tables = text
      .split(",")
      .filter((one) => one !== "")
      .map((one) => {
        const [database = "", table = ""] = one.split(":");
        return [database, table];
      });
  }

  has(database: string, table: string): boolean {
    return this.#tables.some(([itsDatabase, itsTable]) => itsDatabase === database && itsTable === table);
  }

  toString(): string {
    return this.#tables.map((names) => names.join(":")).join(",");
  }
}
