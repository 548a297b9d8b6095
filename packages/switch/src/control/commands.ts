/** The commands of the switch for `ovs-appctl`. */
import type { Clock } from "@tenet/kit";
import { formatFlow } from "@tenet/openflow";
import { type Command, command } from "@tenet/ovsdb";
import type { Controllers } from "../controller/controllers.ts";
import type { Bridge } from "../bridge/bridge.ts";
import { MatchUnpacker } from "../table/packed-match.ts";
import type { Rule } from "../table/rule.ts";
import { everyRule } from "../table/every-rule.ts";
import type { Work } from "../turns.ts";
import type { VirtualSwitch } from "../virtual-switch.ts";
import { traceCommands } from "./trace-commands.ts";
import { tunnelCommands } from "./tunnel-commands.ts";
import { addressCommands } from "./address-commands.ts";
import { bondCommands } from "./bond-commands.ts";
import { cacheCommands } from "./dpctl/cache-commands.ts";
import { featureCommands } from "./dpctl/feature-commands.ts";
import { portCommands } from "./dpctl/port-commands.ts";
import { flowCommands } from "./dpctl/flow-commands.ts";
import { connectionCommands } from "./dpctl/connection-commands.ts";
import { trackerCommands } from "./dpctl/tracker-commands.ts";
import { fragmentCommands } from "./dpctl/fragment-commands.ts";
import { slowPathCommands } from "./slow-path-commands.ts";
import { routeCommands } from "./route-commands.ts";
import { underlayCommands } from "./underlay-commands.ts";
import { unconfiguredCommands } from "./unconfigured-commands.ts";
import { datapathCommands } from "./dpctl/datapath-commands.ts";
import { findBridge } from "./find-bridge.ts";
import { type AnswerText, inTurns } from "./in-turns.ts";

/** What `ovs-appctl version` prints; scripts look for the number of the Open vSwitch it stands in for. */
const VERSION_TEXT = "ovs-vswitchd (Open vSwitch) 3.1.0";

/** Of the flow that a bridge fails open by. */
const FAIL_OPEN_PRIORITY = 0xf0f0f0;

/** All commands over a switch; `exit` calls `requestExit`, and says whether flows are to go on without it. */
export function switchCommands(
  vswitch: VirtualSwitch,
  controllers: Pick<Controllers, "reconnect">,
  clock: Clock,
  requestExit: (leavesFlows: boolean) => void,
): Command[] {
  const commands = [
    ...datapathCommands(vswitch, clock),
    ...slowPathCommands(vswitch),
    ...traceCommands(vswitch),
    ...tunnelCommands(vswitch),
    ...underlayCommands(vswitch),
    ...routeCommands(vswitch),
    ...flowCommands(vswitch, clock),
    ...portCommands(vswitch),
    ...cacheCommands(vswitch),
    ...featureCommands(vswitch),
    ...connectionCommands(vswitch),
    ...trackerCommands(vswitch),
    ...fragmentCommands(vswitch),
    ...unconfiguredCommands(vswitch),
    ...addressCommands(vswitch, clock),
    ...bondCommands(vswitch, clock),
    command("version", "", [0, 0], () => VERSION_TEXT),
    command("exit", "[--cleanup]", [0, 1], ([option]) => {
      setImmediate(requestExit, option !== "--cleanup");
      return "";
    }),
    command("bridge/reconnect", "[bridge]", [0, 1], ([name]) => {
      controllers.reconnect(name === undefined ? undefined : findBridge(vswitch, name, "Unknown bridge"));
      return "";
    }),
    command("bridge/dump-flows", "[--offload-stats] bridge", [1, 2], (args) => {
      const bridge = findBridge(vswitch, args.at(-1), "Unknown bridge");
      return inTurns(vswitch.turns, function* (answer) {
        yield* vswitch.cache.readingStatistics();
        yield* bridge.pipeline.reading(dumpEveryFlow(bridge, clock, args.includes("--offload-stats"), answer));
      });
    }),
  ];
  return [...commands, command("dpctl/list-commands", "", [0, 0], () => listDatapathCommands(commands))];
}

function listDatapathCommands(commands: readonly Command[]): string {
  const shown = commands.filter(({ name }) => name.startsWith("dpctl/"));
  const width = Math.max(...shown.map(({ name }) => name.length));
  return ["The available commands are:", ...shown.map(({ name, usage }) => `  ${name.padEnd(width)}  ${usage}`)].join("\n");
}

/** Flows that the original has in a table of its own; what they do is done here without flows. */
const OWN_FLOWS: readonly string[] = [
  "priority=2,recirc_id=0,actions=drop",
  "priority=0,reg0=0x1,actions=controller(reason=)",
  "priority=0,reg0=0x2,actions=drop",
  "priority=0,reg0=0x3,actions=drop",
];
const OWN_TABLE = 254;

/** All flows of a bridge, those too that no controller sees. */
function* dumpEveryFlow(
  { pipeline, createdMs, isFailingOpen }: Bridge,
  clock: Clock,
  showsOffload: boolean,
  answer: AnswerText,
): Work {
  const rules = yield* pipeline.selecting(everyRule());
  const nowMs = clock.monotonicMs();
  const offload = showsOffload ? ", n_offload_packets=0, n_offload_bytes=0" : "";
  const unused = `duration=${Math.floor((nowMs - createdMs) / 1000)}s, n_packets=0, n_bytes=0${offload}`;
  if (isFailingOpen) answer.line(`${unused}, priority=${FAIL_OPEN_PRIORITY},actions=NORMAL`);
  for (const rule of pipeline.table(0).hidden?.rules() ?? []) answer.line(flowLine(rule, nowMs, offload));
  for (const rule of rules) {
    if (!rule.isReleased) answer.line(flowLine(rule, nowMs, offload)); // else it went long ago
    yield;
  }
  for (const flow of OWN_FLOWS) answer.line(`table_id=${OWN_TABLE}, ${unused}, ${flow}`);
}

const unpacker = new MatchUnpacker();

/** A flow as `bridge/dump-flows` shows it. */
function flowLine(rule: Rule, nowMs: number, offload: string): string {
  const { table, cookie, nPackets, nBytes, createdMs } = rule;
  const plain = { ...rule.withMatch(unpacker.unpack(rule.match)), table: 0, cookie: 0n, flags: 0 };
  const flow = formatFlow(plain).replace(/ ?actions=/, ",actions=");
  return [
    ...(table === 0 ? [] : [`table_id=${table}`]),
    `duration=${Math.floor((nowMs - createdMs) / 1000)}s`,
    `n_packets=${nPackets}`,
    `n_bytes=${nBytes}${offload}`,
    ...(cookie === 0n ? [] : [`cookie=0x${cookie.toString(16)}`]),
    flow,
  ].join(", ");
}
