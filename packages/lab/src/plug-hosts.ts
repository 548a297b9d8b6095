/** The lab's rows in the Open_vSwitch database: a Port and an Interface per host, marked so that they are found again. */
import type { Json } from "@tenet/kit";
import { isMap, keysOf, namedUuid, type Replica, type Row } from "@tenet/ovsdb";
import type { LabFile } from "./file/lab-file.ts";
import type { LabHost } from "./file/lab-host.ts";

/** The external_ids key by which a lab knows its own rows; its value is the lab's prefix. */
const MARK = "tenet-lab";

/** Where the lab's ports go. */
export interface PlugPlace {
  readonly vswitch: Replica;
  readonly bridge: string;
  readonly prefix: string;
}

/** Takes the lab's Port rows out of the bridge; the database drops their Interface rows. @returns how many there were */
export async function unplugHosts(lab: LabFile, { vswitch, prefix }: PlugPlace): Promise<number> {
  const ours = [...vswitch.table("Port").values()].filter((row) => externalId(row, MARK) === prefix).map((row) => row._uuid);
  if (ours.length === 0) return 0;
  const operations: Json[] = [];
  for (const bridge of vswitch.table("Bridge").values()) {
    const held = keysOf(bridge["ports"] ?? []).filter((uuid) => ours.includes(String(uuid)));
    if (held.length > 0) operations.push(vswitch.operations.mutate("Bridge", bridge._uuid, [["ports", "delete", held]]));
  }
  if (operations.length > 0)
    await vswitch.transact([...operations, vswitch.operations.comment(`tenet: lab ${lab.name}, unplug`)]);
  return ours.length;
}

/** Plugs every host into the bridge, in one transaction. */
export async function plugHosts(lab: LabFile, place: PlugPlace, bridge: Row, interfaceType: "" | "dummy"): Promise<void> {
  const { operations: build } = place.vswitch;
  const operations: Json[] = [];
  lab.hosts.forEach((host, i) => {
    const name = interfaceNameOf(host, place.prefix);
    const externalIds = { "iface-id": host.port, [MARK]: place.prefix };
    operations.push(
      build.insert("Interface", { name, type: interfaceType, external_ids: externalIds }, { as: `interface${i}` }),
      build.insert(
        "Port",
        { name, interfaces: [namedUuid(`interface${i}`)], external_ids: { [MARK]: place.prefix } },
        { as: `port${i}` },
      ),
    );
  });
  const ports = lab.hosts.map((_host, i) => namedUuid(`port${i}`));
  operations.push(build.mutate("Bridge", bridge._uuid, [["ports", "insert", ports]]));
  await place.vswitch.transact([...operations, build.comment(`tenet up: lab ${lab.name}`)]);
}

/** The device and Interface row of a host. */
export function interfaceNameOf(host: LabHost, prefix: string): string {
  return prefix + host.name;
}

/** A value of a row's external_ids. */
export function externalId(row: Row | undefined, key: string): string | undefined {
  const ids = row?.["external_ids"];
  const value = isMap(ids) ? ids.get(key) : undefined;
  return value === undefined ? undefined : String(value);
}
