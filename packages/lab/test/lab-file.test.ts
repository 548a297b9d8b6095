import { basename } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { IoError } from "@tenet/kit";
import { LabFileError, readLabFile } from "@tenet/lab";
import { labFolder } from "./support/lab-folder.ts";

const WEB = `name: tiny
hosts:
  - name: web1
    mac: 0a:00:00:00:00:01
    addresses: [10.0.0.1/24]
    listen: [80]
  - name: web2
    mac: 0a:00:00:00:00:02
    addresses: [10.0.0.2/24, "fd00::2/64"]
    gateway: fd00::1
expect:
  - web2 -> web1 tcp 80: open
  - "web1 -> web2 ping: blocked"
`;
const NORTHBOUND = `Logical_Switch:
  - name: sw
    ports:
      - name: web1
        addresses: [dynamic, unknown]
      - name: web2
        tag: 7
        external_ids: { tags: "a,b", 10: 20, on: true }
`;

function errorOf(files: { readonly [path: string]: string }): LabFileError {
  try {
    readLabFile(labFolder(files));
  } catch (error) {
    if (error instanceof LabFileError) return error;
    throw error;
  }
  throw new Error("The lab file was accepted");
}

test("a lab file is read with all that it names", () => {
  const folder = labFolder({
    "lab.yaml": `${WEB}northbound: nb.yaml\npolicies: rules\ndescription: two\n`,
    "nb.yaml": NORTHBOUND,
    "rules/a.dl": "",
  });
  const lab = readLabFile(folder);
  expect(lab).toMatchObject({ file: `${folder}/lab.yaml`, name: "tiny", description: "two", policies: `${folder}/rules` });
  expect(lab.hosts).toMatchObject([
    { name: "web1", port: "web1", mac: "0a:00:00:00:00:01", addresses: ["10.0.0.1/24"], gateway: undefined, listen: [80] },
    { name: "web2", addresses: ["10.0.0.2/24", "fd00::2/64"], gateway: "fd00::1", listen: [] },
  ]);
  expect(lab.expectations).toMatchObject([
    { from: "web2", to: "web1", tcpPort: 80, isOpen: true, text: "web2 -> web1 tcp 80: open", at: { line: 12 } },
    { from: "web1", to: "web2", tcpPort: undefined, isOpen: false },
  ]);
  expect(lab.northbound?.names("Logical_Switch_Port")).toEqual(["web1", "web2"]);
  expect(readLabFile(`${folder}/lab.yaml`)).toMatchObject({ name: "tiny" });
});

test("keys and values of a column of text may look like numbers", () => {
  const lab = readLabFile(labFolder({ "lab.yaml": `${WEB}northbound: nb.yaml\n`, "nb.yaml": NORTHBOUND }));
  const [port] = [...(lab.northbound?.rows[0]?.columns.get("ports")?.values() ?? [])].slice(1);
  const ids = typeof port === "object" && "columns" in port ? port.columns.get("external_ids") : undefined;
  expect([...(ids?.entries() ?? [])]).toEqual([
    ["tags", "a,b"],
    ["10", "20"],
    ["on", "true"],
  ]);
});

