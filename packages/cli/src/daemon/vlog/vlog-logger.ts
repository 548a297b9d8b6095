/**
 * Gives the parts of Tenet, which log a constant message with fields, the log of a daemon, which has lines of text from
 * named modules. Messages that scripts look for are put into the original's words.
 */
import type { Logger } from "@tenet/kit";
import { errnoText } from "../errno-text.ts";
import type { Level } from "./levels.ts";
import type { RateLimit } from "./rate-limit.ts";
import type { Vlog } from "./vlog.ts";

type Fields = Readonly<Record<string, unknown>>;

/** How a message is told: by which module, and in which words if not our own. */
interface Phrase {
  readonly module: string;
  readonly text?: (fields: Fields) => string;
  /** Of what peers cause. */
  readonly limit?: RateLimit;
}

/** What the original allows most of its messages. */
const SELDOM: RateLimit = { perMinute: 5, burst: 5 };
const REFUSALS: RateLimit = { perMinute: 10, burst: 10 };
/** And those about TLS. */
const TLS: RateLimit = { perMinute: 10, burst: 25 };

const phrases: Readonly<Record<string, Phrase>> = {
  "listening on a free port": {
    module: "socket_util",
    text: ({ remote, port }) => `${String(remote).replace(/^p(tcp|ssl):/, "")}: listening on port ${String(port)}`,
  },
  connecting: { module: "reconnect", text: ({ remote }) => `${String(remote)}: connecting...` },
  connected: { module: "reconnect", text: ({ remote }) => `${String(remote)}: connected` },
  "cannot connect": {
    module: "reconnect",
    text: ({ remote, err }) => `${String(remote)}: connection attempt failed (${errnoText(String(err))})`,
  },
  "connection ended": { module: "reconnect", text: ({ remote }) => `${String(remote)}: connection closed by peer` },
  "remote removed": { module: "ovsdb_jsonrpc_server", text: ({ remote }) => `${String(remote)}: remote deconfigured` },
  "remote not served": {
    module: "ovsdb_jsonrpc_server",
    text: ({ remote, err }) => `${String(remote)}: listen failed: ${errnoText(String(err))}`,
  },
  disconnecting: {
    module: "ovsdb_jsonrpc_server",
    text: ({ remote, why }) => `${String(remote)}: disconnecting (${String(why)})`,
  },
  "client refused": { module: "stream_ssl", limit: TLS },
  "client not identified": { module: "ovsdb_jsonrpc_server", limit: SELDOM },
  "closing connection of a peer that does not read": { module: "jsonrpc", limit: SELDOM },
  "closing connection after bad message": {
    module: "jsonrpc",
    limit: SELDOM,
    text: ({ remote, err }) => `${String(remote)}: ${String(err)}`,
  },
  "port added": {
    module: "bridge",
    text: ({ bridge, port, ofport }) => `bridge ${String(bridge)}: added interface ${String(port)} on port ${String(ofport)}`,
  },
  "port removed": {
    module: "bridge",
    text: ({ bridge, port, ofport }) => `bridge ${String(bridge)}: deleted interface ${String(port)} on port ${String(ofport)}`,
  },
  "bridge not made": {
    module: "bridge",
    text: ({ bridge, error }) => `failed to create bridge ${String(bridge)}: ${String(error)}`,
  },
  "not as the database says": { module: "bridge", text: ({ problem }) => String(problem) },
  "using datapath id": {
    module: "bridge",
    text: ({ bridge, datapathId }) => `bridge ${String(bridge)}: using datapath ID ${String(datapathId)}`,
  },
  "controller added": {
    module: "connmgr",
    text: ({ bridge, controller, kind }) => `${String(bridge)}: added ${String(kind)} controller "${String(controller)}"`,
  },
  "controller removed": {
    module: "connmgr",
    text: ({ bridge, controller, kind }) => `${String(bridge)}: removed ${String(kind)} controller "${String(controller)}"`,
  },
  "controller connecting": {
    module: "rconn",
    text: ({ bridge, controller }) => `${String(bridge)}<->${String(controller)}: connecting...`,
  },
  "waiting for the controller": {
    module: "rconn",
    text: ({ bridge, controller, pauseMs }) =>
      `${String(bridge)}<->${String(controller)}: waiting ${Number(pauseMs) / 1000} seconds before reconnect`,
  },
  "controller is called without a word from now on": {
    module: "rconn",
    text: ({ bridge, controller }) =>
      `${String(bridge)}<->${String(controller)}: continuing to retry connections in the background but suppressing further logging`,
  },
  "bond member changed": {
    module: "bond",
    text: ({ member, isEnabled }) => `member ${String(member)}: ${isEnabled === true ? "enabled" : "disabled"}`,
  },
  "bond has another active member": {
    module: "bond",
    text: ({ bond, active }) =>
      active === undefined
        ? `bond ${String(bond)}: all members disabled`
        : `bond ${String(bond)}: active member is now ${String(active)}`,
  },
  "controller connected": {
    module: "rconn",
    text: ({ bridge, controller }) => `${String(bridge)}<->${String(controller)}: connected`,
  },
  "controller not connected": {
    module: "rconn",
    text: ({ bridge, controller, error }) => `${String(bridge)}<->${String(controller)}: connection failed (${String(error)})`,
  },
  "controller gone": {
    module: "rconn",
    text: ({ bridge, controller, error }) => `${String(bridge)}<->${String(controller)}: connection dropped (${String(error)})`,
  },
  "flow mods carried out": {
    module: "connmgr",
    text: (fields) => `${String(fields["bridge"])}<->${String(fields["peer"])}: ${describeFlowMods(fields)}`,
  },
  "openflow message refused": {
    module: "connmgr",
    limit: REFUSALS,
    text: ({ bridge, peer, error, kind }) =>
      `${String(bridge)}<->${String(peer)}: sending ${String(error)} error reply to ${String(kind)} message`,
  },
  "openflow version not agreed": {
    module: "vconn",
    limit: SELDOM,
    text: ({ peer, ours, theirs }) =>
      `${String(peer)}: version negotiation failed (we support ${String(ours)}, peer supports ${String(theirs)})`,
  },
  "what is longer than a message was left out of a reply": {
    module: "ofp_flow",
    limit: SELDOM,
    text: () => "Flow exceeded the maximum flow statistics reply size and was excluded from the response set",
  },
  "flow put": {
    module: "dpif",
    text: ({ datapath, ufid, match, actions }) =>
      `${String(datapath)}: put[create] ufid:${String(ufid)} ${String(match)}, actions:${String(actions)}`,
  },
  "flow added": {
    module: "dpif_netdev",
    text: ({ ufid, match, actions }) =>
      `flow_add: ufid:${String(ufid)} mega_ufid:${String(ufid)} ${String(match)}, actions:${String(actions)}`,
  },
  "packet without an answer is dropped": { module: "ofproto_dpif_upcall", text: ({ trace }) => String(trace) },
  "controllers are away, failing open": { module: "fail_open" },
  "no longer failing open": { module: "fail_open" },
  "session opened": { module: "ovsdb_jsonrpc_server" },
  "session closed": { module: "ovsdb_jsonrpc_server" },
  "remote served": { module: "ovsdb_jsonrpc_server" },
  "database converted": { module: "ovsdb" },
  "conversion failed": { module: "ovsdb" },
  "commit failed": { module: "ovsdb_file", limit: SELDOM },
  "database file compacted": { module: "ovsdb_file" },
  "database file not compacted": { module: "ovsdb_file" },
  "cutting off damaged end of database file": { module: "ovsdb_log" },
  "transaction failed unexpectedly": { module: "transaction" },
  "control connection failed": { module: "unixctl", limit: SELDOM },
  "malformed control request": { module: "unixctl", limit: SELDOM },
};

