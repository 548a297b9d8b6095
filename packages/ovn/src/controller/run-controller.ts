/**
 * The controller's daemon: two databases and a switch around a {@link Controller}.
 *
 * Changes of the databases go into the rules as they arrive. What the rules ask for is then done in order: bridge
 * and chassis exist, ports are claimed, flows are installed and confirmed, and only then is anything reported
 * (ports up, interfaces marked, configuration number reached), so that a report is never ahead of the switch.
 */
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Clock, type Logger, messageOf, Scope, systemClock } from "@tenet/kit";
import {
  changesOf,
  type ConnectOptions,
  connect,
  type DatabaseSchema,
  OPEN_VSWITCH,
  OVN_SOUTHBOUND,
  parseSchema,
  type Replica,
  type Row,
  type RowChange,
} from "@tenet/ovsdb";
import type { PacketIn } from "@tenet/openflow";
import { Controller, type ControllerDelta, type PendingWrites } from "./controller.ts";
import { openFlowChannel } from "./flow-channel.ts";
import { FlowInstaller } from "./flow-installer.ts";
import {
  bindingOperations,
  type ChassisDescription,
  createBridgeOperations,
  learnOperations,
  markOperations,
  type Operation,
  registerChassisOperations,
  removeChassisOperations,
  reportOperations,
  tunnelOperations,
  unmarkOperations,
  zoneOperations,
} from "./operations.ts";
import { PacketLog } from "./packet-log.ts";
import { requestOf, type Sighting } from "./packet-request.ts";

/** Where the controller works. */
export interface ControllerConfig {
  /** Remote of the southbound database, e.g. `unix:/run/sb.sock`. */
  readonly sb: string;
  /** Remote of the Open_vSwitch database. */
  readonly vswitch: string;
  /** Folder of the bridge's management socket, `<bridge>.mgmt`. */
  readonly runDir: string;
  /** The integration bridge; `br-int` when absent. Created if it does not exist. */
  readonly bridge?: string;
  /** The datapath type of a bridge that has to be created; the switch's default when absent. */
  readonly datapathType?: string;
  /** Name of this chassis; else external_ids:system-id of the Open_vSwitch database, else the host's name. */
  readonly systemId?: string;
}

const SB_TABLES = [
  "SB_Global",
  "Chassis",
  "Chassis_Private",
  "Encap",
  "Datapath_Binding",
  "Port_Binding",
  "Logical_Flow",
  "Logical_DP_Group",
  "Multicast_Group",
  "Address_Set",
  "Port_Group",
  "FDB",
];
const VSWITCH_TABLES: Readonly<Record<string, string[]>> = {
  Open_vSwitch: ["bridges", "external_ids"],
  Bridge: ["name", "ports", "datapath_type", "external_ids"],
  Port: ["name", "interfaces", "external_ids"],
  Interface: ["name", "ofport", "external_ids"],
};
const RETRY_MS = 1000;
const LEAVE_BOUND_MS = 2000;

/** Runs the controller until `signal` aborts; then it takes its chassis out of the southbound database and resolves. */
export async function runController(
  config: ControllerConfig,
  log: Logger,
  signal: AbortSignal,
  clock: Clock = systemClock,
): Promise<void> {
  await using scope = new Scope(signal);
  const replicas = await openReplicas(config, scope, signal);
  if (replicas === undefined) return;
  const session = new ControllerSession(config, replicas, log, clock);
  scope.defer(() => session.leave());
  await session.run(scope.signal);
}

interface Replicas {
  readonly sb: Replica;
  readonly vswitch: Replica;
}

/**
 * Connects to both databases; `undefined` when the signal aborts first. Once open they outlive the signal, because the
 * chassis is taken out of one of them at the end.
 */
