/** The commands that look at and drive the megaflow cache, for `ovs-appctl`. */
import { ArgumentError, type Command, command } from "@tenet/ovsdb";
import type { VirtualSwitch } from "../virtual-switch.ts";
import { datapathNames } from "./dpctl/datapath-argument.ts";
import { inTurns } from "./in-turns.ts";

/** `upcall/*`, `revalidator/*` and `memory/show`. */
export function slowPathCommands(vswitch: VirtualSwitch): Command[] {
  const { cache, turns } = vswitch;
  return [
    command("memory/show", "", [0, 0], () => showSizes(vswitch)),
    ...[true, false].map((isPaused) =>
      command(`revalidator/${isPaused ? "pause" : "resume"}`, "", [0, 0], () => {
        cache.isPaused = isPaused;
        return "";
      }),
    ),
    command("revalidator/purge", "", [0, 0], () => inTurns(turns, () => cache.purging())),
    command("revalidator/wait", "", [0, 0], () => inTurns(turns, () => vswitch.tickingAnew())),
    ...[true, false].flatMap((isOn) => [
      command(`upcall/${isOn ? "enable" : "disable"}-megaflows`, "", [0, 0], () =>
        inTurns(turns, function* (answer) {
          cache.hasWideFlows = isOn;
          yield* cache.purging();
          answer.line(`megaflows ${isOn ? "enabled" : "disabled"}`);
        }),
      ),
      // Flows here are known by their identity: there is nothing to turn off, but scripts ask for it.
      command(`upcall/${isOn ? "enable" : "disable"}-ufid`, "", [0, 0], () =>
        isOn
          ? "Datapath dumping tersely using UFID enabled for supported datapaths"
          : "Datapath dumping tersely using UFID disabled",
      ),
    ]),
    command("upcall/set-flow-limit", "flow-limit-number", [1, 1], ([number = ""]) => {
      if (!/^\d+$/.test(number)) throw new ArgumentError(`bad flow limit "${number}"`);
      cache.limit.maxFlows = Number(number);
      return `set flow_limit to ${number}`;
    }),
    command("upcall/show", "", [0, 0], () => {
      const { size, limit } = cache;
      const lines = [
        `  flows         : (current ${size}) (avg ${limit.averageFlows}) (max ${limit.mostFlows}) (limit ${limit.maxFlows})`,
        `  dump duration : ${limit.durationMs}ms`,
        "  ufid enabled : true",
        "",
        `  0: (keys ${size})`,
      ];
      return datapathNames(vswitch)
        .map((name) => [`${name}:`, ...lines, ""].join("\n"))
        .join("\n");
    }),
  ];
}

/** Flows of the original's own in each bridge, which `bridge/dump-flows` shows. */
const N_OWN_RULES = 4;

/** What there is none of is left out. */
function showSizes({ bridges, cache }: VirtualSwitch): string {
  let nRules = 0;
  let nPorts = 0;
  for (const bridge of bridges.values()) {
    nRules += bridge.pipeline.nRules + N_OWN_RULES;
    nPorts += bridge.ports().length;
  }
  const sizes = {
    handlers: 1,
    ports: nPorts,
    revalidators: 1,
    rules: nRules,
    "udpif keys": cache.size,
  };
  const shown = Object.entries(sizes).filter(([, n]) => n > 0);
  return shown.map(([name, n]) => `${name}:${n}`).join(" ");
}
