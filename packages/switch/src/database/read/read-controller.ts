/** Reads what Controller and SSL rows say. */
import type { Row, TlsFiles } from "@tenet/ovsdb";
import { completeTarget, type ControllerSpec, isPassive, OPENFLOW_PORT } from "../../controller/controller-spec.ts";
import { type InBandSpec, NO_IN_BAND } from "../../controller/in-band.ts";
import { numberOf, optionOf, textOf, textsOf } from "./row-values.ts";
import type { TableReader } from "./wanted.ts";

const DEFAULT_BACKOFF_MS = 8000;
const MIN_BACKOFF_MS = 1000;
const OVSDB_PORT = 6640;
const DEFAULT_PROBE_MS = 5000;

/** Reads a controller. */
export function readController(row: Row): ControllerSpec {
  const perSecond = numberOf(row, "controller_rate_limit");
  const burst = numberOf(row, "controller_burst_limit") ?? (perSecond ?? 0) / 4;
  const target = textOf(row, "target");
  const type = textOf(row, "type");
  return {
    uuid: row._uuid,
    target,
    isService: type === "" ? isPassive({ target }) : type === "service",
    isQuiet: row["enable_async_messages"] === false,
    maxBackoffMs: Math.max(MIN_BACKOFF_MS, numberOf(row, "max_backoff") ?? DEFAULT_BACKOFF_MS),
    probeMs: wholeSeconds(Math.max(0, numberOf(row, "inactivity_probe") ?? DEFAULT_PROBE_MS)),
    ...(perSecond === undefined || perSecond <= 0 ? {} : { packetLimit: { perSecond, burst: Math.max(1, burst) } }),
  };
}

/** What is left of a second does not count: a probe interval below that is none. */
function wholeSeconds(ms: number): number {
  return ms - (ms % 1000);
}

/** Reads whom a bridge lets through: its controllers, and managers of the whole switch. */
export function readInBand(bridge: Row, table: TableReader): InBandSpec {
  if (optionOf(bridge, "other_config", "disable-in-band") === "true") return NO_IN_BAND;
  const targetsIn = (name: string, uuids: readonly string[], port: number): string[] =>
    uuids.flatMap((uuid) => {
      const row = table(name).get(uuid);
      return row === undefined || textOf(row, "connection_mode") === "out-of-band"
        ? []
        : [completeTarget(textOf(row, "target"), port)];
    });
  const managers = [...table("Open_vSwitch").values()].flatMap((root) => textsOf(root, "manager_options"));
  const targets = [
    ...targetsIn("Controller", textsOf(bridge, "controller"), OPENFLOW_PORT),
    ...targetsIn("Manager", managers, OVSDB_PORT),
  ];
  const queue = optionOf(bridge, "other_config", "in-band-queue");
  return { targets, ...(queue !== undefined && /^\d+$/.test(queue) ? { queue: Number(queue) } : {}) };
}

/** The certificates for controllers; `undefined` when the root row names none. */
export function readTls(table: TableReader): TlsFiles | undefined {
  for (const root of table("Open_vSwitch").values()) {
    const [uuid = ""] = textsOf(root, "ssl");
    const row = table("SSL").get(uuid);
    if (row === undefined) continue;
    const caCert = textOf(row, "ca_cert");
    return {
      privateKey: textOf(row, "private_key"),
      certificate: textOf(row, "certificate"),
      ...(caCert === "" ? {} : { caCert, isBootstrap: row["bootstrap_ca_cert"] === true }),
    };
  }
  return undefined;
}