async function openReplicas(config: ControllerConfig, scope: Scope, signal: AbortSignal): Promise<Replicas | undefined> {
  const opening = new AbortController();
  const cancel = (): void => opening.abort(signal.reason);
  if (signal.aborted) cancel();
  signal.addEventListener("abort", cancel, { once: true });
  const open = async (remote: string, database: string, tables: ConnectOptions["tables"] & object): Promise<Replica> =>
    scope.use(await connect(remote, { database, tables, name: "controller" }, opening.signal));
  try {
    const vswitch = await open(config.vswitch, "Open_vSwitch", VSWITCH_TABLES);
    const sb = await open(config.sb, "OVN_Southbound", SB_TABLES);
    return { sb, vswitch };
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}

class ControllerSession {
  readonly #config: ControllerConfig;
  readonly #sb: Replica;
  readonly #vswitch: Replica;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #bridge: string;
  readonly #systemId: string;
  readonly #controller: Controller;
  readonly #installer: FlowInstaller;
  #isDirty = true;
  #wake: (() => void) | undefined;
  readonly #packetLog: PacketLog;
  /** Sightings on their way to the database, so that a burst of packets writes once. */
  readonly #learning = new Set<string>();

  constructor(config: ControllerConfig, replicas: Replicas, log: Logger, clock: Clock) {
    this.#config = config;
    this.#sb = replicas.sb;
    this.#vswitch = replicas.vswitch;
    this.#log = log;
    this.#clock = clock;
    this.#bridge = config.bridge ?? "br-int";
    this.#packetLog = new PacketLog(log.child({ part: "acl" }), clock);
    this.#systemId = config.systemId ?? this.#externalId("system-id") ?? hostname();
    this.#controller = new Controller({ systemId: this.#systemId, bridge: this.#bridge });
    this.#installer = new FlowInstaller(
      {
        open: (onPacketIn, signal) => openFlowChannel(join(config.runDir, `${this.#bridge}.mgmt`), onPacketIn, signal),
        desired: () => this.#controller.flows(),
        onPacketIn: (packet) => this.#serve(packet),
        onSynced: () => this.#touch(),
      },
      log.child({ part: "installer" }),
    );
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#follow(this.#sb, parseSchema(OVN_SOUTHBOUND), "sb");
    this.#follow(this.#vswitch, parseSchema(OPEN_VSWITCH), "vswitch");
    const aborted = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    const installing = this.#installer.run(signal);
    this.#log.info(
      { systemId: this.#systemId, bridge: this.#bridge, nFlows: this.#controller.flows().length },
      "controller ready",
    );
    while (!signal.aborted) {
      this.#isDirty = false;
      try {
        await Promise.race([this.#settle(), aborted]);
      } catch (error) {
        if (signal.aborted) break;
        this.#log.warn({ error: messageOf(error), retryMs: RETRY_MS }, "cannot write what is due, trying again");
        const timer = setTimeout(() => this.#touch(), RETRY_MS);
        timer.unref();
      }
      await Promise.race([this.#untilDirty(), aborted]);
    }
    await installing;
  }

  /** Takes the chassis out of the southbound database, if that still answers. */
  async leave(): Promise<void> {
    if (!this.#sb.isConnected) return;
    const bindings = this.#controller.engine.rows("here").map(([uuid]) => String(uuid));
    const ours = bindings.filter((uuid) => this.#sb.table("Port_Binding").has(uuid));
    try {
      const tooLate = sleep(LEAVE_BOUND_MS, undefined, { ref: false });
      await Promise.race([this.#sb.transact(removeChassisOperations(this.#systemId, ours)), tooLate]);
    } catch (error) {
      this.#log.debug({ error: messageOf(error) }, "chassis stays registered, the southbound database is gone");
    }
  }

  #follow(replica: Replica, schema: DatabaseSchema, prefix: string): void {
    const take = (changes: readonly RowChange[]): void => {
      this.#noteDelta(this.#controller.apply(changesOf(schema, prefix, changes)));
      this.#touch();
    };
    const tables = prefix === "sb" ? SB_TABLES : Object.keys(VSWITCH_TABLES);
    take(tables.flatMap((table) => [...replica.table(table)].map(([uuid, row]) => ({ table, uuid, old: undefined, new: row }))));
    replica.onChange(take);
  }

  #noteDelta(delta: ControllerDelta): void {
    this.#installer.note(delta);
    const [example] = delta.problemsFound;
    if (example === undefined) return;
    this.#log.warn({ nFound: delta.problemsFound.length, example }, "southbound rows cannot be carried out");
  }

  /** One pass over everything that may be due; each step finds nothing to do when nothing is. */
  async #settle(): Promise<void> {
    if (!(await this.#ensureBridge())) return;
    const chassis = await this.#ensureChassis();
    if (chassis === undefined) return;
    const before = this.#controller.pendingWrites();
    await this.#write(this.#sb, bindingOperations(before, chassis));
    await this.#write(this.#vswitch, unmarkOperations(before.unmark));
    await this.#settleTunnels(before);
    if (!(await this.#settleZones())) return;
    // What is reported as reached is what the flows about to be confirmed were made from.
    const nbCfg = Number(first(this.#sb.table("SB_Global"))?.["nb_cfg"] ?? 0);
    if (!(await this.#installer.flush())) return;
    const { reportUp, markInstalled } = this.#controller.pendingWrites();
    const own = find(this.#sb.table("Chassis_Private"), "name", this.#systemId);
    const nowMs = this.#clock.now();
    const progress = own === undefined || own["nb_cfg"] === nbCfg ? undefined : { row: own._uuid, nbCfg, nowMs };
    await this.#write(this.#vswitch, markOperations(markInstalled, nowMs));
    await this.#write(this.#sb, reportOperations(reportUp, progress));
  }

  /** Connections of whoever had a zone before go, before flows let packets into it. */
  async #settleZones(): Promise<boolean> {
    const pending = this.#controller.pendingWrites();
    const bridge = find(this.#vswitch.table("Bridge"), "name", this.#bridge);
    if (bridge === undefined || !this.#installer.flushZones(pending.noteZones.map(({ zone }) => zone))) return false;
    await this.#write(this.#vswitch, zoneOperations(pending, bridge._uuid));
    return true;
  }

  async #settleTunnels(pending: PendingWrites): Promise<void> {
    const bridge = find(this.#vswitch.table("Bridge"), "name", this.#bridge);
    if (bridge === undefined) return;
    const names = new Set([...this.#vswitch.table("Port").values()].map(({ name }) => String(name)));
    await this.#write(this.#vswitch, tunnelOperations(pending, bridge._uuid, names));
  }

  async #ensureBridge(): Promise<boolean> {
    if (find(this.#vswitch.table("Bridge"), "name", this.#bridge) !== undefined) return true;
    const root = first(this.#vswitch.table("Open_vSwitch"));
    if (root === undefined) return false;
    await this.#write(this.#vswitch, createBridgeOperations(this.#bridge, root._uuid, this.#config.datapathType ?? ""));
    this.#log.info({ bridge: this.#bridge }, "bridge created");
    return false; // go on when the replica shows it
  }

  async #ensureChassis(): Promise<string | undefined> {
    const row = find(this.#sb.table("Chassis"), "name", this.#systemId);
    const hasPrivate = find(this.#sb.table("Chassis_Private"), "name", this.#systemId) !== undefined;
    if (row !== undefined && hasPrivate) return row._uuid;
    if (row !== undefined) await this.#write(this.#sb, removeChassisOperations(this.#systemId, []));
    await this.#write(this.#sb, registerChassisOperations(this.#describe()));
    this.#log.info({ systemId: this.#systemId }, "chassis registered");
    return undefined; // go on when the replica shows it
  }

  #describe(): ChassisDescription {
    const bridge = find(this.#vswitch.table("Bridge"), "name", this.#bridge);
    return {
      systemId: this.#systemId,
      hostname: hostname(),
      encapType: this.#externalId("ovn-encap-type") ?? "geneve",
      encapIp: this.#externalId("ovn-encap-ip") ?? "127.0.0.1",
      datapathType: String(bridge?.["datapath_type"] ?? ""),
    };
  }

  #serve(packet: PacketIn): void {
    const request = requestOf(packet);
    if (request?.type === "learn") this.#learn(request);
    else if (request?.type === "send") this.#installer.sendPacket(request.frame, request.actions);
    else if (request?.type === "log") this.#packetLog.write(request);
  }

  #learn({ mac, datapathKey, portKey }: Sighting): void {
    const sighting = { mac, datapathKey, portKey };
    const key = `${sighting.datapathKey} ${sighting.mac} ${sighting.portKey}`;
    if (this.#learning.has(key)) return;
    const known = [...this.#sb.table("FDB").values()].find(
      (row) => row["mac"] === sighting.mac && row["dp_key"] === sighting.datapathKey,
    );
    if (known?.["port_key"] === sighting.portKey) return;
    this.#learning.add(key);
    this.#write(this.#sb, learnOperations(sighting, known?._uuid))
      .catch((error: unknown) => this.#log.warn({ error: messageOf(error), ...sighting }, "cannot remember an address"))
      .finally(() => this.#learning.delete(key));
  }

  #externalId(key: string): string | undefined {
    const ids = first(this.#vswitch.table("Open_vSwitch"))?.["external_ids"];
    const value = ids instanceof Map ? ids.get(key) : undefined;
    return typeof value === "string" ? value : undefined;
  }

  async #write(replica: Replica, operations: readonly Operation[]): Promise<void> {
    if (operations.length > 0) await replica.transact([...operations]);
  }

  #touch(): void {
    this.#isDirty = true;
    this.#wake?.();
  }

  async #untilDirty(): Promise<void> {
    if (this.#isDirty) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = undefined;
  }
}

function first(table: ReadonlyMap<string, Row>): Row | undefined {
  return table.values().next().value;
}

function find(table: ReadonlyMap<string, Row>, column: string, value: string): Row | undefined {
  for (const row of table.values()) if (row[column] === value) return row;
  return undefined;
}
