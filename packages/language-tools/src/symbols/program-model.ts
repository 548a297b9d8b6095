/** All that tools know about the sources of one program: findings, names, tables. */
import {
  type CoreRelation,
  type FunctionDef,
  importedNames,
  parseProgram,
  type SourceText,
  type Statement,
} from "@tenet/datalog";
import { type CheckedSources, checkSources } from "../check/check-sources.ts";
import type { Surroundings } from "../project/surroundings.ts";
import { type Occurrence, occurrencesIn } from "./occurrences.ts";

/** A source with its statements and names. */
export interface FileModel {
  readonly source: SourceText;
  readonly statements: readonly Statement[];
  readonly occurrences: readonly Occurrence[];
}

/** A name and the file where it stands. */
export interface Place {
  readonly file: FileModel;
  readonly occurrence: Occurrence;
}

/** A checked program with an index of its names. */
export class ProgramModel {
  readonly checked: CheckedSources;
  readonly files: readonly FileModel[];
  readonly functions: ReadonlyMap<string, FunctionDef>;
  /** Tables that the program's owner gives. */
  readonly givenTables: ReadonlySet<string>;

  constructor(sources: readonly SourceText[], surroundings: Surroundings) {
    this.checked = checkSources(sources, surroundings);
    this.functions = this.checked.analysis.functions;
    this.givenTables = new Set(surroundings.relations.map(({ name }) => name));
    const known = {
      isTable: (name: string) => this.relation(name) !== undefined,
      isFunction: (name: string) => this.functions.has(name),
    };
    this.files = sources.map((written) => {
      const statements = parseProgram(written, []);
      const source = inModule(written, statements);
      return { source, statements, occurrences: occurrencesIn(source, statements, known) };
    });
  }

  file(name: string): FileModel | undefined {
    return this.files.find(({ source }) => source.name === name);
  }

  /** Files, and what they import, directly or not. */
  withImports(names: Iterable<string>): FileModel[] {
    const wanted = new Set(names);
    for (const name of wanted) {
      const file = this.file(name);
      if (file !== undefined) for (const imported of importedNames(file.source)) wanted.add(imported);
    }
    return this.files.filter(({ source }) => wanted.has(source.name));
  }

  /** A table by its full name. */
  relation(name: string): CoreRelation | undefined {
    return this.checked.analysis.relations.get(name);
  }

  /** The tables that a program can name. */
  get relations(): CoreRelation[] {
    return [...this.checked.analysis.relations.values()].filter(({ kind }) => kind !== "hidden");
  }

  /** The name that an offset lies on or behind. */
  at(file: FileModel, offset: number): Place | undefined {
    const isHere = ({ span }: Occurrence): boolean => span.start <= offset && offset <= span.end;
    const occurrence =
      file.occurrences.find(({ span }) => span.start <= offset && offset < span.end) ?? file.occurrences.find(isHere);
    return occurrence && { file, occurrence };
  }

  /** All places of the same thing. */
  places({ file, occurrence }: Place): Place[] {
    const { kind, id } = occurrence;
    const files = kind === "variable" ? [file] : this.files;
    return files.flatMap((candidate) =>
      candidate.occurrences
        .filter((other) => other.kind === kind && other.id === id)
        .map((other) => ({ file: candidate, occurrence: other })),
    );
  }

  /** Where a thing comes from: declarations, else the rules' heads; a variable's first place in the body. */
  definitions(place: Place): Place[] {
    const { kind } = place.occurrence;
    const places = this.places(place);
    if (kind === "variable") return definitionOfVariable(places);
    const declared = places.filter(({ occurrence }) => occurrence.role === "declaration");
    return declared.length > 0 ? declared : places.filter(({ occurrence }) => occurrence.role === "head");
  }
}

/** A `module` line says whose the unqualified tables are. */
function inModule(source: SourceText, statements: readonly Statement[]): SourceText {
  const module = statements.find((statement) => statement.kind === "module");
  return module === undefined ? source : { ...source, namespace: module.name };
}

/** The first place where a table can give the variable its value: behind the head. */
function definitionOfVariable(places: readonly Place[]): Place[] {
  const inBody = places.find(({ file, occurrence }) => occurrence.column !== undefined && !isInHead(file, occurrence));
  const first = inBody ?? places.find(({ file, occurrence }) => !isInHead(file, occurrence)) ?? places[0];
  return first === undefined ? [] : [first];
}

function isInHead(file: FileModel, { span }: Occurrence): boolean {
  return file.statements.some(
    (statement) => statement.kind === "rule" && statement.headSpan.start <= span.start && span.end <= statement.headSpan.end,
  );
}
