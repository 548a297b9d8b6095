/** What a switch is asked to do while packets of new flows come: for upcall-delay.mjs and first-packets.mjs. */
import { setTimeout as sleep } from "node:timers/promises";
import { BARRIER_REPLY, BUNDLE_CONTROL, MULTIPART_REPLY } from "./openflow-bytes.mjs";
import { deleteFlows, dumpFlows, flowMods, LARGE_TABLE, monitorFlows, textFlowMods } from "./switch-load.mjs";

const N_FLOWS = 100_000;
const N_PORTS = 1000;
const REST_MS = 3000;
/** Of flows that have a timeout. */
const LIFE_S = 10;

/**
 * The works by name.
 *
 * @param openFlow - sends bytes to the bridge and waits for an answer of a type
 * @param change - carries out operations on the database and waits until the switch has followed them
 * @param command - runs a control command
 */
export function delayWorks({ openFlow, change, command }) {
  const adds = flowMods(N_FLOWS, false);
  const bundle = flowMods(N_FLOWS, true);
  const modifies = flowMods(N_FLOWS, true, "modifyStrict");
  const mortals = flowMods(N_FLOWS, true, "add", 0, { hardTimeout: LIFE_S });
  const modify = (table) => openFlow(textFlowMods([`table=${table},priority=1,actions=goto_table:${table + 1}`]), BARRIER_REPLY);
  return {
    nothing: () => sleep(REST_MS),
    "100,000 flow-mods one by one": () => openFlow(adds, BARRIER_REPLY),
    "a dump of 100,000 flows": () => openFlow(dumpFlows(), MULTIPART_REPLY),
    "a dump of them by ovs-appctl": () => command("bridge/dump-flows", "br0"),
    "a monitor of 100,000 flows": async () => {
      await openFlow(monitorFlows("add"), MULTIPART_REPLY);
      await openFlow(Buffer.concat([monitorFlows("delete"), textFlowMods([])]), BARRIER_REPLY);
    },
    "a bundle that modifies 100,000 flows": () => openFlow(modifies, BUNDLE_CONTROL),
    "a deletion of 100,000 flows": () => openFlow(deleteFlows(), BARRIER_REPLY),
    "a bundle of 100,000 flow-mods": () => openFlow(bundle, BUNDLE_CONTROL),
    "a deletion of them": () => openFlow(deleteFlows(), BARRIER_REPLY),
    "100,000 flows with a timeout": () => openFlow(mortals, BUNDLE_CONTROL),
    "a limit that evicts 50,000 of them": () => change(limitFlows(N_FLOWS / 2)),
    "the end of the others' time": async () => {
      await change(unlimitFlows());
      await sleep(LIFE_S * 1000);
    },
    "1,000 ports more": () => change(addPorts(N_PORTS)),
    "a change of 1,000 ports": () => change([{ op: "update", table: "Port", where: IS_MORE, row: { tag: 7 } }]),
    "statistics of 1,000 ports": () => sleep(2 * REST_MS),
    "1,000 ports less": () => change(removePorts()),
    "statistics of megaflows, pushed": async () => {
      await command("upcall/set-flow-limit", "200000");
      await sleep(2 * REST_MS);
    },
    "revalidation of all megaflows, again and again": async () => {
      for (let n = 0; n < 20; n++) {
        await modify(1 + (n % 10));
        await sleep(REST_MS / 20);
      }
    },
  };
}

const IS_MORE = [["external_ids", "includes", ["map", [["more", "yes"]]]]];

function addPorts(n) {
  const numbers = Array.from({ length: n }, (_, i) => i);
  return [
    ...numbers.map((i) => ({ op: "insert", table: "Interface", "uuid-name": `i${i}`, row: { name: `m${i}`, type: "dummy" } })),
    ...numbers.map((i) => ({ op: "insert", table: "Port", "uuid-name": `p${i}`, row: portRow(`m${i}`, `i${i}`) })),
    bridgePorts(
      "insert",
      numbers.map((i) => ["named-uuid", `p${i}`]),
    ),
  ];
}

function portRow(name, interfaceName) {
  return { name, interfaces: ["named-uuid", interfaceName], external_ids: ["map", [["more", "yes"]]] };
}

/** The ports that {@link addPorts} added are named by `change`. */
function removePorts() {
  return (more) => [bridgePorts("delete", more)];
}

function limitFlows(n) {
  const row = { flow_limit: n, overflow_policy: "evict" };
  const tables = ["map", [[LARGE_TABLE, ["named-uuid", "t"]]]];
  return [
    { op: "insert", table: "Flow_Table", "uuid-name": "t", row },
    { op: "update", table: "Bridge", where: [["name", "==", "br0"]], row: { flow_tables: tables } },
  ];
}

function unlimitFlows() {
  return [{ op: "update", table: "Bridge", where: [["name", "==", "br0"]], row: { flow_tables: ["map", []] } }];
}

function bridgePorts(mutator, ports) {
  return { op: "mutate", table: "Bridge", where: [["name", "==", "br0"]], mutations: [["ports", mutator, ["set", ports]]] };
}
