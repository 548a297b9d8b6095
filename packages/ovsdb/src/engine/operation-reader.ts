/**
 * Reads the members of one operation object, with the original server's complaints about missing,
 * mistyped and superfluous members.
 */
import type { Json } from "@tenet/kit";
import { isBig } from "../model/exact-json.ts";
import { syntaxError } from "../model/ovsdb-error.ts";
import { isJsonArray, isJsonObject } from "../model/sorted-json.ts";

const ID = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** A cursor over the members of an object; `what` names the object in errors. */
export class MemberReader {
  readonly json: { readonly [key: string]: Json | undefined };
  readonly #what: () => string;
  readonly #used: string[] = [];
  #hasFailed = false;

  /** @throws OvsdbError when `json` is not an object */
  constructor(json: Json, what: () => string) {
    if (!isJsonObject(json)) throw syntaxError(undefined, `Parsing ${what()} failed: Object expected.`);
    this.json = json;
    this.#what = what;
  }

  array(name: string): readonly Json[] {
    return this.optionalArray(name) ?? this.#missing(name);
  }

  optionalArray(name: string): readonly Json[] | undefined {
    return this.#member(name, isJsonArray);
  }

  object(name: string): { readonly [key: string]: Json | undefined } {
    return this.optionalObject(name) ?? this.#missing(name);
  }

  optionalObject(name: string): { readonly [key: string]: Json | undefined } | undefined {
    return this.#member(name, isJsonObject);
  }

  string(name: string): string {
    return this.optionalString(name) ?? this.#missing(name);
  }

  optionalString(name: string): string | undefined {
    return this.#member(name, isText);
  }

  id(name: string): string {
    return this.optionalId(name) ?? this.#missing(name);
  }

  optionalId(name: string): string | undefined {
    return this.#member(name, isId);
  }

  optionalInteger(name: string): number | undefined {
    const value = this.#member(name, isInteger);
    return value === undefined ? undefined : Number(value);
  }

  boolean(name: string): boolean {
    return this.optionalBoolean(name) ?? this.#missing(name);
  }

  optionalBoolean(name: string): boolean | undefined {
    return this.#member(name, isTruth);
  }

  /** Throws when a member was given that nobody asked for, unless another complaint came first. */
  finish(): void {
    if (this.#hasFailed || !this.#hasUnused()) return;
    const unused = Object.keys(this.json).filter((name) => !this.#used.includes(name));
    const [first] = unused;
    const n = unused.length - 1;
    const rest = n === 0 ? " is" : ` and ${n} other member${n === 1 ? "" : "s"} are`;
    throw this.failure(`Member '${first}'${rest} present but not allowed here.`);
  }

  #hasUnused(): boolean {
    for (const name in this.json) if (!this.#used.includes(name)) return true;
    return false;
  }

  /** An error about this object. */
  failure(problem: string): Error {
    this.#hasFailed = true;
    return syntaxError(this.json, `Parsing ${this.#what()} failed: ${problem}`);
  }

  #member<T extends Json>(name: string, isType: (json: Json | undefined) => json is T): T | undefined {
    const json = this.json[name];
    if (json === undefined) return undefined;
    this.#used.push(name);
    if (!isType(json)) throw this.failure(`Type mismatch for member '${name}'.`);
    return json;
  }

  #missing(name: string): never {
    throw this.failure(`Required '${name}' member is missing.`);
  }
}

function isText(json: Json | undefined): json is string {
  return typeof json === "string";
}

function isId(json: Json | undefined): json is string {
  return typeof json === "string" && ID.test(json);
}

function isInteger(json: Json | undefined): json is Json {
  return Number.isInteger(json) || isBig(json);
}

function isTruth(json: Json | undefined): json is boolean {
  return typeof json === "boolean";
}
