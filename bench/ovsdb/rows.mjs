/** Database files and requests with rows as Neutron and OVN make them: a hundred ports to a logical switch. */
import { createHash, randomUUID } from "node:crypto";
import { closeSync, openSync, writeSync } from "node:fs";
import { OVN_NORTHBOUND, toSchema } from "@tenet/ovsdb";

const PORTS_PER_SWITCH = 100;

/** Names the n-th port of a file, and its row's uuid. */
const portName = (n) => `port-${String(n).padStart(7, "0")}-${hash(`name${n}`).slice(0, 12)}`;
const portUuid = (n) => uuidOf(`port${n}`);

/** Writes a log file with so many ports and their switches: the schema, and a transaction as after a compaction. */
export function writeFile(path, nPorts) {
  const fd = openSync(path, "w");
  writeRecord(fd, [JSON.stringify(toSchema(OVN_NORTHBOUND).json)]);
  writeRecord(fd, content(nPorts));
  closeSync(fd);
}

/** A request that inserts a row. */
export function insertion(isDurable) {
  const name = randomUUID();
  const row = { name: `set-${name}`, addresses: ["set", ["10.0.0.1", "10.0.0.2"]], external_ids: ["map", [["owner", name]]] };
  return request([{ op: "insert", table: "Address_Set", row }], isDurable);
}

/** A request that gives a port, found by its name, another revision, as Neutron does. */
export function mutation(n, isDurable) {
  const revision = ["map", [["neutron:revision_number", String(nRequests)]]];
  const mutations = [
    ["external_ids", "delete", ["set", ["neutron:revision_number"]]],
    ["external_ids", "insert", revision],
  ];
  const where = [["name", "==", portName(n)]];
  return request([{ op: "mutate", table: "Logical_Switch_Port", where, mutations }], isDurable);
}

/** A request that changes one small column of a port, found by its uuid; it never changes back to what it was. */
export function update(n, step) {
  const where = [["_uuid", "==", ["uuid", portUuid(n)]]];
  return request(
    [{ op: "update", table: "Logical_Switch_Port", where, row: { tag_request: 1 + (Math.abs(step) % 4000) } }],
    false,
  );
}

/** A request that reads a port, by its indexed name or its uuid. */
export function selection(n, by) {
  const where = by === "name" ? ["name", "==", portName(n)] : ["_uuid", "==", ["uuid", portUuid(n)]];
  return request([{ op: "select", table: "Logical_Switch_Port", where: [where], columns: ["name", "addresses", "up"] }], false);
}

function request(operations, isDurable) {
  const params = ["OVN_Northbound", ...operations, ...(isDurable ? [{ op: "commit", durable: true }] : [])];
  return Buffer.from(JSON.stringify({ id: nRequests++, method: "transact", params }));
}

let nRequests = 1;

function* content(nPorts) {
  let separator = '{"NB_Global":{"' + uuidOf("global") + '":{"name":"bench"}},"Logical_Switch_Port":{';
  for (let n = 0; n < nPorts; n++) {
    yield `${separator}"${portUuid(n)}":${JSON.stringify(port(n))}`;
    separator = ",";
  }
  separator = '},"Logical_Switch":{';
  for (let n = 0; n < nPorts; n += PORTS_PER_SWITCH) {
    const ports = Array.from({ length: Math.min(PORTS_PER_SWITCH, nPorts - n) }, (_, i) => ["uuid", portUuid(n + i)]);
    const row = { name: `neutron-${uuidOf(`switch${n}`)}`, ports: ["set", ports] };
    yield `${separator}"${uuidOf(`switch${n}`)}":${JSON.stringify(row)}`;
    separator = ",";
  }
  yield '},"_date":1700000000000,"_comment":"compacted"}';
}

function port(n) {
  const hex = (n + 2 ** 24).toString(16).slice(-6);
  const address = `fa:16:3e:${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4)} 10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;
  const ids = [
    ["neutron:device_owner", "compute:nova"],
    ["neutron:port_name", `vm-${n}`],
    ["neutron:revision_number", String(n % 7)],
  ];
  return {
    name: portName(n),
    addresses: address,
    port_security: address,
    enabled: true,
    up: n % 10 !== 0,
    options: ["map", [["requested-chassis", `compute-${n % 200}`]]],
    external_ids: ["map", ids],
  };
}

function writeRecord(fd, pieces) {
  const body = Buffer.from(`${[...pieces].join("")}\n`);
  const header = `OVSDB JSON ${body.length} ${createHash("sha1").update(body).digest("hex")}\n`;
  for (const bytes of [Buffer.from(header), body]) for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}

function uuidOf(text) {
  const hex = hash(text);
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join("-");
}

function hash(text) {
  return createHash("sha1").update(text).digest("hex");
}
