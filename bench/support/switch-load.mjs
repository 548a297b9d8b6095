/** What the switch benchmarks load switches with: a pipeline of twenty tables, packets that each need a megaflow of their own, flow-mods as bytes. */
import { buildEthernet, buildIp4, buildUdp, FIELDS, makeFlowKey, setField } from "@tenet/net";
import { encodeMessage, GROUP, MONITOR_FLAG, parseFlow, PORT, VERSION } from "@tenet/openflow";
import { randomOf } from "../datalog-programs.mjs";

const N_TABLES = 20;
const VERSION_USED = VERSION.OF14;
/** No packet gets there. */
export const LARGE_TABLE = 30;
const PLAIN = { table: LARGE_TABLE, priority: 1000, idleTimeout: 0, hardTimeout: 0, flags: 0, importance: 0 };
const [IP4, UDP] = [0x0800, 17];

/**
 * Flows of twenty tables, as text: admission by port, tag and address, routes, access lists with masks of many kinds, and
 * at the end a port. What tells packets apart is that every host and every service has a flow of its own.
 */
export function pipeline() {
  const random = randomOf(3);
  const flows = [];
  const add = (table, priority, match, actions) =>
    flows.push(`table=${table},priority=${priority}${match === "" ? "" : `,${match}`},actions=${actions}`);
  for (let table = 0; table < N_TABLES - 1; table++) add(table, 0, "", `goto_table:${table + 1}`);
  const next = (table) => `goto_table:${table + 1}`;
  for (let port = 1; port <= 2; port++) add(0, 10, `in_port=${port}`, `load:${port}->NXM_NX_REG0[],${next(0)}`);
  add(1, 10, "dl_src=01:00:00:00:00:00/01:00:00:00:00:00", "drop");
  for (let n = 0; n < 100; n++) add(2, 10, `dl_dst=0a:00:00:00:01:${hex(n)}`, `load:${n}->NXM_NX_REG1[],${next(2)}`);
  for (let n = 0; n < 256; n++) add(4, 24, `ip,nw_dst=10.1.${n}.0/24`, `dec_ttl,load:${n}->NXM_NX_REG2[],${next(4)}`);
  for (let n = 0; n < 16; n++) add(4, 20, `ip,nw_dst=10.1.${n * 16}.0/20`, next(4));
  for (let n = 0; n < 1024; n++) add(6, 32, `ip,nw_src=10.0.${n >> 8}.${n & 255}`, `load:${n}->NXM_NX_REG3[],${next(6)}`);
  for (let n = 0; n < 200; n++)
    add(8, 100 + n, `udp,nw_src=172.${16 + (n & 15)}.${n}.0/${[20, 24, 28][n % 3]},tp_dst=${1000 + n}`, "drop");
  for (let n = 0; n < 1024; n++) add(10, 10, `udp,tp_dst=${n}`, `load:${n}->NXM_NX_REG4[],${next(10)}`);
  for (let n = 0; n < 100; n++) add(12, 10, `reg2=${random(256)},reg0=${1 + (n & 1)}`, `load:1->NXM_NX_REG5[],${next(12)}`);
  for (let n = 0; n < 64; n++) add(14, 10, `ip,nw_tos=${n << 2}`, next(14));
  for (let n = 0; n < 256; n++) add(16, 10, `reg2=${n}`, `mod_dl_src:0a:00:00:00:02:${hex(n)},${next(16)}`);
  add(N_TABLES - 1, 10, "reg0=1", "output:2");
  add(N_TABLES - 1, 10, "reg0=2", "output:1");
  return flows;
}

/** The `n`th of a million frames of 60 bytes, each of which needs a megaflow of its own in {@link pipeline}. */
export function newFlowFrame(n) {
  const src = 0x0a000000 | (n & 1023);
  const dst = 0x0a010000 | ((n >> 4) & 0xffff);
  const udp = buildUdp({ srcPort: 4000, dstPort: (n >> 10) & 1023 }, new Uint8Array(18));
  return buildEthernet(
    { dst: 0x0a0000000100 + (n % 100), src: 0x0a0000000001, type: IP4 },
    buildIp4({ src, dst, proto: UDP }, udp),
  );
}

