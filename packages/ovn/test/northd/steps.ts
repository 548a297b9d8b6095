/** Northbound changes as `ovn-nbctl` commands. Words are split at blanks; `~` is a blank inside a word. */
import fc from "fast-check";

/** The words of a command. */
export function wordsOf(step: string): string[] {
  return step.split(" ").map((word) => word.replaceAll("~", " "));
}

/** A tour of all that is supported. */
export const STEPS: readonly string[] = [
  "ls-add sw0",
  "lsp-add sw0 p1",
  "lsp-set-addresses p1 0a:00:00:00:00:01~10.0.0.1~fd00::1",
  "lsp-set-port-security p1 0a:00:00:00:00:01~10.0.0.1~fd00::1",
  "lsp-add sw0 p2",
  "lsp-set-addresses p2 0a:00:00:00:00:02~10.0.0.2 0a:00:00:00:00:22~10.0.0.22~10.0.0.23/24",
  "lsp-add sw0 p3",
  "lsp-set-addresses p3 unknown",
  "lsp-add sw0 p4",
  "lsp-set-addresses p4 0a:00:00:00:00:04~10.0.0.4",
  "lsp-set-enabled p4 disabled",
  "ls-add sw1",
  "lsp-add sw1 q1",
  "lsp-set-addresses q1 unknown 0A:00:00:00:01:01~10.0.1.1",
  "lsp-set-port-security q1 0a:00:00:00:01:01",
  "lsp-add sw1 ln1",
  "lsp-set-type ln1 localnet",
  "lsp-set-options ln1 network_name=physnet",
  "lsp-set-addresses ln1 unknown",
  "set Logical_Switch_Port ln1 tag_request=7",
  "lsp-add sw0 lp0",
  "lsp-set-type lp0 localport",
  "lsp-set-addresses lp0 0a:00:00:00:00:10~10.0.0.10",
  "lsp-add sw0 nested p1 42",
  "lsp-set-addresses nested 0a:00:00:00:00:c1~10.0.0.61",
  'lsp-add sw0 odd"name',
  'lsp-set-addresses odd"name 0a:00:00:00:00:78~::ffff:1.2.3.4~FE80::1/64~1.2.3.4/8~foo~5.6.7.8',
  'acl-add sw0 from-lport 1001 inport=="p1"&&ip4 allow',
  'acl-add sw0 to-lport 1002 outport~==~"p2"~&&~tcp.dst~==~22 drop',
  "--apply-after-lb acl-add sw0 from-lport 900 ip6 drop",
  "--log acl-add sw0 to-lport 11 tcp.dst~==~23 reject",
  "acl-add sw0 from-lport 12 ip6 reject",
  "set Logical_Switch_Port ln1 options:localnet_learn_fdb=true",
  "set Logical_Switch_Port p1 options:mcast_flood=true options:mcast_flood_reports=true",
  "acl-add sw0 to-lport 7 ip4.src~==~$friends allow-stateless",
  "--log --name=seen --severity=warning acl-add sw0 to-lport 8 tcp.dst~==~25 drop",
  "--log acl-add sw0 from-lport 9 udp allow-stateless",
  "create Address_Set name=friends addresses=10.0.0.1,10.0.0.0/8",
  "pg-add pg0 p1 q1",
  "acl-add pg0 to-lport 1000 outport~==~@pg0~&&~ip4.src~==~$pg0_ip4 allow",
  "pg-add pgEmpty",
  "acl-add pgEmpty to-lport 1000 outport~==~@pgEmpty drop",
  "qos-add sw0 from-lport 100 ip4 dscp=10",
  "qos-add sw1 to-lport 5 tcp dscp=3",
  "set NB_Global . options:default_acl_drop=true",
  "set Logical_Switch sw0 external_ids:neutron\\:network_name=net external_ids:x=y",
  "set Logical_Switch_Port p1 external_ids:neutron\\:port_name=web external_ids:x=y",
  "ls-add sw2",
  "set Logical_Switch sw2 other_config:vlan-passthru=true",
  "lsp-add sw2 r1",
  "lsp-set-addresses r1 0a:00:00:00:02:01~10.0.2.1",
  "lsp-add sw2 ln2",
  "lsp-set-type ln2 localnet",
  "lsp-set-addresses ln2 unknown",
  "lsp-set-enabled ln2 disabled",
  "lsp-del p2",
  "lsp-add sw0 p5",
  "remove NB_Global . options default_acl_drop",
  "set NB_Global . options:ignore_lsp_down=false",
  "acl-add sw0 to-lport 600 tcp.dst~==~80 allow-related",
  "--log --label=77 acl-add sw0 to-lport 601 tcp.dst~==~81 allow-related",
  "--apply-after-lb acl-add sw0 from-lport 602 udp allow-related",
  "--wait=sb acl-del sw0",
  "remove NB_Global . options ignore_lsp_down",
  "pg-del pgEmpty",
];

