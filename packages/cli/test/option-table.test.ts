/** Command lines as the original's programs read them. */
import { expect, test } from "vitest";
import { formatOptions, type OptionSpec, parseCommandLine } from "../src/daemon/option-table.ts";

const OPTIONS: readonly OptionSpec[] = [
  { name: "remote", argument: "required", about: "" },
  { name: "pidfile", argument: "optional", about: "" },
  { name: "private-key", letter: "p", argument: "required", placeholder: "FILE", about: "our key" },
  { name: "verbose", letter: "v", argument: "optional", about: "" },
  { name: "detach", letter: "d", about: "" },
  { name: "ssl-ciphers", argument: "required", about: "" },
  { name: "ssl-protocols", argument: "required", about: "" },
];
const read = (...args: string[]) => {
  const { options, operands } = parseCommandLine(args, OPTIONS);
  return [...options.map(({ name, value }) => (value === undefined ? name : `${name}=${value}`)), ...operands];
};

test.each([
  ["what an option takes follows = or a space when it must", ["--remote=a", "--remote", "b", "f"], ["remote=a", "remote=b", "f"]],
  ["an optional value never comes next", ["--pidfile", "f", "--pidfile=p"], ["pidfile", "pidfile=p", "f"]],
  ["an empty value is one", ["--pidfile="], ["pidfile="]],
  ["a long option may be shortened", ["--rem=a", "--ssl-c", "x"], ["remote=a", "ssl-ciphers=x"]],
  [
    "letters stand together, the last takes the rest",
    ["-dvfile:dbg", "-pk", "-p", "k2"],
    ["detach", "verbose=file:dbg", "private-key=k", "private-key=k2"],
  ],
  ["options may stand after operands, and end at --", ["f", "-d", "--", "--remote", "-x"], ["detach", "f", "--remote", "-x"]],
  ["a lone dash is an operand", ["-"], ["-"]],
])("%s", (_name, args, expected) => {
  expect(read(...args)).toEqual(expected);
});

test.each([
  [["--nosuch=3"], "unrecognized option '--nosuch=3'"],
  [["--ssl=x"], "option '--ssl=x' is ambiguous; possibilities: '--ssl-ciphers' '--ssl-protocols'"],
  [["--remote"], "option '--remote' requires an argument"],
  [["--det=3"], "option '--detach' doesn't allow an argument"],
  [["-dx"], "invalid option -- 'x'"],
  [["-p"], "option requires an argument -- 'p'"],
])("%j is refused in getopt's words", (args, message) => {
  expect(() => read(...args)).toThrow(message);
});

test("the help shows both forms of an option and its value", () => {
  expect(formatOptions([{ title: "Keys", options: OPTIONS.slice(2, 3) }])).toBe("\nKeys:\n  -p, --private-key=FILE    our key\n");
});
