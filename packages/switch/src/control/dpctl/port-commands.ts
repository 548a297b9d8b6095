/**
 * The commands that add and remove ports and datapaths behind the switch's back, for `ovs-appctl`.
 *
 * The switch puts its datapath in order at once: a port that no bridge has goes again, and one that a bridge has comes back. So they
 * tell what is wrong with their arguments, and a port that is removed loses its flows and addresses; there is one datapath.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ArgumentError, type Command } from "@tenet/ovsdb";
import type { VirtualSwitch } from "../../virtual-switch.ts";
import { dpctlCommand, dpctlError, isDatapath } from "./datapath-argument.ts";
import { kindOf } from "./datapath-commands.ts";

const NO_DEVICE = "No such device";
const NO_TYPE = "Address family not supported by protocol";
const NOT_SUPPORTED = "Operation not supported";
const MANY = 100;
/** Types of ports that need no device to be there. */
const TYPES: ReadonlySet<string> = new Set(["internal", "tap", "dummy", "dummy-internal", "geneve", "vxlan", "gre", "ip6gre"]);

/** A port as it is named, `NAME[,KEY=VALUE]...`. */
interface NamedPort {
  readonly name: string;
  readonly options: ReadonlyMap<string, string>;
}

/** `dpctl/*-if` and `dpctl/*-dp`. */
export function portCommands(vswitch: VirtualSwitch): Command[] {
  const checkDatapath = (name: string | undefined): void => {
    if (name === undefined || !isDatapath(vswitch, name)) throw dpctlError("opening datapath", NO_DEVICE);
  };
  return [
    dpctlCommand("add-dp", "dp [iface...]", [1, MANY], ({ args: [name = ""] }) => {
      throw dpctlError("add_dp", isDatapath(vswitch, name) ? "File exists" : NOT_SUPPORTED);
    }),
    dpctlCommand("del-dp", "dp", [1, 1], ({ args: [name] }) => {
      checkDatapath(name);
      throw dpctlError("del_dp", NOT_SUPPORTED);
    }),
    dpctlCommand("add-if", "dp iface...", [2, MANY], ({ args: [dp, ...ports] }) => {
      checkDatapath(dp);
      for (const port of ports.map(readPort)) checkDevice(port);
      return "";
    }),
    dpctlCommand("del-if", "dp iface...", [2, MANY], ({ args: [dp = "", ...ports] }) => {
      checkDatapath(dp);
      for (const port of ports) removePort(vswitch, dp, port);
      return "";
    }),
    dpctlCommand("set-if", "dp iface...", [2, MANY], ({ args: [dp = "", ...ports] }) => {
      checkDatapath(dp);
      for (const port of ports.map(readPort)) checkUnchanged(vswitch, dp, port);
      return "";
    }),
  ];
}

function readPort(text: string): NamedPort {
  const [name = "", ...options] = text.split(",");
  return { name, options: new Map(options.map((option) => option.split("=", 2) as [string, string])) };
}

function checkDevice({ name, options }: NamedPort): void {
  const type = options.get("type") ?? "system";
  const isThere = TYPES.has(type) || (type === "system" && existsSync(join("/sys/class/net", name)));
  if (!isThere) throw dpctlError(`${name}: failed to open network device`, type === "system" ? NO_DEVICE : NO_TYPE);
}

function removePort(vswitch: VirtualSwitch, dp: string, text: string): void {
  const isNumber = /^\d+$/.test(text);
  const found = isNumber ? vswitch.datapath.port(Number(text)) : vswitch.datapath.portNamed(text);
  if (found === undefined && !isNumber) throw new ArgumentError(`ovs-vswitchd: no port named ${text}`);
  const home = found && vswitch.ports.homeOf(found.portNo);
  if (home === undefined) throw dpctlError(`deleting port ${text} from ${dp} failed`, NO_DEVICE);
  vswitch.removePort(home.bridge, home.port.ofport);
}

/** Type and number of a port cannot be changed; other options are those of the database soon. */
function checkUnchanged(vswitch: VirtualSwitch, dp: string, { name, options }: NamedPort): void {
  const found = vswitch.datapath.portNamed(name);
  if (found === undefined) throw dpctlError(`${name}: failed to query port in ${dp}`, NO_DEVICE);
  const kind = kindOf(found, vswitch.ports.homeOf(found.portNo));
  const type = options.get("type");
  if (type !== undefined && type !== kind) throw cannotChange(name, "type", kind, type);
  const number = options.get("port_no");
  if (number !== undefined && Number(number) !== found.portNo) throw cannotChange(name, "port number", found.portNo, number);
}

function cannotChange(name: string, what: string, from: string | number, to: string): ArgumentError {
  return new ArgumentError(`ovs-vswitchd: ${name}: can't change ${what} from ${from} to ${to}`);
}
