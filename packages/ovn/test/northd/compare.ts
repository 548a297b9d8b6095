/** What two deployments are compared by: texts in which names stand for UUIDs. */
import type { Deployment } from "./peers.ts";

/** The flow list without UUIDs, sorted, each line with its datapath and pipeline. */
export async function flowsOf(deployment: Deployment): Promise<string[]> {
  let heading = "";
  const flows: string[] = [];
  for (const line of (await deployment.sbctl("lflow-list")).split("\n")) {
    if (line.startsWith("Datapath:")) heading = line.replace(/ \(.*\) {2}/, " ");
    else if (line !== "") flows.push(`${heading} ${line}`);
  }
  return flows.sort();
}

/**
 * All other rows, by table, with names in place of UUIDs.
 *
 * @param hasKeys - compare tunnel keys too; which free key comes next after a deletion is each northd's own choice
 */
export async function rowsOf(deployment: Deployment, hasKeys = true): Promise<{ [table: string]: string[] }> {
  const keys = hasKeys ? ["tunnel_key"] : [];
  const datapaths = await deployment.rows("Datapath_Binding", "external_ids", ...keys);
  const bindings = await deployment.rows("Port_Binding", ...BINDING_COLUMNS, ...keys);
  const chassis = await deployment.rows("Chassis", "name");
  const nameByUuid = new Map([
    ...datapaths.map(({ _uuid, external_ids }): [string, string] => [textOf(_uuid), textOf(external_ids)]),
    ...chassis.map(({ _uuid, name }): [string, string] => [textOf(_uuid), String(name)]),
    ...bindings.map(({ _uuid, logical_port }): [string, string] => [textOf(_uuid), String(logical_port)]),
  ]);
  const withNames = (rows: { [column: string]: unknown }[]): string[] =>
    rows.map(({ _uuid, ...columns }) => textOf(columns, nameByUuid)).sort();
  const portGroups = withNames(await deployment.rows("Port_Group", "name", "ports"));
  return {
    datapaths: withNames(datapaths),
    bindings: withNames(bindings),
    multicast: withNames(await deployment.rows("Multicast_Group", "datapath", "name", "tunnel_key", "ports")),
    portGroups: hasKeys ? portGroups : portGroups.map((text) => text.replace(/"name":"\d+_/, '"name":"')).sort(),
    addressSets: withNames(await deployment.rows("Address_Set", "name", "addresses")),
  };
}

const BINDING_COLUMNS =
  "logical_port type datapath parent_port tag mac port_security options external_ids up requested_chassis requested_additional_chassis".split(
    " ",
  );

/** JSON with names for UUIDs, sets in order, and without the UUID of the northbound switch, which each deployment makes up. */
function textOf(value: unknown, nameByUuid: ReadonlyMap<string, string> = new Map()): string {
  const text = JSON.stringify(value, (_key, each) => {
    if (!Array.isArray(each)) return each;
    if (each[0] === "uuid") return nameByUuid.get(JSON.stringify(each)) ?? each;
    if (each[0] !== "set" || !Array.isArray(each[1])) return each;
    return ["set", each[1].map((element) => nameByUuid.get(JSON.stringify(element)) ?? element).sort()];
  });
  return text.replace(/\\*"logical-switch\\*",\\*"[^"]*"/, "");
}
