import type { Program } from "@tenet/datalog";

export function programToSql(program: Program, inputTypes: ReadonlyMap<string, readonly string[]>): string[];

export function tableName(relation: string): string;

export function sqlTypeOf(value: unknown): string;