test.each([
  ["what is no YAML", WEB.replace("[80]", "[80"), "7:3", /not valid YAML/, undefined],
  ["a key twice", `${WEB}name: again\n`, "14:1", /not valid YAML: Map keys must be unique/, undefined],
  ["an unknown key", `${WEB}polices: x\n`, "14:1", /unknown key "polices"/, /did you mean "policies"\?/],
  ["an unknown key of a host", WEB.replace("listen", "listens"), "6:5", /unknown key "listens"/, /"listen"/],
  ["a lab without hosts", "name: x\nhosts: []\n", "2:8", /no hosts/, undefined],
  ["a lab without a name", WEB.replace("name: tiny\n", ""), "1:1", /"name" is missing/, undefined],
  ["a list instead of a lab", "- a\n", "1:1", /a list is here; expected a lab/, undefined],
  ["nothing at all", "", "1:1", /nothing is here; expected a lab/, undefined],
  ["a host without a mac", WEB.replace("    mac: 0a:00:00:00:00:01\n", ""), "3:5", /"mac" is missing/, undefined],
  ["a bad mac", WEB.replace("00:01", "00"), "4:10", /Ethernet address/, undefined],
  ["a group mac", WEB.replace("0a:00:00:00:00:01", "01:00:00:00:00:01"), "4:10", /group address/, undefined],
  ["an address that is none", WEB.replace("10.0.0.1/24", "10.0.0.300/24"), "5:17", /"10\.0\.0\.300" is not an IP/, undefined],
  ["no prefix length", WEB.replace("10.0.0.1/24", "10.0.0.1"), "5:17", /has no prefix length/, undefined],
  ["a prefix too long", WEB.replace("10.0.0.1/24", "10.0.0.1/33"), "5:17", /more than 32/, undefined],
  ["no addresses", WEB.replace("10.0.0.1/24", ""), "5:16", /no address/, undefined],
  ["a gateway elsewhere", WEB.replace("fd00::1", "10.9.0.1"), "10:14", /lies in none/, undefined],
  ["a port that is none", WEB.replace("[80]", "[80, 70000]"), "6:18", /"70000" is here; expected a TCP port/, undefined],
  ["a host twice", WEB.replace("web2\n", "web1\n"), "7:5", /host "web1" is there twice/, undefined],
  [
    "a port with two hosts",
    WEB.replace("    listen", "    port: web2\n    listen"),
    "8:5",
    /both plugged into port "web2"/,
    undefined,
  ],
  ["a name with a blank", WEB.replace("name: web1", "name: web 1"), "3:11", /cannot be a host's name/, undefined],
  ["an unclear expectation", WEB.replace(": open", ": perhaps"), "12:5", /cannot read "web2 -> web1 tcp 80: perhaps"/, undefined],
  ["an expectation of nobody", WEB.replace("web2 -> web1", "webb2 -> web1"), "12:5", /no host "webb2"/, /did you mean "web2"\?/],
  ["an expectation of itself", WEB.replace("web2 -> web1", "web1 -> web1"), "12:5", /against itself/, undefined],
  ["a port that nobody serves", WEB.replace("tcp 80", "tcp 81"), "12:5", /does not serve tcp 81/, /Add 81 to "listen" of web1/],
  ["a northbound file that is not there", `${WEB}northbound: nb.yml\n`, "14:13", /there is no file/, undefined],
  ["policies that are no folder", `${WEB}policies: lab.yaml\n`, "14:11", /there is no folder/, undefined],
  [
    "an alias",
    WEB.replace("[80]", "&p [80]").replace("    gateway", "    listen: *p\n    gateway"),
    "10:13",
    /aliases/,
    undefined,
  ],
])("%s is refused with its place", (_what, text, place, message, hint) => {
  const error = errorOf({ "lab.yaml": text });
  expect(`${error.at.line}:${error.at.column}`).toBe(place);
  expect(basename(error.at.file)).toBe("lab.yaml");
  expect(error.message).toMatch(message);
  if (hint !== undefined) expect(error.hint).toMatch(hint);
  expect(error).toMatchObject({ code: "LAB_FILE", sourceLine: text.split("\n")[error.at.line - 1] });
});

test("a host on a port that the northbound rows do not have is refused where it says so", () => {
  const lab = `${WEB}northbound: nb.yaml\n`;
  const elsewhere = errorOf({ "lab.yaml": lab.replace("    listen", "    port: wep1\n    listen"), "nb.yaml": NORTHBOUND });
  expect(elsewhere).toMatchObject({ at: { line: 6, column: 11 }, hint: 'did you mean "web1"?' });
  const byName = errorOf({ "lab.yaml": lab, "nb.yaml": NORTHBOUND.replace("name: web2", "name: db2") });
  expect(byName.message).toMatch(/lab\.yaml:7:11: there is no logical switch port "web2" to plug web2 into/);
});

test.each([
  ["an unknown table", "Logical_Swich: []\n", "1:1", /no table "Logical_Swich"/, /"Logical_Switch"/],
  [
    "a table whose rows live inside others",
    "ACL: []\n",
    "1:1",
    /expected them in Logical_Switch\.acls or Port_Group\.acls/,
    undefined,
  ],
  ["an unknown column", NORTHBOUND.replace("tag:", "tags:"), "7:9", /no column "tags"/, /did you mean "tag"\?/],
  [
    "a value of the wrong type",
    NORTHBOUND.replace("tag: 7", "tag: seven"),
    "7:14",
    /"seven" is here; expected a whole number from 1 to 4095/,
    undefined,
  ],
  [
    "a number out of range",
    NORTHBOUND.replace("tag: 7", "tag: 4096"),
    "7:14",
    /out of range; expected a whole number from 1 to 4095/,
    undefined,
  ],
  ["a fraction", NORTHBOUND.replace("tag: 7", "tag: 1.5"), "7:14", /"1\.5" is here/, undefined],
  [
    "too many values",
    NORTHBOUND.replace("tag: 7", "tag: [7, 8]"),
    "7:14",
    /tag cannot have 2 values; expected one value, or \[\]/,
    undefined,
  ],
  ["a value twice", NORTHBOUND.replace("dynamic, unknown", "unknown, unknown"), "5:30", /"unknown" is there twice/, undefined],
  [
    "a list instead of a map",
    NORTHBOUND.replace(/{.*}/, "[a]"),
    "8:23",
    /a list is here; expected a mapping for external_ids/,
    undefined,
  ],
  ["no value", NORTHBOUND.replace("name: sw", "name:"), "2:10", /nothing is here; expected text/, undefined],
  ["a port twice", NORTHBOUND.replace("name: web2", "name: web1"), "6:9", /Logical_Switch_Port "web1" is there twice/, undefined],
  [
    "a word that the schema does not allow",
    `${NORTHBOUND}    acls: [{ direction: to-lport, priority: 1, match: ip, action: alow }]\n`,
    "9:67",
    /"alow" is not allowed here; expected one of allow, /,
    /did you mean "allow"\?/,
  ],
  [
    "a name of nothing",
    `${NORTHBOUND}Port_Group:\n  - { name: g, ports: [web3] }\n`,
    "10:24",
    /no Logical_Switch_Port "web3"/,
    /did you mean "web1"\?/,
  ],
  [
    "a row where only a name can be",
    `${NORTHBOUND}Port_Group:\n  - { name: g, ports: [{ name: x }] }\n`,
    "10:24",
    /cannot live here/,
    undefined,
  ],
  ["a name where rows have none", `${NORTHBOUND}    dns_records: [x]\n`, "9:19", /rows of DNS have no names/, undefined],
])("northbound rows: %s is refused with its place", (_what, text, place, message, hint) => {
  const error = errorOf({ "lab.yaml": `${WEB}northbound: nb.yaml\n`, "nb.yaml": text });
  expect(`${basename(error.at.file)}:${error.at.line}:${error.at.column}`).toBe(`nb.yaml:${place}`);
  expect(error.message).toMatch(message);
  if (hint !== undefined) expect(error.hint).toMatch(hint);
});

test("a lab that is not there is an I/O error that names the file", () => {
  expect(() => readLabFile("/no/such/lab")).toThrow(IoError);
  expect(() => readLabFile(labFolder({}))).toThrow(/Cannot read ".*lab\.yaml"/);
});

const hostName = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/);
const byte = fc.integer({ min: 0, max: 255 });
const hostArbitrary = fc.record({
  name: hostName,
  mac: fc
    .tuple(byte, byte, byte)
    .map((bytes) => ["0a", "00", "00", ...bytes.map((b) => b.toString(16).padStart(2, "0"))].join(":")),
  address: fc.tuple(byte, byte, fc.integer({ min: 1, max: 32 })).map(([a, b, length]) => `10.0.${a}.${b}/${length}`),
  listen: fc.uniqueArray(fc.integer({ min: 1, max: 65_535 }), { maxLength: 4 }),
});

test("any lab that is written right is read as it was meant", () => {
  const labs = fc.uniqueArray(hostArbitrary, { minLength: 2, maxLength: 6, selector: (host) => host.name });
  fc.assert(
    fc.property(labs, fc.boolean(), (hosts, isOpen) => {
      const [first, second] = hosts;
      if (first === undefined || second === undefined) return;
      const expectations = second.listen.map(
        (port) => `${first.name} -> ${second.name} tcp ${port}: ${isOpen ? "open" : "blocked"}`,
      );
      // JSON is YAML too; keys and texts need no second writer here.
      const text = JSON.stringify({
        name: "any",
        hosts: hosts.map(({ address, ...host }) => ({ ...host, addresses: [address] })),
        expect: expectations,
      });
      const lab = readLabFile(labFolder({ "lab.yaml": text }));
      expect(lab.hosts).toMatchObject(
        hosts.map(({ name, mac, address, listen }) => ({ name, port: name, mac, addresses: [address], listen })),
      );
      expect(lab.expectations.map((each) => each.text)).toEqual(expectations);
      expect(lab.expectations.every((each) => each.isOpen === isOpen)).toBe(true);
    }),
    { numRuns: 60 },
  );
});
