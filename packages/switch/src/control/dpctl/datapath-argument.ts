/**
 * The arguments of `dpctl/*` commands: options, the name of a datapath when one is meant, then the rest.
 *
 * All datapaths here are one, so that a command without a name is about all of them where the original asks for one.
 */
import { type Answer, ArgumentError, type Command, command } from "@tenet/ovsdb";
import type { VirtualSwitch } from "../../virtual-switch.ts";

type Bridges = Pick<VirtualSwitch, "bridges">;

/** An option, by its long name. */
export type DpctlOption = "more" | "statistics" | "names" | "no-names" | "clear" | "may-create";

const OPTIONS: Readonly<Record<string, DpctlOption>> = {
  "-m": "more",
  "--more": "more",
  "-s": "statistics",
  "--statistics": "statistics",
  "--names": "names",
  "--no-names": "no-names",
  "--clear": "clear",
  "--may-create": "may-create",
};
const MANY = 1000;

/** Names of the datapaths that bridges are on, sorted. */
export function datapathNames({ bridges }: Bridges): string[] {
  return [...new Set([...bridges.values()].map(({ datapathType }) => datapathName(datapathType)))].sort();
}

/** The name by which a datapath type goes in commands. */
export function datapathName(type: string): string {
  return `${type}@ovs-${type}`;
}

/** Whether an argument names a datapath that is there. */
export function isDatapath(vswitch: Bridges, name: string): boolean {
  return datapathNames(vswitch).includes(name.includes("@") ? name : `system@${name}`);
}

/** The type of the datapath with a name. @throws ArgumentError when there is no such */
export function datapathTypeOf(vswitch: Bridges, name: string): string {
  if (!isDatapath(vswitch, name)) throw dpctlError(`opening datapath ${name} failed`, "No such device");
  return name.includes("@") ? name.replace(/@.*/, "") : "system";
}

/** A port of the datapath by number or name. */
export function datapathPortNo({ datapath }: Pick<VirtualSwitch, "datapath">, text: string): number | undefined {
  if (/^\d+$/.test(text)) return Number(text);
  return datapath.portNamed(text)?.portNo;
}

/** An error of an argument, as `dpctl/*` commands say it. */
export function dpctlError(problem: string, reason = "Invalid argument"): ArgumentError {
  return new ArgumentError(`ovs-vswitchd: ${problem} (${reason})`);
}

/** What a command was given. */
export interface DpctlRequest {
  readonly options: ReadonlySet<DpctlOption>;
  readonly args: readonly string[];
}

/** Makes the command `dpctl/NAME`, which takes so many arguments besides options. */
export function dpctlCommand(
  name: string,
  usage: string,
  [minArgs, maxArgs]: readonly [number, number],
  run: (request: DpctlRequest) => Answer,
): Command {
  const fullName = `dpctl/${name}`;
  return command(fullName, usage, [0, MANY], (all) => {
    const options = new Set<DpctlOption>();
    const args: string[] = [];
    for (const arg of all) {
      const option = OPTIONS[arg];
      if (option !== undefined) options.add(option);
      else if (arg.startsWith("-") && arg !== "-") throw new ArgumentError(`Unrecognized option ${arg}`);
      else args.push(arg);
    }
    if (args.length < minArgs) throw new ArgumentError(`"${fullName}" command requires at least ${minArgs} arguments`);
    if (args.length > maxArgs) throw new ArgumentError(`"${fullName}" command takes at most ${maxArgs} arguments`);
    return run({ options, args });
  });
}

/** The name of a datapath at the front of some arguments, if there is one, and what is left. */
export function splitDatapath(vswitch: Bridges, args: readonly string[]): { name: string | undefined; rest: readonly string[] } {
  const [first] = args;
  return first !== undefined && isDatapath(vswitch, first)
    ? { name: first, rest: args.slice(1) }
    : { name: undefined, rest: args };
}

/**
 * What is left of some arguments without the name of a datapath.
 *
 * @param nWithName - how many there are when the first is one
 * @throws ArgumentError when they are so many, and it is none
 */
export function withoutDatapath(vswitch: Bridges, args: readonly string[], nWithName: number): readonly string[] {
  const { name, rest } = splitDatapath(vswitch, args);
  if (name === undefined && args.length >= nWithName) throw dpctlError("datapath not found");
  return rest;
}