/** A packet, as a FlowKey, for which the `n`th flow of a large table is. */
export function packetFor(n) {
  return manyFlow(n).match.key;
}

/** The match and actions of the `n`th flow of a large table: an address, a protocol and a port, as a distributed firewall has. */
function manyFlow(n) {
  const [key, mask] = [makeFlowKey(), makeFlowKey()];
  const set = (name, value, bits) => {
    setField(key, FIELDS[name], value);
    setField(mask, FIELDS[name], bits);
  };
  set("eth_type", IP4, 0xffff);
  set("nw_proto", UDP, 0xff);
  set("nw_dst", 0x0a000000 + (n >>> 4), 0xffffffff);
  set("tp_dst", 1 + (n & 15), 0xffff);
  return { ...PLAIN, cookie: BigInt(n), match: { key, mask }, actions: [{ type: "output", port: 1 }] };
}

/** Flow-mods for `n` flows from the `first` as bytes of OpenFlow 1.4, ended by a barrier or, as a bundle, by its commit; `terms` are their own. */
export function flowMods(n, isBundle, command = "add", first = 0, terms = {}) {
  const bundleId = 7;
  const control = (kind) => encodeMessage({ type: "bundleControl", bundleId, kind, flags: 1 }, VERSION_USED, 1);
  const parts = isBundle ? [control("openRequest")] : [];
  for (let i = 0; i < n; i++) {
    const flowMod = { type: "flowMod", command, flow: { ...manyFlow(first + i), ...terms } };
    const message = isBundle ? { type: "bundleAdd", bundleId, flags: 1, message: flowMod, xid: i } : flowMod;
    parts.push(encodeMessage(message, VERSION_USED, i));
  }
  if (isBundle) parts.push(control("closeRequest"), control("commitRequest"));
  else parts.push(encodeMessage({ type: "barrierRequest" }, VERSION_USED, n));
  return Buffer.concat(parts);
}

/** Adds of flows in words, ended by a barrier. */
export function textFlowMods(texts) {
  const adds = texts.map((text) => encodeMessage({ type: "flowMod", command: "add", flow: parseFlow(text) }, VERSION_USED, 1));
  return Buffer.concat([...adds, encodeMessage({ type: "barrierRequest" }, VERSION_USED, 2)]);
}

/** Deletes the flows of {@link flowMods}, ended by a barrier. */
export function deleteFlows() {
  const flow = { ...manyFlow(0), match: { key: makeFlowKey(), mask: makeFlowKey() }, actions: [], outPort: PORT.NONE };
  const message = { type: "flowMod", command: "delete", flow };
  return Buffer.concat([encodeMessage(message, VERSION_USED, 1), encodeMessage({ type: "barrierRequest" }, VERSION_USED, 2)]);
}

/** Starts a monitor of all flows of that table, which tells of those that are there, or ends it. */
export function monitorFlows(command) {
  const flags = command === "delete" ? 0 : MONITOR_FLAG.INITIAL | MONITOR_FLAG.ADD | MONITOR_FLAG.ACTIONS;
  const match = { key: makeFlowKey(), mask: makeFlowKey() };
  const request = { kind: "flowMonitor", requests: [{ id: 1, command, flags, table: LARGE_TABLE, match }] };
  return encodeMessage({ type: "multipartRequest", request, isLast: true }, VERSION_USED, 4);
}

/** Greets a switch. */
export function hello() {
  return encodeMessage({ type: "hello", versions: 1 << VERSION_USED }, VERSION_USED, 0);
}

function hex(n) {
  return n.toString(16).padStart(2, "0");
}

/** Asks for all flows of the table of {@link flowMods}. */
export function dumpFlows() {
  const match = { key: makeFlowKey(), mask: makeFlowKey() };
  const request = {
    kind: "flow",
    table: LARGE_TABLE,
    match,
    cookie: 0n,
    cookieMask: 0n,
    outPort: PORT.NONE,
    outGroup: GROUP.ANY,
  };
  return encodeMessage({ type: "multipartRequest", request, isLast: true }, VERSION_USED, 3);
}
