/** A small southbound database and switch as rows, for tests that need no daemon. */
import {
  changesOf,
  type DatabaseSchema,
  type Datum,
  OPEN_VSWITCH,
  OVN_SOUTHBOUND,
  parseSchema,
  type Row,
  type RowChange,
  type TupleChange,
} from "@tenet/ovsdb";

type Columns = Readonly<Record<string, Datum>>;

/** Rows by table, with changes recorded until they are taken. */
export class Rows {
  readonly #rows = new Map<string, Row>();
  readonly #schema: DatabaseSchema;
  readonly #prefix: string;
  #changes: RowChange[] = [];

  constructor(schema: DatabaseSchema, prefix: string) {
    this.#schema = schema;
    this.#prefix = prefix;
  }

  put(table: string, id: string, columns: Columns): void {
    const key = `${table} ${id}`;
    const old = this.#rows.get(key);
    const row: Row = { ...old, ...columns, _uuid: id, _version: id };
    this.#rows.set(key, row);
    this.#changes.push({ table, uuid: id, old, new: row });
  }

  remove(table: string, id: string): void {
    const key = `${table} ${id}`;
    const old = this.#rows.get(key);
    if (old === undefined) return;
    this.#rows.delete(key);
    this.#changes.push({ table, uuid: id, old, new: undefined });
  }

  /** The changes since the last call, as tuples. */
  take(): TupleChange[] {
    const changes = this.#changes;
    this.#changes = [];
    return changesOf(this.#schema, this.#prefix, changes);
  }

  /** The whole content, as tuples. */
  all(): TupleChange[] {
    const rows = [...this.#rows].map(([key, row]) => ({
      table: key.split(" ")[0] ?? "",
      uuid: row._uuid,
      old: undefined,
      new: row,
    }));
    return changesOf(this.#schema, this.#prefix, rows);
  }
}

/** A UUID whose first eight digits are the number in hexadecimal. */
export function uuid(n: number): string {
  return `${n.toString(16).padStart(8, "0")}-0000-4000-8000-000000000000`;
}

export const CHASSIS: string = uuid(0xc0);
export const SWITCH: string = uuid(0xd1);
export const OTHER_SWITCH: string = uuid(0xd2);

/** Two switches; ports web (key 1) and app (2) on the first, db (1) on the second; all plugged in. */
export class Cloud {
  readonly sb: Rows = new Rows(parseSchema(OVN_SOUTHBOUND), "sb");
  readonly vswitch: Rows = new Rows(parseSchema(OPEN_VSWITCH), "vswitch");

  constructor() {
    this.sb.put("Chassis", CHASSIS, { name: "hv1" });
    this.sb.put("Datapath_Binding", SWITCH, { tunnel_key: 1 });
    this.sb.put("Datapath_Binding", OTHER_SWITCH, { tunnel_key: 2 });
    this.port(1, "web", SWITCH, 1);
    this.port(2, "app", SWITCH, 2);
    this.port(3, "db", OTHER_SWITCH, 1);
    this.sb.put("Multicast_Group", uuid(0x30), {
      datapath: SWITCH,
      name: "_MC_flood",
      tunnel_key: 32768,
      ports: [uuid(1), uuid(2)],
    });
    this.vswitch.put("Bridge", uuid(0xb0), { name: "br-int", ports: [uuid(0xb1), uuid(0xb2), uuid(0xb3)] });
    ["web", "app", "db"].forEach((name, i) => this.plug(i + 1, name));
  }

  port(n: number, name: string, datapath: string, key: number, security: readonly string[] = []): void {
    this.sb.put("Port_Binding", uuid(n), {
      logical_port: name,
      type: "",
      datapath,
      tunnel_key: key,
      port_security: [...security],
    });
  }

  plug(n: number, lport: string): void {
    this.vswitch.put("Port", uuid(0xb0 + n), { name: `v${lport}`, interfaces: [uuid(0xa0 + n)] });
    this.vswitch.put("Interface", uuid(0xa0 + n), {
      name: `v${lport}`,
      ofport: [n],
      external_ids: new Map([["iface-id", lport]]),
    });
  }

  unplug(n: number): void {
    this.vswitch.put("Interface", uuid(0xa0 + n), { external_ids: new Map() });
  }

  logicalFlow(n: number, match: string, actions: string, where: Columns = {}): void {
    this.sb.put("Logical_Flow", uuid(n), {
      logical_datapath: [SWITCH],
      pipeline: "ingress",
      table_id: 8,
      priority: 100,
      match,
      actions,
      ...where,
    });
  }

  take(): TupleChange[] {
    return [...this.sb.take(), ...this.vswitch.take()];
  }

  all(): TupleChange[] {
    return [...this.sb.all(), ...this.vswitch.all()];
  }
}
