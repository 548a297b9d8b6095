/**
 * From OpenFlow flows to the southbound rows that made them.
 *
 * A cookie holds the first 32 bits of a row's UUID. Several rows can share them, so a row counts only when everything
 * else that the flow shows fits it as well, and when it is then the only one; otherwise there is no link.
 */
import { FIELDS, getFieldBig } from "@tenet/net";
import { type Match, parseMatch } from "@tenet/openflow";
import { TABLE } from "@tenet/ovn";
import type { Row } from "@tenet/ovsdb";
import type { TraceStep } from "@tenet/switch";
import { entryOf, textOf, textsOf } from "../rows.ts";
import type { Tables } from "../sources.ts";

/** Where a stage of a logical pipeline lies among the OpenFlow tables. */
export interface StagePlace {
  readonly pipeline: "ingress" | "egress";
  readonly table: number;
}

/** The pipeline and table of an OpenFlow table; `undefined` for tables that no logical stage has. */
export function stagePlaceOf(table: number): StagePlace | undefined {
  if (table >= TABLE.ingress && table < TABLE.output) return { pipeline: "ingress", table: table - TABLE.ingress };
  if (table >= TABLE.egress && table < TABLE.saveInport) return { pipeline: "egress", table: table - TABLE.egress };
  return undefined;
}

/** The southbound rows behind the flows of one trace. */
export class SouthboundLinks {
  readonly #sb: Tables;
  readonly #flowsByPrefix = new Map<string, Row[]>();

  /** Cost: one look at the UUID of each logical flow. */
  constructor(sb: Tables, steps: readonly TraceStep[]) {
    this.#sb = sb;
    for (const { cookie } of steps) if (cookie !== undefined) this.#flowsByPrefix.set(prefixOf(cookie), []);
    for (const row of sb.table("Logical_Flow").values()) this.#flowsByPrefix.get(row._uuid.slice(0, 8))?.push(row);
  }

  /** The logical flow of a step: same first 32 bits, stage, priority and datapath, and no other one has these. */
  logicalFlow(step: TraceStep): Row | undefined {
    const place = stagePlaceOf(step.table);
    if (place === undefined || step.cookie === undefined) return undefined;
    const datapath = this.datapath(keyOf(step, "metadata"));
    const fitting = (this.#flowsByPrefix.get(prefixOf(step.cookie)) ?? []).filter(
      (row) =>
        row["pipeline"] === place.pipeline &&
        row["table_id"] === place.table &&
        row["priority"] === step.priority &&
        datapath !== undefined &&
        this.#runsOn(row, datapath._uuid),
    );
    return only(fitting);
  }

  /** The datapath with a tunnel key. */
  datapath(key: number | undefined): Row | undefined {
    if (key === undefined) return undefined;
    return this.#sb.find("Datapath_Binding", (row) => row["tunnel_key"] === key);
  }

  /** The logical port with a key on a datapath. */
  binding(datapath: Row | undefined, key: number | undefined): Row | undefined {
    return datapath === undefined ? undefined : this.#ofDatapath("Port_Binding", datapath, key);
  }

  /** The multicast group with a key on a datapath. */
  multicastGroup(datapath: Row | undefined, key: number | undefined): Row | undefined {
    return datapath === undefined ? undefined : this.#ofDatapath("Multicast_Group", datapath, key);
  }

  /** The binding that the flow of a port's table was made for. */
  bindingOf(step: TraceStep): Row | undefined {
    return step.cookie === undefined ? undefined : this.#byPrefix("Port_Binding", prefixOf(step.cookie));
  }

  /** The learned address behind a flow of the table that finds them. */
  learnedAddress(step: TraceStep): Row | undefined {
    return step.cookie === undefined ? undefined : this.#byPrefix("FDB", prefixOf(step.cookie));
  }

  #ofDatapath(table: string, datapath: Row, key: number | undefined): Row | undefined {
    return this.#sb.find(table, (row) => row["tunnel_key"] === key && row["datapath"] === datapath._uuid);
  }

  #byPrefix(table: string, prefix: string): Row | undefined {
    return only([...this.#sb.table(table).values()].filter(({ _uuid }) => _uuid.startsWith(prefix)));
  }

  #runsOn(flow: Row, datapath: string): boolean {
    if (textOf(flow, "logical_datapath") === datapath) return true;
    const group = this.#sb.table("Logical_DP_Group").get(textOf(flow, "logical_dp_group"));
    return group !== undefined && textsOf(group, "datapaths").includes(datapath);
  }
}

/** UUID of the northbound switch that a datapath stands for. */
export function switchOf(datapath: Row): string | undefined {
  return entryOf(datapath, "external_ids", "logical-switch");
}

/** The key a flow matches `metadata` or a register with; `undefined` when it matches any. */
export function keyOf(step: TraceStep, name: "metadata" | "reg14" | "reg15"): number | undefined {
  if (step.match === undefined) return undefined;
  return fieldOf(parseMatch(step.match), name);
}

function fieldOf({ key, mask }: Match, name: "metadata" | "reg14" | "reg15"): number | undefined {
  const field = FIELDS[name];
  return getFieldBig(mask, field) === 0n ? undefined : Number(getFieldBig(key, field));
}

/** First 8 hexadecimal digits of the UUID that a cookie was made of. */
function prefixOf(cookie: string): string {
  return cookie.replace(/^0x/, "").padStart(8, "0");
}

function only<T>(rows: readonly T[]): T | undefined {
  return rows.length === 1 ? rows[0] : undefined;
}
