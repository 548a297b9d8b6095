/** Random small northbound networks, as `ovn-nbctl` commands. */
import fc from "fast-check";

/** A logical port and what is known of it. */
export interface Port {
  readonly name: string;
  readonly sw: string;
  readonly mac: string;
  readonly ip4: string;
  readonly ip6: string;
}

/** The ports: those of s0 share a subnet and port groups with those of s1. */
export const PORTS: readonly Port[] = ["s0 p0", "s0 p1", "s0 p2", "s0 p3", "s1 q0", "s1 q1", "s1 q2"].map((text, i) => {
  const [sw = "", name = ""] = text.split(" ");
  return { name, sw, mac: `0a:00:00:00:00:0${i}`, ip4: `10.0.0.${i}`, ip6: `fd00::${i + 1}` };
});

const of = <T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values);

const addresses = of("full", "full", "full", "mac", "unknown", "both", "ip4", "none");
const security = of("none", "none", "mac", "ip4", "full", "other");

/** What a port is set to. */
function portCommands(port: Port, kind: string, secured: string, isEnabled: boolean): string[][] {
  const full = `${port.mac} ${port.ip4} ${port.ip6}`;
  const texts: Readonly<Record<string, string[]>> = {
    full: [full],
    mac: [port.mac],
    ip4: [`${port.mac} ${port.ip4}`],
    unknown: ["unknown"],
    both: ["unknown", full],
    other: [`${port.mac} ${port.ip4} 10.0.0.3`, "0a:00:00:00:00:aa"],
    none: [],
  };
  return [
    ["lsp-add", port.sw, port.name],
    ["lsp-set-addresses", port.name, ...(texts[kind] ?? [])],
    ["lsp-set-port-security", port.name, ...(texts[secured] ?? [])],
    ...(isEnabled ? [] : [["lsp-set-enabled", port.name, "disabled"]]),
  ];
}

const PARTICULARS: readonly string[] = `
  tcp.flags == 2
  tcp.flags[1] == 0
  ip.dscp == 0
  ip.ecn != 0
  vlan.present
  icmp6.type == 128
  icmp6.code != 0
  eth.src[40]
  arp.sha == 0a:00:00:00:00:02
  nd
  ip4.mcast
  0
  nd.target == fd00::2
  ip4.src != $none
  !(ip6.dst == $none)
  ip4.dst == {$none, 10.0.0.2}
  ip6.src == fd00::/16
`
  .split("\n")
  .map((line) => line.trim())
  .filter((line) => line !== "");

const name = of(...PORTS.map((port) => port.name));
const ip4 = of("10.0.0.1", "10.0.0.2", "10.0.0.5", "10.0.0.0/30", "10.0.0.4/30", "192.168.0.1");
const mac = of("0a:00:00:00:00:01", "0a:00:00:00:00:05", "0a:00:00:00:00:00/ff:ff:ff:ff:ff:fe", "ff:ff:ff:ff:ff:ff");
const portNumber = of("22", "53", "80", "443");
const set = <T extends string>(one: fc.Arbitrary<T>): fc.Arbitrary<string> =>
  fc.oneof(
    one,
    fc.array(one, { minLength: 1, maxLength: 3 }).map((values) => `{${values.join(", ")}}`),
  );
const words = (...parts: (fc.Arbitrary<string> | string)[]): fc.Arbitrary<string> =>
  fc.tuple(...parts.map((part) => (typeof part === "string" ? fc.constant(part) : part))).map((texts) => texts.join(" "));
/** More addresses than there are ports with them. */
const MANY = [
  ...PORTS.filter((_, i) => i % 2 === 0).map((port) => port.ip4),
  ...Array.from({ length: 12 }, (_, i) => `10.9.0.${i}`),
];
const equal = of("==", "==", "==", "!=");
const order = of("==", "!=", "<", "<=", ">", ">=");

/** One comparison or predicate; `side` is the port field that an ACL of this direction can name. */
function atom(side: string): fc.Arbitrary<string> {
  return fc.oneof(
    words(side, "==", set(name.map((text) => JSON.stringify(text)))),
    words(side, "== @", of("g0", "g1")).map((text) => text.replace("@ ", "@")),
    words(of("ip4.src", "ip4.dst"), equal, set(ip4)),
    words(of("ip4.src", "ip4.dst"), "==", of("$a0", "$g0_ip4", "$g1_ip4")),
    words(of("ip6.src", "ip6.dst"), "==", of("$g0_ip6", "$g1_ip6", "fd00::2", "{fd00::1, fd00::4/126}")),
    words(of("eth.src", "eth.dst"), equal, mac),
    words(of("tcp.dst", "udp.dst", "tcp.src"), order, portNumber),
    words(of("tcp.dst", "udp.dst"), equal, set(portNumber)),
    words(of("ip.proto"), equal, of("6", "17", "{1, 58}")),
    words(of("arp.spa", "arp.tpa"), equal, set(ip4)),
    words("ip4.src[0..1]", order, of("1", "2")),
    of(...PARTICULARS),
    words("icmp4.type", "==", of("0", "8", "{3, 8}")),
    words("arp.op", order, of("1", "2")),
    words("eth.type", equal, of("0x800", "0x806", "0x86dd")),
    of(
      "ip4",
      "ip6",
      "ip",
      "tcp",
      "udp",
      "icmp4",
      "icmp6",
      "arp",
      "1",
      "eth.mcast",
      "eth.bcast",
      "22 < tcp.dst < 443",
      "ip.ttl == 64",
    ),
  );
}

