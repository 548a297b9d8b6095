/**
 * `tenet ofctl`: what `ovs-ofctl` does, by its verbs and in its syntax of flows, groups and meters.
 *
 * Ports go by their names, and all flows of a file are one transaction. It works with any switch of OpenFlow 1.0 to 1.5, not
 * Tenet's alone.
 */
import { AppError } from "@tenet/kit";
import { formatMessage, HEADER_SIZE } from "@tenet/openflow";
import { CHANGES } from "./changes.ts";
import { READS } from "./reads.ts";
import { SwitchConnection } from "./switch-connection.ts";
import { watch } from "./watch.ts";

/** How a command is to be carried out. */
export interface OfctlOptions {
  readonly runDir: string;
  readonly format: "text" | "json";
  /** Flows are those of exactly this match and priority. */
  readonly isStrict: boolean;
  readonly signal: AbortSignal;
  readonly write: (text: string) => void;
}

/** What a verb works with. */
export interface OfctlContext extends OfctlOptions {
  readonly bridge: SwitchConnection;
  readonly args: readonly string[];
}

/** A verb of the command. */
export interface OfctlVerb {
  /** What follows the bridge, for help. */
  readonly usage: string;
  readonly about: string;
  /** Least and most arguments after the bridge. */
  readonly nArgs: readonly [min: number, max: number];
  /** @returns what to print */
  readonly run: (context: OfctlContext) => Promise<string>;
}

/** The command line is not one that the command knows. */
class UsageError extends AppError {
  static override readonly code: string = "CLI_OFCTL_USAGE";
}

const MONITOR: OfctlVerb = {
  usage: "[watch:[MATCH]]",
  about: "print packets and events, and with watch: changes of flows, until interrupted",
  nArgs: [0, 1],
  run: watch,
};

const VERBS: ReadonlyMap<string, OfctlVerb> = new Map([...READS, ...CHANGES, ["monitor", MONITOR]]);

/** The verbs and what they do. */
function help(): string {
  const lines = [...VERBS].map(([name, { usage, about }]) => `  ${`${name} BRIDGE ${usage}`.trimEnd().padEnd(38)}  ${about}`);
  return `${lines.join("\n")}\n\nofp-print HEX shows an OpenFlow message that was written down. BRIDGE is a name, or unix:PATH or tcp:HOST:PORT of a switch. A FILE of - is the standard input.`;
}

/** Writes OpenFlow messages that are given in hexadecimal, one behind the other. */
function printMessages(digits: string): string {
  if (!/^([0-9a-f]{2}|\s)+$/i.test(digits)) {
    throw new UsageError("Cannot read a message", { hint: "Write: tenet ofctl ofp-print HEX" });
  }
  const bytes = Buffer.from(digits.replace(/\s/g, ""), "hex");
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.length - at < 4 ? 0 : bytes.readUInt16BE(at + 2);
    const end = length < HEADER_SIZE ? bytes.length : Math.min(at + length, bytes.length);
    text += formatMessage(bytes.subarray(at, end));
    at = end;
  }
  return text;
}

/**
 * Carries out a verb.
 *
 * @param bridge - its name, or `unix:PATH` or `tcp:HOST:PORT`
 * @throws UsageError, IoError when nobody answers, SourceError for a flow that does not read, and what the switch refuses
 */
export async function ofctl(
  verb: string,
  bridge: string | undefined,
  args: readonly string[],
  options: OfctlOptions,
): Promise<void> {
  if (verb === "help") return options.write(`${help()}\n`);
  if (verb === "ofp-print") return options.write(printMessages([bridge, ...args].join(" ")));
  const known = VERBS.get(verb);
  if (known === undefined) {
    throw new UsageError(`There is no verb "${verb}"`, { hint: `Use one of ${[...VERBS.keys(), "ofp-print"].join(", ")}` });
  }
  const [min, max] = known.nArgs;
  if (bridge === undefined || args.length < min || args.length > max) {
    throw new UsageError(`Cannot ${verb} with ${args.length} arguments`, {
      hint: `Write: tenet ofctl ${verb} BRIDGE ${known.usage}`,
    });
  }
  using connection = await SwitchConnection.open(bridge, options.runDir, options.signal);
  const text = await known.run({ ...options, bridge: connection, args });
  if (text !== "") options.write(`${text}\n`);
}
