/** Open documents, and the programs that they and their neighbours on disk make. */
import { dirname } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { programsIn } from "../project/programs.ts";
import { readRuleFile, ruleFilesIn } from "../project/rule-files.ts";
import type { Surroundings } from "../project/surroundings.ts";
import { ProgramModel } from "../symbols/program-model.ts";
import { Document } from "./document.ts";

/** All documents of one editor. */
export class Workspace {
  readonly #surroundings: Surroundings;
  readonly #documents: Map<string, Document> = new Map();
  /** By the name of a file. */
  readonly #models: Map<string, ProgramModel> = new Map();

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** Names of the open documents: their paths. */
  get open(): string[] {
    return [...this.#documents.keys()];
  }

  set(name: string, document: Document): void {
    this.#documents.set(name, document);
    this.#models.clear();
  }

  close(name: string): void {
    this.#documents.delete(name);
    this.#models.clear();
  }

  /** Forgets what was read from the disk. */
  forget(): void {
    this.#models.clear();
  }

  isOpen(name: string): boolean {
    return this.#documents.has(name);
  }

  /** The text that a file has now: the editor's, or the disk's. @throws IoError */
  document(name: string): Document {
    return this.#documents.get(name) ?? new Document(readRuleFile(name));
  }

  /** The program that a file belongs to. @throws IoError */
  model(name: string): ProgramModel {
    const known = this.#models.get(name);
    if (known !== undefined) return known;
    const folder = folderOf(name);
    const open = this.open.filter((other) => folderOf(other) === folder);
    const files = isPath(name) ? [...new Set([...ruleFilesIn(folder), ...open])].toSorted() : open;
    const programs = programsIn(files, this.#surroundings, (file) => this.document(file).text);
    const program = programs.find(({ sources }) => sources.some((source) => source.name === name));
    const model = new ProgramModel(program?.sources ?? [], program?.surroundings ?? this.#surroundings);
    for (const source of model.checked.sources) {
      if (folderOf(source.name) === folder && !this.#models.has(source.name)) this.#models.set(source.name, model);
    }
    return model;
  }
}

/** A document's path; what is no file keeps its URI as name. */
export function nameOf(uri: string): string {
  return uri.startsWith("file:") ? fileURLToPath(uri) : uri;
}

/** The URI of a document. */
export function uriOf(name: string): string {
  return isPath(name) ? pathToFileURL(name).href : name;
}

function isPath(name: string): boolean {
  return !/^[a-z][a-z0-9+.-]+:/i.test(name);
}

/** Documents that are no files are programs of their own. */
function folderOf(name: string): string {
  return isPath(name) ? dirname(name) : name;
}