/** A logger whose lines go to a daemon's log; what no phrase is known for comes from `module`. */
export function vlogLogger(vlog: Vlog, module: string, bindings: Fields = {}): Logger {
  const write = (level: Level, fields: object, message: string): void => {
    const phrase = phrases[message];
    const from = phrase?.module ?? module;
    if (!vlog.isShown(from, level)) return;
    const all = { ...bindings, ...fields };
    const text = (): string => phrase?.text?.(all) ?? formatFields(message, all);
    if (phrase?.limit === undefined) vlog.write(from, level, text());
    else vlog.writeLimited(from, level, text, message, phrase.limit);
  };
  return {
    error: (fields, message) => write("err", fields, message),
    warn: (fields, message) => write("warn", fields, message),
    info: (fields, message) => write("info", fields, message),
    debug: (fields, message) => write("dbg", fields, message),
    child: (more) => vlogLogger(vlog, module, { ...bindings, ...more }),
  };
}

/** How many changes of flows there were, and when. */
function describeFlowMods({ nAdds, nDeletes, nModifications, intervalSec, agoSec }: Fields): string {
  const kinds = Object.entries({ adds: nAdds, deletes: nDeletes, modifications: nModifications });
  const n = kinds.reduce((sum, [, count]) => sum + Number(count), 0);
  const which = kinds.filter(([, count]) => count !== 0).map(([kind, count]) => `${String(count)} ${kind}`);
  const since =
    intervalSec === 0 ? `${String(agoSec)} s ago` : `in the ${String(intervalSec)} s starting ${String(agoSec)} s ago`;
  return `${n} flow_mods ${intervalSec === agoSec ? `in the last ${String(agoSec)} s` : since} (${which.join(", ")})`;
}

/** `message (key: value, key: value)` */
function formatFields(message: string, fields: Fields): string {
  const pairs = Object.entries(fields).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}: ${typeof value === "string" ? value : JSON.stringify(value)}`],
  );
  return pairs.length === 0 ? message : `${message} (${pairs.join(", ")})`;
}
