/** The northd role: keeps a southbound database true to a northbound one until it is told to stop. */
import { type Logger, Scope } from "@tenet/kit";
import { connect, OVN_NORTHBOUND, OVN_SOUTHBOUND, ServerLock } from "@tenet/ovsdb";
import { NorthdSession, SOUTHBOUND_TABLES, type UnsupportedRow } from "./northd-session.ts";

/** Where the two databases are: `unix:PATH` or `tcp:HOST:PORT`. */
export interface NorthdConfig {
  readonly nb: string;
  readonly sb: string;
  /** Gets the northbound rows that are left out, all of them, whenever they change; they are logged in any case. */
  readonly onUnsupported?: (rows: readonly UnsupportedRow[]) => void;
}

/** The southbound lock of whoever works; the original takes the same, so ours and theirs stand by for each other. */
const LOCK = "ovn_northd";

/**
 * Runs northd until `signal` aborts.
 *
 * What the southbound database holds at the start is compared with what the northbound one asks for, and only the
 * difference is written; after that each northbound change becomes one southbound transaction. Of several northds on
 * one southbound database, ours or the original, one works and the others stand by.
 */
export async function runNorthd(config: NorthdConfig, log: Logger, signal: AbortSignal): Promise<void> {
  await using scope = new Scope(signal);
  try {
    const nb = scope.use(await connect(config.nb, { database: OVN_NORTHBOUND.name, name: "northd" }, scope.signal));
    const sb = scope.use(
      await connect(config.sb, { database: OVN_SOUTHBOUND.name, tables: [...SOUTHBOUND_TABLES], name: "northd" }, scope.signal),
    );
    log.info({ nb: config.nb, sb: config.sb }, "northd connected");
    const lock = new ServerLock(sb, LOCK);
    while (!signal.aborted) {
      await lock.acquire(() => log.info({ lock: LOCK }, "another northd is active, standing by"), scope.signal);
      log.info({ lock: LOCK }, "northd active");
      await new NorthdSession(nb, sb, lock, log, config).run(scope.signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