const port = fc.constantFrom("p0", "p1", "p2", "p3", "p4");
const sw = fc.constantFrom("s0", "s1", "s2");
const group = fc.constantFrom("g0", "g1");
const direction = fc.constantFrom("from-lport", "to-lport");
const digit = fc.nat(5);
const command = (...words: fc.Arbitrary<string | number>[]): fc.Arbitrary<string> =>
  fc.tuple(...words).map((parts) => parts.join(" "));
const is = (...words: string[]): fc.Arbitrary<string> => fc.constantFrom(...words);
const addresses = fc
  .tuple(digit, digit, is("unknown", "MAC", "IP4", "IP6", "BOTH", "[]", "dynamic", "garbage"))
  .map(([mac, ip, kind]) =>
    kind
      .replace("BOTH", `unknown,"0a:00:00:00:00:1${mac}"`)
      .replace("MAC", `"0a:00:00:00:00:0${mac}"`)
      .replace("IP4", `"0a:00:00:00:00:0${mac}~10.0.0.${ip}"`)
      .replace("IP6", `"0a:00:00:00:00:0${mac}~fd00::${ip}~1.2.3.${ip}"`),
  );

/** Any command; many are refused by the client, as they refer to what is not there. */
export const anyStep: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: command(is("--may-exist ls-add"), sw) },
  { weight: 1, arbitrary: command(is("ls-del"), sw) },
  { weight: 6, arbitrary: command(is("lsp-add"), sw, port) },
  { weight: 1, arbitrary: command(is("lsp-del"), port) },
  {
    weight: 4,
    arbitrary: command(
      is("set Logical_Switch_Port"),
      port,
      addresses.map((text) => `addresses=${text}`),
    ),
  },
  {
    weight: 5,
    arbitrary: command(
      is("set Logical_Switch_Port"),
      port,
      is(
        "enabled=true",
        "enabled=false",
        "type=localnet",
        "type=localport",
        'type=""',
        'port_security="0a:00:00:00:00:01~10.0.0.1"',
        "port_security=[]",
        "tag_request=5",
        "tag_request=[]",
        "external_ids:neutron\\:port_name=x",
        "options:x=y",
        "options:x=z",
        "options:localnet_learn_fdb=true",
        "options:mcast_flood=true",
        "options:mcast_flood=false",
        "options:mcast_flood_reports=true",
      ),
    ),
  },
  {
    weight: 2,
    arbitrary: command(
      is("set Logical_Switch"),
      sw,
      is("other_config:vlan-passthru=true", "other_config:vlan-passthru=false", "external_ids:neutron\\:network_name=x"),
    ),
  },
  {
    weight: 2,
    arbitrary: command(
      is("acl-add"),
      sw,
      direction,
      digit,
      is("ip4", "tcp"),
      is("allow", "drop", "reject", "allow-stateless", "allow-related"),
    ),
  },
  {
    weight: 1,
    arbitrary: command(
      is("--apply-after-lb acl-add"),
      sw,
      is("from-lport"),
      digit,
      is("ip4"),
      is("allow", "drop", "allow-related", "reject"),
    ),
  },
  {
    weight: 2,
    arbitrary: command(
      is("--log", "--log --name=n", "--log --severity=debug"),
      is("acl-add"),
      sw,
      direction,
      digit,
      is("arp", "tcp"),
      is("allow", "drop"),
    ),
  },
  { weight: 1, arbitrary: command(is("acl-del"), sw) },
  { weight: 2, arbitrary: command(is("pg-add", "pg-set-ports"), group, port, port) },
  { weight: 1, arbitrary: command(is("pg-del", "acl-del"), group) },
  {
    weight: 2,
    arbitrary: command(is("acl-add"), group, direction, digit, is("outport~==~@g0", "ip6"), is("allow", "drop", "allow-related")),
  },
  {
    weight: 1,
    arbitrary: command(
      is("qos-add"),
      sw,
      direction,
      digit,
      is("ip4"),
      digit.map((dscp) => `dscp=${dscp}`),
    ),
  },
  { weight: 1, arbitrary: is("set NB_Global . options:default_acl_drop=true", "remove NB_Global . options default_acl_drop") },
  { weight: 1, arbitrary: is("set NB_Global . options:ignore_lsp_down=false", "remove NB_Global . options ignore_lsp_down") },
  { weight: 1, arbitrary: command(is("create Address_Set name=a0"), is("addresses=10.0.0.1", "addresses=[]")) },
  { weight: 1, arbitrary: command(is("set Address_Set a0"), is("addresses=10.0.0.1,10.0.0.2", "addresses=fd00::1")) },
);
