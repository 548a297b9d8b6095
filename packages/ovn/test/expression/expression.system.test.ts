/** Matches written into a southbound database: the flows of the original controller accept the same packets as ours. */
import { FIELDS, setField } from "@tenet/net";
import { formatMatch, type Match, parseFlow } from "@tenet/openflow";
import { createSymbols, type MatchContext, parseExpression, toMatches } from "@tenet/ovn";
import { afterAll, beforeAll, expect, test } from "vitest";
import { counterexample, intersect } from "../flow-sets.ts";
import { missingPrograms, RealOvn } from "../real-ovn.ts";

const missing = missingPrograms();
if (missing.length > 0) console.log(`skipped: comparing with ovn-controller needs ${missing.join(", ")}`);

const symbols = createSymbols();
const ovn = new RealOvn();
const TABLE_ID = 27;
const KEYS: Readonly<Record<string, number>> = { web1: 1, web2: 2, app1: 3, none: 0, _MC_flood: 0x8000 };
const context: MatchContext = {
  portKey: (name) => KEYS[name],
  addressSet: (name) => (name === "as1" ? ["10.0.0.1", "10.0.0.128/25", "10.0.0.2"] : undefined),
  portGroup: (name) => (name === "pg1" ? ["web1", "app1"] : undefined),
  isResident: (port) => port === "web1",
};

const ACCEPTED = [
  "tcp.dst != 80",
  "!(tcp.dst == 80)",
  "!vlan.present",
  "!eth.mcast",
  "ip.first_frag",
  "ip4.src != 10.0.0.0/30",
  "1024 <= tcp.src <= 1030",
  "tcp.dst > 65530",
  "tcp.dst >= 0",
  "tcp.dst > 65535",
  "tcp.dst < 5",
  `!(inport != "web1")`,
  `inport == {"web1", "web2"}`,
  `inport == "nosuch"`,
  "inport == @pg1",
  "ip.ttl == {0, 1}",
  "ip4.src == {10.0.0.1, 10.0.0.0/24}",
  "ip4 && ip6",
  "0",
  "1",
  "ip4.src == 10.0.0.0/255.255.255.0 || ip6.src == fd00::/8",
  "ip4.dst == $as1 && ip4.src == {1.2.3.4, 1.2.3.5}",
  "tcp.flags == 2",
  "tcp.flags[1..2] == 3",
  "vlan.vid == 5",
  "vlan.pcp == 5",
  "ip.frag == 3",
  "ip6.label == 5",
  "arp.tpa == 10.0.0.1",
  "arp.op == 1 || arp.op == 2",
  "arp.sha == 00:11:22:33:44:55",
  "nd.target == fd00::1",
  "nd.sll == 00:11:22:33:44:55",
  "nd.tll == 00:11:22:33:44:55",
  "reg0[3..5] == 5",
  "xreg0 == 5",
  "xxreg0 == 5",
  "xxreg1[0..31] == 5",
  "flags.loopback",
  "flags[0..1] == 2",
  "ct.est && !ct.rpl",
  "!ct.trk",
  "ct_state == 0x21",
  "ct_label.label == 5",
  "ct_mark.blocked == 1",
  "pkt.mark == 5",
  `is_chassis_resident("web1")`,
  `!is_chassis_resident("app9")`,
  "ip4.src == 10.0.0.1 && ip4.src != 10.0.0.1",
  "80 == tcp.dst",
  "tcp.dst != {80, 443}",
  "eth.src == 00:00:00:00:00:01/00:00:00:00:00:ff",
  "sctp.src == 5",
  "icmp",
  "igmp",
  "!(vlan.present && eth.mcast)",
  "ip4.src == 0x0a000001",
  "ip4.mcast && ip4.src_mcast",
  "ip6.mcast",
  "ip4.src == 10.0.0.1/24",
  "nd || nd_rs || nd_ra || mldv1 || mldv2",
  `outport == "none"`,
  `outport == "_MC_flood"`,
  "1 < tcp.src < 5",
  "reg0 == 5/6",
  `inport == "web1" && outport == {"web2", "app1"}`,
  "(ip4.src == 10.0.0.1 || ip4.src == 10.0.0.2) && (tcp.dst == 1 || udp.dst == 2)",
  "ip4.src == $as1 && ip4.dst == $as1 && tcp.dst == {1, 2, 3}",
] as const;
const REFUSED = [
  "ip4 && !tcp",
  "!ip4",
  `inport != "web1"`,
  "ip.ttl > 1",
  "eth.type != 0x800",
  "icmp.type == 5",
  "ip4 && tcp || udp",
  "ip4 && (tcp || udp",
  "tcp.dst == 99999",
  "foo == 1",
  "ip4.src == $nosuch",
  "inport == @nosuch",
  "tcp == 0",
  "tcp.dst",
  "inport",
  "ip4.src == {}",
  "ip.dscp[0]",
  "tcp.src == 80/0xff",
  "!tcp.dst == 80",
  "tcp.src == 1/2/3",
  "ip.proto == 300",
  "tcp.dst == 80;",
] as const;

