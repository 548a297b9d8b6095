/**
 * Reads a command line as the original's programs do (GNU `getopt_long`): options may stand anywhere, long ones may be
 * shortened while that is clear, `--` ends them, and what an option may take follows `=` or, when it must, comes next.
 */
import { AppError } from "@tenet/kit";

/** One option. */
export interface OptionSpec {
  /** The long form, without dashes. */
  readonly name: string;
  /** The short form. */
  readonly letter?: string;
  /** Whether it takes a value; none when absent. */
  readonly argument?: "required" | "optional";
  /** Names the value in the help. */
  readonly placeholder?: string;
  /** What it does, for the help. */
  readonly about: string;
}

/** An option that was given. */
export interface GivenOption {
  readonly name: string;
  readonly value: string | undefined;
}

/** A command line. */
export interface CommandLine {
  readonly options: readonly GivenOption[];
  /** What is no option, in order. */
  readonly operands: readonly string[];
}

/** Whether an option was given. */
export function hasOption({ options }: CommandLine, name: string): boolean {
  return options.some((option) => option.name === name);
}

/** The value that an option was given last. */
export function lastValue({ options }: CommandLine, name: string): string | undefined {
  return options.findLast((option) => option.name === name)?.value;
}

/** A command line that says nothing that can be done; the message is the original's. */
export class UsageError extends AppError {
  static override readonly code: string = "DAEMON_USAGE";
}

/** Reads a command line. @throws UsageError */
export function parseCommandLine(args: readonly string[], specs: readonly OptionSpec[]): CommandLine {
  const options: GivenOption[] = [];
  const operands: string[] = [];
  const rest = [...args];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "--") {
      operands.push(...rest.splice(0));
    } else if (word.startsWith("--")) {
      options.push(readLong(word.slice(2), specs, rest));
    } else if (word.startsWith("-") && word !== "-") {
      options.push(...readShort(word.slice(1), specs, rest));
    } else {
      operands.push(word);
    }
  }
  return { options, operands };
}

function readLong(text: string, specs: readonly OptionSpec[], rest: string[]): GivenOption {
  const equals = text.indexOf("=");
  const given = equals < 0 ? text : text.slice(0, equals);
  const { name, argument } = findLong(given, text, specs);
  const value = equals < 0 ? undefined : text.slice(equals + 1);
  if (argument === undefined && value !== undefined) throw new UsageError(`option '--${name}' doesn't allow an argument`);
  if (argument !== "required" || value !== undefined) return { name, value };
  const next = rest.shift();
  if (next === undefined) throw new UsageError(`option '--${name}' requires an argument`);
  return { name, value: next };
}

function findLong(given: string, text: string, specs: readonly OptionSpec[]): OptionSpec {
  const exact = specs.find(({ name }) => name === given);
  if (exact !== undefined) return exact;
  const [found, ...others] = specs.filter(({ name }) => name.startsWith(given));
  if (found === undefined) throw new UsageError(`unrecognized option '--${text}'`);
  if (others.length === 0) return found;
  const names = [found, ...others].map(({ name }) => `'--${name}'`).join(" ");
  throw new UsageError(`option '--${text}' is ambiguous; possibilities: ${names}`);
}

/** Letters that stand together; the first that may take a value takes what follows it. */
function readShort(text: string, specs: readonly OptionSpec[], rest: string[]): GivenOption[] {
  const given: GivenOption[] = [];
  for (let at = 0; at < text.length; at++) {
    const letter = text[at] ?? "";
    const spec = specs.find((known) => known.letter === letter);
    if (spec === undefined) throw new UsageError(`invalid option -- '${letter}'`);
    if (spec.argument === undefined) {
      given.push({ name: spec.name, value: undefined });
      continue;
    }
    const following = text.slice(at + 1);
    const value = following !== "" ? following : spec.argument === "required" ? rest.shift() : undefined;
    if (spec.argument === "required" && value === undefined) {
      throw new UsageError(`option requires an argument -- '${letter}'`);
    }
    return [...given, { name: spec.name, value }];
  }
  return given;
}

/** Options under a title, as the help shows them. */
export interface OptionGroup {
  readonly title: string;
  readonly options: readonly OptionSpec[];
}

const ABOUT_COLUMN = 28;

/** The part of a help text that lists options. */
export function formatOptions(groups: readonly OptionGroup[]): string {
  return groups.map(({ title, options }) => `\n${title}:\n${options.map((option) => formatOption(option)).join("")}`).join("");
}

function formatOption({ name, letter, argument, placeholder = "VALUE", about }: OptionSpec): string {
  const value = argument === undefined ? "" : argument === "required" ? `=${placeholder}` : `[=${placeholder}]`;
  const forms = `  ${letter === undefined ? "" : `-${letter}, `}--${name}${value}`;
  const gap = forms.length + 2 > ABOUT_COLUMN ? `\n${" ".repeat(ABOUT_COLUMN)}` : " ".repeat(ABOUT_COLUMN - forms.length);
  return `${forms}${gap}${about}\n`;
}