function match(side: string): fc.Arbitrary<string> {
  const { expression } = fc.letrec<{ expression: string }>((tie) => ({
    expression: fc.oneof(
      { maxDepth: 2, withCrossShrink: true },
      atom(side),
      fc.tuple(of(" && ", " || "), tie("expression"), tie("expression")).map(([operator, a, b]) => `(${a}${operator}${b})`),
      tie("expression").map((part) => `!(${part})`),
    ),
  }));
  return expression;
}

/** Products of sets that are large enough to become conjunctions. */
function product(side: string): fc.Arbitrary<string> {
  return fc
    .tuple(of("src", "dst"), of("", " && tcp.dst == {21, 22, 53}", " && ip.ttl == 64", " || udp.dst == 53", " || tcp.dst < 80"))
    .map(([end, more]) => `(${side} == @all && ip4.${end} == $many)${more}`)
    .map((text) => text.replace(/^\((.*)\) &&/, "$1 &&"));
}

interface Acl {
  readonly where: string;
  readonly direction: string;
  readonly match: string;
  readonly action: string;
  readonly isLate: boolean;
}

const acl: fc.Arbitrary<Acl> = of("from-lport", "to-lport").chain((direction) =>
  fc.record({
    where: of("s0", "s0", "s1", "g0", "g1"),
    direction: fc.constant(direction),
    match: fc.oneof(
      { weight: 3, arbitrary: match(direction === "to-lport" ? "outport" : "inport") },
      { weight: 1, arbitrary: product(direction === "to-lport" ? "outport" : "inport") },
    ),
    action: of("allow", "allow-stateless", "drop", "drop", "drop"),
    isLate: fc.boolean().map((isLate) => isLate && direction === "from-lport"),
  }),
);

/** No two ACLs have the same priority: which of two wins then is nobody's promise. */
function aclCommands(acls: readonly Acl[]): string[][] {
  return acls.map(({ where, direction, match: text, action, isLate }, i) => [
    ...(isLate ? ["--apply-after-lb"] : []),
    "--may-exist",
    `--type=${where.startsWith("g") ? "port-group" : "switch"}`,
    "acl-add",
    where,
    direction,
    String(1000 + i),
    text,
    action,
  ]);
}

/** A network to be made out of nothing; every port of {@link PORTS} is there. */
export interface Network {
  readonly commands: readonly (readonly string[])[];
  /** Ports behind which addresses are learned. */
  readonly learning: readonly Port[];
  /** Ports that may send from certain addresses only; ovn-trace knows no networks there, only single addresses. */
  readonly secured: readonly Port[];
}

/** Any network. */
export const network: fc.Arbitrary<Network> = fc
  .record({
    ports: fc.tuple(
      ...PORTS.map(() => fc.record({ kind: addresses, secured: security, isEnabled: of(true, true, true, true, false) })),
    ),
    groups: fc.tuple(...["g0", "g1"].map(() => fc.uniqueArray(name, { minLength: 1, maxLength: 4 }))),
    set: fc.uniqueArray(ip4, { minLength: 1, maxLength: 3 }),
    acls: fc.array(acl, { maxLength: 8 }),
    dropsByDefault: of(false, false, false, true),
  })
  .map(({ ports, groups, set: members, acls, dropsByDefault }) => ({
    secured: PORTS.filter((_, i) => ports[i]?.secured !== "none"),
    learning: PORTS.filter((_, i) => {
      const { kind = "", secured = "", isEnabled = false } = ports[i] ?? {};
      return ["unknown", "both"].includes(kind) && secured === "none" && isEnabled;
    }),
    commands: [
      ["ls-add", "s0"],
      ["ls-add", "s1"],
      ...PORTS.flatMap((port, i) => {
        const { kind = "full", secured = "none", isEnabled = true } = ports[i] ?? {};
        return portCommands(port, kind, secured, isEnabled);
      }),
      ...groups.map((names, i) => ["pg-add", `g${i}`, ...names]),
      ["pg-add", "all", ...PORTS.map((port) => port.name)],
      ["create", "Address_Set", "name=none"],
      ["create", "Address_Set", "name=many", `addresses=${MANY.map((text) => JSON.stringify(text)).join(",")}`],
      ["create", "Address_Set", "name=a0", `addresses=${members.map((text) => JSON.stringify(text)).join(",")}`],
      ...aclCommands(acls),
      ["set", "NB_Global", ".", `options:default_acl_drop=${dropsByDefault}`],
    ],
  }));

/** Commands that take everything away again. */
export const CLEARING: readonly string[][] = [
  ["--if-exists", "ls-del", "s0"],
  ["--if-exists", "ls-del", "s1"],
  ["--all", "destroy", "Port_Group"],
  ["--all", "destroy", "Address_Set"],
];