beforeAll(async () => {
  if (missing.length > 0) return;
  await ovn.start();
  const dp = ovn
    .sbctl(
      "create",
      "Datapath_Binding",
      "tunnel_key=1",
      "external_ids:logical-switch=11111111-1111-1111-1111-111111111111",
      "external_ids:name=sw0",
    )
    .trim();
  const ports = ["web1", "web2", "app1"].map((name) =>
    ovn.sbctl("create", "Port_Binding", `datapath=${dp}`, `logical_port=${name}`, `tunnel_key=${KEYS[name]}`).trim(),
  );
  ovn.sbctl("create", "Multicast_Group", `datapath=${dp}`, "name=_MC_flood", "tunnel_key=32768", `ports=${ports.join(",")}`);
  ovn.sbctl("create", "Address_Set", "name=as1", `addresses="10.0.0.1","10.0.0.128/25","10.0.0.2"`);
  ovn.sbctl("create", "Port_Group", "name=1_pg1", "ports=web1,app1");
  ["web1", "web2", "app1"].forEach((name, i) => ovn.plug(name, i + 1));
  [...ACCEPTED, ...REFUSED].forEach((match, i) =>
    ovn.sbctl(
      "create",
      "Logical_Flow",
      `logical_datapath=${dp}`,
      "pipeline=ingress",
      `table_id=${TABLE_ID}`,
      `priority=${100 + i}`,
      `match=${JSON.stringify(match)}`,
      `actions="next;"`,
    ),
  );
  ovn.startController();
  const last = 100 + ACCEPTED.length - 1;
  await ovn.waitFor(() => ovn.flows().some((line) => line.includes(`table=${TABLE_ID + 8}, priority=${last},`)));
});
afterAll(() => ovn.stop());

/** The original's matches of one priority, conjunctions multiplied out. */
function realMatches(lines: readonly string[], priority: number): Match[] {
  const flows = lines
    .filter((line) => line.includes(`table=${TABLE_ID + 8}, priority=${priority},`))
    .map((line) => parseFlow(line));
  const clauses = new Map<number, Match[][]>();
  for (const { match, actions } of flows) {
    for (const action of actions) {
      if (action.type !== "conjunction") continue;
      const byClause = clauses.get(action.id) ?? Array.from({ length: action.nClauses }, () => []);
      clauses.set(action.id, byClause);
      byClause[action.clause - 1]?.push(match);
    }
  }
  return flows.flatMap(({ match, actions }) => {
    if (actions.some(({ type }) => type === "conjunction")) return [];
    const id = match.key[FIELDS.conj_id.word] ?? 0;
    setField(match.key, FIELDS.conj_id, 0);
    setField(match.mask, FIELDS.conj_id, 0);
    const dimensions = clauses.get(id) ?? [];
    return dimensions.reduce<Match[]>(
      (product, choices) => product.flatMap((a) => choices.flatMap((b) => intersect(a, b) ?? [])),
      [match],
    );
  });
}

test.skipIf(missing.length > 0)("the original's flows accept the same packets as ours", () => {
  const lines = ovn.flows();
  ACCEPTED.forEach((text, i) => {
    const ours = toMatches(parseExpression({ file: "match", text }, symbols), context).map((match) => {
      setField(match.key, FIELDS.metadata, 0);
      match.key[FIELDS.metadata.word + 1] = 1;
      match.mask.fill(0xffffffff, FIELDS.metadata.word, FIELDS.metadata.word + 2);
      return match;
    });
    const theirs = realMatches(lines, 100 + i);
    const onlyOurs = counterexample(ours, theirs);
    const onlyTheirs = counterexample(theirs, ours);
    expect(onlyOurs === undefined ? "" : formatMatch(onlyOurs), `${text}: accepted by ours only`).toBe("");
    expect(onlyTheirs === undefined ? "" : formatMatch(onlyTheirs), `${text}: accepted by the original only`).toBe("");
  });
});

test.skipIf(missing.length > 0)("what the original refuses, we refuse", () => {
  const log = ovn.controllerLog();
  REFUSED.forEach((text, i) => {
    expect(realMatches(ovn.flows(), 100 + ACCEPTED.length + i), text).toEqual([]);
    expect(() => toMatches(parseExpression({ file: "match", text }, symbols), context), text).toThrow();
  });
  expect(log).toContain("error parsing match");
});
